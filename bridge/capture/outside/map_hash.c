// SPDX-License-Identifier: MIT
/* map_hash.c - hash tables: buckets, each a list of elements. */
#include <string.h>

#include "base/clock.h"
#include "capture/live/made_types.h"
#include "capture/outside/map_walk.h"

#define BUCKETS_MAX (1u << 26)
#define CHECK_EVERY 1024 /* buckets between two looks at the clock */
#define KEY_MAX     512  /* bytes of a key that is searched for */
#define SLACK       64   /* elements above max_entries that a map may have for a moment */

typedef void (*take_fn)(struct map_walk *w, uint64_t elem);

struct list {
	uint64_t next;      /* offset of the pointer to the next one */
	uint64_t container; /* bytes from an element's begin to its node */
	uint64_t left;      /* elements that may still come, of the whole map */
};

/* Follow one list to its end: a null, or a pointer with the lowest bit set. @mark stays behind and
 * moves up at powers of two, so that a list which leads back meets it. */
static void walk_list(struct map_walk *w, struct list *l, uint64_t first, take_fn take)
{
	uint64_t node = first, mark = 0, steps = 0, power = 1;

	while (node && !(node & 1) && w->end == WALK_DONE) {
		if (node == mark) {
			walk_break(w, "a list of its elements leads back to itself");
			return;
		}
		if (!l->left) {
			w->end = WALK_ROOM;
			return;
		}
		l->left--;
		if (++steps == power) {
			mark = node;
			power *= 2;
		}
		take(w, node - l->container);
		if (!walk_u64(w, node + l->next, &node))
			walk_break(w, "a list of its elements leads out of memory");
	}
}

struct buckets {
	uint64_t at, n, step, head;
};

static void walk_buckets(struct map_walk *w, const struct buckets *b, struct list *l, take_fn take)
{
	uint64_t first;

	for (uint64_t i = 0; i < b->n && w->end == WALK_DONE; i++) {
		if (i % CHECK_EVERY == 0 && clock_mono_ns() >= w->deadline_mono_ns)
			w->end = WALK_DEADLINE;
		else if (!walk_u64(w, b->at + i * b->step + b->head, &first))
			walk_break(w, "its buckets are not all in memory");
		else
			walk_list(w, l, first, take);
	}
}

/* ---- hash maps ------------------------------------------------------------------------------- */

static void walk_htab(struct map_walk *w, take_fn take)
{
	const struct layout *at = &w->k->at;
	struct buckets b = { .step = at->sizeof__bucket, .head = at->bucket__head.off };
	struct list l = { .container = at->htab_elem__hash_node.off,
			  .left = (uint64_t)w->map->max_entries + w->k->ncpu + SLACK };

	if (!b.step || !at->htab_elem__key.size ||
	    !kernel_member(w->k, w->map->at, at->bpf_htab__buckets, &b.at) ||
	    !kernel_member(w->k, w->map->at, at->bpf_htab__n_buckets, &b.n) || !b.n ||
	    b.n > BUCKETS_MAX || b.n & (b.n - 1) || b.n / 2 > w->map->max_entries) {
		walk_break(w, "its head is not that of a hash table");
		return;
	}
	walk_buckets(w, &b, &l, take);
}

static uint64_t key_of(const struct map_walk *w, uint64_t elem)
{
	return elem + w->k->at.htab_elem__key.off;
}

static uint64_t value_of(const struct map_walk *w, uint64_t elem)
{
	return key_of(w, elem) + (w->map->key_size + 7) / 8 * 8;
}

static void take_plain(struct map_walk *w, uint64_t elem)
{
	uint8_t *key, *val;

	if (!walk_room(w, &key, &val))
		return;
	if (walk_read(w, key_of(w, elem), key, w->key_size) &&
	    walk_read(w, value_of(w, elem), val, w->val_size))
		walk_take(w);
	else
		w->missing++;
}

void hash_walk(struct map_walk *w)
{
	walk_htab(w, take_plain);
}

/* The pointer to the values stands right behind the key, which some kernels round up to eight bytes
 * and others do not. The right one leads to memory on every CPU. */
static bool read_percpu(struct map_walk *w, uint64_t elem, uint8_t *val)
{
	uint64_t at[] = { value_of(w, elem), key_of(w, elem) + w->map->key_size }, pptr;

	for (int i = 0; i < 2; i++)
		if (walk_u64(w, at[i], &pptr) && pptr && walk_percpu(w, pptr, val))
			return true;
	return false;
}

