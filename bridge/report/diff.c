// SPDX-License-Identifier: MIT
/* diff.c - what differs between two snapshots: maps by name, entries by key, then the rest.
 *
 * Memory is that of one map's index of keys; what is found goes to the caller at once. */
#include "ksnap.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "report/diff_state.h"
#include "report/key_index.h"
#include "report/pairs.h"

/* ---- telling ------------------------------------------------------------------------------- */

void diff_tell(struct diff *d, const struct ksnap_change *c)
{
	struct ksnap_change full = *c;

	if (d->rc)
		return;
	buf_append(&d->path, "", 1);
	if (!buf_ok(&d->path)) {
		d->rc = KSNAP_E_NOMEM;
		return;
	}
	d->path.len--;
	full.path = (const char *)d->path.data;
	full.map_a = d->ma;
	full.map_b = d->mb;
	full.key = d->key;
	full.name = d->name;
	full.id = d->id;
	d->has_told = true;
	d->rc = d->fn(d->arg, &full);
}

void diff_note(struct diff *d, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	diff_tell(d, &(struct ksnap_change){
			     .kind = KSNAP_CHANGE_NOTE, .what = KSNAP_CHANGE_MAP, .text = text });
}

/* One of @a and @b is NULL. */
void diff_tell_one(struct diff *d, enum ksnap_change_what what, const struct ksnap_value *a,
		   const struct ksnap_value *b)
{
	diff_tell(d, &(struct ksnap_change){
			     .kind = a ? KSNAP_CHANGE_REMOVED : KSNAP_CHANGE_ADDED,
			     .what = what,
			     .a = a,
			     .b = b,
		     });
}

size_t diff_push(struct diff *d, const char *fmt, ...)
{
	size_t before = d->path.len;
	char text[KSNAP_ERR_TEXT];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	buf_append(&d->path, text, strlen(text));
	return before;
}

/* ---- entries ------------------------------------------------------------------------------- */

static void diff_entry(struct diff *d, const struct ksnap_value *key, uint64_t ia, uint64_t ib)
{
	struct ksnap_value a, b;
	size_t before;

	if (ksnap_map_value(d->ma, ia, &a, NULL) || ksnap_map_value(d->mb, ib, &b, NULL) ||
	    diff_is_same(d, &a, &b))
		return;
	d->key = key;
	before = key ? diff_push_key(d, key) : diff_push(d, "[%llu]", (unsigned long long)ia);
	diff_value(d, &a, &b, 0);
	diff_behind(d);
	d->path.len = before;
	d->key = NULL;
}

/* An entry of one side only. */
static void tell_entry(struct diff *d, const struct ksnap_map *m, uint64_t i)
{
	bool is_a = m == d->ma;
	struct ksnap_value key, v;
	size_t before;

	if (ksnap_map_value(m, i, &v, NULL))
		return;
	if (ksnap_map_key(m, i, &key, NULL)) {
		before = diff_push(d, "[%llu]", (unsigned long long)i);
	} else {
		before = diff_push_key(d, &key);
		d->key = &key;
	}
	diff_tell_one(d, KSNAP_CHANGE_ENTRY, is_a ? &v : NULL, is_a ? NULL : &v);
	d->path.len = before;
	d->key = NULL;
}

static int diff_keyed(struct diff *d)
{
	struct key_index index;
	struct ksnap_value key;
	uint64_t at;

	if (key_index_make(&index, d->mb) < 0)
		return KSNAP_E_NOMEM;
	for (uint64_t i = 0; i < d->ma->count && !d->rc; i++) {
		ksnap_map_key(d->ma, i, &key, NULL);
		at = key_index_take(&index, key.data);
		if (at == KEY_NONE)
			tell_entry(d, d->ma, i);
		else
			diff_entry(d, &key, i, at);
	}
	for (uint64_t i = 0; i < d->mb->count && !d->rc; i++)
		if (!key_index_is_taken(&index, i))
			tell_entry(d, d->mb, i);
	key_index_fini(&index);
	return 0;
}

static void diff_by_place(struct diff *d)
{
	uint64_t both = d->ma->count < d->mb->count ? d->ma->count : d->mb->count;

	for (uint64_t i = 0; i < both && !d->rc; i++)
		diff_entry(d, NULL, i, i);
	for (uint64_t i = both; i < d->ma->count && !d->rc; i++)
		tell_entry(d, d->ma, i);
	for (uint64_t i = both; i < d->mb->count && !d->rc; i++)
		tell_entry(d, d->mb, i);
}

static void diff_section(struct diff *d)
{
	struct ksnap_value a, b;
	size_t before = d->path.len;

	if (ksnap_map_value(d->ma, 0, &a, NULL) || ksnap_map_value(d->mb, 0, &b, NULL))
		return;
	if (a.type != TYPE_NONE && b.type != TYPE_NONE)
		diff_push(d, ":");
	diff_value(d, &a, &b, 0);
	diff_behind(d);
	d->path.len = before;
}

