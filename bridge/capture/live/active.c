// SPDX-License-Identifier: MIT
/* active.c - from attached struct_ops maps to their programs to the maps of these. */
#include "capture/live/active.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "wire/pack.h"

void active_fini(struct active_maps *a)
{
	free(a->ids);
	*a = (struct active_maps){ 0 };
}

static int add(struct active_maps *a, uint32_t id)
{
	size_t cap = a->cap ? 2 * a->cap : 32;
	uint32_t *p;

	if (a->n == a->cap) {
		p = reallocarray(a->ids, cap, sizeof(*p));
		if (!p)
			return -1;
		a->ids = p;
		a->cap = cap;
	}
	a->ids[a->n++] = id;
	return 0;
}

static const struct prog_row *find_prog(const struct prog_list *l, uint32_t id)
{
	size_t lo = 0, hi = l->now.n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (l->now.rows[mid].id < id)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < l->now.n && l->now.rows[lo].id == id ? &l->now.rows[lo] : NULL;
}

static int add_maps_of(struct active_maps *a, const struct prog_list *l, uint32_t prog)
{
	const struct prog_row *p = find_prog(l, prog);

	for (uint32_t i = 0; p && i < p->nmaps; i++) {
		if (add(a, l->now.map_ids[p->first_map + i]))
			return -1;
	}
	return 0;
}

static int add_attached(struct active_maps *a, const struct ops_list *ops,
			const struct ops_row *row, const struct prog_list *progs)
{
	if (add(a, row->id))
		return -1;
	for (size_t i = 0; i < row->nprogs; i++) {
		if (add_maps_of(a, progs, ops->progs[row->first_prog + i]))
			return -1;
	}
	return 0;
}

static int by_id(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

static void sort_once_each(struct active_maps *a)
{
	size_t n = 0;

	if (a->n)
		qsort(a->ids, a->n, sizeof(*a->ids), by_id);
	for (size_t i = 0; i < a->n; i++) {
		if (!n || a->ids[n - 1] != a->ids[i])
			a->ids[n++] = a->ids[i];
	}
	a->n = n;
}

/* The part before the dot; false when there is no name before it. */
static bool prefix_of(const char *name, char *buf, size_t cap)
{
	const char *dot = strchr(name, '.');
	size_t len = dot ? dot - name : 0;

	if (!len || len >= cap)
		return false;
	memcpy(buf, name, len);
	buf[len] = 0;
	return true;
}

static void find_obj(struct active_maps *a, const struct map_list *maps)
{
	char prefix[BPF_OBJ_NAME_LEN];

	a->obj[0] = 0;
	for (size_t i = 0; i < maps->n; i++) {
		const struct bpf_map_info *info = &maps->refs[i].info;

		if (!active_has(a, info->id) || !prefix_of(info->name, prefix, sizeof(prefix)))
			continue;
		if (a->obj[0] && strcmp(a->obj, prefix)) {
			a->obj[0] = 0;
			return;
		}
		strcpy(a->obj, prefix);
	}
}

int active_find(struct active_maps *a, const struct ops_list *ops, const struct prog_list *progs,
		const struct map_list *maps, struct ksnap_err *err)
{
	a->n = 0;
	for (size_t i = 0; i < ops->n; i++) {
		if (ops->rows[i].is_attached && add_attached(a, ops, &ops->rows[i], progs))
			return err_nomem(err);
	}
	sort_once_each(a);
	find_obj(a, maps);
	return 0;
}

bool active_has(const struct active_maps *a, uint32_t map_id)
{
	return a->n && bsearch(&map_id, a->ids, a->n, sizeof(*a->ids), by_id);
}

void active_pack(const struct active_maps *a, struct buf *out)
{
	msgpack_packer pk;

	pack_init(&pk, out);
	msgpack_pack_array(&pk, a->n);
	for (size_t i = 0; i < a->n; i++)
		msgpack_pack_uint32(&pk, a->ids[i]);
}
