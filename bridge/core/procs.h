/* SPDX-License-Identifier: MIT */
/* procs.h - the cgroup.procs records of one bridge, in the order they were made.
 *
 * Tags need not be unique: a look-up gives the first. An empty cgroup is a record with no pids;
 * a cgroup that is not there makes no record at all. Bounded by MAX_CGROUP_PROCS, the oldest
 * leaves first and is counted; the next drain tells how many. The bridge's lock protects it. */
#ifndef KSNAP_CORE_PROCS_H
#define KSNAP_CORE_PROCS_H

#include <stddef.h>
#include <stdint.h>

#include "ksnap.h"

struct procs_node {
	struct procs_node *next;
	struct ksnap_procs procs;
};

struct procs_log {
	uint64_t cap;
	struct procs_node *head, *tail; /* oldest, newest */
	uint64_t kept;
	uint64_t dropped; /* since creation */
	uint64_t untold;  /* dropped since the last drain */
};

void procs_log_init(struct procs_log *log, uint64_t cap);
void procs_log_fini(struct procs_log *log);

/* E_ARG: bad tag, no cgroup, or pids that are missing. */
int procs_check(const char *tag, const char *cgroup, const uint32_t *pids, size_t npids,
		struct ksnap_err *err);
/* A record with copies of everything. NULL when memory is out. */
struct procs_node *procs_node_create(const char *tag, const char *cgroup, const uint32_t *pids,
				     size_t npids);
void procs_node_destroy(struct procs_node *node);

/* Takes @node; the oldest is freed when the log is full. */
void procs_append(struct procs_log *log, struct procs_node *node);
/* Move all out. *ret_dropped: how many had been dropped since the drain before. E_NOMEM: nothing
 * was taken and the count stays. */
int procs_drain(struct procs_log *log, struct ksnap_procs **ret, size_t *ret_n,
		uint64_t *ret_dropped, struct ksnap_err *err);
/* A copy of the first record under @tag: E_NOTFOUND names up to three tags that are there. */
int procs_copy_first(const struct procs_log *log, const char *tag, struct ksnap_procs *ret,
		     struct ksnap_err *err);

#endif
