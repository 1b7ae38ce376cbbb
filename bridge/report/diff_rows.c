// SPDX-License-Identifier: MIT
/* diff_rows.c - what reports list beside their maps: programs, links, struct_ops, sched_ext, CPUs
 * and threads, field by field. */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "report/diff_state.h"
#include "report/pairs.h"

struct list_kind {
	const char *key;   /* in the report */
	const char *begin; /* of a path to one of them */
	enum ksnap_change_what what;
	const char *one, *id, *name; /* in words; the fields; name NULL: the id is its name */
};

/* Links are named after what they attach. */
static const struct list_kind lists[] = {
	{ "progs", "prog:", KSNAP_CHANGE_PROG, "program", "id", "name" },
	{ "links", "link:", KSNAP_CHANGE_LINK, "link", "id", "prog" },
	{ "struct_ops", "struct_ops:", KSNAP_CHANGE_STRUCT_OPS, "struct_ops map", "map", "name" },
	{ "cpus", "cpu:", KSNAP_CHANGE_CPU, "CPU", "cpu", NULL },
	{ "tasks", "task:", KSNAP_CHANGE_TASK, "thread", "tid", NULL },
	{ 0 },
};
static const struct list_kind sched = { .key = "sched",
					.begin = "sched.",
					.what = KSNAP_CHANGE_SCHED };
static const struct list_kind of_map = { .what = KSNAP_CHANGE_VALUE };

/* Numbers whose difference says something. */
static const char *const counts[] = {
	"run_cnt",     "refcnt", "nr_rejected", "hotplug_seq", "enable_seq", "count", "nr_running",
	"nr_switches", "clock",  "producer",    "consumer",    "pending",    NULL,
};

/* One kind of things, under way. */
struct rows {
	struct diff *d;
	const struct list_kind *kind;
	const char *only; /* or NULL */
	bool has_seen;    /* something that @only names */
	struct arena names;
};

/* ---- what is asked for --------------------------------------------------------------------- */

static bool begins(const char *s, const char *with)
{
	return !strncmp(s, with, strlen(with));
}

bool diff_names_rows(const struct diff *d, const char *path)
{
	if (!strcmp(path, sched.key) || begins(path, sched.begin))
		return true;
	for (const struct list_kind *k = lists; k->key; k++)
		if (begins(path, k->begin) ||
		    (!strcmp(path, k->key) &&
		     (object_get(&d->a->root, path) || object_get(&d->b->root, path))))
			return true;
	return false;
}

/* Is the path at hand, or what it is a part of, asked for? */
static bool is_wanted(struct rows *r)
{
	size_t len = r->only ? strlen(r->only) : 0;
	const struct buf *path = &r->d->path;

	if (r->only && (!r->kind->key || strcmp(r->only, r->kind->key) != 0) &&
	    (path->len < len || memcmp(path->data, r->only, len) != 0 ||
	     (path->len > len && !strchr(".[#", path->data[len]))))
		return false;
	r->has_seen = true;
	return true;
}

/* ---- telling ------------------------------------------------------------------------------- */

static void tell(struct rows *r, const msgpack_object *a, const msgpack_object *b,
		 const char *delta)
{
	if (!is_wanted(r))
		return;
	diff_tell(r->d, &(struct ksnap_change){
				.kind = a && b ? KSNAP_CHANGE_CHANGED
					: a    ? KSNAP_CHANGE_REMOVED
					       : KSNAP_CHANGE_ADDED,
				.what = r->kind->what,
				.plain_a = a,
				.plain_b = b,
				.delta = delta,
			});
}

static void note(struct rows *r, const char *text)
{
	if (is_wanted(r))
		diff_tell(r->d, &(struct ksnap_change){ .kind = KSNAP_CHANGE_NOTE,
							.what = r->kind->what,
							.text = text });
}

/* ---- fields -------------------------------------------------------------------------------- */

static bool is_uint(const msgpack_object *o)
{
	return o && o->type == MSGPACK_OBJECT_POSITIVE_INTEGER;
}

