// SPDX-License-Identifier: MIT
/* render.c - values and whole reports as JSON, as text and as msgpack. */
#include "report/render.h"

#include <string.h>

#include "report/walk.h"

typedef void (*sink_init_fn)(struct sink *k, const struct render_opts *o, struct buf *out);

static int render_value(const struct ksnap_value *v, const struct render_opts *o, struct buf *out,
			sink_init_fn init)
{
	uint64_t bytes = v->ncpu ? (uint64_t)v->ncpu * v->stride : v->size;
	struct sink k;
	struct walk w;

	init(&k, o, out);
	if (!walk_init(&w, v->snap, &k, bytes))
		walk_value(&w, v);
	else
		w.forms.failed = true;
	return walk_fini(&w) ? KSNAP_E_NOMEM : 0;
}

int render_value_json(const struct ksnap_value *v, const struct render_opts *o, struct buf *out)
{
	return render_value(v, o, out, sink_json);
}

int render_value_text(const struct ksnap_value *v, const struct render_opts *o, struct buf *out)
{
	return render_value(v, o, out, sink_text);
}

int render_value_tree(const struct ksnap_value *v, const struct render_opts *o, struct buf *out)
{
	return render_value(v, o, out, sink_tree);
}

/* ---- whole reports ------------------------------------------------------------------------- */

static bool key_is_one_of(const msgpack_object *key, const char *const *words)
{
	for (; key->type == MSGPACK_OBJECT_STR && *words; words++)
		if (strlen(*words) == key->via.str.size &&
		    !memcmp(*words, key->via.str.ptr, key->via.str.size))
			return true;
	return false;
}

static void show_pair(struct walk *w, const msgpack_object_kv *kv)
{
	struct label label = { .name = "<key>", .len = 5 };

	if (kv->key.type == MSGPACK_OBJECT_STR)
		label = (struct label){ .name = kv->key.via.str.ptr, .len = kv->key.via.str.size };
	w->sink->ops->key(w->sink, &label);
	walk_object(w, &kv->val);
}

static void show_entry(struct walk *w, const struct ksnap_map *m, size_t i)
{
	static const char json[][16 + LABEL_SPAN] = { ",\"key\":", ",\"value\":", ",\"values\":" };
	static const struct label key = { "key", 3, json[0], 7 };
	static const struct label value = { "value", 5, json[1], 9 };
	static const struct label values = { "values", 6, json[2], 10 };
	struct ksnap_value v;

	w->sink->ops->open(w->sink, true);
	if (!m->is_section && !ksnap_map_key(m, i, &v, NULL)) {
		w->sink->ops->key(w->sink, &key);
		walk_value(w, &v);
	}
	if (!ksnap_map_value(m, i, &v, NULL)) {
		w->sink->ops->key(w->sink, m->ncpu ? &values : &value);
		walk_value(w, &v);
	}
	w->sink->ops->close(w->sink, true);
}

/* Between two entries of a list. */
static void hand_on(const struct sink *k, size_t from)
{
	if (!k->put || k->out->len < from || !buf_ok(k->out))
		return;
	k->put(k->put_arg, k->out->data, k->out->len);
	k->out->len = 0;
}

static void show_map(struct walk *w, const struct ksnap_map *m)
{
	static const char *const packed[] = { "keys", "vals", "kt", "vt", "stride", NULL };
	const msgpack_object_map *row = &m->row->via.map;
	uint64_t i;

	w->sink->ops->open(w->sink, true);
	for (uint32_t pair = 0; pair < row->size; pair++)
		if (!key_is_one_of(&row->ptr[pair].key, packed))
			show_pair(w, &row->ptr[pair]);
	walk_key(w, "entries");
	w->sink->ops->open(w->sink, false);
	for (i = 0; i < m->count && w->left; i++) {
		show_entry(w, m, i);
		hand_on(w->sink, RENDER_PIECE);
	}
	if (i < m->count)
		walk_note(w, "<%llu more entries>", (unsigned long long)(m->count - i));
	w->sink->ops->close(w->sink, false);
	w->sink->ops->close(w->sink, true);
}

/* Each by itself: the pointers within are addresses that this list has, too. */
static void show_chased(struct walk *w, const struct ksnap_snapshot *s)
{
	char what[128];

	walk_key(w, "chased");
	w->sink->ops->open(w->sink, false);
	w->is_flat = true;
	for (size_t i = 0; i < s->nchased && w->left; i++) {
		const struct chased *c = &s->chased[i];
		struct ksnap_value v = { s, c->data, c->size, c->type, 0, 0, 0, 0 };

		type_describe(s->types, c->type, what, sizeof(what));
		w->sink->ops->open(w->sink, true);
		walk_key(w, "addr");
		w->sink->ops->address(w->sink, c->addr);
		walk_key(w, "type");
		w->sink->ops->text(w->sink, what, strlen(what));
		walk_key(w, c->error ? "error" : "value");
		if (c->error)
			walk_object(w, c->error);
		else
			walk_value(w, &v);
		w->sink->ops->close(w->sink, true);
		hand_on(w->sink, RENDER_PIECE);
	}
	w->is_flat = false;
	w->sink->ops->close(w->sink, false);
}

static void show_report(struct walk *w, const struct ksnap_snapshot *s)
{
	static const char *const omitted[] = { "types", NULL }, *const maps[] = { "maps", NULL };
	static const char *const chased[] = { "chased", NULL };
	const msgpack_object_map *root = &s->root.via.map;

	w->sink->ops->open(w->sink, true);
	for (uint32_t i = 0; i < root->size; i++) {
		const msgpack_object_kv *kv = &root->ptr[i];

		if (key_is_one_of(&kv->key, omitted))
			continue;
		if (key_is_one_of(&kv->key, chased)) {
			show_chased(w, s);
			continue;
		}
		if (!key_is_one_of(&kv->key, maps)) {
			show_pair(w, kv);
			continue;
		}
		walk_key(w, "maps");
		w->sink->ops->open(w->sink, false);
		for (size_t m = 0; m < s->nmaps; m++)
			show_map(w, &s->maps[m]);
		w->sink->ops->close(w->sink, false);
	}
	w->sink->ops->close(w->sink, true);
}

static int walk_report(const struct ksnap_snapshot *s, struct sink *k)
{
	struct walk w;

	if (!walk_init(&w, s, k, ksnap_blob_size(s->blob)))
		show_report(&w, s);
	else
		w.forms.failed = true;
	return walk_fini(&w) ? KSNAP_E_NOMEM : 0;
}

static int render_report(const struct ksnap_snapshot *s, const struct render_opts *o,
			 struct buf *out, sink_init_fn init)
{
	struct sink k;

	init(&k, o, out);
	/* Words are longer: moving them once less is worth it. */
	buf_reserve(out, 2 * ksnap_blob_size(s->blob));
	return walk_report(s, &k);
}

int render_report_json(const struct ksnap_snapshot *s, const struct render_opts *o, struct buf *out)
{
	return render_report(s, o, out, sink_json);
}

int render_report_json_to(const struct ksnap_snapshot *s, const struct render_opts *o,
			  render_put_fn put, void *arg)
{
	_buf_ struct buf out = BUF_INIT;
	struct sink k;
	int ret;

	sink_json(&k, o, &out);
	k.put = put;
	k.put_arg = arg;
	buf_reserve(&out, 2 * RENDER_PIECE);
	ret = walk_report(s, &k);
	if (!ret)
		hand_on(&k, 1);
	return ret;
}

int render_report_tree(const struct ksnap_snapshot *s, const struct render_opts *o, struct buf *out)
{
	return render_report(s, o, out, sink_tree);
}
