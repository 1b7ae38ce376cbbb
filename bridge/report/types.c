// SPDX-License-Identifier: MIT
/* types.c - the type table: rows in an array, all they point to in an arena. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "report/type_table.h"

#define CHAIN_MAX 32 /* typedefs, qualifiers and array dimensions followed in a row */
#define TYPES_MAX (1u << 24)

static const struct type_row void_row = { .kind = TYPE_VOID, .target = TYPE_NONE };

/* The rows change: they are like no other table's from now on. */
static void renew_serial(struct type_table *t)
{
	static uint64_t last;

	t->serial = __atomic_add_fetch(&last, 1, __ATOMIC_RELAXED);
}

static void change(struct type_table *t)
{
	renew_serial(t);
	t->recipe.n = RECIPE_MAX + 1;
}

static void note_part(struct type_table *t, const struct type_table *from)
{
	struct type_recipe *r = &t->recipe;

	renew_serial(t);
	if (r->n < RECIPE_MAX)
		r->serial[r->n++] = from->serial;
	else
		r->n = RECIPE_MAX + 1;
}

struct type_table *type_table_create(struct ksnap_err *err)
{
	struct type_table *t = calloc(1, sizeof(*t));

	if (!t)
		err_nomem(err);
	return t;
}

void type_table_destroy(struct type_table *t)
{
	int saved = errno;

	if (!t)
		return;
	arena_fini(&t->arena);
	buf_fini(&t->encoded);
	free(t->rows);
	free(t);
	errno = saved;
}

static void copy_recipe(struct type_recipe *to, const struct type_recipe *from)
{
	to->n = from->n;
	memcpy(to->serial, from->serial, from->n * sizeof(*from->serial));
}

void type_table_clear(struct type_table *t)
{
	if (t->mixed || t->recipe.n > RECIPE_MAX) {
		arena_clear(&t->arena);
		t->kept.n = 0;
	} else if (t->recipe.n > t->kept.n) {
		copy_recipe(&t->kept, &t->recipe);
	}
	t->mixed = false;
	renew_serial(t);
	t->len = 0;
	t->recipe.n = 0;
}

/* Is @from, as it is, what was appended here before the last clear? If not, nothing from here on
 * is. */
static bool is_kept(struct type_table *t, const struct type_table *from)
{
	size_t at = t->recipe.n;

	if (at < t->kept.n && t->kept.serial[at] == from->serial)
		return true;
	if (at < t->kept.n) {
		t->kept.n = at;
		t->mixed = true;
	}
	return false;
}

size_t type_table_len(const struct type_table *t)
{
	return t->len;
}

const struct type_row *type_at(const struct type_table *t, uint32_t index)
{
	return index < t->len ? &t->rows[index] : &void_row;
}

/* ---- building ------------------------------------------------------------------------------ */

static bool copy_name(struct type_table *t, const char *name, const char **ret)
{
	*ret = name ? arena_strn(&t->arena, name, strlen(name)) : NULL;
	return !name || *ret;
}

static bool copy_members(struct type_table *t, const struct type_row *row, struct type_row *ret)
{
	size_t size = row->nmembers * sizeof(*row->members);
	struct type_member *copy;

	if (!row->nmembers)
		return true;
	copy = arena_alloc(&t->arena, size);
	if (!copy)
		return false;
	memcpy(copy, row->members, size);
	for (uint32_t i = 0; i < row->nmembers; i++)
		if (!copy_name(t, row->members[i].name, &copy[i].name))
			return false;
	ret->members = copy;
	return true;
}

static bool copy_enumerators(struct type_table *t, const struct type_row *row, struct type_row *ret)
{
	size_t size = row->nenumerators * sizeof(*row->enumerators);
	struct type_enumerator *copy;

	if (!row->nenumerators)
		return true;
	copy = arena_alloc(&t->arena, size);
	if (!copy)
		return false;
	memcpy(copy, row->enumerators, size);
	for (uint32_t i = 0; i < row->nenumerators; i++)
		if (!copy_name(t, row->enumerators[i].name, &copy[i].name))
			return false;
	ret->enumerators = copy;
	return true;
}

