// SPDX-License-Identifier: MIT
/* ops_list.c - read struct_ops maps' values with the kernel's own types. */
#include "capture/live/ops_list.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "wire/pack.h"

#define SLOTS_MAX 256        /* functions of one struct_ops; sched_ext has some 40 */
#define LINKED    (1u << 13) /* map flag: attached by a link (Linux 6.4, 68b04864ca42) */

void ops_list_fini(struct ops_list *l)
{
	free(l->rows);
	free(l->progs);
	*l = (struct ops_list){ 0 };
}

/* ---- the value's layout ---------------------------------------------------------------------- */

/* The member `data` of the value's type: the struct itself; 0 when there is none. */
static uint32_t find_data(const struct btf *btf, const struct btf_type *value, uint32_t *ret_offset)
{
	for (uint32_t i = 0; i < btf_vlen(value); i++) {
		const char *name = btf__name_by_offset(btf, btf_members(value)[i].name_off);

		if (!name || strcmp(name, "data"))
			continue;
		*ret_offset = btf_member_bit_offset(value, i) / 8;
		return btf_members(value)[i].type;
	}
	return 0;
}

static bool is_function_pointer(const struct btf *btf, uint32_t id)
{
	const struct btf_type *t = btf__type_by_id(btf, id);

	if (!t || !btf_is_ptr(t))
		return false;
	t = btf__type_by_id(btf, t->type);
	return t && btf_is_func_proto(t);
}

int ops_slots(const struct btf *btf, uint32_t id, uint32_t *offsets, size_t cap, size_t *ret_n,
	      const char **ret_ops)
{
	const struct btf_type *value = btf__type_by_id(btf, id), *ops;
	uint32_t data = 0, data_id;
	size_t n = 0;

	if (!value || !btf_is_struct(value))
		return KSNAP_E_TARGET;
	data_id = find_data(btf, value, &data);
	ops = data_id ? btf__type_by_id(btf, data_id) : NULL;
	if (!ops || !btf_is_struct(ops))
		return KSNAP_E_TARGET;
	for (uint32_t i = 0; i < btf_vlen(ops) && n < cap; i++) {
		if (is_function_pointer(btf, btf_members(ops)[i].type))
			offsets[n++] = data + btf_member_bit_offset(ops, i) / 8;
	}
	*ret_n = n;
	*ret_ops = btf__name_by_offset(btf, ops->name_off);
	return 0;
}

/* ---- one map --------------------------------------------------------------------------------- */

/* Which BTF the value's type is of: since Linux 6.9 (1338b93346587) its id stands where there was
 * padding; before, struct_ops were the kernel's own only. */
static uint32_t btf_of_value(const struct bpf_map_info *info)
{
	uint32_t id;

	memcpy(&id, (const char *)info + offsetof(struct bpf_map_info, btf_value_type_id) + 4, 4);
	return id ? id : BTF_OF_KERNEL;
}

static int add_prog(struct ops_list *l, uint32_t id)
{
	size_t cap = l->progs_cap ? 2 * l->progs_cap : 64;
	uint32_t *p;

	if (l->nprogs == l->progs_cap) {
		p = reallocarray(l->progs, cap, sizeof(*p));
		if (!p)
			return -1;
		l->progs = p;
		l->progs_cap = cap;
	}
	l->progs[l->nprogs++] = id;
	return 0;
}

/* To user space the kernel shows each function as the id of its program. */
static int take_programs(struct ops_list *l, struct ops_row *row, const uint8_t *value, size_t size,
			 const struct bpf_map_info *info, const struct btf *btf)
{
	uint32_t offsets[SLOTS_MAX];
	const char *ops = NULL;
	size_t n = 0;

	if (ops_slots(btf, info->btf_vmlinux_value_type_id, offsets, SLOTS_MAX, &n, &ops))
		return 0;
	snprintf(row->ops, sizeof(row->ops), "%s", ops ? ops : "");
	for (size_t i = 0; i < n; i++) {
		unsigned long id = 0;

		if (offsets[i] + sizeof(id) > size)
			continue;
		memcpy(&id, value + offsets[i], sizeof(id));
		if (id && id <= UINT32_MAX && add_prog(l, id))
			return -1;
	}
	row->nprogs = l->nprogs - row->first_prog;
	return 0;
}

static int say_unknown(const struct ops_row *row, const struct ksnap_err *why,
		       struct report_builder *rb)
{
	return report_reason(rb, "type_unknown", row->name, UINT64_MAX, UINT64_MAX,
			     "the programs of struct_ops map %s (id %u) are not known: %s",
			     row->name, row->id, why->text);
}

/* The value, malloc'd; NULL with errno ENOENT when the map is gone. */
static uint8_t *read_value(const struct bpf_map_info *info)
{
	_close_ int fd = bpf_map_get_fd_by_id(info->id);
	uint32_t zero = 0;
	uint8_t *value;

	if (fd < 0)
		return NULL;
	value = calloc(1, info->value_size + 8);
	if (value && !bpf_map_lookup_elem(fd, &zero, value))
		return value;
	free(value);
	return NULL;
}

