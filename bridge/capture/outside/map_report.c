// SPDX-License-Identifier: MIT
/* map_report.c - walk a map, then put what was found into the report. */
#include "capture/outside/map_report.h"

#include <linux/bpf.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/limits.h"
#include "capture/live/map_family.h"
#include "capture/outside/map_walk.h"

#define HEAD_ROOM (4u << 20) /* of MAX_BLOB, kept for types, rows and reasons */

struct map_job_outside {
	struct map_walk w;
	const struct map_kind_outside *kind;
	struct report_map_row row;
	struct report_map_result result;
	struct buf beside; /* what result points to */
	struct seen *seen;
	struct report_builder *rb;
	struct ksnap_err *err;
};

/* ---- types ----------------------------------------------------------------------------------- */

static int say_untyped(struct map_job_outside *j, const char *why)
{
	return report_reason(j->rb, "type_unknown", j->row.name, UINT64_MAX, UINT64_MAX,
			     "map %s (id %u) is shown as bytes: %s", j->row.name, j->row.id, why);
}

static int describe_by_btf(struct map_job_outside *j)
{
	const struct seen_map *m = j->w.map;
	uint32_t btf = j->kind->is_struct_ops ? BTF_OF_KERNEL : m->btf_id;
	uint32_t value = j->kind->is_struct_ops ? m->kernel_type : m->value_type;
	struct type_table *table = report_types(j->rb);
	struct ksnap_err why = { 0 };
	int64_t kt = btf_types_add(j->w.k->types, m->btf_id, m->key_type, table, &why);
	int64_t vt = kt < 0 ? kt : btf_types_add(j->w.k->types, btf, value, table, &why);

	if (kt == KSNAP_E_NOMEM || vt == KSNAP_E_NOMEM)
		return err_nomem(j->err);
	j->row.kt = kt < 0 ? TYPE_NONE : kt;
	j->row.vt = vt < 0 ? TYPE_NONE : vt;
	return kt >= 0 && vt >= 0 ? 0 : say_untyped(j, why.text);
}

static int describe(struct map_job_outside *j)
{
	struct type_table *table = report_types(j->rb);
	int64_t made;
	int ret = describe_by_btf(j);

	if (!ret && j->kind->key_type && (j->row.kt == TYPE_NONE || !j->kind->is_nested)) {
		made = j->kind->key_type(table, j->w.map, j->err);
		j->row.kt = made;
		ret = made < 0 ? made : 0;
	}
	if (!ret && j->kind->val_type) {
		made = j->kind->val_type(table, j->w.map, j->err);
		j->row.vt = made;
		ret = made < 0 ? made : 0;
	}
	return ret;
}

/* ---- rows ------------------------------------------------------------------------------------ */

static void begin_row(struct map_job_outside *j, const struct seen_map *m)
{
	j->kind = map_kind_outside(m->type);
	j->row = (struct report_map_row){
		.id = m->id,
		.name = m->name,
		.type = map_type_name(m->type),
		.flags = m->flags,
		.key_size = j->kind->key_size ? j->kind->key_size : m->key_size,
		.value_size = j->kind->val_size ? j->kind->val_size : m->value_size,
		.max_entries = m->max_entries,
		.kt = TYPE_NONE,
		.vt = TYPE_NONE,
	};
}

static bool is_section(const struct map_job_outside *j)
{
	return j->w.map->type == BPF_MAP_TYPE_ARRAY && j->row.max_entries == 1 &&
	       j->row.vt != TYPE_NONE &&
	       type_at(report_types(j->rb), j->row.vt)->kind == TYPE_DATASEC;
}

static void lay_out(struct map_job_outside *j)
{
	struct map_walk *w = &j->w;

	w->key_size = j->row.key_size;
	w->val_size = j->row.value_size;
	if (j->kind->is_percpu) {
		w->stride = (j->row.value_size + 7) / 8 * 8;
		w->val_size = (size_t)w->stride * w->k->ncpu;
		j->row.ncpu = w->k->ncpu;
		j->row.stride = w->stride;
	}
	j->row.no_keys = is_section(j);
}

