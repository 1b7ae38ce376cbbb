// SPDX-License-Identifier: MIT
/* map_read.c - batch look-up, the walk, and the removal of what was met twice. */
#include "capture/live/map_read.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "capture/live/key_set.h"

#define BATCH_MAX       (1u << 18) /* entries between two looks at the clock */
#define BATCH_REPEAT    256        /* the same for types whose next key takes a search */
#define WALK_CHECK      256        /* steps between two looks at the clock */
#define TOKEN_MIN       4          /* bytes a hash map's batch position has */
#define KERNEL_ENOTSUPP 524        /* the kernel's own, not in errno.h */

static bool is_late(const struct read_plan *p)
{
	return clock_mono_ns() >= p->deadline_mono_ns;
}

static int finish(struct read_result *res, enum read_end end)
{
	res->end = end;
	return 0;
}

static int fail(struct read_result *res, int error)
{
	res->error = error;
	return finish(res, READ_FAILED);
}

int entries_grow(const struct read_plan *p, struct entries *e)
{
	uint64_t limit = e->max_bytes / (p->key_size + p->val_size);
	uint64_t room = e->room ? 2 * e->room : 1024;
	uint8_t *keys, *vals;

	if (room > limit)
		room = limit;
	if (room <= e->room)
		return 1;
	keys = reallocarray(e->keys, room, p->key_size);
	if (!keys)
		return KSNAP_E_NOMEM;
	e->keys = keys;
	vals = reallocarray(e->vals, room, p->val_size);
	if (!vals)
		return KSNAP_E_NOMEM;
	e->vals = vals;
	e->room = room;
	return 0;
}

static uint8_t *key_at(const struct read_plan *p, const struct entries *e, uint64_t i)
{
	return e->keys + i * p->key_size;
}

static uint8_t *val_at(const struct read_plan *p, const struct entries *e, uint64_t i)
{
	return e->vals + i * p->val_size;
}

/* ---- batch ----------------------------------------------------------------------------------- */

static bool is_unsupported(int error)
{
	return error == KERNEL_ENOTSUPP || error == EOPNOTSUPP || error == EINVAL;
}

/* One system call. @token: the position, in and out. Returns the errno, 0 when there is more. */
static int look_up_some(const struct read_plan *p, struct entries *e, void *token, bool first)
{
	LIBBPF_OPTS(bpf_map_batch_opts, opts);
	uint32_t most = p->kind->may_repeat ? BATCH_REPEAT : BATCH_MAX;
	uint32_t n = e->room - e->count < most ? e->room - e->count : most;
	int ret = bpf_map_lookup_batch(p->fd, first ? NULL : token, token, key_at(p, e, e->count),
				       val_at(p, e, e->count), &n, &opts);
	int error = ret ? errno : 0;

	/* After EFAULT the kernel promises nothing about the count, before it was read neither. */
	if (error && error != ENOENT)
		return error;
	e->count += n;
	return !error && !n ? EIO : error;
}

/* 1: the map's type has no batch look-up. */
static int read_batches(const struct read_plan *p, struct entries *e, struct read_result *res)
{
	size_t size = p->key_size > TOKEN_MIN ? p->key_size : TOKEN_MIN;
	_free_ void *token = malloc(size);
	bool first = true;
	int error, ret = 0;

	if (!token)
		return KSNAP_E_NOMEM;
	for (;;) {
		if (e->count >= e->room)
			ret = entries_grow(p, e);
		if (ret)
			return ret < 0 ? ret : finish(res, READ_ROOM);
		error = look_up_some(p, e, token, first);
		if (error == ENOENT || (p->kind->is_array && e->count == p->expected))
			return finish(res, READ_DONE);
		if (first && is_unsupported(error))
			return 1;
		if (error == ENOSPC) { /* the next bucket has more entries than there is room */
			ret = entries_grow(p, e);
			continue;
		}
		if (error == EINTR && ++res->restarts <= READ_RESTARTS)
			continue;
		if (error)
			return error == EINTR ? finish(res, READ_RESTARTED) : fail(res, error);
		first = false;
		if (is_late(p))
			return finish(res, READ_DEADLINE);
	}
}

