/* SPDX-License-Identifier: MIT */
/* freeze_left.h - cgroups that a ksnap froze whose worker and guard were killed together. */
#ifndef KSNAP_CAPTURE_LIVE_FREEZE_LEFT_H
#define KSNAP_CAPTURE_LIVE_FREEZE_LEFT_H

#include <stdbool.h>

/* Thaw it, if its mark says that it was left so, and log that. @path is its name in the log. False:
 * it was not, or another ksnap thaws it now. */
bool freeze_left_undo(int freeze_fd, const char *path);

typedef void (*freeze_left_fn)(void *arg, const char *path);

/* Undo all of them below @root, where the v2 hierarchy is mounted; @undone is called with the path
 * from there of each one. Takes some 20 us a cgroup. */
void freeze_left_sweep(const char *root, freeze_left_fn undone, void *arg);

#endif
