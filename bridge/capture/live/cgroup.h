/* SPDX-License-Identifier: MIT */
/* cgroup.h - the processes of a cgroup of the unified (v2) hierarchy. */
#ifndef KSNAP_CAPTURE_LIVE_CGROUP_H
#define KSNAP_CAPTURE_LIVE_CGROUP_H

#include <stddef.h>
#include <stdint.h>

#include "ksnap.h"

/* Read cgroup.procs of @path: "/a/b" from the hierarchy's root, or the whole path of its folder.
 * malloc'd, in the kernel's order; an empty cgroup gives 0 of them. E_ARG: not absolute, or with
 * ".." in it; E_NOTFOUND: no such cgroup; E_UNSUPPORTED: no v2 hierarchy is mounted. */
int cgroup_procs(const char *path, uint32_t **ret, size_t *ret_n, struct ksnap_err *err);
/* Where the v2 hierarchy is mounted, as @mounts (a file such as /proc/self/mounts) says. */
int cgroup_root(const char *mounts, char *buf, size_t cap, struct ksnap_err *err);

#endif
