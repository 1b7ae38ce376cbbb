/* SPDX-License-Identifier: MIT */
/* map_family.h - how each type of map gets into a report.
 *
 * One row a map type, in map_family.c; nothing else asks what type a map has. Types that a plain
 * reading does not fit have their slots in map_<family>.c. */
#ifndef KSNAP_CAPTURE_LIVE_MAP_FAMILY_H
#define KSNAP_CAPTURE_LIVE_MAP_FAMILY_H

#include "capture/live/map_read.h"

struct map_job;

struct map_family {
	struct map_kind kind;
	/* Name of a type that libbpf may be too old to know, or NULL. */
	const char *name;
	/* Why such a map has a row without entries; NULL: it is read. */
	const char *why_not;
	/* Set kt and vt of j->row, and its sizes when entries are not laid out as the kernel says.
	 * NULL: by the map's BTF. 0 or a negative code. */
	int (*describe)(struct map_job *j);
	/* In place of map_read(), with its promises. */
	int (*read)(struct map_job *j, struct entries *e, struct read_result *res);
	/* Add to j->result what stands beside the entries @e. 0 or a negative code. */
	int (*finish)(struct map_job *j, const struct entries *e);
};

/* Never NULL: a type this program does not know has a family with why_not. */
const struct map_family *map_family_of(uint32_t type);
const char *map_type_name(uint32_t type);

/* ---- slots --------------------------------------------------------------------------------- */

int array_read(struct map_job *j, struct entries *e, struct read_result *res);

int nested_describe(struct map_job *j);
int nested_finish(struct map_job *j, const struct entries *e);

int slots_describe_progs(struct map_job *j);
int slots_describe_devices(struct map_job *j);
int slots_describe_cpus(struct map_job *j);
int slots_describe_sockets(struct map_job *j);

int queue_read(struct map_job *j, struct entries *e, struct read_result *res);

int ring_read(struct map_job *j, struct entries *e, struct read_result *res);
int ring_finish(struct map_job *j, const struct entries *e);

int stacks_describe(struct map_job *j);
int stacks_finish(struct map_job *j, const struct entries *e);

int struct_ops_describe(struct map_job *j);

int sk_storage_describe(struct map_job *j);
int sk_storage_read(struct map_job *j, struct entries *e, struct read_result *res);
int sockets_describe(struct map_job *j);
int sockets_read(struct map_job *j, struct entries *e, struct read_result *res);

int peek_describe(struct map_job *j);
int peek_read(struct map_job *j, struct entries *e, struct read_result *res);
int reuseport_read(struct map_job *j, struct entries *e, struct read_result *res);
/* Load what reads kernel memory; a negative code with j->why. */
int peek_ready(struct map_job *j);
/* Tell in @res that entries cannot be read, for j->why; only E_NOMEM is given back. */
int peek_fail(struct map_job *j, struct read_result *res, int code);
int arena_describe(struct map_job *j);
int arena_read(struct map_job *j, struct entries *e, struct read_result *res);

int inodes_describe(struct map_job *j);
int inodes_read(struct map_job *j, struct entries *e, struct read_result *res);
int tasks_describe(struct map_job *j);
int tasks_read(struct map_job *j, struct entries *e, struct read_result *res);
int old_storage_read(struct map_job *j, struct entries *e, struct read_result *res);
int cgroups_describe(struct map_job *j);
int cgroups_read(struct map_job *j, struct entries *e, struct read_result *res);

#endif
