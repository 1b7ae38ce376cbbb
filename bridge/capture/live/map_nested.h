/* SPDX-License-Identifier: MIT */
/* map_nested.h - maps within maps are captured when the map around them is. */
#ifndef KSNAP_CAPTURE_LIVE_MAP_NESTED_H
#define KSNAP_CAPTURE_LIVE_MAP_NESTED_H

#include "capture/live/live.h"

/* Mark the maps that are in the marked maps of maps, but for those a rule denies. 0, E_NOMEM, or
 * what opening them failed with. */
int nested_take_inner(struct target *t, uint64_t deadline_mono_ns, struct ksnap_err *err);

#endif
