// SPDX-License-Identifier: MIT
/* btf.c - walk BTF from one type on and write what it is made of as rows. */
#include "capture/btf.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"

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
	uint32_t btf_id; /* 0: not known */
	struct type_table *t;
	struct seen seen;
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

/* NULL for the empty name. */
static const char *name_of(const struct btf *btf, const struct btf_type *t)
{
	const char *name = btf__name_by_offset(btf, t->name_off);

	return name && *name ? name : NULL;
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

/* "const struct task_struct *": qualifiers before, the name, one star a pointer. */
static void describe(const struct btf *btf, uint32_t id, char *buf, size_t cap)
{
	const struct btf_type *t = btf__type_by_id(btf, id);
	const char *name = "void";
	unsigned stars = 0;
	size_t len = 0;

	buf[0] = 0;
	for (int depth = 0; id && t && depth < BTF_DEPTH && len < cap; depth++) {
		if (!is_wrapper(t) && !btf_is_ptr(t))
			break;
		stars += btf_is_ptr(t);
		len += snprintf(buf + len, cap - len, "%s", word_before(t));
		id = t->type;
		t = btf__type_by_id(btf, id);
	}
	if (id && t) {
		name = name_of(btf, t);
		if (!name)
			name = btf_is_func_proto(t) ? "function" : "(anonymous)";
	}
	if (len < cap)
		len += snprintf(buf + len, cap - len, "%s%s%s", id && t ? word_before(t) : "", name,
				stars ? " " : "");
	while (stars-- && len + 1 < cap)
		len += snprintf(buf + len, cap - len, "*");
}

/* ---- one function a kind --------------------------------------------------------------------- */

static int64_t convert(struct conversion *c, uint32_t id, int depth);

static int convert_int(struct conversion *c, const struct btf_type *t, struct type_row *row)
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
	return 0;
}

static int fill_row(struct conversion *c, uint32_t index, const struct type_row *row)
{
	return type_fill(c->t, index, row, c->err);
}

/* Compilers before the flag existed (clang 14 is one) write signed enums without it: a small
 * negative number among the names gives them away. */
static bool is_signed_enum(const struct btf_type *t)
{
	if (btf_kflag(t) || btf_is_enum64(t))
		return btf_kflag(t);
	for (uint32_t i = 0; i < btf_vlen(t); i++) {
		if (btf_enum(t)[i].val < 0 && btf_enum(t)[i].val >= -4096)
			return true;
	}
	return false;
}

static struct type_enumerator enumerator_at(const struct btf *btf, const struct btf_type *t,
					    uint32_t i)
{
	const struct btf_enum *e = btf_enum(t) + i;

	if (btf_is_enum64(t)) {
		const struct btf_enum64 *wide = btf_enum64(t) + i;

		return (struct type_enumerator){ btf__name_by_offset(btf, wide->name_off),
						 btf_enum64_value(wide) };
	}
	return (struct type_enumerator){
		btf__name_by_offset(btf, e->name_off),
		is_signed_enum(t) ? (int64_t)e->val : (int64_t)(uint32_t)e->val,
	};
}

static int fill_enum(struct conversion *c, const struct btf_type *t, struct type_row *row,
		     uint32_t index)
{
	uint32_t n = btf_vlen(t);
	_free_ struct type_enumerator *e = calloc(n + 1, sizeof(*e));

	if (!e)
		return err_nomem(c->err);
	for (uint32_t i = 0; i < n; i++)
		e[i] = enumerator_at(c->btf, t, i);
	row->kind = TYPE_ENUM;
	row->size = t->size;
	row->enc = is_signed_enum(t) ? TYPE_SIGNED : TYPE_UNSIGNED;
	row->enumerators = e;
	row->nenumerators = n;
	return fill_row(c, index, row);
}

static int fill_composite(struct conversion *c, const struct btf_type *t, struct type_row *row,
			  uint32_t index, int depth)
{
	uint32_t n = btf_vlen(t);
	_free_ struct type_member *m = calloc(n + 1, sizeof(*m));

	if (!m)
		return err_nomem(c->err);
	for (uint32_t i = 0; i < n; i++) {
		const char *name = btf__name_by_offset(c->btf, btf_members(t)[i].name_off);
		int64_t type = convert(c, btf_members(t)[i].type, depth);

		if (type < 0)
			return type;
		m[i] = (struct type_member){
			.name = name && *name ? name : NULL,
			.type = type,
			.bit_off = btf_member_bit_offset(t, i),
			.bit_size = btf_member_bitfield_size(t, i),
		};
	}
	row->kind = btf_is_union(t) ? TYPE_UNION : TYPE_STRUCT;
	row->size = t->size;
	row->members = m;
	row->nmembers = n;
	return fill_row(c, index, row);
}

