// SPDX-License-Identifier: MIT
/* btf_path.c - one step of a path after the other, from type to type. */
#include "capture/btf_path.h"

#include <string.h>

#include "base/error.h"
#include "capture/btf.h"
#include "report/listing.h"

#define DEPTH_MAX  8  /* anonymous members within one another */
#define BEHIND_MAX 32 /* typedefs and qualifiers on top of one another */
#define LIST_MAX   4096

struct walk {
	const struct btf *btf;
	const struct path *path;
	struct btf_spot *at;
	struct ksnap_err *err;
};

static bool is_wrapped(const struct btf_type *t)
{
	return btf_is_mod(t) || btf_is_typedef(t) || btf_is_var(t) || btf_is_type_tag(t) ||
	       btf_is_decl_tag(t);
}

uint32_t btf_behind(const struct btf *btf, uint32_t id)
{
	for (int i = 0; i < BEHIND_MAX; i++) {
		const struct btf_type *t = btf__type_by_id(btf, id);

		if (!t || !id)
			return 0;
		if (!is_wrapped(t))
			return id;
		id = t->type;
	}
	return 0;
}

static const char *name_of(const struct btf *btf, uint32_t offset)
{
	return btf__name_by_offset(btf, offset) ?: "";
}

static bool is_called(const char *name, const struct path_step *step)
{
	return strlen(name) == step->len && !memcmp(name, step->name, step->len);
}

/* ---- members --------------------------------------------------------------------------------- */

struct member {
	uint32_t type;
	uint64_t bit_off;
	uint32_t bit_size;
};

static bool find_member(const struct btf *btf, uint32_t id, const struct path_step *step, int depth,
			struct member *ret)
{
	const struct btf_type *t = btf__type_by_id(btf, id);

	if (!t || !btf_is_composite(t) || !depth)
		return false;
	for (uint32_t i = 0; i < btf_vlen(t); i++) {
		const struct btf_member *m = &btf_members(t)[i];
		const char *name = name_of(btf, m->name_off);
		uint64_t off = btf_member_bit_offset(t, i);

		if (is_called(name, step)) {
			*ret = (struct member){ m->type, off, btf_member_bitfield_size(t, i) };
			return true;
		}
		if (!*name && find_member(btf, btf_behind(btf, m->type), step, depth - 1, ret)) {
			ret->bit_off += off;
			return true;
		}
	}
	return false;
}

static bool find_variable(const struct btf *btf, const struct btf_type *section,
			  const struct path_step *step, struct member *ret)
{
	for (uint32_t i = 0; i < btf_vlen(section); i++) {
		const struct btf_var_secinfo *v = &btf_var_secinfos(section)[i];
		const struct btf_type *var = btf__type_by_id(btf, v->type);

		if (!var || !is_called(name_of(btf, var->name_off), step))
			continue;
		*ret = (struct member){ v->type, 8 * (uint64_t)v->offset, 0 };
		return true;
	}
	return false;
}

static void list_members(const struct btf *btf, uint32_t id, int depth, struct list *l)
{
	const struct btf_type *t = btf__type_by_id(btf, id);

	for (uint32_t i = 0; t && depth && i < btf_vlen(t) && l->n < LIST_MAX; i++) {
		bool is_section = btf_is_datasec(t);
		uint32_t type = is_section ? btf_var_secinfos(t)[i].type : btf_members(t)[i].type;
		const struct btf_type *var = is_section ? btf__type_by_id(btf, type) : NULL;
		const char *name = name_of(btf, is_section ? (var ? var->name_off : 0)
							   : btf_members(t)[i].name_off);

		if (*name)
			list_add(l, "%s", name);
		else if (!is_section)
			list_members(btf, btf_behind(btf, type), depth - 1, l);
	}
}

static int refuse_step(struct walk *w, const struct path_step *step, const char *what)
{
	return err_set(w->err, KSNAP_E_ARG, "path '%s', column %u: %s", w->path->text, step->column,
		       what);
}

static int refuse_member(struct walk *w, const struct path_step *step)
{
	struct list have = { .n = 0 };

	list_members(w->btf, w->at->type, DEPTH_MAX, &have);
	return err_set(w->err, KSNAP_E_NOTFOUND, "path '%s': no member '%.*s'; there are: %s",
		       w->path->text, (int)(step->len < 64 ? step->len : 64), step->name,
		       list_text(&have));
}

/* ---- steps ----------------------------------------------------------------------------------- */

