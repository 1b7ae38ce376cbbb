/* SPDX-License-Identifier: MIT */
/* state_reserve.h - a little room on the disk, held for when it is full: what was drained can only
 * be removed after a few bytes say so. */
#ifndef KSNAP_BROKER_STATE_RESERVE_H
#define KSNAP_BROKER_STATE_RESERVE_H

#include <stdbool.h>

/* Hold it, as far as there is room. */
void state_reserve_hold(int folder);
/* Give it up. False: there was none. */
bool state_reserve_release(int folder);

#endif