/* Keep the first of each key. */
static int remove_repeats(const struct read_plan *p, struct entries *e, struct read_result *res)
{
	__attribute__((cleanup(key_set_fini))) struct key_set set;
	uint64_t kept = 0;

	key_set_init(&set, p->key_size);
	for (uint64_t i = 0; i < e->count; i++) {
		if (key_set_has(&set, e->keys, key_at(p, e, i))) {
			res->duplicates++;
			continue;
		}
		memmove(key_at(p, e, kept), key_at(p, e, i), p->key_size);
		memmove(val_at(p, e, kept), val_at(p, e, i), p->val_size);
		if (key_set_add(&set, e->keys, kept++))
			return KSNAP_E_NOMEM;
	}
	e->count = kept;
	return 0;
}

/* ---- walk ------------------------------------------------------------------------------------ */

struct walk {
	const struct read_plan *plan;
	struct entries *e;
	struct read_result *res;
	struct key_set seen;
	uint8_t *key;   /* the one in hand */
	bool repeating; /* the key before was met twice */
};

/* When a key was deleted under the walk the kernel begins anew, and old keys come again. */
static bool note_repeat(struct walk *w)
{
	w->res->duplicates++;
	if (!w->repeating)
		w->res->restarts++;
	w->repeating = true;
	return w->res->restarts <= READ_RESTARTS;
}

static int take_entry(struct walk *w)
{
	const struct read_plan *p = w->plan;
	struct entries *e = w->e;

	if (bpf_map_lookup_elem(p->fd, w->key, val_at(p, e, e->count))) {
		if (errno != ENOENT)
			return fail(w->res, errno);
		w->res->missing += !p->kind->is_sparse;
		return 0;
	}
	memcpy(key_at(p, e, e->count), w->key, p->key_size);
	if (key_set_add(&w->seen, e->keys, e->count))
		return KSNAP_E_NOMEM;
	e->count++;
	return 0;
}

/* One key. 1: go on. */
static int step(struct walk *w)
{
	struct entries *e = w->e;
	int ret;

	if (key_set_has(&w->seen, e->keys, w->key))
		return note_repeat(w) ? 1 : finish(w->res, READ_RESTARTED);
	w->repeating = false;
	if (e->count >= e->room) {
		ret = entries_grow(w->plan, e);
		if (ret)
			return ret < 0 ? ret : finish(w->res, READ_ROOM);
	}
	ret = take_entry(w);
	return ret || w->res->end == READ_FAILED ? ret : 1;
}

static int walk_keys(struct walk *w)
{
	const struct read_plan *p = w->plan;
	uint64_t most = (READ_RESTARTS + 1) * (p->expected + 64);
	int ret = bpf_map_get_next_key(p->fd, NULL, w->key);

	for (uint64_t i = 1; !ret; i++) {
		ret = step(w);
		if (ret != 1)
			return ret;
		if (i > most)
			return finish(w->res, READ_RESTARTED);
		if (i % WALK_CHECK == 0 && is_late(p))
			return finish(w->res, READ_DEADLINE);
		ret = bpf_map_get_next_key(p->fd, w->key, w->key);
	}
	return errno == ENOENT ? finish(w->res, READ_DONE) : fail(w->res, errno);
}

static int read_walk(const struct read_plan *p, struct entries *e, struct read_result *res)
{
	_free_ uint8_t *key = malloc(p->key_size + 1);
	struct walk w = { .plan = p, .e = e, .res = res, .key = key };
	int ret;

	if (!key)
		return KSNAP_E_NOMEM;
	key_set_init(&w.seen, p->key_size);
	ret = walk_keys(&w);
	key_set_fini(&w.seen);
	return ret;
}

/* ---- all ------------------------------------------------------------------------------------- */

static int read_section(const struct read_plan *p, struct entries *e, struct read_result *res)
{
	uint32_t zero = 0;

	if (bpf_map_lookup_elem(p->fd, &zero, e->vals))
		return fail(res, errno);
	e->count = 1;
	return finish(res, READ_DONE);
}

int map_read(const struct read_plan *plan, struct entries *e, struct read_result *res)
{
	int ret;

	*res = (struct read_result){ 0 };
	e->count = 0;
	if (plan->is_section)
		return read_section(plan, e, res);
	ret = plan->kind->by_walk ? 1 : read_batches(plan, e, res);
	if (ret == 1)
		return read_walk(plan, e, res);
	if (!ret && plan->kind->may_repeat)
		ret = remove_repeats(plan, e, res);
	return ret;
}
