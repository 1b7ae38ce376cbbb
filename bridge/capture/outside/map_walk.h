/* SPDX-License-Identifier: MIT */
/* map_walk.h - the entries of one map of a kernel seen from outside.
 *
 * One row a map type, in map_family.c. A walk ends whatever the memory holds: by the number of
 * entries that the map may have, by room, by the deadline, and lists that lead back to themselves
 * are noticed. */
#ifndef KSNAP_CAPTURE_OUTSIDE_MAP_WALK_H
#define KSNAP_CAPTURE_OUTSIDE_MAP_WALK_H

#include "capture/outside/map_list.h"

enum walk_end {
	WALK_DONE,     /* all entries are here */
	WALK_ROOM,     /* more of them than a report has room for, or than the map may have */
	WALK_DEADLINE, /* the deadline passed */
	WALK_BROKEN,   /* memory that is not there, or not what it should be; see why */
};

struct map_walk {
	struct kernel *k;
	const struct seen *seen;
	const struct seen_map *map;
	size_t key_size, val_size; /* bytes of an entry's key and of its values */
	unsigned stride;           /* per-CPU maps: bytes of one CPU's value */
	uint64_t max_bytes, deadline_mono_ns;
	struct buf keys, vals; /* the entries */
	uint64_t count;
	uint32_t missing; /* entries whose value is not in memory */
	enum walk_end end;
	const char *why;         /* of WALK_BROKEN */
	struct report_ring ring; /* of ring buffers */
	const uint8_t *want;     /* hash_search: the key */
	uint64_t found;          /* and the address of its value, or its per-CPU address; 0: none */
};

struct map_kind_outside {
	bool is_percpu;
	const char *why_not; /* why such a map has a row without entries; NULL: it is read */
	/* Types of key and value when they are not those of the map's BTF. */
	int64_t (*key_type)(struct type_table *t, const struct seen_map *m, struct ksnap_err *err);
	int64_t (*val_type)(struct type_table *t, const struct seen_map *m, struct ksnap_err *err);
	unsigned key_size, val_size; /* 0: as the map says */
	bool is_nested, is_ring, is_stacks, is_struct_ops;
	/* Fill the walk; nothing it meets is an error but memory that is out, which buf_ok tells.
	 */
	void (*read)(struct map_walk *w);
};

/* Never NULL. */
const struct map_kind_outside *map_kind_outside(uint32_t type);

/* ---- for the readers ------------------------------------------------------------------------ */

/* Room for one more entry: its key and value to be filled; false: the walk has ended. */
bool walk_room(struct map_walk *w, uint8_t **ret_key, uint8_t **ret_val);
void walk_take(struct map_walk *w); /* count the entry that was filled */
void walk_break(struct map_walk *w, const char *why);
/* One CPU's value after the other, of per-CPU address @pptr. */
bool walk_percpu(struct map_walk *w, uint64_t pptr, uint8_t *val);
bool walk_read(struct map_walk *w, uint64_t va, void *buf, size_t len);
bool walk_u64(struct map_walk *w, uint64_t va, uint64_t *ret);

void array_walk(struct map_walk *w);
void percpu_array_walk(struct map_walk *w);
void slots_walk_maps(struct map_walk *w);
void slots_walk_progs(struct map_walk *w);
void slots_walk_cgroups(struct map_walk *w);
void slots_walk_events(struct map_walk *w);
void devices_walk(struct map_walk *w);
void device_hash_walk(struct map_walk *w);
void device_take(struct map_walk *w, uint64_t object);
void cpus_walk(struct map_walk *w);
void sockets_walk(struct map_walk *w);
void socket_hash_walk(struct map_walk *w);
/* Its cookie, 8 bytes; 0: none was made. False: it cannot be read. */
bool socket_name(struct map_walk *w, uint64_t sock, uint8_t *val);
void reuseport_walk(struct map_walk *w);
void xdp_sockets_walk(struct map_walk *w);
void arena_walk(struct map_walk *w);
void hash_walk(struct map_walk *w);
void percpu_hash_walk(struct map_walk *w);
void hash_walk_maps(struct map_walk *w);
/* Look for @key alone. */
void hash_search(struct map_walk *w, const uint8_t *key);
void trie_walk(struct map_walk *w);
void queue_walk(struct map_walk *w);
void stack_walk(struct map_walk *w);
void ring_walk(struct map_walk *w);
void traces_walk(struct map_walk *w);
void struct_ops_walk(struct map_walk *w);
void task_storage_walk(struct map_walk *w);
void cgroup_storage_walk(struct map_walk *w);
void socket_storage_walk(struct map_walk *w);
void inode_storage_walk(struct map_walk *w);

#endif
