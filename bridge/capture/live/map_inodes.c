// SPDX-License-Identifier: MIT
/* map_inodes.c - storage kept with inodes, which no system call lists: its buckets are walked in
 * the kernel's memory.
 *
 * The lists change meanwhile, and what was taken out of one is soon something else. So each element
 * is looked at before and after its value is read: it must hold a place in a list of this map both
 * times, else the bucket is begun anew. A place decides the bucket, so that an element which comes
 * back where another one was leads on within the same list.
 */
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "capture/live/kernel_maps.h"
#include "capture/live/kernel_read.h"
#include "capture/live/key_set.h"
#include "capture/live/made_types.h"
#include "capture/live/map_job.h"

#define KEY_SIZE    sizeof(struct made_inode)
#define HEAD_MAX    512        /* bytes of an element before its value */
#define CHUNKS_MAX  20         /* reads of one value: at most 64 KiB */
#define BUCKET_LOG  20         /* 2 to the power of it are more than any map has */
#define OWNERS_MAX  (1u << 20) /* elements looked at in one map */
#define CHECK_EVERY 64         /* elements between two looks at the clock */

/* Offsets, of the kernel that runs. */
struct inode_layout {
	uint32_t map, buckets, bucket_log;  /* bpf_local_storage_map */
	uint32_t list, bucket_size;         /* bpf_local_storage_map_bucket */
	uint32_t node, storage, smap, data; /* bpf_local_storage_elem */
	uint32_t owner;                     /* bpf_local_storage */
	uint32_t ino, sb, dev;
};

static const struct {
	size_t to;
	const char *type, *path;
} wanted[] = {
#define WANT(field, type, path)                                  \
	{                                                        \
		offsetof(struct inode_layout, field), type, path \
	}
	WANT(map, "bpf_local_storage_map", "map"),
	WANT(buckets, "bpf_local_storage_map", "buckets"),
	WANT(bucket_log, "bpf_local_storage_map", "bucket_log"),
	WANT(list, "bpf_local_storage_map_bucket", "list"),
	WANT(node, "bpf_local_storage_elem", "map_node"),
	WANT(storage, "bpf_local_storage_elem", "local_storage"),
	WANT(smap, "bpf_local_storage_elem", "sdata.smap"),
	WANT(data, "bpf_local_storage_elem", "sdata.data"),
	WANT(owner, "bpf_local_storage", "owner"),
	WANT(ino, "inode", "i_ino"),
	WANT(sb, "inode", "i_sb"),
	WANT(dev, "super_block", "s_dev"),
};

/* An element's begin, as the kernel has it. */
struct head {
	uint64_t next, pprev, storage, smap;
};

struct inodes {
	struct map_job *j;
	struct entries *e;
	struct read_result *res;
	struct inode_layout at;
	struct key_set seen;
	uint64_t map;       /* address */
	uint32_t looked_at; /* elements */
	bool is_over;       /* an end was written into res */
	uint8_t bytes[2][HEAD_MAX];
	struct kernel_read reads[CHUNKS_MAX + 2];
};

static int end(struct inodes *x, enum read_end how)
{
	x->res->end = how;
	x->is_over = true;
	return 0;
}

/* ---- where everything is -----------------------------------------------------------------------
 */

static int find_layout(struct inodes *x, const struct btf *btf)
{
	struct ksnap_err *why = &x->j->why;
	int32_t bucket =
		btf__find_by_name_kind(btf, "bpf_local_storage_map_bucket", BTF_KIND_STRUCT);
	int64_t size = bucket > 0 ? btf__resolve_size(btf, bucket) : -1;

	for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
		int64_t off = kernel_offset(btf, wanted[i].type, wanted[i].path, why);

		if (off < 0)
			return off;
		*(uint32_t *)((char *)&x->at + wanted[i].to) = off;
	}
	if (size <= 0 || x->at.data > HEAD_MAX || x->at.node + 16 > x->at.data ||
	    x->at.storage + 8 > x->at.data || x->at.smap + 8 > x->at.data)
		return err_set(why, KSNAP_E_TARGET,
			       "this kernel lays storage out in a way that is not known here");
	x->at.bucket_size = size;
	return kernel_map_address(btf, x->j->info.id, &x->map, why) ? why->code : 0;
}

