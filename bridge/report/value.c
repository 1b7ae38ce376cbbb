// SPDX-License-Identifier: MIT
/* value.c - step into a typed value by name, index or CPU. */
#include "report/value.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "report/snapshot.h"

#define ANONYMOUS_MAX 32    /* anonymous members within each other */
#define POINTERS_MAX  16    /* pointers to pointers that one step follows */
#define SEARCH_MAX    65536 /* members looked at in one search, against hostile types */

const struct type_row *value_row(const struct ksnap_value *v)
{
	const struct type_table *t = v->snap->types;

	return type_at(t, type_resolve(t, v->type));
}

void value_describe(const struct ksnap_value *v, char *buf, size_t cap)
{
	if (v->type == TYPE_NONE)
		snprintf(buf, cap, "%zu bytes without a type", v->size);
	else
		type_describe(v->snap->types, v->type, buf, cap);
}

/* ---- members ------------------------------------------------------------------------------- */

const char *member_name(const struct type_table *t, const struct type_member *m)
{
	const struct type_row *row = type_at(t, m->type);

	if (m->name && *m->name)
		return m->name;
	return row->kind == TYPE_VAR && row->name && *row->name ? row->name : NULL;
}

static bool has_members(const struct type_row *row)
{
	return row->kind == TYPE_STRUCT || row->kind == TYPE_UNION || row->kind == TYPE_DATASEC;
}

struct search {
	const struct type_table *t;
	const char *name;
	size_t len;
	unsigned left; /* members that may still be looked at */
};

static const struct type_member *search_members(struct search *s, uint32_t type, unsigned depth,
						uint64_t *ret_bit_off)
{
	const struct type_row *row = type_at(s->t, type_resolve(s->t, type));
	const struct type_member *found = NULL;

	if (!has_members(row) || depth > ANONYMOUS_MAX)
		return NULL;
	for (uint32_t i = 0; !found && i < row->nmembers && s->left; i++) {
		const struct type_member *m = &row->members[i];
		const char *name = member_name(s->t, m);

		s->left--;
		*ret_bit_off = 0;
		if (!name)
			found = search_members(s, m->type, depth + 1, ret_bit_off);
		else if (strlen(name) == s->len && !memcmp(name, s->name, s->len))
			found = m;
		if (found)
			*ret_bit_off += m->bit_off;
	}
	return found;
}

const struct type_member *member_find(const struct type_table *t, uint32_t type, const char *name,
				      size_t len, uint64_t *ret_bit_off)
{
	struct search s = { t, name, len, SEARCH_MAX };

	return search_members(&s, type, 0, ret_bit_off);
}

/* Names of members for a message, as many as fit. */
struct names {
	char text[320];
	size_t len;
	unsigned more;
};

static void add_name(struct names *n, const char *name)
{
	size_t len = strlen(name);

	if (n->more || n->len + len + 16 > sizeof(n->text)) {
		n->more++;
		return;
	}
	n->len += snprintf(n->text + n->len, sizeof(n->text) - n->len, "%s%s", n->len ? ", " : "",
			   name);
}

static void list_members(const struct type_table *t, uint32_t type, unsigned depth, unsigned *left,
			 struct names *n)
{
	const struct type_row *row = type_at(t, type_resolve(t, type));

	if (!has_members(row) || depth > ANONYMOUS_MAX)
		return;
	for (uint32_t i = 0; i < row->nmembers && *left; i++) {
		const char *name = member_name(t, &row->members[i]);

		--*left;
		if (name)
			add_name(n, name);
		else
			list_members(t, row->members[i].type, depth + 1, left, n);
	}
}

/* Bytes of a value of @type within @have bytes; all of them when the type has no size. */
static size_t clip(const struct type_table *t, uint32_t type, size_t have)
{
	uint64_t size = type_size(t, type);

	return size && size < have ? size : have;
}

void value_member(const struct ksnap_value *v, const struct type_member *m, uint64_t bit_off,
		  struct ksnap_value *ret)
{
	uint64_t off = bit_off / 8;
	bool is_odd = !m->bit_size && bit_off % 8; /* no type can be read there */
	size_t have = off < v->size && !is_odd ? v->size - off : 0;
	struct ksnap_value out = { .snap = v->snap, .type = m->type };