static void take_percpu(struct map_walk *w, uint64_t elem)
{
	uint8_t *key, *val;

	if (!walk_room(w, &key, &val))
		return;
	if (walk_read(w, key_of(w, elem), key, w->key_size) && read_percpu(w, elem, val))
		walk_take(w);
	else
		w->missing++;
}

void percpu_hash_walk(struct map_walk *w)
{
	walk_htab(w, take_percpu);
}

static void take_map(struct map_walk *w, uint64_t elem)
{
	uint64_t map, id;
	uint8_t *key, *val;

	if (!walk_room(w, &key, &val))
		return;
	if (!walk_read(w, key_of(w, elem), key, w->key_size) ||
	    !walk_u64(w, value_of(w, elem), &map) ||
	    !kernel_member(w->k, map, w->k->at.bpf_map__id, &id)) {
		w->missing++;
		return;
	}
	memcpy(val, &id, sizeof(uint32_t));
	walk_take(w);
}

void hash_walk_maps(struct map_walk *w)
{
	walk_htab(w, take_map);
}

/* The right one of both places, as above. */
static uint64_t percpu_of(struct map_walk *w, uint64_t elem)
{
	uint64_t at[] = { value_of(w, elem), key_of(w, elem) + w->map->key_size }, pptr;
	uint8_t byte;

	for (int i = 0; i < 2; i++)
		if (walk_u64(w, at[i], &pptr) && pptr &&
		    walk_read(w, pptr + w->k->cpu_offset[0], &byte, 1))
			return pptr;
	return 0;
}

static void match(struct map_walk *w, uint64_t elem)
{
	uint8_t key[KEY_MAX];

	if (w->found || w->key_size > sizeof(key) ||
	    !walk_read(w, key_of(w, elem), key, w->key_size) ||
	    memcmp(key, w->want, w->key_size) != 0)
		return;
	w->found =
		map_kind_outside(w->map->type)->is_percpu ? percpu_of(w, elem) : value_of(w, elem);
}

void hash_search(struct map_walk *w, const uint8_t *key)
{
	w->want = key;
	walk_htab(w, match);
}

/* ---- storage kept with objects ---------------------------------------------------------------
 */

#define STORAGE_MAX (1u << 20) /* owners of one map */

static bool owner_of(struct map_walk *w, uint64_t elem, uint64_t *ret)
{
	uint64_t storage;

	return kernel_member(w->k, elem, w->k->at.bpf_local_storage_elem__local_storage,
			     &storage) &&
	       kernel_member(w->k, storage, w->k->at.bpf_local_storage__owner, ret);
}

/* @id: as much of it as the map's keys are long. */
static void take_stored(struct map_walk *w, uint64_t elem, const void *id, bool has_id)
{
	const struct layout *at = &w->k->at;
	uint64_t data =
		elem + at->bpf_local_storage_elem__sdata.off + at->bpf_local_storage_data__data.off;
	uint8_t *key, *val;

	if (!walk_room(w, &key, &val))
		return;
	memcpy(key, id, w->key_size);
	if (has_id && walk_read(w, data, val, w->val_size))
		walk_take(w);
	else
		w->missing++;
}

static void take_of_task(struct map_walk *w, uint64_t elem)
{
	uint64_t task, pid = 0;
	bool ok = owner_of(w, elem, &task) &&
		  kernel_member(w->k, task, w->k->at.task_struct__pid, &pid);

	take_stored(w, elem, &pid, ok);
}

static void take_of_cgroup(struct map_walk *w, uint64_t elem)
{
	uint64_t cgroup, kn, id = 0;
	bool ok = owner_of(w, elem, &cgroup) &&
		  kernel_member(w->k, cgroup, w->k->at.cgroup__kn, &kn) &&
		  kernel_member(w->k, kn, w->k->at.kernfs_node__id, &id);

	take_stored(w, elem, &id, ok);
}

static void take_of_socket(struct map_walk *w, uint64_t elem)
{
	const struct layout *at = &w->k->at;
	uint64_t sock, cookie = 0;
	bool ok = owner_of(w, elem, &sock) && kernel_member(w->k, sock + at->sock____sk_common.off,
							    at->sock_common__skc_cookie, &cookie);

	take_stored(w, elem, &cookie, ok);
}

