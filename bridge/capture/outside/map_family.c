// SPDX-License-Identifier: MIT
/* map_family.c - the table of map types: how each is read from outside. */
#include <linux/bpf.h>

#include "base/cleanup.h"
#include "capture/live/made_types.h"
#include "capture/outside/map_walk.h"

#define TYPE_CGRP_STORAGE 32 /* newer than the headers it may be built with */
#define TYPE_ARENA        33

#define FRAME_BYTES 8

static int64_t index_type(struct type_table *t, const struct seen_map *m, struct ksnap_err *err)
{
	return made_number(t, "index", 4, err);
}

static int64_t map_id_type(struct type_table *t, const struct seen_map *m, struct ksnap_err *err)
{
	return made_number(t, "map_id", 4, err);
}

static int64_t prog_id_type(struct type_table *t, const struct seen_map *m, struct ksnap_err *err)
{
	return made_number(t, "prog_id", 4, err);
}

static int64_t stack_id_type(struct type_table *t, const struct seen_map *m, struct ksnap_err *err)
{
	return made_number(t, "stack_id", 4, err);
}

static int64_t tid_type(struct type_table *t, const struct seen_map *m, struct ksnap_err *err)
{
	return made_number(t, "tid", 4, err);
}

static int64_t cgroup_id_type(struct type_table *t, const struct seen_map *m, struct ksnap_err *err)
{
	return made_number(t, "cgroup_id", 8, err);
}

static int64_t trace_type(struct type_table *t, const struct seen_map *m, struct ksnap_err *err)
{
	int64_t of;

	if (m->flags & BPF_F_STACK_BUILD_ID)
		return TYPE_NONE;
	of = made_address(t, err);
	return of < 0 ? of : made_array(t, of, FRAME_BYTES, m->value_size / FRAME_BYTES, err);
}

static int64_t socket_type(struct type_table *t, const struct seen_map *m, struct ksnap_err *err)
{
	return made_number(t, "socket_cookie", 8, err);
}

static int64_t inode_type(struct type_table *t, const struct seen_map *m, struct ksnap_err *err)
{
	return made_inode(t, err);
}

static int64_t event_type(struct type_table *t, const struct seen_map *m, struct ksnap_err *err)
{
	static const struct made_field fields[] = { { "config", 8, 0 },
						    { "type", 4, 0 },
						    { "cpu", 4, 0 } };

	return made_record(t, "perf_event", fields, 3, err);
}

static int64_t cookie_type(struct type_table *t, const struct seen_map *m, struct ksnap_err *err)
{
	return made_number(t, "socket_cookie", 8, err);
}

static int64_t xdp_type(struct type_table *t, const struct seen_map *m, struct ksnap_err *err)
{
	static const struct made_field fields[] = { { "socket_cookie", 8, 0 },
						    { "queue_id", 4, 0 } };

	return made_record(t, "xdp_socket", fields, 2, err);
}

static int64_t page_type(struct type_table *t, const struct seen_map *m, struct ksnap_err *err)
{
	return made_address(t, err);
}

/* A number and, in maps made so, the program that runs for it. */
static int64_t pair_type(struct type_table *t, const struct seen_map *m, const char *record,
			 const char *number, struct ksnap_err *err)
{
	const struct made_field fields[] = { { number, 4, 0 }, { "prog_id", 4, 0 } };

	return m->value_size == 8 ? made_record(t, record, fields, 2, err)
				  : made_number(t, number, 4, err);
}

static int64_t device_type(struct type_table *t, const struct seen_map *m, struct ksnap_err *err)
{
	return pair_type(t, m, "devmap_val", "ifindex", err);
}

static int64_t cpu_type(struct type_table *t, const struct seen_map *m, struct ksnap_err *err)
{
	return pair_type(t, m, "cpumap_val", "qsize", err);
}