static bool is_signed(const struct btf_type *t)
{
	if (btf_is_int(t))
		return btf_int_encoding(t) & BTF_INT_SIGNED;
	return btf_is_any_enum(t) && btf_enum_is_signed(t);
}

static void stand_on(struct walk *w, uint32_t type)
{
	uint32_t id = btf_behind(w->btf, type);
	const struct btf_type *t = btf__type_by_id(w->btf, id);
	int64_t size = id ? btf__resolve_size(w->btf, id) : 0;

	w->at->type = id;
	w->at->size = size > 0 ? size : 0;
	if (t && btf_is_datasec(t))
		w->at->size = t->size;
	w->at->is_signed = t && is_signed(t);
}

/* The bytes a bit field is in become the spot. */
static void take_bits(struct walk *w, const struct member *m)
{
	uint64_t last = m->bit_off + m->bit_size - 1;

	w->at->is_bitfield = true;
	w->at->bit_off = m->bit_off % 8;
	w->at->bit_size = m->bit_size;
	w->at->size = last / 8 - m->bit_off / 8 + 1;
}

static int go_to_member(struct walk *w, const struct path_step *step)
{
	const struct btf_type *t = btf__type_by_id(w->btf, w->at->type);
	struct member m;
	bool found = btf_is_datasec(t) ? find_variable(w->btf, t, step, &m)
				       : find_member(w->btf, w->at->type, step, DEPTH_MAX, &m);

	if (!found && (btf_is_datasec(t) || btf_is_composite(t)))
		return refuse_member(w, step);
	if (!found)
		return refuse_step(w, step, "what stands before it has no members");
	w->at->offset += m.bit_off / 8;
	stand_on(w, m.type);
	if (m.bit_size)
		take_bits(w, &m);
	return 0;
}

static int go_to_element(struct walk *w, const struct path_step *step)
{
	const struct btf_type *t = btf__type_by_id(w->btf, w->at->type);
	uint64_t off;
	uint32_t len;

	if (!btf_is_array(t))
		return refuse_step(w, step, "what stands before it is no array");
	len = btf_array(t)->nelems;
	if (!step->has_number)
		return refuse_step(w, step, "an array's index is a number");
	if (step->number >= len && len)
		return err_set(w->err, KSNAP_E_ARG,
			       "path '%s', column %u: the array has %u elements, from 0",
			       w->path->text, step->column, len);
	stand_on(w, btf_array(t)->type);
	if (!len || __builtin_mul_overflow(step->number, w->at->size, &off))
		return refuse_step(w, step, "the array has no length that is known");
	w->at->offset += off;
	return 0;
}

static int follow(struct walk *w, const struct path_step *step, bool may)
{
	const struct btf_type *t = btf__type_by_id(w->btf, w->at->type);
	uint32_t to = btf_behind(w->btf, t->type);
	const struct btf_type *target = to ? btf__type_by_id(w->btf, to) : NULL;

	if (!may)
		return refuse_step(w, step,
				   "what stands before it is a pointer, which is not "
				   "followed here");
	if (!target || !btf_is_composite(target))
		return refuse_step(w, step, "what stands before it points to no struct");
	if (w->at->nhops == BTF_HOPS_MAX)
		return refuse_step(w, step, "a path follows at most 8 pointers");
	w->at->hops[w->at->nhops++] = w->at->offset;
	w->at->offset = 0;
	stand_on(w, to);
	return 0;
}

static int take_step(struct walk *w, const struct path_step *step, bool hops)
{
	const struct btf_type *t = btf__type_by_id(w->btf, w->at->type);
	int ret = 0;

	if (!t || !w->at->type)
		return refuse_step(w, step, "what stands before it has no type");
	if (w->at->is_bitfield)
		return refuse_step(w, step, "what stands before it is a bit field");
	if (step->kind == PATH_CPU)
		return refuse_step(w, step, "[cpu=N] stands right behind the map's key");
	if (btf_is_ptr(t) && step->kind == PATH_FIELD)
		ret = follow(w, step, hops);
	if (ret)
		return ret;
	return step->kind == PATH_FIELD ? go_to_member(w, step) : go_to_element(w, step);
}

int btf_path_find(const struct btf *btf, uint32_t type, struct path *p, bool hops,
		  struct btf_spot *ret, struct ksnap_err *err)
{
	struct walk w = { btf, p, ret, err };
	struct path_step step;

	*ret = (struct btf_spot){ 0 };
	stand_on(&w, type);
	for (;;) {
		int code = path_next(p, &step, err);

		if (code || step.kind == PATH_END)
			return code;
		code = take_step(&w, &step, hops);
		if (code)
			return code;
	}
}