static int fill_datasec(struct conversion *c, const struct btf_type *t, struct type_row *row,
			uint32_t index, int depth)
{
	uint32_t n = btf_vlen(t);
	_free_ struct type_member *m = calloc(n + 1, sizeof(*m));

	if (!m)
		return err_nomem(c->err);
	for (uint32_t i = 0; i < n; i++) {
		const struct btf_var_secinfo *v = &btf_var_secinfos(t)[i];
		const struct btf_type *var = btf__type_by_id(c->btf, v->type);
		int64_t type = convert(c, v->type, depth);

		if (type < 0)
			return type;
		m[i] = (struct type_member){
			.name = var ? name_of(c->btf, var) : NULL,
			.type = type,
			.bit_off = 8 * (uint64_t)v->offset,
		};
	}
	row->kind = TYPE_DATASEC;
	row->size = t->size;
	row->members = m;
	row->nmembers = n;
	return fill_row(c, index, row);
}

static int fill_array(struct conversion *c, const struct btf_type *t, struct type_row *row,
		      uint32_t index, int depth)
{
	const struct btf_array *a = btf_array(t);
	int64_t of = convert(c, a->type, depth);

	if (of < 0)
		return of;
	row->kind = TYPE_ARRAY;
	row->target = of;
	row->len = a->nelems;
	row->size = type_size(c->t, of) * a->nelems;
	return fill_row(c, index, row);
}

