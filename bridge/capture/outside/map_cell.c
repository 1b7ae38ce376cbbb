// SPDX-License-Identifier: MIT
/* map_cell.c - by index in arrays, by search in hash tables. */
#include "capture/outside/map_cell.h"

#include <linux/bpf.h>
#include <string.h>

#include "base/error.h"
#include "capture/outside/map_walk.h"

bool map_cell_is_percpu(uint32_t type)
{
	return map_kind_outside(type)->is_percpu;
}

static int refuse_key(struct ksnap_err *err)
{
	return err_set(err, KSNAP_E_NOTFOUND, "there is no such key now");
}

static int in_array(struct kernel *k, const struct seen_map *m, const uint8_t *key, uint64_t *ret,
		    struct ksnap_err *err)
{
	uint64_t step;
	uint32_t i;

	memcpy(&i, key, sizeof(i));
	if (i >= m->max_entries)
		return refuse_key(err);
	if (!kernel_member(k, m->at, k->at.bpf_array__elem_size, &step))
		return err_set(err, KSNAP_E_TARGET, "map %s is broken", m->name);
	*ret = m->at + k->at.bpf_array__value.off + i * step;
	return 0;
}

static int in_percpu_array(struct kernel *k, const struct seen_map *m, const uint8_t *key,
			   uint64_t *ret, struct ksnap_err *err)
{
	uint32_t i;

	memcpy(&i, key, sizeof(i));
	if (i >= m->max_entries)
		return refuse_key(err);
	if (!space_u64(&k->image.space, m->at + k->at.bpf_array__pptrs.off + 8ull * i, ret))
		return err_set(err, KSNAP_E_TARGET, "map %s is broken", m->name);
	return 0;
}

static int in_hash(struct kernel *k, const struct seen_map *m, const uint8_t *key, uint64_t *ret,
		   struct ksnap_err *err)
{
	struct map_walk w = { .k = k,
			      .map = m,
			      .key_size = m->key_size,
			      .val_size = m->value_size,
			      .stride = (m->value_size + 7) / 8 * 8,
			      .deadline_mono_ns = UINT64_MAX };

	hash_search(&w, key);
	if (w.end == WALK_BROKEN)
		return err_set(err, KSNAP_E_TARGET, "map %s: %s", m->name, w.why);
	if (!w.found)
		return refuse_key(err);
	*ret = w.found;
	return 0;
}

int map_cell_find(struct kernel *k, const struct seen_map *m, const uint8_t *key, unsigned cpu,
		  uint64_t *ret, struct ksnap_err *err)
{
	int code;

	switch (m->type) {
	case BPF_MAP_TYPE_ARRAY:
		return in_array(k, m, key, ret, err);
	case BPF_MAP_TYPE_PERCPU_ARRAY:
		code = in_percpu_array(k, m, key, ret, err);
		break;
	case BPF_MAP_TYPE_HASH:
	case BPF_MAP_TYPE_LRU_HASH:
	case BPF_MAP_TYPE_PERCPU_HASH:
	case BPF_MAP_TYPE_LRU_PERCPU_HASH:
		code = in_hash(k, m, key, ret, err);
		break;
	default:
		return err_set(err, KSNAP_E_UNSUPPORTED,
			       "values of map %s cannot be reached one by one: capture it",
			       m->name);
	}
	if (!code && map_cell_is_percpu(m->type))
		*ret += k->cpu_offset[cpu];
	return code;
}