/* ---- one map ------------------------------------------------------------------------------- */

static const msgpack_object *error_of(const struct ksnap_map *m)
{
	const msgpack_object *o = m->count ? NULL : object_get(m->row, "error");

	return o && o->type == MSGPACK_OBJECT_STR ? o : NULL;
}

/* Is there something to compare? What keeps it from being exact is told. */
static bool check_read(struct diff *d)
{
	const struct ksnap_map *sides[] = { d->ma, d->mb };
	bool is_read = true;

	for (unsigned i = 0; i < 2; i++) {
		const msgpack_object *why = error_of(sides[i]);
		const char *which = i ? "second" : "first";

		if (why)
			diff_note(d, "the %s snapshot could not read it: %.*s", which,
				  (int)(why->via.str.size < 256 ? why->via.str.size : 256),
				  why->via.str.ptr);
		else if (!sides[i]->is_complete)
			diff_note(d,
				  "not complete in the %s snapshot, %llu entries: what is missing "
				  "there looks added or removed",
				  which, (unsigned long long)sides[i]->count);
		is_read = is_read && !why;
	}
	return is_read;
}

static bool check_keys(struct diff *d)
{
	const struct ksnap_map *a = d->ma, *b = d->mb;

	if (!a->count || !b->count || (!a->has_keys && !b->has_keys))
		return true;
	if (a->has_keys != b->has_keys || a->key_size != b->key_size) {
		diff_note(d, "keys of %u and of %u bytes: entries cannot be matched",
			  a->has_keys ? a->key_size : 0, b->has_keys ? b->key_size : 0);
		return false;
	}
	if (!d->same_order && a->key_size > 1) {
		diff_note(d, "the byte orders differ: entries cannot be matched");
		return false;
	}
	return true;
}

static void check_types(struct diff *d)
{
	char what_a[128] = "none", what_b[128] = "none";

	d->alike = d->ma->vt == TYPE_NONE && d->mb->vt == TYPE_NONE;
	if (!d->alike)
		d->alike = types_alike(d->a->types, d->ma->vt, d->b->types, d->mb->vt);
	if (d->alike)
		return;
	if (d->ma->vt != TYPE_NONE)
		type_describe(d->a->types, d->ma->vt, what_a, sizeof(what_a));
	if (d->mb->vt != TYPE_NONE)
		type_describe(d->b->types, d->mb->vt, what_b, sizeof(what_b));
	diff_note(d, "the type of its values is another (%s, now %s); compared by name", what_a,
		  what_b);
}

static void check_identity(struct diff *d)
{
	if (strcmp(d->ma->type, d->mb->type) != 0)
		diff_note(d, "a map of another type (%s, now %s)", d->ma->type, d->mb->type);
	if (d->same_boot && d->ma->id != d->mb->id)
		diff_note(d, "another map of this name (id %u, now %u)", d->ma->id, d->mb->id);
}

static int diff_map(struct diff *d)
{
	int rc = 0;

	check_identity(d);
	diff_ring(d);
	if (!check_read(d) || !check_keys(d))
		return 0;
	check_types(d);
	if (d->ma->is_section && d->mb->is_section)
		diff_section(d);
	else if (d->ma->has_keys || d->mb->has_keys)
		rc = diff_keyed(d);
	else
		diff_by_place(d);
	return rc;
}

/* A pair of which one may be NULL. */
static int diff_pair(struct diff *d, const struct pair *p)
{
	const struct ksnap_map *m = p->b ? p->b->what : p->a->what;
	int rc = 0;

	d->ma = p->a ? p->a->what : NULL;
	d->mb = p->b ? p->b->what : NULL;
	d->path.len = 0;
	if (p->is_ambiguous)
		diff_push(d, "id:%u", m->id);
	else
		diff_push(d, "%s", m->name);
	if (p->a && p->b)
		rc = diff_map(d);
	else
		diff_tell(d, &(struct ksnap_change){
				     .kind = p->a ? KSNAP_CHANGE_REMOVED : KSNAP_CHANGE_ADDED,
				     .what = KSNAP_CHANGE_MAP,
			     });
	return rc;
}

/* ---- all of it, or one place --------------------------------------------------------------- */

static struct named *name_maps(const struct ksnap_snapshot *s)
{
	struct named *list = calloc(s->nmaps + 1, sizeof(*list));

	for (size_t i = 0; list && i < s->nmaps; i++)
		list[i] = (struct named){ s->maps[i].name, s->maps[i].id, &s->maps[i] };
	return list;
}

/* All, or the pair that has @ma or @mb. */
static int diff_maps(struct diff *d, const struct ksnap_map *ma, const struct ksnap_map *mb)
{
	_free_ struct named *a = name_maps(d->a), *b = name_maps(d->b);
	struct pairs pairs;
	int rc;

	if (!a || !b)
		return KSNAP_E_NOMEM;
	rc = pairs_make(&pairs, a, d->a->nmaps, b, d->b->nmaps, d->same_boot);
	for (size_t i = 0; !rc && !d->rc && i < pairs.n; i++) {
		const struct pair *p = &pairs.pair[i];

		if ((ma || mb) && !(ma && p->a && p->a->what == ma) &&
		    !(mb && p->b && p->b->what == mb))
			continue;
		rc = diff_pair(d, p);
	}
	pairs_fini(&pairs);
	d->ma = NULL;
	d->mb = NULL;
	return rc;
}

