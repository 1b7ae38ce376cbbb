// SPDX-License-Identifier: MIT
/* lookup.c - find maps, entries and variables by the names people use. */
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "report/snapshot.h"
#include "report/value.h"

#define KERNEL_NAME 15 /* bytes of a map's name that the kernel keeps */
#define SUFFIX_MIN  7  /* of these, libbpf keeps at least so many for the section's name */

/* A list for a message, as much as fits. */
struct list {
	char text[320];
	size_t len;
	unsigned n;
};

static void list_add(struct list *l, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void list_add(struct list *l, const char *fmt, ...)
{
	char item[128];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(item, sizeof(item), fmt, ap);
	va_end(ap);
	if (l->len + strlen(item) + 8 > sizeof(l->text)) {
		if (!l->n || l->text[l->len - 1] != '.')
			l->len += snprintf(l->text + l->len, sizeof(l->text) - l->len, ", ...");
	} else {
		l->len += snprintf(l->text + l->len, sizeof(l->text) - l->len, "%s%s",
				   l->n ? ", " : "", item);
	}
	l->n++;
}

static const char *list_text(const struct list *l)
{
	return l->n ? l->text : "none";
}

/* ---- maps ---------------------------------------------------------------------------------- */

static void list_maps(const struct ksnap_snapshot *s, struct list *l)
{
	for (size_t i = 0; i < s->nmaps; i++)
		list_add(l, "%s", s->maps[i].name);
}

static const struct ksnap_map *map_by_id(const struct ksnap_snapshot *s, const char *text,
					 struct ksnap_err *err)
{
	struct list have = { .n = 0 };
	char want[16];

	for (size_t i = 0; i < s->nmaps; i++) {
		snprintf(want, sizeof(want), "%u", s->maps[i].id);
		if (!strcmp(want, text))
			return &s->maps[i];
		list_add(&have, "%s (id:%u)", s->maps[i].name, s->maps[i].id);
	}
	err_set(err, KSNAP_E_NOTFOUND, "snapshot '%s' has no map with id %s; it has: %s", s->tag,
		text, list_text(&have));
	return NULL;
}

static bool is_named(const struct ksnap_map *m, const char *name, size_t len)
{
	return !strncmp(m->name, name, len) && !m->name[len];
}

static const struct ksnap_map *map_by_name(const struct ksnap_snapshot *s, const char *name,
					   size_t len, unsigned *ret_n)
{
	const struct ksnap_map *first = NULL;

	*ret_n = 0;
	for (size_t i = 0; i < s->nmaps; i++)
		if (is_named(&s->maps[i], name, len) && !(*ret_n)++)
			first = &s->maps[i];
	return first;
}

static int refuse_ambiguous(const struct ksnap_snapshot *s, const char *name, unsigned n,
			    struct ksnap_err *err)
{
	struct list ids = { .n = 0 };

	for (size_t i = 0; i < s->nmaps; i++)
		if (!strcmp(s->maps[i].name, name))
			list_add(&ids, "id:%u", s->maps[i].id);
	return err_set(err, KSNAP_E_ARG, "%u maps have the name '%s'; name one of %s", n, name,
		       list_text(&ids));
}

static const struct ksnap_map *find_map(const struct ksnap_snapshot *s, const char *name,
					size_t len, struct ksnap_err *err)
{
	struct list have = { .n = 0 };
	unsigned n;
	const struct ksnap_map *m = map_by_name(s, name, len, &n);

	if (!m && len > KERNEL_NAME)
		m = map_by_name(s, name, KERNEL_NAME, &n);
	if (m && n == 1)
		return m;
	if (m) {
		refuse_ambiguous(s, m->name, n, err);
		return NULL;
	}
	list_maps(s, &have);
	err_set(err, KSNAP_E_NOTFOUND, "snapshot '%s' has no map '%.*s'; it has: %s", s->tag,
		(int)(len < 64 ? len : 64), name, list_text(&have));
	return NULL;
}

const struct ksnap_map *ksnap_snapshot_map(const struct ksnap_snapshot *s, const char *name,
					   struct ksnap_err *err)
{
	if (snapshot_check_data(s, err))
		return NULL;
	if (!strncmp(name, "id:", 3))
		return map_by_id(s, name + 3, err);
	return find_map(s, name, strlen(name), err);
}

/* ---- entries ------------------------------------------------------------------------------- */

static int refuse_entry(const struct ksnap_map *m, size_t i, struct ksnap_err *err)
{
	const msgpack_object *why = object_get(m->row, "error");

	if (why && why->type == MSGPACK_OBJECT_STR && !m->count)
		return err_set(err, KSNAP_E_NOTFOUND, "map '%s' could not be read: %.*s", m->name,
			       (int)(why->via.str.size < 256 ? why->via.str.size : 256),
			       why->via.str.ptr);
	return err_set(err, KSNAP_E_NOTFOUND, "map '%s' has %llu entries, there is no index %zu",
		       m->name, (unsigned long long)m->count, i);
}

int ksnap_map_key(const struct ksnap_map *m, size_t i, struct ksnap_value *ret,
		  struct ksnap_err *err)
{
	if (i >= m->count)
		return refuse_entry(m, i, err);
	if (!m->has_keys)
		return err_set(err, KSNAP_E_ARG, "map '%s' (%s) has no keys", m->name, m->type);
	*ret = (struct ksnap_value){
		.snap = m->snap,
		.data = m->keys + i * m->key_size,
		.size = m->key_size,
		.type = m->kt,
	};
	return 0;
}

int ksnap_map_value(const struct ksnap_map *m, size_t i, struct ksnap_value *ret,
		    struct ksnap_err *err)
{
	uint64_t each = m->ncpu ? (uint64_t)m->ncpu * m->stride : m->value_size;
	if (i >= m->count)
		return refuse_entry(m, i, err);
	*ret = (struct ksnap_value){
		.snap = m->snap,
		.data = m->vals + i * each,
		.size = m->value_size,
		.type = m->vt,
		.ncpu = m->ncpu,
		.stride = m->stride,
	};
	return 0;
}

/* ---- variables ----------------------------------------------------------------------------- */

static void put_kernel_char(char *out, size_t *len, char c)
{
	if (*len < KERNEL_NAME)
		out[(*len)++] = isalnum((unsigned char)c) || c == '_' || c == '.' ? c : '_';
}

/* Bytes of the object's name that libbpf keeps before section @dot ("" when there is none). */
static size_t prefix_room(const char *dot, size_t suffix)
{
	if (!suffix)
		return KERNEL_NAME;
	if (suffix >= KERNEL_NAME || memchr(dot + 1, '.', suffix - 1))
		return 0;
	return KERNEL_NAME - (suffix > SUFFIX_MIN ? suffix : SUFFIX_MIN);
}

/* The name libbpf gives to section ".bss" of object "sched_probe": "sched_pr.bss". */
static void kernel_name(const char *name, size_t len, char out[KERNEL_NAME + 1])
{
	const char *dot = memchr(name, '.', len);
	size_t prefix = dot ? (size_t)(dot - name) : len, suffix = len - prefix;
	size_t room = prefix_room(dot, suffix), n = 0;

	for (size_t i = 0; i < prefix && i < room; i++)
		put_kernel_char(out, &n, name[i]);
	for (size_t i = 0; i < suffix; i++)
		put_kernel_char(out, &n, name[prefix + i]);
	out[n] = '\0';
}

static bool is_called(const struct ksnap_map *m, const char *name, size_t len)
{
	char kernel[KERNEL_NAME + 1];

	if (!len || (strlen(m->name) == len && !memcmp(m->name, name, len)))
		return true;
	kernel_name(name, len, kernel);
	return !strcmp(m->name, kernel);
}

static bool var_in(const struct ksnap_map *m, const char *name, size_t len, struct ksnap_value *ret)
{
	struct ksnap_value whole;
	const struct type_member *member;
	uint64_t bit_off;

	if (m->vt == TYPE_NONE || ksnap_map_value(m, 0, &whole, NULL))
		return false;
	member = member_find(m->snap->types, m->vt, name, len, &bit_off);
	if (member)
		value_member(&whole, member, bit_off, ret);
	return member;
}

static void list_vars(const struct ksnap_map *m, struct list *l)
{
	const struct type_row *row = type_at(m->snap->types, type_resolve(m->snap->types, m->vt));

	for (uint32_t i = 0; i < row->nmembers && i < 4096; i++) {
		const char *name = member_name(m->snap->types, &row->members[i]);

		if (name)
			list_add(l, "%s", name);
	}
}

/* "section:variable", or "variable" with a section of length 0. */
struct var_name {
	const char *section, *var;
	size_t section_len, len;
};

static int miss_var(const struct ksnap_snapshot *s, const struct var_name *n, struct ksnap_err *err)
{
	struct list maps = { .n = 0 }, vars = { .n = 0 };
	int len = n->len < 64 ? n->len : 64;

	for (size_t i = 0; i < s->nmaps; i++) {
		if (!s->maps[i].is_section)
			continue;
		list_add(&maps, "%s%s", s->maps[i].name,
			 s->maps[i].is_complete ? "" : " (not complete)");
		if (is_called(&s->maps[i], n->section, n->section_len))
			list_vars(&s->maps[i], &vars);
	}
	if (vars.n)
		return err_set(err, KSNAP_E_NOTFOUND,
			       "snapshot '%s' has no variable '%.*s'; there are: %s", s->tag, len,
			       n->var, vars.text);
	return err_set(err, KSNAP_E_NOTFOUND,
		       "snapshot '%s' has no variable '%.*s'; sections that are there: %s", s->tag,
		       len, n->var, list_text(&maps));
}

static int find_var(const struct ksnap_snapshot *s, const struct var_name *n,
		    struct ksnap_value *ret, struct ksnap_err *err)
{
	struct list found = { .n = 0 };
	struct ksnap_value v, first = { 0 };

	for (size_t i = 0; i < s->nmaps; i++) {
		const struct ksnap_map *m = &s->maps[i];

		if (!m->is_section || !is_called(m, n->section, n->section_len) ||
		    !var_in(m, n->var, n->len, &v))
			continue;
		if (!found.n)
			first = v;
		list_add(&found, "%s:%.*s (map id %u)", m->name, (int)n->len, n->var, m->id);
	}
	if (!found.n)
		return miss_var(s, n, err);
	if (found.n > 1)
		return err_set(err, KSNAP_E_ARG, "variable '%.*s' is in %u sections: %s",
			       (int)n->len, n->var, found.n, found.text);
	*ret = first;
	return 0;
}

/* The name at the start of @text, up to any byte of @stop. */
static struct var_name cut_var(const char *text, const char *stop)
{
	const char *colon = strchr(text, ':');
	struct var_name n = { .section = text, .var = text };

	if (colon && colon < text + strcspn(text, "[")) {
		n.section_len = colon - text;
		n.var = colon + 1;
	}
	n.len = strcspn(n.var, stop);
	return n;
}

int ksnap_snapshot_var(const struct ksnap_snapshot *s, const char *name, struct ksnap_value *ret,
		       struct ksnap_err *err)
{
	struct var_name n = cut_var(name, "");
	int rc = snapshot_check_data(s, err);

	return rc ? rc : find_var(s, &n, ret, err);
}

/* ---- whole paths --------------------------------------------------------------------------- */

/* May @next follow the name of @m in a path? */
static bool ends_name(const struct ksnap_map *m, char next)
{
	return !next || next == '[' || (next == '.' && m->is_section);
}

/* The length of the longest map's name that @path begins with; 0: none. */
static size_t leading_map(const struct ksnap_snapshot *s, const char *path)
{
	size_t best = 0;

	for (size_t i = 0; i < s->nmaps; i++) {
		size_t len = strlen(s->maps[i].name);

		if (len > best && !strncmp(path, s->maps[i].name, len) &&
		    ends_name(&s->maps[i], path[len]))
			best = len;
	}
	return best;
}

static bool is_hex_of(const struct ksnap_value *key, const char *hex, size_t len)
{
	static const char digits[] = "0123456789abcdef";

	if (len != 2 * key->size)
		return false;
	for (size_t i = 0; i < len; i++) {
		unsigned nibble = key->data[i / 2] >> (i % 2 ? 0 : 4) & 15;

		if (tolower((unsigned char)hex[i]) != digits[nibble])
			return false;
	}
	return true;
}

static bool is_number_of(const struct ksnap_value *key, const struct path_step *step)
{
	bool is_negative = !step->has_number && step->len > 1 && step->name[0] == '-';
	struct number n;
	char *end;

	if ((!step->has_number && !is_negative) || value_number(key, &n, NULL))
		return false;
	if (!is_negative)
		return !n.is_negative && n.value == step->number;
	return n.is_negative && (i128)n.value == strtoll(step->name, &end, 10) &&
	       end == step->name + step->len;
}

static bool is_text_of(const struct ksnap_value *key, const struct path_step *step)
{
	char text[256];
	int len = ksnap_value_str(key, text, sizeof(text), NULL);

	return len >= 0 && (size_t)len == step->len && step->len < sizeof(text) &&
	       !memcmp(text, step->name, step->len);
}

static bool is_key(const struct ksnap_value *key, const struct path_step *step)
{
	if (step->len > 4 && !memcmp(step->name, "hex:", 4))
		return is_hex_of(key, step->name + 4, step->len - 4);
	return is_number_of(key, step) || is_text_of(key, step);
}

static int find_entry(const struct ksnap_map *m, const struct path_step *step,
		      struct ksnap_value *ret, struct ksnap_err *err)
{
	struct ksnap_value key;

	if (!m->has_keys && m->count && step->has_number)
		return ksnap_map_value(m, step->number, ret, err);
	for (size_t i = 0; i < m->count; i++)
		if (!ksnap_map_key(m, i, &key, NULL) && is_key(&key, step))
			return ksnap_map_value(m, i, ret, err);
	return err_set(err, KSNAP_E_NOTFOUND,
		       "map '%s' has no key '%.*s' among its %llu entries; a key is named by its "
		       "number, its text, or its bytes as hex:",
		       m->name, (int)(step->len < 64 ? step->len : 64), step->name,
		       (unsigned long long)m->count);
}

static int get_in_map(const struct ksnap_map *m, struct path *p, struct ksnap_value *ret,
		      struct ksnap_err *err)
{
	struct path_step step;
	struct ksnap_value v;
	int rc;

	if (m->is_section && p->text[p->at] != '[') {
		rc = ksnap_map_value(m, 0, &v, err);
		return rc ? rc : value_walk(&v, p, ret, err);
	}
	rc = path_next(p, &step, err);
	if (!rc && step.kind != PATH_INDEX)
		rc = err_set(err, KSNAP_E_ARG,
			     "path '%s': name an entry of map '%s' by its key, as %s[KEY]", p->text,
			     m->name, m->name);
	if (!rc)
		rc = find_entry(m, &step, &v, err);
	return rc ? rc : value_walk(&v, p, ret, err);
}

int ksnap_snapshot_get(const struct ksnap_snapshot *s, const char *path, struct ksnap_value *ret,
		       struct ksnap_err *err)
{
	const struct ksnap_map *m;
	struct var_name n;
	struct ksnap_value v;
	struct path p;
	int rc = snapshot_check_data(s, err);

	if (rc)
		return rc;
	path_init(&p, path);
	p.at = leading_map(s, path);
	if (p.at) {
		m = find_map(s, path, p.at, err);
		return m ? get_in_map(m, &p, ret, err) : KSNAP_E_ARG;
	}
	n = cut_var(path, ".[");
	p.at = n.var + n.len - path;
	rc = find_var(s, &n, &v, err);
	return rc ? rc : value_walk(&v, &p, ret, err);
}
