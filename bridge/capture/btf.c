// SPDX-License-Identifier: MIT
/* btf.c - walk BTF from one type on and write what it is made of as rows. */
#include "capture/btf.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/utf8.h"

/* ---- one conversion -------------------------------------------------------------------------- */

/* Rows already made, by BTF id: open addressing, a power of two, never full. */
struct seen {
	struct seen_slot {
		uint32_t id, index; /* id 0: free; void is never kept here */
	} * slots;
	size_t cap, n;
};

struct conversion {
	const struct btf *btf;
	struct type_table *t;
	struct seen seen;
	int64_t none; /* index of the row for void; -1: none yet */
	size_t spent; /* bytes, of BTF_MOST */
	struct ksnap_err *err;
};

static struct seen_slot *seen_slot(const struct seen *s, uint32_t id)
{
	size_t i = id * 0x9e3779b1u & (s->cap - 1);

	while (s->slots[i].id && s->slots[i].id != id)
		i = (i + 1) & (s->cap - 1);
	return &s->slots[i];
}

static int seen_grow(struct seen *s)
{
	struct seen bigger = { .cap = s->cap ? 2 * s->cap : 64, .n = s->n };

	bigger.slots = calloc(bigger.cap, sizeof(*bigger.slots));
	if (!bigger.slots)
		return -1;
	for (size_t i = 0; i < s->cap; i++) {
		if (s->slots[i].id)
			*seen_slot(&bigger, s->slots[i].id) = s->slots[i];
	}
	free(s->slots);
	*s = bigger;
	return 0;
}

static int seen_add(struct seen *s, uint32_t id, uint32_t index)
{
	if (2 * (s->n + 1) > s->cap && seen_grow(s))
		return -1;
	*seen_slot(s, id) = (struct seen_slot){ id, index };
	s->n++;
	return 0;
}

static bool seen_find(const struct seen *s, uint32_t id, uint32_t *ret)
{
	const struct seen_slot *slot = s->cap ? seen_slot(s, id) : NULL;

	if (!slot || !slot->id)
		return false;
	*ret = slot->index;
	return true;
}

/* What a few bytes of BTF say can be large: types that share one long name, say. */
static int spend(struct conversion *c, size_t bytes)
{
	c->spent += bytes;
	if (c->spent <= BTF_MOST)
		return 0;
	return err_set(c->err, KSNAP_E_LIMIT,
		       "the type is larger than the %u bytes that one may have in a report",
		       BTF_MOST);
}

static int refuse(struct conversion *c, uint32_t id, const char *what)
{
	return err_set(c->err, KSNAP_E_TARGET, "the BTF is not sound: type %u %s", id, what);
}

/* The string at @off, NULL for the empty one. @id is the type that it is of. */
static int take_name(struct conversion *c, uint32_t id, uint32_t off, const char **ret)
{
	const char *name = btf__name_by_offset(c->btf, off);
	size_t len = name ? strnlen(name, BTF_NAME_MAX + 1) : 0;

	if (!name)
		return refuse(c, id, "has a name that is not there");
	if (len > BTF_NAME_MAX)
		return refuse(c, id, "has a name that is too long");
	if (utf8_sound(name, len) != len)
		return refuse(c, id, "has a name that is not UTF-8");
	*ret = len ? name : NULL;
	return spend(c, len);
}

/* ---- pointers in words ----------------------------------------------------------------------- */

static const char *word_before(const struct btf_type *t)
{
	switch (btf_kind(t)) {
	case BTF_KIND_STRUCT:
		return "struct ";
	case BTF_KIND_UNION:
		return "union ";
	case BTF_KIND_ENUM:
	case BTF_KIND_ENUM64:
		return "enum ";
	case BTF_KIND_FWD:
		return btf_kflag(t) ? "union " : "struct ";
	case BTF_KIND_CONST:
		return "const ";
	case BTF_KIND_VOLATILE:
		return "volatile ";
	default:
		return "";
	}
}

static bool is_wrapper(const struct btf_type *t)
{
	return btf_is_const(t) || btf_is_volatile(t) || btf_is_restrict(t) || btf_is_type_tag(t);
}

static void append(char *buf, size_t cap, const char *word)
{
	size_t len = strlen(buf);

	snprintf(buf + len, cap - len, "%s", word);
}

