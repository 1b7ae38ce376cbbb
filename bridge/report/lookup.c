// SPDX-License-Identifier: MIT
/* lookup.c - find maps, entries and variables by the names people use. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "report/entries.h"
#include "report/listing.h"
#include "report/map_name.h"
#include "report/snapshot.h"
#include "report/value.h"

/* ---- maps ---------------------------------------------------------------------------------- */

/* Which maps a look-up may find. */
enum scope { ALL_MAPS, ACTIVE_MAPS };

static bool is_in(const struct ksnap_map *m, enum scope scope)
{
	return scope == ALL_MAPS || m->is_active;
}

static const char *scope_words(enum scope scope)
{
	return scope == ALL_MAPS ? "" : " among the maps in use";
}

static void list_maps(const struct ksnap_snapshot *s, enum scope scope, struct list *l)
{
	for (size_t i = 0; i < s->nmaps; i++)
		if (is_in(&s->maps[i], scope))
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
					   size_t len, enum scope scope, unsigned *ret_n)
{
	const struct ksnap_map *first = NULL;

	*ret_n = 0;
	for (size_t i = 0; i < s->nmaps; i++)
		if (is_in(&s->maps[i], scope) && is_named(&s->maps[i], name, len) && !(*ret_n)++)
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

/* Of several maps with one name the one in use, when there is one such. */
static const struct ksnap_map *prefer_active(const struct ksnap_map *m, unsigned *n)
{
	unsigned nactive;
	const struct ksnap_map *active =
		map_by_name(m->snap, m->name, strlen(m->name), ACTIVE_MAPS, &nactive);

	if (nactive != 1)
		return m;
	*n = 1;
	return active;
}

static const struct ksnap_map *find_map(const struct ksnap_snapshot *s, const char *name,
					size_t len, enum scope scope, struct ksnap_err *err)
{
	struct list have = { .n = 0 };
	unsigned n;
	const struct ksnap_map *m = map_by_name(s, name, len, scope, &n);

	if (!m && len > MAP_NAME_KEPT)
		m = map_by_name(s, name, MAP_NAME_KEPT, scope, &n);
	if (m && n > 1)
		m = prefer_active(m, &n);
	if (m && n == 1)
		return m;
	if (m) {
		refuse_ambiguous(s, m->name, n, err);
		return NULL;
	}
	list_maps(s, scope, &have);
	err_set(err, KSNAP_E_NOTFOUND, "snapshot '%s' has no map '%.*s'%s; it has: %s", s->tag,
		(int)(len < 64 ? len : 64), name, scope_words(scope), list_text(&have));
	return NULL;
}

const struct ksnap_map *ksnap_snapshot_map(const struct ksnap_snapshot *s, const char *name,
					   struct ksnap_err *err)
{
	if (snapshot_check_data(s, err))
		return NULL;
	if (!strncmp(name, "id:", 3))
		return map_by_id(s, name + 3, err);
	return find_map(s, name, strlen(name), ALL_MAPS, err);
}

const struct ksnap_map *ksnap_snapshot_active_map(const struct ksnap_snapshot *s, const char *name,
						  struct ksnap_err *err)
{
	if (snapshot_check_data(s, err) || active_check(s, err))
		return NULL;
	return find_map(s, name, strlen(name), ACTIVE_MAPS, err);
}

/* ---- variables ----------------------------------------------------------------------------- */

static bool is_called(const struct ksnap_map *m, const char *name, size_t len)
{
	return !len || map_is_called(m->name, name, len);
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

static int miss_var(const struct ksnap_snapshot *s, const struct var_name *n, enum scope scope,
		    struct ksnap_err *err)
{
	struct list maps = { .n = 0 }, vars = { .n = 0 };
	int len = n->len < 64 ? n->len : 64;

	for (size_t i = 0; i < s->nmaps; i++) {
		if (!s->maps[i].is_section || !is_in(&s->maps[i], scope))
			continue;
		list_add(&maps, "%s%s", s->maps[i].name,
			 s->maps[i].is_complete ? "" : " (not complete)");
		if (is_called(&s->maps[i], n->section, n->section_len))
			list_vars(&s->maps[i], &vars);
	}
	if (vars.n)
		return err_set(err, KSNAP_E_NOTFOUND,
			       "snapshot '%s' has no variable '%.*s'%s; there are: %s", s->tag, len,
			       n->var, scope_words(scope), vars.text);
	return err_set(err, KSNAP_E_NOTFOUND,
		       "snapshot '%s' has no variable '%.*s'%s; sections that are there: %s",
		       s->tag, len, n->var, scope_words(scope), list_text(&maps));
}

/* What was found under a name. */
struct found {
	struct list places;
	struct ksnap_value first;
};

static void look_for_var(const struct ksnap_snapshot *s, const struct var_name *n, enum scope scope,
			 struct found *f)
{
	struct ksnap_value v;

	f->places = (struct list){ .n = 0 };
	for (size_t i = 0; i < s->nmaps; i++) {
		const struct ksnap_map *m = &s->maps[i];

		if (!m->is_section || !is_in(m, scope) ||
		    !is_called(m, n->section, n->section_len) || !var_in(m, n->var, n->len, &v))
			continue;
		if (!f->places.n)
			f->first = v;
		list_add(&f->places, "%s:%.*s (map id %u)", m->name, (int)n->len, n->var, m->id);
	}
}

/* Of several the one in a map that is in use, when there is one such. */
static int find_var(const struct ksnap_snapshot *s, const struct var_name *n, enum scope scope,
		    struct ksnap_value *ret, struct ksnap_err *err)
{
	struct found all, active = { .places.n = 0 };

	look_for_var(s, n, scope, &all);
	if (!all.places.n)
		return miss_var(s, n, scope, err);
	if (all.places.n > 1)
		look_for_var(s, n, ACTIVE_MAPS, &active);
	if (all.places.n > 1 && active.places.n != 1)
		return err_set(err, KSNAP_E_ARG, "variable '%.*s' is in %u sections: %s",
			       (int)n->len, n->var, all.places.n, all.places.text);
	*ret = active.places.n ? active.first : all.first;
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

	return rc ? rc : find_var(s, &n, ALL_MAPS, ret, err);
}

int ksnap_snapshot_active_var(const struct ksnap_snapshot *s, const char *name,
			      struct ksnap_value *ret, struct ksnap_err *err)
{
	struct var_name n = cut_var(name, "");
	int rc = snapshot_check_data(s, err);

	if (!rc)
		rc = active_check(s, err);
	return rc ? rc : find_var(s, &n, ACTIVE_MAPS, ret, err);
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

static int get_in_map(const struct ksnap_map *m, struct path *p, struct ksnap_value *ret,
		      struct ksnap_err *err)
{
	struct path_step step;
	struct ksnap_value v;
	size_t i = 0;
	int rc;

	if (m->is_section && p->text[p->at] != '[') {
		rc = ksnap_map_value(m, 0, &v, err);
		return rc ? rc : value_walk(&v, p, ret, err);
	}
	rc = path_next(p, &step, err);
	if (!rc && step.kind != PATH_INDEX)
		rc = err_set(err, KSNAP_E_ARG,
			     "path '%s': name an entry of map '%s' by its key, as %s[KEY], or by "
			     "its place, %s[#0] the first",
			     p->text, m->name, m->name, m->name);
	if (!rc)
		rc = entry_find(m, &step, &i, err);
	if (!rc)
		rc = ksnap_map_value(m, i, &v, err);
	return rc ? rc : value_walk(&v, p, ret, err);
}

/* "id:7" at the begin of a path; 0: it is not there. */
static size_t leading_id(const char *path)
{
	size_t len = 3 + strspn(path + (strncmp(path, "id:", 3) ? 0 : 3), "0123456789");

	return !strncmp(path, "id:", 3) && len > 3 && (!path[len] || strchr(".[", path[len])) ? len
											      : 0;
}

static const struct ksnap_map *map_at_id(const struct ksnap_snapshot *s, const char *path,
					 size_t len, struct ksnap_err *err)
{
	char id[24];

	snprintf(id, sizeof(id), "%.*s", (int)(len - 3 < sizeof(id) ? len - 3 : sizeof(id) - 1),
		 path + 3);
	return map_by_id(s, id, err);
}

/* What begins as an entry of a map does may be one that is not there. */
static int miss_both(const struct ksnap_snapshot *s, const char *path, const struct path *p,
		     struct ksnap_err *err)
{
	struct list maps = { .n = 0 };

	list_maps(s, ALL_MAPS, &maps);
	return err_set(err, KSNAP_E_NOTFOUND,
		       "snapshot '%s' has neither a map nor a variable '%.*s'; maps: %s", s->tag,
		       (int)(p->at < 64 ? p->at : 64), path, list_text(&maps));
}

int ksnap_snapshot_get(const struct ksnap_snapshot *s, const char *path, struct ksnap_value *ret,
		       struct ksnap_err *err)
{
	const struct ksnap_map *m;
	struct ksnap_err why = { 0 };
	struct var_name n;
	struct ksnap_value v;
	struct path p;
	int rc = snapshot_check_data(s, err);

	if (rc)
		return rc;
	path_init(&p, path);
	p.at = leading_id(path);
	m = p.at ? map_at_id(s, path, p.at, &why) : NULL;
	if (!p.at && (p.at = leading_map(s, path)))
		m = find_map(s, path, p.at, ALL_MAPS, &why);
	if (p.at)
		return m ? get_in_map(m, &p, ret, err) : err_set(err, why.code, "%s", why.text);
	n = cut_var(path, ".[");
	p.at = n.var + n.len - path;
	rc = find_var(s, &n, ALL_MAPS, &v, &why);
	if (rc == KSNAP_E_NOTFOUND && path[p.at] == '[' && !n.section_len)
		return miss_both(s, path, &p, err);
	return rc ? err_set(err, rc, "%s", why.text) : value_walk(&v, &p, ret, err);
}
