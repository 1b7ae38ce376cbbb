/* SPDX-License-Identifier: MIT */
/* cgroups.h - the v2 cgroups of a kernel seen from outside, by path. */
#ifndef KSNAP_CAPTURE_OUTSIDE_CGROUPS_H
#define KSNAP_CAPTURE_OUTSIDE_CGROUPS_H

#include "capture/outside/kernel.h"

#define CGROUPS_MAX 65536 /* children of one that are looked at */

/* The struct cgroup that @path names, from the root of the hierarchy: "/", "/a/b". E_NOTFOUND:
 * there is none; E_UNSUPPORTED: it is one of a v1 hierarchy, or this kernel does not tell;
 * E_TARGET: a list of them is broken. */
int cgroups_find(struct kernel *k, const char *path, uint64_t *ret, struct ksnap_err *err);

#endif