static bool is_key(const msgpack_object *o, const char *word)
{
	return word && o->type == MSGPACK_OBJECT_STR && o->via.str.size == strlen(word) &&
	       !memcmp(o->via.str.ptr, word, o->via.str.size);
}

static bool is_count(const msgpack_object *key)
{
	const msgpack_object_str *s = key ? &key->via.str : NULL;

	if (!s)
		return false;
	if (s->size > 3 && !memcmp(s->ptr + s->size - 3, "_ns", 3))
		return true;
	for (const char *const *c = counts; *c; c++)
		if (is_key(key, *c))
			return true;
	return false;
}

static void diff_number(struct rows *r, const msgpack_object *a, const msgpack_object *b)
{
	bool is_more = b->via.u64 > a->via.u64;
	char delta[DIGITS_MAX + 2] = { is_more ? '+' : '-' };
	size_t len = digits_u64((uint8_t *)delta + 1,
				is_more ? b->via.u64 - a->via.u64 : a->via.u64 - b->via.u64);

	delta[1 + len] = '\0';
	tell(r, a, b, delta);
}

static void diff_fields(struct rows *r, const msgpack_object *a, const msgpack_object *b,
			const char *skip);

/* Lists of maps that have names, such as counters of events. */
static bool is_named(const msgpack_object *list)
{
	for (uint32_t i = 0; i < list->via.array.size; i++) {
		const msgpack_object *name = object_get(&list->via.array.ptr[i], "name");

		if (!name || name->type != MSGPACK_OBJECT_STR)
			return false;
	}
	return true;
}

static const msgpack_object *find_named(struct diff *d, const msgpack_object *list,
					const msgpack_object *name)
{
	for (uint32_t i = 0; i < list->via.array.size && diff_spend(d, 1); i++)
		if (msgpack_object_equal(*object_get(&list->via.array.ptr[i], "name"), *name))
			return &list->via.array.ptr[i];
	return NULL;
}

/* Those of @a; of those that @b has too nothing when @is_back. */
static void diff_named(struct rows *r, const msgpack_object *a, const msgpack_object *b,
		       bool is_back)
{
	for (uint32_t i = 0; i < a->via.array.size && diff_spend(r->d, 1); i++) {
		const msgpack_object *one = &a->via.array.ptr[i], *name = object_get(one, "name");
		const msgpack_object *other = find_named(r->d, b, name);
		size_t before =
			diff_push(r->d, "[%.*s]", (int)name->via.str.size, name->via.str.ptr);

		if (other && !is_back)
			diff_fields(r, one, other, "name");
		else if (!other)
			tell(r, is_back ? NULL : one, is_back ? one : NULL, NULL);
		r->d->path.len = before;
	}
}

static void diff_field(struct rows *r, const msgpack_object *key, const msgpack_object *a,
		       const msgpack_object *b)
{
	bool is_list = a && b && a->type == MSGPACK_OBJECT_ARRAY && b->type == MSGPACK_OBJECT_ARRAY;

	is_wanted(r);
	if (a && b && msgpack_object_equal(*a, *b))
		return;
	if (a && b && a->type == MSGPACK_OBJECT_MAP && b->type == MSGPACK_OBJECT_MAP) {
		diff_fields(r, a, b, NULL);
	} else if (is_list && is_named(a) && is_named(b)) {
		diff_named(r, a, b, false);
		diff_named(r, b, a, true);
	} else if (is_uint(a) && is_uint(b) && is_count(key)) {
		diff_number(r, a, b);
	} else {
		tell(r, a, b, NULL);
	}
}

static const msgpack_object *find_field(struct diff *d, const msgpack_object *map,
					const msgpack_object *key)
{
	for (uint32_t i = 0; i < map->via.map.size && diff_spend(d, 1); i++)
		if (msgpack_object_equal(map->via.map.ptr[i].key, *key))
			return &map->via.map.ptr[i].val;
	return NULL;
}

