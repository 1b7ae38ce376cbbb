/* SPDX-License-Identifier: MIT */
/* cgroup_path.h - which folder of which mounted hierarchy a user means by a cgroup.
 *
 * Three forms: "/a/b" from the root of the v2 hierarchy; "cpu:/a/b", as /proc/PID/cgroup has it,
 * from the root of the v1 hierarchy of that controller ("name=systemd:/a/b" too); and the whole
 * path of a folder below any mounted hierarchy. */
#ifndef KSNAP_CAPTURE_LIVE_CGROUP_PATH_H
#define KSNAP_CAPTURE_LIVE_CGROUP_PATH_H

#include <limits.h>
#include <stddef.h>

#include "ksnap.h"

struct cgroup_place {
	unsigned version;    /* 1 or 2 */
	char root[PATH_MAX]; /* where its hierarchy is mounted */
	char path[PATH_MAX]; /* from there; "/" is the root cgroup, no '/' at the end otherwise */
};

/* Where the v2 hierarchy is mounted, as @mounts (a file such as /proc/self/mounts) says. */
int cgroup_root(const char *mounts, char *buf, size_t cap, struct ksnap_err *err);
/* Find out what @name means, without looking whether there is such a cgroup. E_ARG: none of the
 * forms, or with ".." in it; E_NOTFOUND: no v1 hierarchy has that controller, naming those there
 * are; E_UNSUPPORTED: no v2 hierarchy is mounted. */
int cgroup_find(const char *mounts, const char *name, struct cgroup_place *ret,
		struct ksnap_err *err);
/* Open a file of the cgroup, with O_CLOEXEC: the descriptor, or E_NOTFOUND: no such cgroup,
 * E_UNSUPPORTED: the cgroup has no such file, E_DENIED, E_TARGET. */
int cgroup_open(const struct cgroup_place *p, const char *file, int flags, struct ksnap_err *err);

#endif
