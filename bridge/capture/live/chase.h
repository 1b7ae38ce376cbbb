/* SPDX-License-Identifier: MIT */
/* chase.h - follow the pointers in what was captured.
 *
 * From the values of all maps of the report on, pointers whose type is known are read through
 * kernel_read.h, level by level: each address once, whatever points to it. Bounded by MAX_CHASED,
 * MAX_CHASED_BYTES, MAX_CHASED_OBJECT and MAX_CHASED_TYPES; a limit that was reached is a reason
 * `limit`. An address that cannot be read is a row with an error, not a reason. */
#ifndef KSNAP_CAPTURE_LIVE_CHASE_H
#define KSNAP_CAPTURE_LIVE_CHASE_H

#include "capture/live/live.h"

/* Add `chased` to the report, after its maps and programs. Without the right to run the program the
 * reason says so and `chased` is not there. Negative: there can be no report. */
int live_chase(struct target *t, unsigned depth, uint64_t deadline_mono_ns,
	       struct report_builder *rb, struct ksnap_err *err);

#endif
