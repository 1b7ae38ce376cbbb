// SPDX-License-Identifier: MIT
/* attached.c - from memory into the rows that a running kernel gives, and these into the report. */
#include "capture/outside/attached.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "capture/live/attachments.h"
#include "capture/outside/links.h"
#include "capture/outside/map_walk.h"

#define VALUE_MAX (1u << 20) /* bytes of one struct_ops value */

struct attached {
	struct kernel *k;
	const struct seen *s;
	struct link_list links;
	struct ops_list ops;
	struct active_maps active;
	struct prog_list progs;
	struct map_list maps;
	struct report_builder *rb;
};

/* ---- struct_ops ------------------------------------------------------------------------------ */

static int say_unread(const struct attached *a, const struct seen_map *m, const char *why)
{
	return report_reason(a->rb, "map_unreadable", m->name, UINT64_MAX, UINT64_MAX,
			     "the state of struct_ops map %s (id %u) cannot be read: %s", m->name,
			     m->id, why);
}

/* Types of the kernel's own struct_ops, or of a module's. */
static uint32_t btf_of(const struct attached *a, const struct seen_map *m)
{
	const struct layout *at = &a->k->at;
	uint64_t btf, base, id;

	if (!kernel_member(a->k, m->at, at->bpf_struct_ops_map__btf, &btf) ||
	    !kernel_member(a->k, btf, at->btf__base_btf, &base) || !base ||
	    !kernel_member(a->k, btf, at->btf__id, &id))
		return BTF_OF_KERNEL;
	return id;
}

static int add_ops(struct attached *a, const struct seen_map *m, const uint8_t *value,
		   struct ksnap_err *err)
{
	struct bpf_map_info info = { .id = m->id,
				     .value_size = m->value_size,
				     .btf_vmlinux_value_type_id = m->kernel_type };
	struct ksnap_err why = { 0 };
	const struct btf *btf = btf_types_load(a->k->types, btf_of(a, m), &why);

	memcpy(info.name, m->name, sizeof(info.name));
	if (ops_list_add(&a->ops, &info, value, &a->links, btf, err))
		return KSNAP_E_NOMEM;
	return btf ? 0 : say_unread(a, m, why.text);
}

static int read_one(struct attached *a, const struct seen_map *m, struct ksnap_err *err)
{
	struct map_walk w = { .k = a->k,
			      .map = m,
			      .key_size = m->key_size,
			      .val_size = m->value_size,
			      .max_bytes = VALUE_MAX,
			      .deadline_mono_ns = UINT64_MAX };
	int ret;

	struct_ops_walk(&w);
	if (!buf_ok(&w.keys) || !buf_ok(&w.vals))
		ret = err_nomem(err);
	else if (w.count)
		ret = add_ops(a, m, w.vals.data, err);
	else
		ret = say_unread(a, m, w.why ? w.why : "its value is not in memory");
	buf_fini(&w.keys);
	buf_fini(&w.vals);
	return ret;
}

static int read_ops(struct attached *a, struct ksnap_err *err)
{
	size_t n;
	const struct seen_map *m = seen_maps(a->s, &n);
	int ret = 0;

	for (size_t i = 0; i < n && !ret; i++)
		if (m[i].type == BPF_MAP_TYPE_STRUCT_OPS)
			ret = read_one(a, &m[i], err);
	return ret;
}

/* ---- what is active -------------------------------------------------------------------------- */

static int list_progs(struct attached *a)
{
	struct prog_rows *to = &a->progs.now;
	size_t n;
	const struct seen_prog *p = seen_progs(a->s, &n);

	to->rows = calloc(n + 1, sizeof(*to->rows));
	if (!to->rows)
		return -1;
	to->map_ids = (uint32_t *)a->s->map_ids.data;
	for (to->n = 0; to->n < n; to->n++)
		to->rows[to->n] = (struct prog_row){ .id = p[to->n].id,
						     .first_map = p[to->n].first_map,
						     .nmaps = p[to->n].nmaps };
	return 0;
}

static int list_maps(struct attached *a)
{
	struct map_list *to = &a->maps;
	size_t n;
	const struct seen_map *m = seen_maps(a->s, &n);

	to->refs = calloc(n + 1, sizeof(*to->refs));
	if (!to->refs)
		return -1;
	for (to->n = 0; to->n < n; to->n++) {
		to->refs[to->n].info.id = m[to->n].id;
		memcpy(to->refs[to->n].info.name, m[to->n].name, BPF_OBJ_NAME_LEN);
	}
	return 0;
}

static int find_active(struct attached *a, struct ksnap_err *err)
{
	if (list_progs(a) || list_maps(a))
		return err_nomem(err);
	return active_find(&a->active, &a->ops, &a->progs, &a->maps, err);
}

static void release(struct attached *a)
{
	link_list_fini(&a->links);
	ops_list_fini(&a->ops);
	active_fini(&a->active);
	free(a->progs.now.rows);
	free(a->maps.refs);
}

int attached_report(struct kernel *k, const struct seen *s, bool all, struct report_builder *rb,
		    struct ksnap_err *err)
{
	struct attached a = { .k = k, .s = s, .rb = rb };
	int ret = links_read(&a.links, k, rb, err);

	if (!ret)
		ret = read_ops(&a, err);
	if (!ret)
		ret = find_active(&a, err);
	if (!ret)
		ret = attachments_write(&a.active, all ? &a.links : NULL, all ? &a.ops : NULL, rb,
					err);
	release(&a);
	return ret;
}