/* ---- reading -----------------------------------------------------------------------------------
 */

static struct kernel_read a_read(uint64_t addr, uint32_t len, void *to)
{
	return (struct kernel_read){ .addr = addr, .len = len, .data = to };
}

static int run(struct inodes *x, size_t n)
{
	return kernel_reader_run(x->j->t->reader, x->reads, n, &x->j->why) ? KSNAP_E_TARGET : 0;
}

static bool has_failed(const struct inodes *x, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (x->reads[i].error)
			return true;
	return false;
}

static struct head head_in(const struct inodes *x, const uint8_t *bytes)
{
	struct head h;

	memcpy(&h.next, bytes + x->at.node, 8);
	memcpy(&h.pprev, bytes + x->at.node + 8, 8);
	memcpy(&h.storage, bytes + x->at.storage, 8);
	memcpy(&h.smap, bytes + x->at.smap, 8);
	return h;
}

/* Is it in a list of this map? */
static bool is_ours(const struct inodes *x, const struct head *h)
{
	return h->smap == x->map - x->at.map && h->pprev;
}

/* Key of the element whose owner is at the end of @storage. 1: it cannot be read. */
static int read_key(struct inodes *x, uint64_t storage, uint8_t *key)
{
	struct made_inode id;
	uint64_t owner, sb;
	uint32_t dev;
	int ret;

	x->reads[0] = a_read(storage + x->at.owner, 8, &owner);
	ret = run(x, 1);
	if (ret || has_failed(x, 1) || !owner)
		return ret ? ret : 1;
	x->reads[0] = a_read(owner + x->at.ino, 8, &id.ino);
	x->reads[1] = a_read(owner + x->at.sb, 8, &sb);
	ret = run(x, 2);
	if (ret || has_failed(x, 2))
		return ret ? ret : 1;
	x->reads[0] = a_read(sb + x->at.dev, 4, &dev);
	ret = run(x, 1);
	if (ret || has_failed(x, 1))
		return ret ? ret : 1;
	made_inode_device(&id, dev);
	memcpy(key, &id, sizeof(id));
	return 0;
}

/* Value and then once more the head, in one run. 1: the value cannot be read. */
static int read_value(struct inodes *x, uint64_t elem, uint8_t *val, struct head *ret_head)
{
	size_t size = x->j->plan.val_size, n = 0;
	int ret;

	for (size_t off = 0; off < size && n < CHUNKS_MAX; off += KERNEL_READ_MAX) {
		size_t left = size - off;

		x->reads[n++] = a_read(elem + x->at.data + off,
				       left < KERNEL_READ_MAX ? left : KERNEL_READ_MAX, val + off);
	}
	x->reads[n] = a_read(elem, x->at.data, x->bytes[1]);
	ret = run(x, n + 1);
	*ret_head = (struct head){ 0 };
	if (ret)
		return ret;
	if (!x->reads[n].error)
		*ret_head = head_in(x, x->bytes[1]);
	return has_failed(x, n) || size > (size_t)CHUNKS_MAX * KERNEL_READ_MAX;
}

/* ---- walking -----------------------------------------------------------------------------------
 */

enum { GONE = 2 }; /* the list has to be begun anew */

static int make_room(struct inodes *x)
{
	int ret = x->e->count < x->e->room ? 0 : entries_grow(&x->j->plan, x->e);

	if (ret == 1)
		return end(x, READ_ROOM);
	if (++x->looked_at > OWNERS_MAX)
		return end(x, READ_ROOM);
	if (x->looked_at % CHECK_EVERY == 0 && clock_mono_ns() >= x->j->plan.deadline_mono_ns)
		return end(x, READ_DEADLINE);
	return ret;
}

