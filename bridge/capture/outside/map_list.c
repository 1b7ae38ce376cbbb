// SPDX-License-Identifier: MIT
/* map_list.c - map_idr and prog_idr, as rows. */
#include "capture/outside/map_list.h"

#include <bpf/libbpf.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/utf8.h"
#include "capture/outside/idr.h"

#define USED_MAPS_MAX 64 /* of one program; the kernel's own bound */

void seen_fini(struct seen *s)
{
	buf_fini(&s->maps);
	buf_fini(&s->progs);
	buf_fini(&s->map_ids);
	buf_fini(&s->owners);
}

struct seen_map *seen_maps(const struct seen *s, size_t *ret_n)
{
	*ret_n = s->maps.len / sizeof(struct seen_map);
	return (struct seen_map *)s->maps.data;
}

struct seen_prog *seen_progs(const struct seen *s, size_t *ret_n)
{
	*ret_n = s->progs.len / sizeof(struct seen_prog);
	return (struct seen_prog *)s->progs.data;
}

struct seen_map *seen_map_by_id(const struct seen *s, uint32_t id)
{
	size_t n, lo = 0, hi;
	struct seen_map *m = seen_maps(s, &n);

	for (hi = n; lo < hi;) {
		size_t mid = lo + (hi - lo) / 2;

		if (m[mid].id < id)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < n && m[lo].id == id ? &m[lo] : NULL;
}

/* ---- one object ------------------------------------------------------------------------------ */

static bool take_u32(struct kernel *k, uint64_t at, struct layout_member m, uint32_t *ret)
{
	uint64_t v;
	bool ok = kernel_member(k, at, m, &v);

	*ret = v;
	return ok;
}

static void take_name(struct kernel *k, uint64_t at, struct layout_member m, char name[16])
{
	memset(name, 0, 16);
	if (m.size)
		space_read(&k->image.space, at + m.off, name, m.size < 15 ? m.size : 15);
	name[utf8_sound(name, strlen(name))] = 0;
}

static void take_types(struct kernel *k, struct seen_map *m)
{
	const struct layout *at = &k->at;
	uint64_t btf;

	take_u32(k, m->at, at->bpf_map__btf_vmlinux_value_type_id, &m->kernel_type);
	if (!kernel_member(k, m->at, at->bpf_map__btf, &btf) || !btf ||
	    !take_u32(k, btf, at->btf__id, &m->btf_id))
		return;
	take_u32(k, m->at, at->bpf_map__btf_key_type_id, &m->key_type);
	take_u32(k, m->at, at->bpf_map__btf_value_type_id, &m->value_type);
}

/* An object that does not say its own id is none. */
static bool take_map(struct kernel *k, const struct idr_row *row, struct seen_map *m)
{
	const struct layout *at = &k->at;

	*m = (struct seen_map){ .at = row->at };
	if (!take_u32(k, row->at, at->bpf_map__id, &m->id) || m->id != row->id ||
	    !take_u32(k, row->at, at->bpf_map__map_type, &m->type) ||
	    !take_u32(k, row->at, at->bpf_map__key_size, &m->key_size) ||
	    !take_u32(k, row->at, at->bpf_map__value_size, &m->value_size) ||
	    !take_u32(k, row->at, at->bpf_map__max_entries, &m->max_entries) ||
	    !take_u32(k, row->at, at->bpf_map__map_flags, &m->flags))
		return false;
	take_name(k, row->at, at->bpf_map__name, m->name);
	take_types(k, m);
	return true;
}

/* Each CPU counts for itself. */
static void take_counts(struct kernel *k, uint64_t stats, struct seen_prog *p)
{
	uint64_t v;

	for (unsigned i = 0; stats && i < k->ncpu; i++) {
		uint64_t of_cpu = stats + k->cpu_offset[i];

		if (kernel_member(k, of_cpu, k->at.bpf_prog_stats__cnt, &v))
			p->run_cnt += v;
		if (kernel_member(k, of_cpu, k->at.bpf_prog_stats__nsecs, &v))
			p->run_time_ns += v;
	}
}

static void take_used_maps(struct kernel *k, uint64_t aux, struct seen_prog *p, struct buf *ids)
{
	uint64_t list, map;
	uint32_t n, id;

	p->first_map = ids->len / sizeof(id);
	if (!take_u32(k, aux, k->at.bpf_prog_aux__used_map_cnt, &n) ||
	    !kernel_member(k, aux, k->at.bpf_prog_aux__used_maps, &list))
		return;
	for (uint32_t i = 0; i < n && i < USED_MAPS_MAX; i++) {
		if (!space_u64(&k->image.space, list + 8ull * i, &map) ||
		    !take_u32(k, map, k->at.bpf_map__id, &id))
			continue;
		buf_append(ids, &id, sizeof(id));
		p->nmaps++;
	}
}

static bool take_prog(struct kernel *k, const struct idr_row *row, struct seen_prog *p,
		      struct buf *ids)
{
	const struct layout *at = &k->at;
	uint64_t aux, stats;

