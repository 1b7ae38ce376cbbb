/* SPDX-License-Identifier: MIT */
/* left_frozen.h - a freezing that was lost: does the cgroup stand still yet? */
#ifndef KSNAP_CLI_LEFT_FROZEN_H
#define KSNAP_CLI_LEFT_FROZEN_H

#include "ksnap.h"

/* Look at @cgroup here, after the time that a guard takes to thaw it, and add to @err that it may
 * still be frozen, and what thaws it, when it is. Gives err->code. */
int left_frozen_add(const char *cgroup, struct ksnap_err *err);

#endif