/* "const struct task_struct *": qualifiers before, the name, one star a pointer. */
static int describe(struct conversion *c, uint32_t id, char *buf, size_t cap)
{
	const struct btf_type *t = btf__type_by_id(c->btf, id);
	const char *name = NULL;
	unsigned stars = 0;
	int rc;

	buf[0] = 0;
	for (int depth = 0; id && t && depth < BTF_DEPTH; depth++) {
		if (!is_wrapper(t) && !btf_is_ptr(t))
			break;
		stars += btf_is_ptr(t);
		append(buf, cap, word_before(t));
		id = t->type;
		t = btf__type_by_id(c->btf, id);
	}
	if (!t)
		return refuse(c, id, "is pointed to and not there");
	rc = id ? take_name(c, id, t->name_off, &name) : 0;
	if (rc)
		return rc;
	if (!name)
		name = !id ? "void" : btf_is_func_proto(t) ? "function" : "(anonymous)";
	append(buf, cap, id ? word_before(t) : "");
	append(buf, cap, name);
	append(buf, cap, stars ? " " : "");
	while (stars--)
		append(buf, cap, "*");
	buf[utf8_cut(buf, strlen(buf))] = 0;
	return 0;
}

/* ---- one function a kind --------------------------------------------------------------------- */

static int64_t convert(struct conversion *c, uint32_t id, int depth);

static void take_int(const struct btf_type *t, struct type_row *row)
{
	uint8_t enc = btf_int_encoding(t);

	row->kind = TYPE_INT;
	row->size = t->size;
	row->bits = btf_int_bits(t) == 8 * t->size ? 0 : btf_int_bits(t);
	row->enc = enc & BTF_INT_BOOL     ? TYPE_BOOL
		   : enc & BTF_INT_CHAR   ? TYPE_CHAR
		   : enc & BTF_INT_SIGNED ? TYPE_SIGNED
					  : TYPE_UNSIGNED;
	/* clang writes char as a signed byte of this name, without the flag. */
	if (t->size == 1 && row->enc == TYPE_SIGNED && row->name && !strcmp(row->name, "char"))
		row->enc = TYPE_CHAR;
}

static int fill_row(struct conversion *c, uint32_t index, const struct type_row *row)
{
	return type_fill(c->t, index, row, c->err);
}

bool btf_enum_is_signed(const struct btf_type *t)
{
	if (btf_kflag(t) || btf_is_enum64(t))
		return btf_kflag(t);
	for (uint32_t i = 0; i < btf_vlen(t); i++) {
		if (btf_enum(t)[i].val < 0 && btf_enum(t)[i].val >= -4096)
			return true;
	}
	return false;
}

static int take_enumerator(struct conversion *c, uint32_t id, const struct btf_type *t, uint32_t i,
			   bool is_signed, struct type_enumerator *ret)
{
	const struct btf_enum64 *wide = btf_enum64(t) + i;
	const struct btf_enum *e = btf_enum(t) + i;
	int rc;

	if (btf_is_enum64(t))
		ret->value = btf_enum64_value(wide);
	else
		ret->value = is_signed ? (int64_t)e->val : (int64_t)(uint32_t)e->val;
	rc = take_name(c, id, btf_is_enum64(t) ? wide->name_off : e->name_off, &ret->name);
	if (!ret->name)
		ret->name = "";
	return rc;
}

/* Zeroed room for @n items, paid for. */
static int allocate(struct conversion *c, size_t n, size_t size, void *ret)
{
	int rc = spend(c, n * size);

	if (rc)
		return rc;
	*(void **)ret = calloc(n + 1, size);
	return *(void **)ret ? 0 : err_nomem(c->err);
}

static int fill_enum(struct conversion *c, uint32_t id, const struct btf_type *t,
		     struct type_row *row, uint32_t index)
{
	bool is_signed = btf_enum_is_signed(t);
	_free_ struct type_enumerator *e = NULL;
	uint32_t n = btf_vlen(t);
	int rc = allocate(c, n, sizeof(*e), &e);

	for (uint32_t i = 0; i < n && !rc; i++)
		rc = take_enumerator(c, id, t, i, is_signed, &e[i]);
	if (rc)
		return rc;
	row->kind = TYPE_ENUM;
	row->size = t->size;
	row->enc = is_signed ? TYPE_SIGNED : TYPE_UNSIGNED;
	row->enumerators = e;
	row->nenumerators = n;
	return fill_row(c, index, row);
}

