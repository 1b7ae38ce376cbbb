/* SPDX-License-Identifier: MIT */
/* sched.h - what sched_ext says of itself in sysfs. */
#ifndef KSNAP_CAPTURE_LIVE_SCHED_H
#define KSNAP_CAPTURE_LIVE_SCHED_H

#include "base/buf.h"
#include "ksnap.h"

#define SCHED_DIR "/sys/kernel/sched_ext"

/* Append the report's value of `sched`, read from @dir. 0; 1 with nothing appended when this kernel
 * has no sched_ext; E_NOMEM. A file that is not there, or holds what is no number where one is
 * expected, is left out. */
int sched_pack(const char *dir, struct buf *out, struct ksnap_err *err);

#endif