static void take_of_inode(struct map_walk *w, uint64_t elem)
{
	const struct layout *at = &w->k->at;
	struct made_inode id = { 0 };
	uint64_t inode, sb, dev = 0;
	bool ok = owner_of(w, elem, &inode) &&
		  kernel_member(w->k, inode, at->inode__i_ino, &id.ino) &&
		  kernel_member(w->k, inode, at->inode__i_sb, &sb) &&
		  kernel_member(w->k, sb, at->super_block__s_dev, &dev);

	made_inode_device(&id, dev);
	take_stored(w, elem, &id, ok);
}

static void walk_storage(struct map_walk *w, take_fn take)
{
	const struct layout *at = &w->k->at;
	struct buckets b = { .step = at->sizeof__bpf_local_storage_map_bucket,
			     .head = at->bpf_local_storage_map_bucket__list.off };
	struct list l = { .container = at->bpf_local_storage_elem__map_node.off,
			  .left = STORAGE_MAX };
	uint64_t log;

	if (!b.step || !at->bpf_local_storage_elem__sdata.size ||
	    !kernel_member(w->k, w->map->at, at->bpf_local_storage_map__buckets, &b.at) ||
	    !kernel_member(w->k, w->map->at, at->bpf_local_storage_map__bucket_log, &log) ||
	    log > 26) {
		walk_break(w, "its head is not that of a storage");
		return;
	}
	b.n = 1ull << log;
	walk_buckets(w, &b, &l, take);
}

void task_storage_walk(struct map_walk *w)
{
	walk_storage(w, take_of_task);
}

void cgroup_storage_walk(struct map_walk *w)
{
	walk_storage(w, take_of_cgroup);
}

void socket_storage_walk(struct map_walk *w)
{
	walk_storage(w, take_of_socket);
}

void inode_storage_walk(struct map_walk *w)
{
	walk_storage(w, take_of_inode);
}

/* ---- devices by any number -------------------------------------------------------------------
 */

void device_hash_walk(struct map_walk *w)
{
	const struct layout *at = &w->k->at;
	struct buckets b = { .step = sizeof(uint64_t) };
	struct list l = { .container = at->bpf_dtab_netdev__index_hlist.off,
			  .left = (uint64_t)w->map->max_entries + SLACK };

	if (!at->bpf_dtab_netdev__index_hlist.size ||
	    !kernel_member(w->k, w->map->at, at->bpf_dtab__dev_index_head, &b.at) ||
	    !kernel_member(w->k, w->map->at, at->bpf_dtab__n_buckets, &b.n) || b.n > BUCKETS_MAX ||
	    b.n / 2 > w->map->max_entries)
		walk_break(w, "its head is not that of a hash table");
	else
		walk_buckets(w, &b, &l, device_take);
}

/* ---- sockets by any key ------------------------------------------------------------------------
 */

static void take_socket(struct map_walk *w, uint64_t elem)
{
	const struct layout *at = &w->k->at;
	uint8_t *key, *val;
	uint64_t sock;

	if (!walk_room(w, &key, &val))
		return;
	if (walk_read(w, elem + at->bpf_shtab_elem__key.off, key, w->key_size) &&
	    kernel_member(w->k, elem, at->bpf_shtab_elem__sk, &sock) && socket_name(w, sock, val))
		walk_take(w);
	else
		w->missing++;
}

void socket_hash_walk(struct map_walk *w)
{
	const struct layout *at = &w->k->at;
	struct buckets b = { .step = at->sizeof__bpf_shtab_bucket,
			     .head = at->bpf_shtab_bucket__head.off };
	struct list l = { .container = at->bpf_shtab_elem__node.off,
			  .left = (uint64_t)w->map->max_entries + SLACK };

	if (!b.step || !at->bpf_shtab_elem__key.size ||
	    !kernel_member(w->k, w->map->at, at->bpf_shtab__buckets, &b.at) ||
	    !kernel_member(w->k, w->map->at, at->bpf_shtab__buckets_num, &b.n) || !b.n ||
	    b.n > BUCKETS_MAX || b.n / 2 > w->map->max_entries)
		walk_break(w, "its head is not that of a hash table");
	else
		walk_buckets(w, &b, &l, take_socket);
}