	out.data = v->data + (have ? off : v->size);
	if (m->bit_size) {
		out.bit_off = bit_off % 8;
		out.bit_size = m->bit_size;
		out.size = have < scalar_span(bit_off, m->bit_size)
				   ? have
				   : scalar_span(bit_off, m->bit_size);
	} else {
		out.size = clip(v->snap->types, m->type, have);
	}
	*ret = out;
}

/* ---- steps --------------------------------------------------------------------------------- */

static int refuse(int code, const char *path, const struct path_step *step, struct ksnap_err *err,
		  const char *fmt, ...) __attribute__((format(printf, 5, 6)));

static int refuse(int code, const char *path, const struct path_step *step, struct ksnap_err *err,
		  const char *fmt, ...)
{
	char text[KSNAP_ERR_TEXT];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return err_set(err, code, "path '%s', column %u: %s", path, step->column, text);
}

static int err_prefix_code(int code, struct ksnap_err *err, const char *path,
			   const struct path_step *step)
{
	if (err)
		err_prefix(err, "path '%s', column %u", path, step->column);
	return code;
}

/* What @v points to, through pointers to pointers; @v itself when it is no pointer. */
static int peel_pointers(const struct ksnap_value *v, struct ksnap_value *ret,
			 struct ksnap_err *err)
{
	int rc = 0;

	*ret = *v;
	for (int i = 0; !rc && i < POINTERS_MAX && value_row(ret)->kind == TYPE_PTR; i++)
		rc = ksnap_value_deref(ret, ret, err);
	return rc;
}

static int miss_member(const struct ksnap_value *v, const char *path, const struct path_step *step,
		       struct ksnap_err *err)
{
	struct names n = { .len = 0 };
	unsigned left = SEARCH_MAX;
	char what[128], more[32] = "";

	list_members(v->snap->types, v->type, 0, &left, &n);
	value_describe(v, what, sizeof(what));
	if (n.more)
		snprintf(more, sizeof(more), " and %u more", n.more);
	return refuse(KSNAP_E_NOTFOUND, path, step, err, "%s has no member '%.*s'; it has: %s%s",
		      what, (int)(step->len < 64 ? step->len : 64), step->name,
		      n.len ? n.text : "none", more);
}

static int step_field(const struct ksnap_value *v, const char *path, const struct path_step *step,
		      struct ksnap_value *ret, struct ksnap_err *err)
{
	const struct type_row *row = value_row(v);
	const struct type_member *m;
	uint64_t bit_off = 0;
	char what[128];

	if (!has_members(row)) {
		value_describe(v, what, sizeof(what));
		return refuse(KSNAP_E_ARG, path, step, err, "%s has no members%s", what,
			      row->kind == TYPE_ARRAY ? "; name an element as [N]" : "");
	}
	m = member_find(v->snap->types, v->type, step->name, step->len, &bit_off);
	if (!m)
		return miss_member(v, path, step, err);
	value_member(v, m, bit_off, ret);
	return 0;
}

/* Elements of the array that are there; of a flexible one all that fit. */
static uint64_t array_len(const struct ksnap_value *v, const struct type_row *row, uint64_t each)
{
	if (row->len)
		return row->len;
	return each ? v->size / each : 0;
}

/* p[0] is what p points to; what lies behind it is not known to be of its kind. */
static int step_pointer(const struct ksnap_value *v, const char *path, const struct path_step *step,
			struct ksnap_value *ret, struct ksnap_err *err)
{
	int rc;

	if (!step->has_number || step->number)
		return refuse(KSNAP_E_ARG, path, step, err,
			      "this is a pointer: [0] is what it points to, no other index is");
	rc = ksnap_value_deref(v, ret, err);
	return rc ? err_prefix_code(rc, err, path, step) : 0;
}

static int step_index(const struct ksnap_value *v, const char *path, const struct path_step *step,
		      struct ksnap_value *ret, struct ksnap_err *err)
{
	const struct type_table *t = v->snap->types;
	const struct type_row *row = value_row(v);
	struct ksnap_value out;
	uint64_t each, len, off;
	char what[128];