/* Two msgpack maps; the field @skip is not compared. */
static void diff_fields(struct rows *r, const msgpack_object *a, const msgpack_object *b,
			const char *skip)
{
	const msgpack_object *sides[] = { a, b };

	for (unsigned side = 0; side < 2; side++)
		for (uint32_t i = 0; i < sides[side]->via.map.size && diff_spend(r->d, 1); i++) {
			const msgpack_object_kv *kv = &sides[side]->via.map.ptr[i];
			const msgpack_object *other = find_field(r->d, sides[!side], &kv->key);
			size_t before = r->d->path.len;

			if (kv->key.type != MSGPACK_OBJECT_STR || is_key(&kv->key, skip) ||
			    (side && other))
				continue;
			diff_push(r->d, "%s%.*s", before ? "." : "", (int)kv->key.via.str.size,
				  kv->key.via.str.ptr);
			diff_field(r, &kv->key, side ? NULL : &kv->val, side ? &kv->val : other);
			r->d->path.len = before;
		}
}

/* ---- names --------------------------------------------------------------------------------- */

static uint64_t id_of(const msgpack_object *row, const char *key)
{
	const msgpack_object *id = object_get(row, key);

	return is_uint(id) ? id->via.u64 : 0;
}

static const char *keep(struct rows *r, const char *s, size_t len)
{
	const char *kept = arena_strn(&r->names, s, strnlen(s, len));

	if (!kept)
		r->d->rc = KSNAP_E_NOMEM;
	return kept ? kept : "";
}

static int by_id(const void *pa, const void *pb)
{
	const struct named *a = pa, *b = pb;

	return (a->id > b->id) - (a->id < b->id);
}

static struct named *list_rows(struct rows *r, const struct ksnap_snapshot *s,
			       const struct list_kind *k, size_t *ret_n);

/* The name of the one of list @k with this id, or NULL. */
static const char *name_in(const struct named *list, size_t n, uint64_t id)
{
	const struct named key = { .id = id };
	const struct named *found = n ? bsearch(&key, list, n, sizeof(key), by_id) : NULL;

	return found ? found->name : NULL;
}

/* A link's program, else its struct_ops map, else its type. */
static void name_links(struct rows *r, const struct ksnap_snapshot *s, struct named *links,
		       size_t n)
{
	size_t nprogs = 0, nops = 0;
	_free_ struct named *progs = list_rows(r, s, &lists[0], &nprogs);
	_free_ struct named *ops = list_rows(r, s, &lists[2], &nops);

	if (nprogs)
		qsort(progs, nprogs, sizeof(*progs), by_id);
	if (nops)
		qsort(ops, nops, sizeof(*ops), by_id);
	for (size_t i = 0; i < n; i++) {
		const msgpack_object *type = object_get(links[i].what, "type");
		const char *name = name_in(progs, nprogs, id_of(links[i].what, "prog"));

		if (!name)
			name = name_in(ops, nops, id_of(links[i].what, "map"));
		if (!name && type && type->type == MSGPACK_OBJECT_STR)
			name = keep(r, type->via.str.ptr, type->via.str.size);
		links[i].name = name ? name : "";
	}
}

static const char *name_of(struct rows *r, const struct list_kind *k, const msgpack_object *row)
{
	const msgpack_object *name = k->name ? object_get(row, k->name) : NULL;
	char digits[DIGITS_MAX];

	if (name && name->type == MSGPACK_OBJECT_STR)
		return keep(r, name->via.str.ptr, name->via.str.size);
	if (k->name)
		return "";
	return keep(r, digits, digits_u64((uint8_t *)digits, id_of(row, k->id)));
}

/* Rows of the report, named; to be freed. */
static struct named *list_rows(struct rows *r, const struct ksnap_snapshot *s,
			       const struct list_kind *k, size_t *ret_n)
{
	const msgpack_object *rows = object_get(&s->root, k->key);
	size_t n = rows && rows->type == MSGPACK_OBJECT_ARRAY ? rows->via.array.size : 0;
	struct named *list = calloc(n + 1, sizeof(*list));

	*ret_n = 0;
	if (!list)
		r->d->rc = KSNAP_E_NOMEM;
	for (size_t i = 0; list && i < n; i++) {
		const msgpack_object *row = &rows->via.array.ptr[i];

		if (row->type == MSGPACK_OBJECT_MAP)
			list[(*ret_n)++] =
				(struct named){ name_of(r, k, row), id_of(row, k->id), row };
	}
	if (list && k->what == KSNAP_CHANGE_LINK)
		name_links(r, s, list, *ret_n);
	return list;
}

