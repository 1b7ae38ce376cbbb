/* SPDX-License-Identifier: MIT */
/* cgroup.h - the processes or the threads of a cgroup of either version. */
#ifndef KSNAP_CAPTURE_LIVE_CGROUP_H
#define KSNAP_CAPTURE_LIVE_CGROUP_H

#include <stddef.h>
#include <stdint.h>

#include "capture/live/cgroup_path.h"

/* Process ids of the cgroup @name (cgroup_path.h: the forms), or with @threads those of all its
 * threads. malloc'd, in the kernel's order; an empty cgroup gives 0 of them. Errors as cgroup_find
 * and cgroup_open give them; E_UNSUPPORTED: a threaded cgroup has threads only. */
int cgroup_procs(const char *name, bool threads, uint32_t **ret, size_t *ret_n,
		 struct ksnap_err *err);

#endif