static int fill_pointer(struct conversion *c, const struct btf_type *t, struct type_row *row,
			uint32_t index)
{
	char to[128];

	describe(c->btf, t->type, to, sizeof(to));
	row->kind = TYPE_PTR;
	row->size = btf__pointer_size(c->btf) ?: sizeof(void *);
	row->to = to;
	row->btf_id = c->btf_id;
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

static int fill(struct conversion *c, const struct btf_type *t, uint32_t index, int depth)
{
	struct type_row row = { .name = name_of(c->btf, t), .target = TYPE_NONE };

	switch (btf_kind(t)) {
	case BTF_KIND_INT:
		convert_int(c, t, &row);
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
		return fill_enum(c, t, &row, index);
	case BTF_KIND_STRUCT:
	case BTF_KIND_UNION:
		return fill_composite(c, t, &row, index, depth);
	case BTF_KIND_DATASEC:
		return fill_datasec(c, t, &row, index, depth);
	case BTF_KIND_ARRAY:
		return fill_array(c, t, &row, index, depth);
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

/* The row of type @id, made at its first use. Reserved before it is filled, so that a type that
 * holds itself, which only broken BTF can say without a pointer, ends. */
static int64_t convert(struct conversion *c, uint32_t id, int depth)
{
	const struct btf_type *t = btf__type_by_id(c->btf, id);
	uint32_t known;
	int64_t index;
	int ret;

	if (id && seen_find(&c->seen, id, &known))
		return known;
	index = type_reserve(c->t, c->err);
	if (index < 0 || !id || !t || depth >= BTF_DEPTH)
		return index;
	if (seen_add(&c->seen, id, index))
		return err_nomem(c->err);
	ret = fill(c, t, index, depth + 1);
	return ret < 0 ? ret : index;
}

static int64_t convert_from(const struct btf *btf, uint32_t btf_id, uint32_t id,
			    struct type_table *t, struct ksnap_err *err)
{
	struct conversion c = { .btf = btf, .btf_id = btf_id, .t = t, .err = err };
	int64_t index;

	if (!btf__type_by_id(btf, id))
		return err_set(err, KSNAP_E_ARG, "the BTF has no type %u, only %u types", id,
			       btf__type_cnt(btf));
	index = convert(&c, id, 0);
	free(c.seen.slots);
	return index;
}

int64_t btf_convert(const struct btf *btf, uint32_t id, struct type_table *t, struct ksnap_err *err)
{
	return convert_from(btf, 0, id, t, err);
}

/* ---- kept conversions ------------------------------------------------------------------------ */

#define KEEP_MAX 1024 /* conversions; beyond it all are let go and made again at need */

struct kept {
	uint32_t btf_id, type_id;
	struct type_table *table;
	uint32_t root;   /* of the type, in its own table */
	uint64_t report; /* the report it was last appended to */
	uint32_t shift;  /* and where */
};

struct btf_types {
	struct kept *kept;
	size_t n;
	uint64_t report;     /* counts reports */
	struct btf *btf;     /* the one loaded last */
	uint32_t btf_id;     /* its id */
	struct btf *vmlinux; /* base of module BTF; loaded at first need */
};

struct btf_types *btf_types_create(struct ksnap_err *err)
{
	struct btf_types *c = calloc(1, sizeof(*c));

	if (c)
		c->kept = calloc(KEEP_MAX, sizeof(*c->kept));
	if (c && c->kept)
		return c;
	free(c);
	err_nomem(err);
	return NULL;
}

static void forget(struct btf_types *c)
{
	for (size_t i = 0; i < c->n; i++)
		type_table_destroy(c->kept[i].table);
	c->n = 0;
}

void btf_types_destroy(struct btf_types *c)
{
	int saved = errno;

	if (!c)
		return;
	forget(c);
	btf__free(c->btf);
	btf__free(c->vmlinux);
	free(c->kept);
	free(c);
	errno = saved;
}

void btf_types_begin(struct btf_types *c)
{
	c->report++;
}

static int load_vmlinux(struct btf_types *c, struct ksnap_err *err)
{
	if (!c->vmlinux)
		c->vmlinux = btf__load_vmlinux_btf();
	return c->vmlinux ? 0
			  : err_errno(err, KSNAP_E_TARGET, errno,
				      "the kernel's own types cannot be read");
}

const struct btf *btf_types_kernel(struct btf_types *c, struct ksnap_err *err)
{
	return load_vmlinux(c, err) ? NULL : c->vmlinux;
}

static const struct btf *loaded(const struct btf_types *c, uint32_t id)
{
	return id == BTF_OF_KERNEL ? c->vmlinux : c->btf;
}

/* Objects of programs stand alone; those of modules need the kernel's own as their base. */
static int load(struct btf_types *c, uint32_t id, struct ksnap_err *err)
{
	struct btf *btf;

	if (id == BTF_OF_KERNEL)
		return load_vmlinux(c, err);
	if (c->btf && c->btf_id == id)
		return 0;
	btf = btf__load_from_kernel_by_id(id);
	if (!btf && errno != EPERM && errno != ENOENT) {
		if (!c->vmlinux)
			c->vmlinux = btf__load_vmlinux_btf();
		btf = c->vmlinux ? btf__load_from_kernel_by_id_split(id, c->vmlinux) : NULL;
	}
	if (!btf)
		return err_errno(err, errno == EPERM ? KSNAP_E_DENIED : KSNAP_E_TARGET, errno,
				 "BTF object %u cannot be read", id);
	btf__free(c->btf);
	c->btf = btf;
	c->btf_id = id;
	return 0;
}

static struct kept *find(struct btf_types *c, uint32_t btf_id, uint32_t type_id)
{
	for (size_t i = 0; i < c->n; i++) {
		if (c->kept[i].btf_id == btf_id && c->kept[i].type_id == type_id)
			return &c->kept[i];
	}
	return NULL;
}

static struct kept *keep(struct btf_types *c, uint32_t btf_id, uint32_t type_id,
			 struct ksnap_err *err)
{
	struct type_table *table;
	int64_t root;

	if (load(c, btf_id, err))
		return NULL;
	table = type_table_create(err);
	if (!table)
		return NULL;
	root = convert_from(loaded(c, btf_id), btf_id, type_id, table, err);
	if (root < 0) {
		type_table_destroy(table);
		return NULL;
	}
	if (c->n == KEEP_MAX)
		forget(c);
	c->kept[c->n] =
		(struct kept){ .btf_id = btf_id, .type_id = type_id, .table = table, .root = root };
	return &c->kept[c->n++];
}

int64_t btf_types_add(struct btf_types *c, uint32_t btf_id, uint32_t type_id,
		      struct type_table *into, struct ksnap_err *err)
{
	struct ksnap_err local = { 0 };
	struct kept *k;
	int64_t shift;

	if (!btf_id || !type_id)
		return TYPE_NONE;
	k = find(c, btf_id, type_id);
	if (!k)
		k = keep(c, btf_id, type_id, &local);
	if (!k)
		return err_set(err, local.code, "%s", local.text);
	if (k->report != c->report) {
		shift = type_append_table(into, k->table, err);
		if (shift < 0)
			return shift;
		k->report = c->report;
		k->shift = shift;
	}
	return (int64_t)k->shift + k->root;
}

/* ---- what pointers point to ------------------------------------------------------------------ */

#define NAME_DEPTH 8 /* anonymous members within each other that are looked into */

static bool has_member(const struct btf *btf, const struct btf_type *t, const char *name, int depth)
{
	for (uint32_t i = 0; t && btf_is_composite(t) && i < btf_vlen(t); i++) {
		const struct btf_member *m = &btf_members(t)[i];
		const char *have = btf__name_by_offset(btf, m->name_off);

		if (have && *have && !strcmp(have, name))
			return true;
		if ((!have || !*have) && depth &&
		    has_member(btf, btf__type_by_id(btf, m->type), name, depth - 1))
			return true;
	}
	return false;
}

/* Has the kernel's struct each named member of @t? Then @t is a view of it. */
static bool is_view(const struct btf *btf, const struct btf_type *t, const struct btf *kernel,
		    uint32_t id)
{
	for (uint32_t i = 0; btf_is_composite(t) && i < btf_vlen(t); i++) {
		const char *name = btf__name_by_offset(btf, btf_members(t)[i].name_off);

		if (name && *name &&
		    !has_member(kernel, btf__type_by_id(kernel, id), name, NAME_DEPTH))
			return false;
	}
	return true;
}

static int kind_wanted(const struct btf_type *t)
{
	if (btf_is_fwd(t))
		return btf_kflag(t) ? BTF_KIND_UNION : BTF_KIND_STRUCT;
	return btf_kind(t);
}

/* The kernel's struct that @t of a program's BTF stands for, "name___flavour" for "name"; 0: none.
 */
static uint32_t find_in_kernel(struct btf_types *c, const struct btf_type *t)
{
	char name[128];
	char *flavour;
	int id;

	if ((!btf_is_composite(t) && !btf_is_fwd(t)) || !name_of(c->btf, t) ||
	    load_vmlinux(c, NULL))
		return 0;
	snprintf(name, sizeof(name), "%s", name_of(c->btf, t));
	flavour = strstr(name, "___");
	if (flavour && flavour != name)
		*flavour = 0;
	id = btf__find_by_name_kind(c->vmlinux, name, kind_wanted(t));
	return id > 0 && is_view(c->btf, t, c->vmlinux, id) ? id : 0;
}

/* Behind typedefs and qualifiers; 0: void, or deeper than anything honest. */
static uint32_t strip(const struct btf *btf, uint32_t id)
{
	const struct btf_type *t = btf__type_by_id(btf, id);

	for (int i = 0; id && t && i < BTF_DEPTH; i++) {
		if (!is_wrapper(t) && !btf_is_typedef(t))
			return id;
		id = t->type;
		t = btf__type_by_id(btf, id);
	}
	return 0;
}

int64_t btf_types_pointee(struct btf_types *c, const struct type_row *ptr, struct type_table *into,
			  struct ksnap_err *err)
{
	struct ksnap_err local = { 0 };
	uint32_t btf_id = ptr->btf_id, id, kernel;
	const struct btf_type *t;

	if (ptr->kind != TYPE_PTR || !btf_id || !ptr->btf_type)
		return TYPE_NONE;
	if (load(c, btf_id, &local) == KSNAP_E_NOMEM)
		return err_nomem(err);
	if (local.code)
		return TYPE_NONE;
	id = strip(loaded(c, btf_id), ptr->btf_type);
	t = btf__type_by_id(loaded(c, btf_id), id);
	if (!id || !t || btf_is_func_proto(t))
		return TYPE_NONE;
	kernel = btf_id == BTF_OF_KERNEL ? 0 : find_in_kernel(c, t);
	if (kernel > 0)
		return btf_types_add(c, BTF_OF_KERNEL, kernel, into, err);
	return btf_is_fwd(t) ? TYPE_NONE : btf_types_add(c, btf_id, id, into, err);
}