/* ---- lists --------------------------------------------------------------------------------- */

static void diff_two(struct rows *r, const struct pair *p)
{
	struct diff *d = r->d;
	const struct named *any = p->b ? p->b : p->a;
	char text[128];

	d->path.len = 0;
	d->name = any->name;
	d->id = any->id;
	diff_push(d, "%s%s", r->kind->begin, any->name);
	if (p->is_ambiguous || !*any->name)
		diff_push(d, "#%llu", (unsigned long long)any->id);
	is_wanted(r);
	if (!p->a || !p->b) {
		tell(r, p->a ? p->a->what : NULL, p->b ? p->b->what : NULL, NULL);
		return;
	}
	snprintf(text, sizeof(text), "another %s of this name (id %llu, now %llu)", r->kind->one,
		 (unsigned long long)p->a->id, (unsigned long long)p->b->id);
	if (d->same_boot && p->a->id != p->b->id)
		note(r, text);
	diff_fields(r, p->a->what, p->b->what, r->kind->id);
}

/* Do both have it? When one does, that is told. */
static bool check_both(struct rows *r, const char *key, const char *how)
{
	const msgpack_object *a = object_get(&r->d->a->root, key);
	const msgpack_object *b = object_get(&r->d->b->root, key);
	char text[160];

	if ((a && b) || (!a && !b))
		return a;
	snprintf(text, sizeof(text), "only the %s snapshot has them, and they are not compared%s",
		 a ? "first" : "second", how);
	r->d->path.len = 0;
	diff_push(r->d, "%s", key);
	note(r, text);
	return false;
}

static int diff_list(struct rows *r)
{
	struct diff *d = r->d;
	size_t na, nb;
	_free_ struct named *a = list_rows(r, d->a, r->kind, &na);
	_free_ struct named *b = list_rows(r, d->b, r->kind, &nb);
	struct pairs pairs;
	int rc;

	if (d->rc)
		return 0;
	rc = pairs_make(&pairs, a, na, b, nb, d->same_boot);
	for (size_t i = 0; !rc && !d->rc && !d->has_cut && i < pairs.n; i++)
		diff_two(r, &pairs.pair[i]);
	pairs_fini(&pairs);
	d->name = NULL;
	return rc;
}

static void diff_sched(struct rows *r)
{
	const msgpack_object *a = object_get(&r->d->a->root, sched.key);
	const msgpack_object *b = object_get(&r->d->b->root, sched.key);

	r->d->path.len = 0;
	diff_push(r->d, "%s", sched.key);
	if (a && b)
		diff_field(r, NULL, a, b);
}

int diff_rows(struct diff *d, const char *only, struct ksnap_err *err)
{
	static const char with_progs[] = ": capture both with programs (progs, --progs)";
	struct rows r = { .d = d, .only = only, .kind = &of_map };
	int rc = 0;

	check_both(&r, "chased", ": capture both with chase (--chase N)");
	for (const struct list_kind *k = lists; !rc && k->key && !d->rc && !d->has_cut; k++) {
		r.kind = k;
		if (check_both(&r, k->key, k == lists ? with_progs : ""))
			rc = diff_list(&r);
		else if (k == lists && !only)
			break; /* what comes with programs is missing with them */
	}
	r.kind = &sched;
	if (!rc && !d->rc && !d->has_cut)
		diff_sched(&r);
	arena_fini(&r.names);
	if (!rc && !d->rc && only && !r.has_seen)
		rc = err_set(err, KSNAP_E_NOTFOUND, "'%s' is in neither snapshot", only);
	return rc;
}

void diff_ring(struct diff *d)
{
	const msgpack_object *a = object_get(d->ma->row, "ringbuf");
	const msgpack_object *b = object_get(d->mb->row, "ringbuf");
	struct rows r = { .d = d, .kind = &of_map };
	size_t before = diff_push(d, ".ringbuf");

	if (a && b)
		diff_field(&r, NULL, a, b);
	d->path.len = before;
}