/* What is active cannot be told without it, but all else can. */
static int say_unread(const struct bpf_map_info *info, struct report_builder *rb,
		      struct ksnap_err *err)
{
	bool denied = errno == EPERM || errno == EACCES;

	if (errno == ENOENT)
		return 0;
	if (errno == ENOMEM)
		return err_nomem(err);
	return report_reason(rb, denied ? "denied" : "map_unreadable", info->name, UINT64_MAX,
			     UINT64_MAX,
			     "the state of struct_ops map %s (id %u) cannot be read: %s",
			     info->name, info->id, strerrordesc_np(errno) ?: "an unknown error");
}

static struct ops_row *next_row(struct ops_list *l)
{
	size_t cap = l->cap ? 2 * l->cap : 8;
	struct ops_row *p;

	if (l->n == l->cap) {
		p = reallocarray(l->rows, cap, sizeof(*p));
		if (!p)
			return NULL;
		l->rows = p;
		l->cap = cap;
	}
	return &l->rows[l->n];
}

static void begin_row(struct ops_list *l, struct ops_row *row, const struct bpf_map_info *info,
		      const uint8_t *value, const struct link_list *links)
{
	const struct link_row *link = link_list_of_map(links, info->id);

	*row = (struct ops_row){ .id = info->id, .first_prog = l->nprogs };
	memcpy(row->name, info->name, sizeof(row->name) - 1);
	memcpy(&row->refcnt, value, 4); /* every value begins with these two */
	memcpy(&row->state, value + 4, 4);
	row->link = link ? link->id : 0;
	row->is_attached = row->state == OPS_INUSE || (row->state == OPS_READY && link);
}

int ops_list_add(struct ops_list *l, const struct bpf_map_info *info, const uint8_t *value,
		 const struct link_list *links, const struct btf *btf, struct ksnap_err *err)
{
	struct ops_row *row = next_row(l);

	if (!row)
		return err_nomem(err);
	begin_row(l, row, info, value, links);
	l->n++;
	if (!btf || !take_programs(l, row, value, info->value_size, info, btf))
		return 0;
	return err_nomem(err);
}

static int read_row(struct ops_list *l, const struct bpf_map_info *info,
		    const struct link_list *links, struct btf_types *types,
		    struct report_builder *rb, struct ksnap_err *err)
{
	_free_ uint8_t *value = read_value(info);
	struct ksnap_err why = { 0 };
	const struct btf *btf;

	if (!value)
		return say_unread(info, rb, err);
	btf = btf_types_load(types, btf_of_value(info), &why);
	if (ops_list_add(l, info, value, links, btf, err))
		return err->code;
	return btf ? 0 : say_unknown(&l->rows[l->n - 1], &why, rb);
}

/* ---- all ------------------------------------------------------------------------------------- */

bool ops_list_needs_links(const struct map_list *maps)
{
	for (size_t i = 0; i < maps->n; i++) {
		const struct bpf_map_info *info = &maps->refs[i].info;

		if (info->type == BPF_MAP_TYPE_STRUCT_OPS && info->map_flags & LINKED)
			return true;
	}
	return false;
}

int ops_list_read(struct ops_list *l, const struct map_list *maps, const struct link_list *links,
		  struct btf_types *types, struct report_builder *rb, struct ksnap_err *err)
{
	int ret = 0;

	l->n = l->nprogs = 0;
	for (size_t i = 0; i < maps->n && !ret; i++) {
		if (maps->refs[i].info.type == BPF_MAP_TYPE_STRUCT_OPS)
			ret = read_row(l, &maps->refs[i].info, links, types, rb, err);
	}
	return ret;
}

/* ---- into the report ------------------------------------------------------------------------- */

static void pack_number(msgpack_packer *pk, const char *key, uint64_t v)
{
	pack_str(pk, key);
	msgpack_pack_uint64(pk, v);
}

static void pack_text(msgpack_packer *pk, const char *key, const char *text)
{
	pack_str(pk, key);
	pack_str(pk, text);
}

static const char *state_word(uint32_t state)
{
	static const char *const words[] = { "init", "inuse", "tobefree", "ready" };

	return state < ARRAY_SIZE(words) ? words[state] : "unknown";
}

static void pack_row(msgpack_packer *pk, const struct ops_list *l, const struct ops_row *r)
{
	msgpack_pack_map(pk, 7 + !!r->link);
	pack_number(pk, "map", r->id);
	pack_text(pk, "name", r->name);
	pack_text(pk, "ops", r->ops);
	pack_text(pk, "state", state_word(r->state));
	pack_number(pk, "refcnt", r->refcnt);
	pack_str(pk, "attached");
	pack_bool(pk, r->is_attached);
	if (r->link)
		pack_number(pk, "link", r->link);
	pack_str(pk, "progs");
	msgpack_pack_array(pk, r->nprogs);
	for (size_t i = 0; i < r->nprogs; i++)
		msgpack_pack_uint32(pk, l->progs[r->first_prog + i]);
}

void ops_list_pack(const struct ops_list *l, struct buf *out)
{
	msgpack_packer pk;

	pack_init(&pk, out);
	msgpack_pack_array(&pk, l->n);
	for (size_t i = 0; i < l->n; i++)
		pack_row(&pk, l, &l->rows[i]);
}
