// SPDX-License-Identifier: MIT
/* map_family.c - the table of map types. */
#include "capture/live/map_family.h"

#include <bpf/libbpf.h>

#include "base/cleanup.h"

/* Types that the headers of the build may be too old to name. */
#define TYPE_CGRP_STORAGE 32
#define TYPE_ARENA        33

static const struct map_family families[] = {
	[BPF_MAP_TYPE_HASH] = { .kind = { .is_readable = true } },
	[BPF_MAP_TYPE_ARRAY] = { .kind = { .is_readable = true, .is_array = true },
				 .read = array_read },
	[BPF_MAP_TYPE_PROG_ARRAY] = { .kind = { .is_readable = true,
						.by_walk = true,
						.is_sparse = true },
				      .describe = slots_describe_progs },
	[BPF_MAP_TYPE_PERF_EVENT_ARRAY] = { .kind = { .is_readable = true, .is_sparse = true },
					    .describe = peek_describe,
					    .read = peek_read },
	[BPF_MAP_TYPE_PERCPU_HASH] = { .kind = { .is_readable = true, .is_percpu = true } },
	[BPF_MAP_TYPE_PERCPU_ARRAY] = { .kind = { .is_readable = true,
						  .is_array = true,
						  .is_percpu = true } },
	[BPF_MAP_TYPE_STACK_TRACE] = { .kind = { .is_readable = true, .by_walk = true },
				       .describe = stacks_describe,
				       .finish = stacks_finish },
	[BPF_MAP_TYPE_CGROUP_ARRAY] = { .kind = { .is_readable = true, .is_sparse = true },
					.describe = peek_describe,
					.read = peek_read },
	[BPF_MAP_TYPE_LRU_HASH] = { .kind = { .is_readable = true } },
	[BPF_MAP_TYPE_LRU_PERCPU_HASH] = { .kind = { .is_readable = true, .is_percpu = true } },
	[BPF_MAP_TYPE_LPM_TRIE] = { .kind = { .is_readable = true, .may_repeat = true } },
	[BPF_MAP_TYPE_ARRAY_OF_MAPS] = { .kind = { .is_readable = true,
						   .by_walk = true,
						   .is_sparse = true },
					 .describe = nested_describe,
					 .finish = nested_finish },
	[BPF_MAP_TYPE_HASH_OF_MAPS] = { .kind = { .is_readable = true },
					.describe = nested_describe,
					.finish = nested_finish },
	[BPF_MAP_TYPE_DEVMAP] = { .kind = { .is_readable = true,
					    .by_walk = true,
					    .is_sparse = true },
				  .describe = slots_describe_devices },
	[BPF_MAP_TYPE_SOCKMAP] = { .kind = { .is_readable = true,
					     .by_walk = true,
					     .is_sparse = true },
				   .describe = sockets_describe,
				   .read = sockets_read },
	[BPF_MAP_TYPE_CPUMAP] = { .kind = { .is_readable = true,
					    .by_walk = true,
					    .is_sparse = true },
				  .describe = slots_describe_cpus },
	[BPF_MAP_TYPE_XSKMAP] = { .kind = { .is_readable = true, .is_sparse = true },
				  .describe = peek_describe,
				  .read = peek_read },
	[BPF_MAP_TYPE_SOCKHASH] = { .kind = { .is_readable = true, .by_walk = true },
				    .describe = sockets_describe,
				    .read = sockets_read },
	[BPF_MAP_TYPE_CGROUP_STORAGE] = { .kind = { .is_readable = true, .is_unbounded = true },
					  .read = old_storage_read },
	[BPF_MAP_TYPE_REUSEPORT_SOCKARRAY] = { .kind = { .is_readable = true,
							 .by_walk = true,
							 .is_sparse = true },
					       .describe = peek_describe,
					       .read = reuseport_read },
	[BPF_MAP_TYPE_PERCPU_CGROUP_STORAGE] = { .kind = { .is_readable = true,
							   .is_percpu = true,
							   .is_unbounded = true },
						 .read = old_storage_read },
	[BPF_MAP_TYPE_QUEUE] = { .kind = { .is_readable = true }, .read = queue_read },
	[BPF_MAP_TYPE_STACK] = { .kind = { .is_readable = true }, .read = queue_read },
	[BPF_MAP_TYPE_SK_STORAGE] = { .kind = { .is_readable = true, .is_unbounded = true },
				      .describe = sk_storage_describe,
				      .read = sk_storage_read },
	[BPF_MAP_TYPE_DEVMAP_HASH] = { .kind = { .is_readable = true, .by_walk = true },
				       .describe = slots_describe_devices },
	[BPF_MAP_TYPE_STRUCT_OPS] = { .kind = { .is_readable = true, .by_walk = true },
				      .describe = struct_ops_describe },
	[BPF_MAP_TYPE_RINGBUF] = { .kind = { .is_readable = true },
				   .read = ring_read,
				   .finish = ring_finish },
	[BPF_MAP_TYPE_INODE_STORAGE] = { .kind = { .is_readable = true, .is_unbounded = true },
					 .describe = inodes_describe,
					 .read = inodes_read },
	[BPF_MAP_TYPE_TASK_STORAGE] = { .kind = { .is_readable = true, .is_unbounded = true },
					.describe = tasks_describe,
					.read = tasks_read },
	[BPF_MAP_TYPE_BLOOM_FILTER] = { .why_not = "a bloom filter answers whether it may hold a "
						   "value and cannot be listed" },
	[BPF_MAP_TYPE_USER_RINGBUF] = { .kind = { .is_readable = true },
					.read = ring_read,
					.finish = ring_finish },
	[TYPE_CGRP_STORAGE] = { .kind = { .is_readable = true, .is_unbounded = true },
				.name = "cgrp_storage",
				.describe = cgroups_describe,
				.read = cgroups_read },
	[TYPE_ARENA] = { .kind = { .is_readable = true, .is_unbounded = true },
			 .name = "arena",
			 .describe = arena_describe,
			 .read = arena_read },
};

const struct map_family *map_family_of(uint32_t type)
{
	static const struct map_family unknown = { .why_not =
							   "this program does not know the type" };
	const struct map_family *f = type < ARRAY_SIZE(families) ? &families[type] : &unknown;

	return f->kind.is_readable || f->why_not ? f : &unknown;
}

const struct map_kind *map_kind_of(uint32_t type)
{
	return &map_family_of(type)->kind;
}

const char *map_type_name(uint32_t type)
{
	const char *name = libbpf_bpf_map_type_str(type);

	if (!name)
		name = map_family_of(type)->name;
	return name ? name : "unknown";
}