	value_describe(v, what, sizeof(what));
	if (row->kind == TYPE_PTR)
		return step_pointer(v, path, step, ret, err);
	if (row->kind != TYPE_ARRAY)
		return refuse(KSNAP_E_ARG, path, step, err, "%s is not an array", what);
	if (!step->has_number)
		return refuse(KSNAP_E_ARG, path, step, err, "'%.*s' is not an index of %s",
			      (int)(step->len < 64 ? step->len : 64), step->name, what);
	each = type_size(t, row->target);
	len = array_len(v, row, each);
	if (step->number >= len)
		return refuse(KSNAP_E_NOTFOUND, path, step, err,
			      "index %llu is beyond %s, which has %llu elements",
			      (unsigned long long)step->number, what, (unsigned long long)len);
	if (!each || __builtin_mul_overflow(step->number, each, &off))
		return refuse(KSNAP_E_ARG, path, step, err, "elements of %s have no size", what);
	out = (struct ksnap_value){ .snap = v->snap, .type = row->target };
	out.data = v->data + (off < v->size ? off : v->size);
	out.size = off < v->size ? clip(t, row->target, v->size - off) : 0;
	*ret = out; /* which may be *v */
	return 0;
}

int ksnap_value_cpu(const struct ksnap_value *v, unsigned cpu, struct ksnap_value *ret,
		    struct ksnap_err *err)
{
	struct ksnap_value out = *v;
	uint64_t off = (uint64_t)cpu * v->stride;

	if (!v->ncpu)
		return err_set(err, KSNAP_E_ARG,
			       "this is not a per-CPU value, or it is one CPU's already");
	if (cpu >= v->ncpu)
		return err_set(err, KSNAP_E_NOTFOUND, "CPU %u: there are values of CPUs 0 to %u",
			       cpu, v->ncpu - 1);
	out.data += off;
	out.ncpu = 0;
	out.stride = 0;
	*ret = out;
	return 0;
}

int value_step(const struct ksnap_value *v, const char *path, const struct path_step *step,
	       struct ksnap_value *ret, struct ksnap_err *err)
{
	struct ksnap_value at;
	int rc;

	if (step->kind == PATH_CPU) {
		rc = step->number > UINT32_MAX
			     ? err_set(err, KSNAP_E_NOTFOUND, "no CPU has this number")
			     : ksnap_value_cpu(v, step->number, ret, err);
		if (rc)
			err_prefix(err, "path '%s', column %u", path, step->column);
		return rc;
	}
	if (v->ncpu)
		return refuse(KSNAP_E_ARG, path, step, err,
			      "this value has one part a CPU: narrow with a CPU first, as [cpu=0], "
			      ":cpu(0) in Lua");
	if (v->bit_size)
		return refuse(KSNAP_E_ARG, path, step, err, "a bitfield has no parts");
	if (v->type == TYPE_NONE)
		return refuse(KSNAP_E_ARG, path, step, err,
			      "no type is known here: the map had no BTF when it was captured");
	if (step->kind == PATH_FIELD) {
		rc = peel_pointers(v, &at, err);
		return rc ? err_prefix_code(rc, err, path, step)
			  : step_field(&at, path, step, ret, err);
	}
	return step_index(v, path, step, ret, err);
}

int value_walk(const struct ksnap_value *v, struct path *p, struct ksnap_value *ret,
	       struct ksnap_err *err)
{
	struct ksnap_value at = *v;
	struct path_step step;
	int rc;

	while (!(rc = path_next(p, &step, err)) && step.kind != PATH_END) {
		rc = value_step(&at, p->text, &step, &at, err);
		if (rc)
			return rc;
	}
	if (!rc)
		*ret = at;
	return rc;
}

int ksnap_value_get(const struct ksnap_value *v, const char *path, struct ksnap_value *ret,
		    struct ksnap_err *err)
{
	struct path p;

	path_init(&p, path);
	return value_walk(v, &p, ret, err);
}