static int diff_all(struct diff *d, struct ksnap_err *err)
{
	int rc = diff_maps(d, NULL, NULL);

	return rc || d->rc ? rc : diff_rows(d, NULL, err);
}

/* One value on both sides, by its path. */
static int diff_place(struct diff *d, const char *path, struct ksnap_err *err)
{
	struct ksnap_value a, b;
	struct ksnap_err why = { 0 };
	int ra = ksnap_snapshot_get(d->a, path, &a, &why);
	int rb = ksnap_snapshot_get(d->b, path, &b, ra ? NULL : &why);

	if ((ra && ra != KSNAP_E_NOTFOUND) || (rb && rb != KSNAP_E_NOTFOUND) || (ra && rb))
		return err_set(err, ra && ra != KSNAP_E_NOTFOUND ? ra : rb, "%s", why.text);
	buf_append(&d->path, path, strlen(path));
	if (ra || rb) {
		diff_tell_one(d, KSNAP_CHANGE_VALUE, ra ? NULL : &a, rb ? NULL : &b);
		return 0;
	}
	d->alike = types_alike(d->a->types, a.type, d->b->types, b.type);
	diff_value(d, &a, &b, 0);
	diff_behind(d);
	return 0;
}

static int diff_path(struct diff *d, const char *path, struct ksnap_err *err)
{
	struct ksnap_err why_a = { 0 }, why_b = { 0 };
	const struct ksnap_map *ma = ksnap_snapshot_map(d->a, path, &why_a);
	const struct ksnap_map *mb = ksnap_snapshot_map(d->b, path, &why_b);

	if (why_a.code == KSNAP_E_ARG || why_b.code == KSNAP_E_ARG)
		return err_set(err, KSNAP_E_ARG, "%s", why_a.code ? why_a.text : why_b.text);
	if (!ma && !mb && diff_names_rows(d, path))
		return diff_rows(d, path, err);
	return ma || mb ? diff_maps(d, ma, mb) : diff_place(d, path, err);
}

static bool is_same_boot(const struct ksnap_snapshot *a, const struct ksnap_snapshot *b)
{
	const msgpack_object *ia = object_get(object_get(&a->root, "target"), "boot_id");
	const msgpack_object *ib = object_get(object_get(&b->root, "target"), "boot_id");

	return ia && ib && ia->type == MSGPACK_OBJECT_STR && ib->type == MSGPACK_OBJECT_STR &&
	       ia->via.str.size && ia->via.str.size == ib->via.str.size &&
	       !memcmp(ia->via.str.ptr, ib->via.str.ptr, ia->via.str.size);
}

static int diff_init(struct diff *d, struct ksnap_err *err)
{
	uint64_t bytes = ksnap_blob_size(d->a->blob) + ksnap_blob_size(d->b->blob);

	d->same_boot = is_same_boot(d->a, d->b);
	d->same_order = d->a->is_little_endian == d->b->is_little_endian;
	d->left = WALK_BASE + WALK_PER_BYTE * bytes;
	if (forms_init(&d->fa, d->a->types, true) < 0)
		return err_nomem(err);
	if (forms_init(&d->fb, d->b->types, true) < 0 || diff_behind_init(d) < 0)
		return err_nomem(err);
	return 0;
}

static void diff_fini(struct diff *d)
{
	forms_fini(&d->fa);
	forms_fini(&d->fb);
	diff_behind_fini(d);
	buf_fini(&d->path);
	buf_fini(&d->text_a);
	buf_fini(&d->text_b);
}

int ksnap_snapshot_diff(const struct ksnap_snapshot *a, const struct ksnap_snapshot *b,
			const char *path, ksnap_change_fn fn, void *arg, struct ksnap_err *err)
{
	struct diff d = { .a = a, .b = b, .fn = fn, .arg = arg };
	int rc = snapshot_check_data(a, err);

	if (!rc)
		rc = snapshot_check_data(b, err);
	if (!rc && path && !*path)
		rc = err_set(err, KSNAP_E_ARG, "an empty path names nothing");
	if (rc)
		return rc;
	rc = diff_init(&d, err);
	if (!rc)
		rc = path ? diff_path(&d, path, err) : diff_all(&d, err);
	if (!rc)
		rc = d.rc;
	if (rc == KSNAP_E_NOMEM || d.fa.failed || d.fb.failed)
		rc = err_nomem(err);
	if (!rc && d.has_cut)
		rc = err_set(err, KSNAP_E_PROTO,
			     "the types of a report lie about its values: too much to compare");
	if (!rc)
		rc = d.has_told;
	diff_fini(&d);
	return rc;
}