static bool copy_row(struct type_table *t, const struct type_row *row, struct type_row *ret)
{
	*ret = *row;
	return copy_name(t, row->name, &ret->name) && copy_name(t, row->to, &ret->to) &&
	       copy_members(t, row, ret) && copy_enumerators(t, row, ret);
}

static int grow(struct type_table *t, size_t more, struct ksnap_err *err)
{
	size_t want = t->len + more, cap = t->cap ? t->cap : 64;
	struct type_row *rows;

	if (more > TYPES_MAX || want > TYPES_MAX)
		return err_set(err, KSNAP_E_LIMIT, "a report holds at most %u types", TYPES_MAX);
	if (want <= t->cap)
		return 0;
	while (cap < want)
		cap *= 2;
	rows = realloc(t->rows, cap * sizeof(*rows));
	if (!rows)
		return err_nomem(err);
	t->rows = rows;
	t->cap = cap;
	return 0;
}

int64_t type_add(struct type_table *t, const struct type_row *row, struct ksnap_err *err)
{
	int rc = grow(t, 1, err);

	if (rc < 0)
		return rc;
	change(t);
	if (!copy_row(t, row, &t->rows[t->len]))
		return err_nomem(err);
	return t->len++;
}

int64_t type_reserve(struct type_table *t, struct ksnap_err *err)
{
	return type_add(t, &void_row, err);
}

int type_fill(struct type_table *t, uint32_t index, const struct type_row *row,
	      struct ksnap_err *err)
{
	struct type_row copy;

	if (index >= t->len)
		return err_set(err, KSNAP_E_ARG, "type %u is not one of %zu", index, t->len);
	if (!copy_row(t, row, &copy))
		return err_nomem(err);
	change(t);
	t->rows[index] = copy;
	return 0;
}

void type_point_to(struct type_table *t, uint32_t index, uint32_t target)
{
	if (index >= t->len || t->rows[index].kind != TYPE_PTR)
		return;
	t->mixed = true;
	t->rows[index].target = target;
	t->rows[index].btf_id = 0;
}

void type_table_set_origin(struct type_table *t, uint32_t btf_id)
{
	t->mixed = true;
	for (size_t i = 0; i < t->len; i++)
		if (t->rows[i].kind == TYPE_PTR)
			t->rows[i].btf_id = btf_id;
}

static void shift_row(struct type_row *row, uint32_t shift)
{
	struct type_member *m = (struct type_member *)row->members; /* our own copy */

	if (row->target != TYPE_NONE)
		row->target += shift;
	for (uint32_t i = 0; i < row->nmembers; i++)
		m[i].type += shift;
}

int64_t type_append_table(struct type_table *t, const struct type_table *from,
			  struct ksnap_err *err)
{
	size_t shift = t->len, n = from->len;
	int rc = grow(t, n, err);

	if (rc < 0)
		return rc;
	for (size_t i = is_kept(t, from) ? n : 0; i < n; i++) {
		if (!copy_row(t, &from->rows[i], &t->rows[shift + i])) {
			t->mixed = true;
			return err_nomem(err);
		}
		shift_row(&t->rows[shift + i], shift);
	}
	t->len += n;
	note_part(t, from);
	return shift;
}

/* ---- asking -------------------------------------------------------------------------------- */

static bool is_modifier(enum type_kind kind)
{
	switch (kind) {
	case TYPE_TYPEDEF:
	case TYPE_CONST:
	case TYPE_VOLATILE:
	case TYPE_RESTRICT:
	case TYPE_TYPE_TAG:
	case TYPE_VAR:
		return true;
	default:
		return false;
	}
}