static int write_row(struct map_job_outside *j)
{
	const struct map_walk *w = &j->w;
	uint8_t *keys, *vals;
	int ret = report_map_begin(j->rb, &j->row, w->count, &keys, &vals, j->err);

	if (ret)
		return ret;
	if (w->count && keys)
		memcpy(keys, w->keys.data, w->count * w->key_size);
	if (w->count)
		memcpy(vals, w->vals.data, w->count * w->val_size);
	j->result.count = w->count;
	j->result.missing = w->missing;
	return report_map_end(j->rb, &j->result, j->err);
}

static int refuse(struct map_job_outside *j)
{
	j->result.error = j->kind->why_not;
	report_reason(j->rb, "unsupported", j->row.name, UINT64_MAX, UINT64_MAX,
		      "map %s (id %u, %s): %s", j->row.name, j->row.id, j->row.type,
		      j->kind->why_not);
	return write_row(j);
}

/* ---- what is wrong, in words ------------------------------------------------------------------
 */

static int say_end(struct map_job_outside *j)
{
	const struct map_walk *w = &j->w;

	switch (w->end) {
	case WALK_DONE:
		break;
	case WALK_ROOM:
		return report_reason(j->rb, "map_partial", j->row.name, j->row.max_entries,
				     w->count,
				     "map %s (id %u) has more in it than there is room for: %llu "
				     "entries were read",
				     j->row.name, j->row.id, (unsigned long long)w->count);
	case WALK_DEADLINE:
		return report_reason(j->rb, "deadline", j->row.name, UINT64_MAX, w->count,
				     "the deadline passed while map %s was read", j->row.name);
	case WALK_BROKEN:
		if (!w->count)
			j->result.error = w->why;
		return report_reason(j->rb, w->count ? "map_partial" : "map_unreadable",
				     j->row.name, UINT64_MAX, w->count, "map %s (id %u): %s",
				     j->row.name, j->row.id, w->why);
	}
	if (!w->missing)
		return 0;
	return report_reason(j->rb, "map_partial", j->row.name, w->count + w->missing, w->count,
			     "map %s (id %u): %u entries are not all in memory", j->row.name,
			     j->row.id, w->missing);
}

/* ---- what stands beside entries --------------------------------------------------------------
 */