	*p = (struct seen_prog){ 0 };
	if (!kernel_member(k, row->at, at->bpf_prog__aux, &aux) ||
	    !take_u32(k, aux, at->bpf_prog_aux__id, &p->id) || p->id != row->id ||
	    !take_u32(k, row->at, at->bpf_prog__type, &p->type))
		return false;
	if (at->bpf_prog__tag.size == sizeof(p->tag))
		space_read(&k->image.space, row->at + at->bpf_prog__tag.off, p->tag,
			   sizeof(p->tag));
	take_name(k, aux, at->bpf_prog_aux__name, p->name);
	if (kernel_member(k, row->at, at->bpf_prog__stats, &stats))
		take_counts(k, stats, p);
	take_used_maps(k, aux, p, ids);
	return true;
}

/* ---- lists ----------------------------------------------------------------------------------- */

static int say_lost(struct report_builder *rb, const char *what, size_t lost, bool is_partial)
{
	if (!rb || (!lost && !is_partial))
		return 0;
	return report_reason(rb, "map_unreadable", what, UINT64_MAX, UINT64_MAX,
			     "%s of the kernel is broken or not all in memory: %zu entries%s "
			     "could not be read",
			     what, lost, is_partial ? " and whatever is behind them" : "");
}

static int read_maps(struct seen *s, struct kernel *k, struct report_builder *rb)
{
	_buf_ struct buf rows = BUF_INIT;
	int partial = idr_list(k, k->map_idr, &rows);
	size_t lost = 0;

	if (partial < 0)
		return partial;
	for (size_t i = 0; i < rows.len; i += sizeof(struct idr_row)) {
		struct seen_map m;

		if (take_map(k, (struct idr_row *)(rows.data + i), &m))
			buf_append(&s->maps, &m, sizeof(m));
		else
			lost++;
	}
	return say_lost(rb, "map_idr", lost, partial);
}

static int read_progs(struct seen *s, struct kernel *k, struct report_builder *rb)
{
	_buf_ struct buf rows = BUF_INIT;
	int partial = idr_list(k, k->prog_idr, &rows);
	size_t lost = 0;

	if (partial < 0)
		return partial;
	for (size_t i = 0; i < rows.len; i += sizeof(struct idr_row)) {
		struct seen_prog p;

		if (take_prog(k, (struct idr_row *)(rows.data + i), &p, &s->map_ids))
			buf_append(&s->progs, &p, sizeof(p));
		else
			lost++;
	}
	return say_lost(rb, "prog_idr", lost, partial);
}

int seen_read(struct seen *s, struct kernel *k, struct report_builder *rb, struct ksnap_err *err)
{
	int ret;

	buf_clear(&s->maps);
	buf_clear(&s->progs);
	buf_clear(&s->map_ids);
	ret = read_maps(s, k, rb);
	if (!ret)
		ret = read_progs(s, k, rb);
	if (ret || !buf_ok(&s->maps) || !buf_ok(&s->progs) || !buf_ok(&s->map_ids))
		return err_nomem(err);
	return 0;
}

static bool uses(const struct seen *s, const struct seen_prog *p, uint32_t id)
{
	const uint32_t *ids = (const uint32_t *)s->map_ids.data + p->first_map;

	for (uint32_t i = 0; i < p->nmaps; i++)
		if (ids[i] == id)
			return true;
	return false;
}

int seen_owners(struct seen *s, uint32_t map_id, const uint32_t **ret, size_t *ret_n)
{
	size_t n;
	const struct seen_prog *p = seen_progs(s, &n);

	buf_clear(&s->owners);
	for (size_t i = 0; i < n; i++)
		if (uses(s, &p[i], map_id))
			buf_append(&s->owners, &p[i].id, sizeof(p[i].id));
	if (!buf_ok(&s->owners))
		return KSNAP_E_NOMEM;
	*ret = (const uint32_t *)s->owners.data;
	*ret_n = s->owners.len / sizeof(uint32_t);
	return 0;
}

/* ---- obj:NAME -------------------------------------------------------------------------------- */

static bool prog_is_of(const struct seen *s, const struct seen_prog *p, const char *obj)
{
	const uint32_t *ids = (const uint32_t *)s->map_ids.data + p->first_map;

	for (uint32_t i = 0; i < p->nmaps; i++) {
		const struct seen_map *m = seen_map_by_id(s, ids[i]);

		if (m && selection_section_of(m->name, obj))
			return true;
	}
	return false;
}

bool seen_belongs(void *arg, const char *obj, uint32_t id, const char *name)
{
	const struct seen *s = arg;
	size_t n;
	const struct seen_prog *p = seen_progs(s, &n);

	if (selection_section_of(name, obj))
		return true;
	for (size_t i = 0; i < n; i++)
		if (uses(s, &p[i], id) && prog_is_of(s, &p[i], obj))
			return true;
	return false;
}

void seen_select(struct seen *s, struct selection *sel)
{
	size_t n;
	struct seen_map *m = seen_maps(s, &n);

	for (size_t i = 0; i < n; i++)
		m[i].taken = selection_takes(sel, m[i].id, m[i].name, seen_belongs, s);
}

/* ---- programs -------------------------------------------------------------------------------- */

static int report_one(const struct seen *s, const struct seen_prog *p, struct report_builder *rb,
		      struct ksnap_err *err)
{
	const char *type = libbpf_bpf_prog_type_str(p->type);
	char tag[17];
	struct report_prog_row row = {
		.id = p->id,
		.name = p->name,
		.type = type ? type : "unknown",
		.tag = tag,
		.run_cnt = p->run_cnt,
		.run_time_ns = p->run_time_ns,
		.maps = (const uint32_t *)s->map_ids.data + p->first_map,
		.nmaps = p->nmaps,
	};

	for (unsigned i = 0; i < sizeof(p->tag); i++)
		snprintf(tag + 2 * i, 3, "%02x", p->tag[i]);
	return report_prog(rb, &row, err);
}

int seen_report_progs(const struct seen *s, struct report_builder *rb, struct ksnap_err *err)
{
	size_t n;
	const struct seen_prog *p = seen_progs(s, &n);
	int ret = report_progs(rb, err);

	for (size_t i = 0; i < n && !ret; i++)
		ret = report_one(s, &p[i], rb, err);
	return ret;
}
