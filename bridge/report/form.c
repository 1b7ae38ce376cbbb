// SPDX-License-Identifier: MIT
/* form.c - classify types, prepare their members' names. */
#include <stdlib.h>
#include <string.h>

#include "report/form.h"
#include "report/value.h"

#define CPUMASK_BYTES 1024 /* longest mask that is read */

int forms_init(struct forms *f, const struct type_table *types, bool has_masks)
{
	*f = (struct forms){ .types = types, .none = { .class = FORM_NONE } };
	f->has_masks = has_masks;
	f->none.row = type_at(types, TYPE_NONE);
	f->len = type_table_len(types);
	f->rows = calloc(type_table_len(types) + 1, sizeof(*f->rows));
	return f->rows ? 0 : -1;
}

void forms_fini(struct forms *f)
{
	free(f->rows);
	arena_fini(&f->arena);
}

/* ---- masks of CPUs ------------------------------------------------------------------------- */

/* Types that are a CPU mask, and where in them its words are. */
static const struct mask_type {
	const char *name;
	uint64_t skip;
	const char *member; /* the mask itself, when the type holds more */
} mask_types[] = {
	{ "cpumask", 0, NULL },    { "cpumask_t", 0, NULL },   { "bpf_cpumask", 0, "cpumask" },
	{ "scx_bitmap", 8, NULL }, { "llc_cpumask", 0, NULL },
};

static const struct mask_type *find_mask_type(const char *name)
{
	for (size_t i = 0; name && i < sizeof(mask_types) / sizeof(mask_types[0]); i++)
		if (!strcmp(name, mask_types[i].name))
			return &mask_types[i];
	return NULL;
}

/* Also by the typedefs in front of the type. */
static const struct mask_type *mask_type_of(const struct type_table *t, uint32_t type)
{
	const struct mask_type *found = NULL;
	const struct type_row *row = type_at(t, type);

	for (unsigned i = 0; !found && i < 32 && row->kind >= TYPE_TYPEDEF && row->kind <= TYPE_VAR;
	     i++) {
		if (row->kind == TYPE_TYPEDEF)
			found = find_mask_type(row->name);
		row = type_at(t, row->target);
	}
	return found ? found : row->kind == TYPE_STRUCT ? find_mask_type(row->name) : NULL;
}

static bool shape_mask(struct forms *f, uint32_t type, struct form *form)
{
	const struct mask_type *mask = mask_type_of(f->types, type);
	const struct type_member *m;
	uint64_t bit_off;

	if (!mask || (form->row->kind != TYPE_STRUCT && form->row->kind != TYPE_ARRAY))
		return false;
	form->skip = mask->skip;
	form->each = form->size > mask->skip ? form->size - mask->skip : 0;
	if (mask->member) {
		m = member_find(f->types, type, mask->member, strlen(mask->member), &bit_off);
		if (!m)
			return false;
		form->skip = bit_off / 8;
		form->each = type_size(f->types, m->type);
	}
	if (!form->each || form->each % 8 || form->each > CPUMASK_BYTES ||
	    form->skip > form->size || form->each > form->size - form->skip)
		return false;
	form->class = FORM_CPUS;
	return true;
}

/* ---- records ------------------------------------------------------------------------------- */

static bool prepare_label(struct forms *f, const char *name, struct label *label)
{
	struct buf text = BUF_INIT;
	struct sink k = { .out = &text };
	char *json;

	*label = (struct label){ .name = name, .len = name ? strlen(name) : 0 };
	if (!name)
		return true;
	sink_put(&k, ",\"", 2);
	sink_escaped(&k, name, label->len);
	sink_put(&k, "\":", 2);
	json = buf_ok(&text) ? arena_alloc(&f->arena, text.len + LABEL_SPAN) : NULL;
	if (json) {
		memcpy(json, text.data, text.len);
		memset(json + text.len, 0, LABEL_SPAN);
	}
	label->json = json;
	label->json_len = text.len;
	buf_fini(&text);
	return json;
}

static enum form_class class_of_int(const struct type_row *row)
{
	bool is_whole = !row->bits || row->bits == 8 * row->size;

	if (row->enc == TYPE_BOOL && row->size == 1)
		return FORM_BOOL;
	if (!is_whole || !scalar_is_plain(row->size) || row->enc == TYPE_BOOL)
		return FORM_BITS;
	return row->enc == TYPE_SIGNED ? FORM_SINT : FORM_UINT;
}

/* Most members are whole numbers at whole bytes: what they need is put beside their names. */
static void find_plain(const struct type_table *t, const struct type_member *m,
		       struct form_member *ret)
{
	const struct type_row *row = type_at(t, type_resolve(t, m->type));
	enum form_class class = row->kind == TYPE_INT ? class_of_int(row) : FORM_NONE;

	ret->is_signed = class == FORM_SINT;
	ret->plain = 0;
	if ((class == FORM_UINT || class == FORM_SINT) && !m->bit_size && m->bit_off % 8 == 0 &&
	    ret->label.name)
		ret->plain = row->size;
	ret->cost = 2 + ret->label.len / WALK_FREE;
}

static void shape_record(struct forms *f, struct form *form)
{
	const struct type_row *row = form->row;
	struct form_member *members = arena_alloc(&f->arena, row->nmembers * sizeof(*members));

	form->class = FORM_RECORD;
	form->members = members;
	for (uint32_t i = 0; members && i < row->nmembers; i++) {
		const struct type_member *m = &row->members[i];

		members[i].type = m->type;
		members[i].bit_off = m->bit_off;
		members[i].bits = m->bit_size;
		if (!prepare_label(f, member_name(f->types, m), &members[i].label)) {
			members = NULL;
			break;
		}
		find_plain(f->types, m, &members[i]);
		if (members[i].plain && m->bit_off / 8 + members[i].plain > form->plain_end)
			form->plain_end = m->bit_off / 8 + members[i].plain;
	}
	f->failed |= !members;
	form->nmembers = members ? row->nmembers : 0;
}

/* ---- the rest ------------------------------------------------------------------------------ */

static bool is_char(const struct type_row *row)
{
	return row->kind == TYPE_INT && row->size == 1 &&
	       (row->enc == TYPE_CHAR || (row->name && !strcmp(row->name, "char")));
}

static void shape(struct forms *f, uint32_t type, struct form *form)
{
	const struct type_table *t = f->types;
	const struct type_row *row = type_at(t, type_resolve(t, type));

	form->row = row;
	form->size = type_size(t, type);
	form->class = FORM_NONE;
	if (f->has_masks && shape_mask(f, type, form))
		return;
	switch (row->kind) {
	case TYPE_INT:
		form->class = class_of_int(row);
		break;
	case TYPE_FLOAT:
		form->class = FORM_FLOAT;
		break;
	case TYPE_ENUM:
		form->class = FORM_ENUM;
		break;
	case TYPE_PTR:
		form->class = FORM_PTR;
		break;
	case TYPE_ARRAY:
		form->each = type_size(t, row->target);
		form->class =
			is_char(type_at(t, type_resolve(t, row->target))) ? FORM_TEXT : FORM_ARRAY;
		break;
	case TYPE_STRUCT:
	case TYPE_UNION:
	case TYPE_DATASEC:
		shape_record(f, form);
		break;
	default:
		break;
	}
}

const struct form *form_make(struct forms *f, uint32_t type)
{
	shape(f, type, &f->rows[type]);
	return &f->rows[type];
}