/* Before bitfields had a flag, their type was an int of so many bits at an offset of its own. */
static void take_old_bitfield(const struct btf *btf, uint32_t id, struct type_member *m)
{
	const struct btf_type *t = btf__type_by_id(btf, id);

	if (!t || !btf_is_int(t) || (btf_int_bits(t) == 8 * t->size && !btf_int_offset(t)))
		return;
	m->bit_off += btf_int_offset(t);
	m->bit_size = btf_int_bits(t);
}

static int take_member(struct conversion *c, uint32_t id, const struct btf_type *t, uint32_t i,
		       struct type_member *ret, int depth)
{
	const struct btf_member *m = &btf_members(t)[i];
	int64_t type = convert(c, m->type, depth);

	if (type < 0)
		return type;
	ret->type = type;
	ret->bit_off = btf_member_bit_offset(t, i);
	ret->bit_size = btf_member_bitfield_size(t, i);
	if (!btf_kflag(t))
		take_old_bitfield(c->btf, m->type, ret);
	return take_name(c, id, m->name_off, &ret->name);
}

static int fill_composite(struct conversion *c, uint32_t id, const struct btf_type *t,
			  struct type_row *row, uint32_t index, int depth)
{
	_free_ struct type_member *m = NULL;
	uint32_t n = btf_vlen(t);
	int rc = allocate(c, n, sizeof(*m), &m);

	for (uint32_t i = 0; i < n && !rc; i++)
		rc = take_member(c, id, t, i, &m[i], depth);
	if (rc)
		return rc;
	row->kind = btf_is_union(t) ? TYPE_UNION : TYPE_STRUCT;
	row->size = t->size;
	row->members = m;
	row->nmembers = n;
	return fill_row(c, index, row);
}

static int take_variable(struct conversion *c, const struct btf_var_secinfo *v,
			 struct type_member *ret, int depth)
{
	const struct btf_type *var = btf__type_by_id(c->btf, v->type);
	int64_t type = convert(c, v->type, depth);

	if (type < 0)
		return type;
	ret->type = type;
	ret->bit_off = 8 * (uint64_t)v->offset;
	return take_name(c, v->type, var->name_off, &ret->name);
}

static int fill_datasec(struct conversion *c, const struct btf_type *t, struct type_row *row,
			uint32_t index, int depth)
{
	_free_ struct type_member *m = NULL;
	uint32_t n = btf_vlen(t);
	int rc = allocate(c, n, sizeof(*m), &m);

	for (uint32_t i = 0; i < n && !rc; i++)
		rc = take_variable(c, &btf_var_secinfos(t)[i], &m[i], depth);
	if (rc)
		return rc;
	row->kind = TYPE_DATASEC;
	row->size = t->size;
	row->members = m;
	row->nmembers = n;
	return fill_row(c, index, row);
}

/* The kernel refuses arrays above 4 GiB as well. */
static int fill_array(struct conversion *c, uint32_t id, const struct btf_type *t,
		      struct type_row *row, uint32_t index, int depth)
{
	const struct btf_array *a = btf_array(t);
	int64_t of = convert(c, a->type, depth);

	if (of < 0)
		return of;
	row->kind = TYPE_ARRAY;
	row->target = of;
	row->len = a->nelems;
	if (__builtin_mul_overflow(type_size(c->t, of), row->len, &row->size) ||
	    row->size > UINT32_MAX)
		return refuse(c, id, "is an array of 4 GiB or more");
	return fill_row(c, index, row);
}

static int fill_pointer(struct conversion *c, const struct btf_type *t, struct type_row *row,
			uint32_t index)
{
	char to[128];
	int rc = describe(c, t->type, to, sizeof(to));

	if (rc)
		return rc;
	row->kind = TYPE_PTR;
	row->size = btf__pointer_size(c->btf) ?: sizeof(void *);
	row->to = to;
	row->btf_type = t->type;
	return fill_row(c, index, row);
}

static enum type_kind behind_kind(const struct btf_type *t)
{
	switch (btf_kind(t)) {
	case BTF_KIND_TYPEDEF:
		return TYPE_TYPEDEF;
	case BTF_KIND_CONST:
		return TYPE_CONST;
	case BTF_KIND_VOLATILE:
		return TYPE_VOLATILE;
	case BTF_KIND_RESTRICT:
		return TYPE_RESTRICT;
	case BTF_KIND_TYPE_TAG:
		return TYPE_TYPE_TAG;
	default:
		return TYPE_VAR;
	}
}