uint32_t type_resolve(const struct type_table *t, uint32_t index)
{
	for (unsigned i = 0; i <= CHAIN_MAX; i++) {
		const struct type_row *row = type_at(t, index);

		if (!is_modifier(row->kind))
			return index;
		index = row->target;
	}
	return TYPE_NONE;
}

uint64_t type_size(const struct type_table *t, uint32_t index)
{
	uint64_t n = 1;

	for (unsigned i = 0; i < CHAIN_MAX; i++) {
		const struct type_row *row = type_at(t, type_resolve(t, index));

		switch (row->kind) {
		case TYPE_ARRAY:
			if (__builtin_mul_overflow(n, row->len, &n))
				return 0;
			index = row->target;
			break;
		case TYPE_VOID:
		case TYPE_FUNC:
		case TYPE_FWD:
			return 0;
		default:
			return __builtin_mul_overflow(n, row->size, &n) ? 0 : n;
		}
	}
	return 0;
}

/* ---- words --------------------------------------------------------------------------------- */

struct words {
	char *buf;
	size_t cap, len; /* len counts what did not fit too */
};

static void put(struct words *w, const char *s)
{
	size_t n = strlen(s);
	size_t room = w->len < w->cap ? w->cap - w->len : 0;

	if (room)
		memcpy(w->buf + w->len, s, n < room ? n : room);
	w->len += n;
}

static void put_named(struct words *w, const char *keyword, const char *name)
{
	put(w, keyword);
	put(w, name ? name : "(anonymous)");
}

/* All but pointers, arrays and qualifiers, which wrap these. */
static void put_plain(struct words *w, const struct type_row *row)
{
	static const char *const keyword[TYPE_KINDS] = {
		[TYPE_ENUM] = "enum ",  [TYPE_STRUCT] = "struct ",   [TYPE_UNION] = "union ",
		[TYPE_FWD] = "struct ", [TYPE_DATASEC] = "section ",
	};

	if (row->kind == TYPE_VOID)
		put(w, "void");
	else if (row->kind == TYPE_FUNC)
		put(w, "function");
	else
		put_named(w, keyword[row->kind] ? keyword[row->kind] : "", row->name);
}

static void put_pointer(struct words *w, const struct type_table *t, const struct type_row *row)
{
	if (row->to)
		put(w, row->to);
	else if (row->target == TYPE_NONE)
		put(w, "void");
	else
		put_plain(w, type_at(t, row->target));
	put(w, " *");
}

static void put_dimension(struct words *w, uint64_t len)
{
	char text[32];

	snprintf(text, sizeof(text), len ? "[%llu]" : "[]", (unsigned long long)len);
	put(w, text);
}

static void put_qualifier(struct words *w, enum type_kind kind)
{
	static const char *const word[TYPE_KINDS] = {
		[TYPE_CONST] = "const ",
		[TYPE_VOLATILE] = "volatile ",
		[TYPE_RESTRICT] = "restrict ",
	};

	if (word[kind])
		put(w, word[kind]);
}

int type_describe(const struct type_table *t, uint32_t index, char *buf, size_t cap)
{
	struct words w = { buf, cap, 0 };
	uint64_t dims[CHAIN_MAX];
	const struct type_row *row = type_at(t, index);
	unsigned ndims = 0, i;

	for (i = 0; i < CHAIN_MAX; i++, row = type_at(t, row->target)) {
		if (row->kind == TYPE_ARRAY)
			dims[ndims++] = row->len;
		else if (is_modifier(row->kind) && row->kind != TYPE_TYPEDEF)
			put_qualifier(&w, row->kind);
		else
			break;
	}
	if (i == CHAIN_MAX)
		put(&w, "(nested too deep)");
	else if (row->kind == TYPE_PTR)
		put_pointer(&w, t, row);
	else
		put_plain(&w, row);
	for (i = 0; i < ndims; i++)
		put_dimension(&w, dims[i]);
	if (cap)
		buf[w.len < cap ? w.len : cap - 1] = '\0';
	return w.len < INT32_MAX ? (int)w.len : INT32_MAX;
}