static int take(struct inodes *x, bool is_read)
{
	struct entries *e = x->e;

	if (!is_read) {
		x->res->missing++;
		return 0;
	}
	if (key_set_has(&x->seen, e->keys, e->keys + e->count * KEY_SIZE)) {
		x->res->duplicates++;
		return 0;
	}
	if (key_set_add(&x->seen, e->keys, e->count))
		return KSNAP_E_NOMEM;
	e->count++;
	return 0;
}

/* The element at *elem, which is then the next one. */
static int visit(struct inodes *x, uint64_t *elem)
{
	struct head before, after;
	int key, val, ret = make_room(x);

	if (ret || x->is_over)
		return ret;
	x->reads[0] = a_read(*elem, x->at.data, x->bytes[0]);
	ret = run(x, 1);
	if (ret)
		return ret;
	before = head_in(x, x->bytes[0]);
	if (x->reads[0].error || !is_ours(x, &before))
		return GONE;
	key = read_key(x, before.storage, x->e->keys + x->e->count * KEY_SIZE);
	if (key < 0)
		return key;
	val = read_value(x, *elem, x->e->vals + x->e->count * x->j->plan.val_size, &after);
	if (val < 0)
		return val;
	if (!is_ours(x, &after) || after.storage != before.storage)
		return GONE;
	*elem = after.next ? after.next - x->at.node : 0;
	return take(x, !key && !val);
}

static int walk_bucket(struct inodes *x, uint64_t bucket)
{
	uint64_t first, elem;
	int ret = GONE;

	for (int i = 0; ret == GONE && !x->is_over; i++) {
		if (i > READ_RESTARTS)
			return end(x, READ_RESTARTED);
		x->res->restarts += i > 0;
		x->reads[0] = a_read(bucket + x->at.list, 8, &first);
		ret = run(x, 1);
		if (!ret && x->reads[0].error)
			ret = err_set(&x->j->why, KSNAP_E_TARGET, "its buckets cannot be read");
		elem = first ? first - x->at.node : 0;
		while (!ret && elem && !x->is_over)
			ret = visit(x, &elem);
	}
	return ret;
}

static int walk_all(struct inodes *x)
{
	uint64_t buckets;
	uint32_t log;
	int ret;

	x->reads[0] = a_read(x->map - x->at.map + x->at.buckets, 8, &buckets);
	x->reads[1] = a_read(x->map - x->at.map + x->at.bucket_log, 4, &log);
	ret = run(x, 2);
	if (!ret && (has_failed(x, 2) || log > BUCKET_LOG))
		ret = err_set(&x->j->why, KSNAP_E_TARGET, "its head cannot be read");
	x->res->end = READ_DONE;
	for (uint64_t i = 0; !ret && i < 1ull << log && !x->is_over; i++)
		ret = walk_bucket(x, buckets + i * x->at.bucket_size);
	return ret;
}

int inodes_read(struct map_job *j, struct entries *e, struct read_result *res)
{
	struct inodes x = { .j = j, .e = e, .res = res };
	const struct btf *btf = NULL;
	int ret = peek_ready(j);

	if (!ret) {
		btf = btf_types_load(j->t->types, BTF_OF_KERNEL, &j->why);
		ret = btf ? find_layout(&x, btf) : j->why.code;
	}
	key_set_init(&x.seen, KEY_SIZE);
	if (!ret)
		ret = walk_all(&x);
	key_set_fini(&x.seen);
	if (!ret && res->end == READ_DONE && res->missing) {
		res->end = READ_UNSEEN;
		res->why = "the owners of some of its values cannot be read";
	}
	return ret ? peek_fail(j, res, ret) : 0;
}

int inodes_describe(struct map_job *j)
{
	int ret = map_describe_by_btf(j);
	int64_t kt = ret ? ret : made_inode(report_types(j->rb), j->err);

	j->row.key_size = KEY_SIZE;
	j->row.kt = kt;
	return kt < 0 ? kt : 0;
}