static int fill_behind(struct conversion *c, const struct btf_type *t, struct type_row *row,
		       uint32_t index, int depth)
{
	int64_t target = convert(c, t->type, depth);

	if (target < 0)
		return target;
	row->kind = behind_kind(t);
	row->target = target;
	return fill_row(c, index, row);
}

static int fill(struct conversion *c, uint32_t id, const struct btf_type *t, uint32_t index,
		int depth)
{
	struct type_row row = { .target = TYPE_NONE };
	int rc = take_name(c, id, t->name_off, &row.name);

	if (rc)
		return rc;
	switch (btf_kind(t)) {
	case BTF_KIND_INT:
		take_int(t, &row);
		break;
	case BTF_KIND_FLOAT:
		row.kind = TYPE_FLOAT;
		row.size = t->size;
		break;
	case BTF_KIND_FWD:
		row.kind = TYPE_FWD;
		break;
	case BTF_KIND_FUNC:
	case BTF_KIND_FUNC_PROTO:
		row.kind = TYPE_FUNC;
		break;
	case BTF_KIND_ENUM:
	case BTF_KIND_ENUM64:
		return fill_enum(c, id, t, &row, index);
	case BTF_KIND_STRUCT:
	case BTF_KIND_UNION:
		return fill_composite(c, id, t, &row, index, depth);
	case BTF_KIND_DATASEC:
		return fill_datasec(c, t, &row, index, depth);
	case BTF_KIND_ARRAY:
		return fill_array(c, id, t, &row, index, depth);
	case BTF_KIND_PTR:
		return fill_pointer(c, t, &row, index);
	case BTF_KIND_TYPEDEF:
	case BTF_KIND_CONST:
	case BTF_KIND_VOLATILE:
	case BTF_KIND_RESTRICT:
	case BTF_KIND_TYPE_TAG:
	case BTF_KIND_VAR:
		return fill_behind(c, t, &row, index, depth);
	default: /* a kind newer than this program: its bytes are still shown */
		row.kind = TYPE_VOID;
	}
	return fill_row(c, index, &row);
}

static int64_t reserve(struct conversion *c)
{
	int rc = spend(c, sizeof(struct type_row));

	return rc ? rc : type_reserve(c->t, c->err);
}

/* One row serves whatever is void, or too deep. */
static int64_t convert_void(struct conversion *c)
{
	if (c->none < 0)
		c->none = reserve(c);
	return c->none;
}

/* The type that @id tags, through as many tags as there are. */
static uint32_t behind_tags(const struct btf *btf, uint32_t id)
{
	const struct btf_type *t = btf__type_by_id(btf, id);

	for (int i = 0; t && btf_is_decl_tag(t); i++) {
		id = i < BTF_DEPTH ? t->type : 0;
		t = btf__type_by_id(btf, id);
	}
	return id;
}

/* The row of type @asked, made at its first use. Reserved before it is filled, so that a type that
 * holds itself, which only broken BTF can say without a pointer, ends. */
static int64_t convert(struct conversion *c, uint32_t asked, int depth)
{
	uint32_t id = behind_tags(c->btf, asked), known;
	const struct btf_type *t = btf__type_by_id(c->btf, id);
	int64_t index;
	int rc;

	if (id && seen_find(&c->seen, id, &known))
		return known;
	if (!t)
		return refuse(c, id, "is used and not there");
	if (!id || depth >= BTF_DEPTH)
		return convert_void(c);
	index = reserve(c);
	if (index < 0)
		return index;
	if (seen_add(&c->seen, id, index))
		return err_nomem(c->err);
	rc = fill(c, id, t, index, depth + 1);
	return rc < 0 ? rc : index;
}

int64_t btf_convert_sized(const struct btf *btf, uint32_t id, struct type_table *t,
			  size_t *ret_bytes, struct ksnap_err *err)
{
	struct conversion c = { .btf = btf, .t = t, .none = -1, .err = err };
	int64_t index;

	if (!btf__type_by_id(btf, id))
		return err_set(err, KSNAP_E_ARG, "the BTF has no type %u, only %u types", id,
			       btf__type_cnt(btf));
	index = convert(&c, id, 0);
	free(c.seen.slots);
	*ret_bytes = c.spent;
	return index;
}

int64_t btf_convert(const struct btf *btf, uint32_t id, struct type_table *t, struct ksnap_err *err)
{
	size_t bytes;

	return btf_convert_sized(btf, id, t, &bytes, err);
}