static int by_number(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

static int add_inner(struct map_job_outside *j)
{
	size_t n = j->w.count, kept = 0;
	uint32_t *ids = buf_reserve(&j->beside, (n + 1) * sizeof(*ids));

	if (!ids)
		return err_nomem(j->err);
	if (n)
		memcpy(ids, j->w.vals.data, n * sizeof(*ids));
	qsort(ids, n, sizeof(*ids), by_number);
	for (size_t i = 0; i < n; i++)
		if (!i || ids[i] != ids[i - 1])
			ids[kept++] = ids[i];
	j->result.inner = ids;
	j->result.ninner = kept;
	return 0;
}

static int by_address(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static int add_symbols(struct map_job_outside *j)
{
	size_t n = j->w.vals.len / sizeof(uint64_t);
	_free_ uint64_t *a = calloc(n + 1, sizeof(*a));

	if (!a)
		return err_nomem(j->err);
	if (n)
		memcpy(a, j->w.vals.data, n * sizeof(*a));
	qsort(a, n, sizeof(*a), by_address);
	for (size_t i = 0; i < n; i++) {
		struct report_symbol s = { .addr = a[i] };

		if (a[i] >> 63 && (!i || a[i] != a[i - 1]))
			s.name = symbols_at(&j->w.k->image.symbols, a[i], &s.off);
		if (s.name)
			buf_append(&j->beside, &s, sizeof(s));
	}
	if (!buf_ok(&j->beside))
		return err_nomem(j->err);
	j->result.symbols = (const struct report_symbol *)j->beside.data;
	j->result.nsymbols = j->beside.len / sizeof(struct report_symbol);
	return 0;
}

static int add_beside(struct map_job_outside *j)
{
	if (j->kind->is_ring && j->w.end == WALK_DONE)
		j->result.ring = &j->w.ring;
	if (j->kind->is_nested)
		return add_inner(j);
	return j->kind->is_stacks && !(j->row.flags & BPF_F_STACK_BUILD_ID) ? add_symbols(j) : 0;
}

/* ---- one map, all maps ----------------------------------------------------------------------- */

static int capture_map(struct map_job_outside *j, const struct seen_map *m)
{
	int ret;

	begin_row(j, m);
	if (seen_owners(j->seen, m->id, &j->result.owners, &j->result.nowners))
		return err_nomem(j->err);
	if (j->kind->why_not)
		return refuse(j);
	ret = describe(j);
	if (ret)
		return ret;
	lay_out(j);
	j->kind->read(&j->w);
	if (!buf_ok(&j->w.keys) || !buf_ok(&j->w.vals))
		return err_nomem(j->err);
	j->result.complete = j->w.end == WALK_DONE && !j->w.missing;
	ret = add_beside(j);
	if (!ret)
		ret = say_end(j);
	return ret ? ret : write_row(j);
}

static int capture_one(struct seen *s, struct kernel *k, const struct seen_map *m,
		       uint64_t deadline, uint64_t *budget, struct report_builder *rb,
		       struct ksnap_err *err)
{
	struct map_job_outside j = {
		.w = { .k = k,
		       .seen = s,
		       .map = m,
		       .max_bytes = *budget,
		       .deadline_mono_ns = deadline },
		.seen = s,
		.rb = rb,
		.err = err,
	};
	int ret = capture_map(&j, m);
	uint64_t used = j.w.keys.len + j.w.vals.len;

	*budget -= used < *budget ? used : *budget;
	buf_fini(&j.w.keys);
	buf_fini(&j.w.vals);
	buf_fini(&j.beside);
	return ret;
}

/* Which maps are within one, without a report: its walk is short, and done again for its row. */
static int take_inner(struct seen *s, struct kernel *k, const struct seen_map *m,
		      const struct selection *sel, uint64_t deadline)
{
	struct map_walk w = {
		.k = k,
		.seen = s,
		.map = m,
		.key_size = m->key_size,
		.val_size = sizeof(uint32_t),
		.max_bytes = LIMIT_MAX_BLOB - HEAD_ROOM,
		.deadline_mono_ns = deadline,
	};
	bool ok;

	map_kind_outside(m->type)->read(&w);
	for (size_t i = 0; i < w.count; i++) {
		struct seen_map *inner = seen_map_by_id(s, ((const uint32_t *)w.vals.data)[i]);

		if (inner && !selection_denies(sel, inner->id, inner->name, seen_belongs, s))
			inner->taken = true;
	}
	ok = buf_ok(&w.keys) && buf_ok(&w.vals);
	buf_fini(&w.keys);
	buf_fini(&w.vals);
	return ok ? 0 : KSNAP_E_NOMEM;
}

static int report_maps(struct seen *s, struct kernel *k, const struct selection *sel,
		       uint64_t deadline, struct report_builder *rb, struct ksnap_err *err)
{
	uint64_t budget = LIMIT_MAX_BLOB - HEAD_ROOM;
	size_t n, selected = 0, done = 0;
	struct seen_map *m = seen_maps(s, &n);

	for (size_t i = 0; i < n; i++)
		if (m[i].taken && map_kind_outside(m[i].type)->is_nested &&
		    take_inner(s, k, &m[i], sel, deadline))
			return err_nomem(err);
	for (size_t i = 0; i < n; i++)
		selected += m[i].taken;
	for (size_t i = 0; i < n && clock_mono_ns() < deadline; i++) {
		int ret = m[i].taken ? capture_one(s, k, &m[i], deadline, &budget, rb, err) : 0;

		if (ret)
			return ret;
		done += m[i].taken;
	}
	if (done == selected)
		return 0;
	return report_reason(rb, "deadline", NULL, selected, done,
			     "the deadline passed after %zu of %zu maps", done, selected);
}

int seen_capture(struct seen *s, struct kernel *k, struct selection *sel, bool progs,
		 uint64_t deadline, struct report_builder *rb, struct ksnap_err *err)
{
	int ret;

	space_forget(&k->image.space);
	ret = seen_read(s, k, rb, err);
	if (ret)
		return ret;
	seen_select(s, sel);
	ret = report_maps(s, k, sel, deadline, rb, err);
	return ret || !progs ? ret : seen_report_progs(s, rb, err);
}
