// SPDX-License-Identifier: MIT
/* map_walk.c - what all readers of maps share, and those of arrays. */
#include "capture/outside/map_walk.h"

#include <string.h>

#include "base/clock.h"

#define CHECK_EVERY 64 /* entries between two looks at the clock */

void walk_break(struct map_walk *w, const char *why)
{
	if (w->end == WALK_DONE) {
		w->end = WALK_BROKEN;
		w->why = why;
	}
}

bool walk_read(struct map_walk *w, uint64_t va, void *buf, size_t len)
{
	return space_read(&w->k->image.space, va, buf, len);
}

bool walk_u64(struct map_walk *w, uint64_t va, uint64_t *ret)
{
	return space_u64(&w->k->image.space, va, ret);
}

bool walk_room(struct map_walk *w, uint8_t **ret_key, uint8_t **ret_val)
{
	if (w->end != WALK_DONE)
		return false;
	if (w->count % CHECK_EVERY == 0 && clock_mono_ns() >= w->deadline_mono_ns) {
		w->end = WALK_DEADLINE;
		return false;
	}
	if (w->keys.len + w->vals.len + w->key_size + w->val_size > w->max_bytes) {
		w->end = WALK_ROOM;
		return false;
	}
	*ret_key = buf_reserve(&w->keys, w->key_size + 1);
	*ret_val = buf_reserve(&w->vals, w->val_size + 1);
	return *ret_key && *ret_val;
}

void walk_take(struct map_walk *w)
{
	buf_commit(&w->keys, w->key_size);
	buf_commit(&w->vals, w->val_size);
	w->count++;
}

bool walk_percpu(struct map_walk *w, uint64_t pptr, uint8_t *val)
{
	for (unsigned i = 0; i < w->k->ncpu; i++)
		if (!walk_read(w, pptr + w->k->cpu_offset[i], val + (size_t)i * w->stride,
			       w->stride))
			return false;
	return true;
}

/* ---- arrays ---------------------------------------------------------------------------------- */

static bool element_size(struct map_walk *w, uint64_t *ret)
{
	struct layout_member m = w->k->at.bpf_array__elem_size;

	if (kernel_member(w->k, w->map->at, m, ret) && *ret >= w->map->value_size)
		return true;
	walk_break(w, "its head is not that of an array");
	return false;
}

void array_walk(struct map_walk *w)
{
	uint64_t at = w->map->at + w->k->at.bpf_array__value.off, step;
	uint8_t *key, *val;

	if (!element_size(w, &step))
		return;
	for (uint32_t i = 0; i < w->map->max_entries && walk_room(w, &key, &val); i++) {
		memcpy(key, &i, sizeof(i));
		if (walk_read(w, at + i * step, val, w->val_size))
			walk_take(w);
		else
			w->missing++;
	}
}

/* The pointer in slot @i; false: there is none. */
static bool slot(struct map_walk *w, struct layout_member m, uint32_t i, uint64_t *ret)
{
	if (!walk_u64(w, w->map->at + m.off + 8ull * i, ret)) {
		w->missing++;
		return false;
	}
	return *ret;
}

void percpu_array_walk(struct map_walk *w)
{
	uint64_t pptr;
	uint8_t *key, *val;

	for (uint32_t i = 0; i < w->map->max_entries && walk_room(w, &key, &val); i++) {
		memcpy(key, &i, sizeof(i));
		if (!slot(w, w->k->at.bpf_array__pptrs, i, &pptr))
			continue;
		if (walk_percpu(w, pptr, val))
			walk_take(w);
		else
			w->missing++;
	}
}