static const struct map_kind_outside kinds[] = {
	[BPF_MAP_TYPE_HASH] = { .read = hash_walk },
	[BPF_MAP_TYPE_ARRAY] = { .read = array_walk },
	[BPF_MAP_TYPE_PROG_ARRAY] = { .read = slots_walk_progs,
				      .key_type = index_type,
				      .val_type = prog_id_type },
	[BPF_MAP_TYPE_PERF_EVENT_ARRAY] = { .read = slots_walk_events,
					    .key_type = index_type,
					    .val_type = event_type,
					    .val_size = 16 },
	[BPF_MAP_TYPE_PERCPU_HASH] = { .read = percpu_hash_walk, .is_percpu = true },
	[BPF_MAP_TYPE_PERCPU_ARRAY] = { .read = percpu_array_walk, .is_percpu = true },
	[BPF_MAP_TYPE_STACK_TRACE] = { .read = traces_walk,
				       .key_type = stack_id_type,
				       .val_type = trace_type,
				       .is_stacks = true },
	[BPF_MAP_TYPE_CGROUP_ARRAY] = { .read = slots_walk_cgroups,
					.key_type = index_type,
					.val_type = cgroup_id_type,
					.val_size = 8 },
	[BPF_MAP_TYPE_LRU_HASH] = { .read = hash_walk },
	[BPF_MAP_TYPE_LRU_PERCPU_HASH] = { .read = percpu_hash_walk, .is_percpu = true },
	[BPF_MAP_TYPE_LPM_TRIE] = { .read = trie_walk },
	[BPF_MAP_TYPE_ARRAY_OF_MAPS] = { .read = slots_walk_maps,
					 .key_type = index_type,
					 .val_type = map_id_type,
					 .is_nested = true },
	[BPF_MAP_TYPE_HASH_OF_MAPS] = { .read = hash_walk_maps,
					.val_type = map_id_type,
					.is_nested = true },
	[BPF_MAP_TYPE_DEVMAP] = { .read = devices_walk,
				  .key_type = index_type,
				  .val_type = device_type },
	[BPF_MAP_TYPE_SOCKMAP] = { .read = sockets_walk,
				   .key_type = index_type,
				   .val_type = cookie_type,
				   .val_size = 8 },
	[BPF_MAP_TYPE_CPUMAP] = { .read = cpus_walk, .key_type = index_type, .val_type = cpu_type },
	[BPF_MAP_TYPE_XSKMAP] = { .read = xdp_sockets_walk,
				  .key_type = index_type,
				  .val_type = xdp_type,
				  .val_size = 12 },
	[BPF_MAP_TYPE_SOCKHASH] = { .read = socket_hash_walk,
				    .val_type = cookie_type,
				    .val_size = 8 },
	[BPF_MAP_TYPE_CGROUP_STORAGE] = { .why_not = "the deprecated cgroup storage is not read" },
	[BPF_MAP_TYPE_REUSEPORT_SOCKARRAY] = { .read = reuseport_walk,
					       .key_type = index_type,
					       .val_type = cookie_type,
					       .val_size = 8 },
	[BPF_MAP_TYPE_PERCPU_CGROUP_STORAGE] = { .why_not = "the deprecated cgroup storage is not "
							    "read" },
	[BPF_MAP_TYPE_QUEUE] = { .read = queue_walk },
	[BPF_MAP_TYPE_STACK] = { .read = stack_walk },
	[BPF_MAP_TYPE_SK_STORAGE] = { .read = socket_storage_walk,
				      .key_type = socket_type,
				      .key_size = 8 },
	[BPF_MAP_TYPE_DEVMAP_HASH] = { .read = device_hash_walk,
				       .key_type = index_type,
				       .val_type = device_type },
	[BPF_MAP_TYPE_STRUCT_OPS] = { .read = struct_ops_walk,
				      .key_type = index_type,
				      .is_struct_ops = true },
	[BPF_MAP_TYPE_RINGBUF] = { .read = ring_walk, .is_ring = true },
	[BPF_MAP_TYPE_INODE_STORAGE] = { .read = inode_storage_walk,
					 .key_type = inode_type,
					 .key_size = sizeof(struct made_inode) },
	[BPF_MAP_TYPE_TASK_STORAGE] = { .read = task_storage_walk, .key_type = tid_type },
	[BPF_MAP_TYPE_BLOOM_FILTER] = { .why_not = "a bloom filter answers whether it may hold a "
						   "value and cannot be listed" },
	[BPF_MAP_TYPE_USER_RINGBUF] = { .read = ring_walk, .is_ring = true },
	[TYPE_CGRP_STORAGE] = { .read = cgroup_storage_walk,
				.key_type = cgroup_id_type,
				.key_size = 8 },
	[TYPE_ARENA] = { .read = arena_walk,
			 .key_type = page_type,
			 .key_size = 8,
			 .val_size = PAGE_BYTES },
};

const struct map_kind_outside *map_kind_outside(uint32_t type)
{
	static const struct map_kind_outside unknown = {
		.why_not = "this program does not know the type"
	};
	const struct map_kind_outside *k = type < ARRAY_SIZE(kinds) ? &kinds[type] : &unknown;

	return k->read || k->why_not ? k : &unknown;
}
