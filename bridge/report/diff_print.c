// SPDX-License-Identifier: MIT
/* diff_print.c - one difference as a line for people, as JSON, as msgpack. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "report/diff.h"
#include "report/value.h"
#include "report/walk.h"

struct diff_printer {
	struct walk a, b; /* one sink for both */
	struct sink sink;
	struct render_opts opts;
	struct buf cell; /* text of one value; also where the sink points between two changes */
};

typedef void (*sink_init_fn)(struct sink *k, const struct render_opts *o, struct buf *out);

struct diff_printer *diff_printer_create(const struct ksnap_snapshot *a,
					 const struct ksnap_snapshot *b,
					 const struct render_opts *opts)
{
	struct diff_printer *p = calloc(1, sizeof(*p));

	if (!p)
		return NULL;
	if (opts)
		p->opts = *opts;
	sink_text(&p->sink, &p->opts, &p->cell);
	if (!walk_init(&p->a, a, &p->sink, 0) && !walk_init(&p->b, b, &p->sink, 0))
		return p;
	diff_printer_destroy(p);
	return NULL;
}

void diff_printer_destroy(struct diff_printer *p)
{
	if (!p)
		return;
	sink_text(&p->sink, &p->opts, &p->cell);
	if (p->a.sink)
		walk_fini(&p->a);
	if (p->b.sink)
		walk_fini(&p->b);
	buf_fini(&p->cell);
	free(p);
}

/* From here on what is shown goes to @out. */
static void aim(struct diff_printer *p, sink_init_fn init, struct buf *out)
{
	init(&p->sink, &p->opts, out);
}

static void show(struct diff_printer *p, const struct ksnap_value *v)
{
	struct walk *w = v->snap == p->a.snap ? &p->a : &p->b;

	w->left = WALK_BASE + WALK_PER_BYTE * (v->ncpu ? (uint64_t)v->ncpu * v->stride : v->size);
	walk_value(w, v);
}

static int finish(struct diff_printer *p, struct buf *out)
{
	bool failed = p->a.forms.failed || p->b.forms.failed || p->a.scratch.failed ||
		      p->b.scratch.failed || !buf_ok(out) || !buf_ok(&p->cell);

	aim(p, sink_text, &p->cell);
	return failed ? -1 : 0;
}

static const struct ksnap_map *map_of(const struct ksnap_change *c)
{
	return c->map_b ? c->map_b : c->map_a;
}

/* ---- for people ---------------------------------------------------------------------------- */

static void put(struct buf *out, const char *s)
{
	buf_append(out, s, strlen(s));
}

/* Names come from outside: no control characters. */
static void put_name(struct diff_printer *p, const char *s, struct buf *out)
{
	aim(p, sink_text, out);
	sink_escaped(&p->sink, s, strlen(s));
}

/* What the cell has, cut. */
static void put_cell(struct diff_printer *p, struct buf *out)
{
	size_t len = p->cell.len;

	if (len > DIFF_TEXT_WIDTH)
		len = utf8_cut((const char *)p->cell.data, DIFF_TEXT_WIDTH);
	buf_append(out, p->cell.data, len);
	if (len < p->cell.len)
		put(out, "\u2026");
}

static void put_value(struct diff_printer *p, const struct ksnap_value *v, struct buf *out)
{
	buf_clear(&p->cell);
	aim(p, sink_text, &p->cell);
	show(p, v);
	put_cell(p, out);
}

static void put_plain(struct diff_printer *p, const msgpack_object *o, struct buf *out)
{
	buf_clear(&p->cell);
	aim(p, sink_text, &p->cell);
	walk_object(&p->a, o);
	put_cell(p, out);
}

/* A path that begins with an id does not say which map it is. */
static void put_map_name(struct diff_printer *p, const struct ksnap_change *c, struct buf *out)
{
	const struct ksnap_map *m = map_of(c);

	if (!m || strncmp(c->path, "id:", 3) != 0)
		return;
	put(out, "  map ");
	put_name(p, m->name, out);
}

static void put_map(struct diff_printer *p, const struct ksnap_change *c, struct buf *out)
{
	const struct ksnap_map *m = map_of(c);

	put(out, "map ");
	put_name(p, c->path, out);
	put(out, " (");
	put_name(p, m->type, out);
	buf_printf(out, ", %" PRIu64 " %s)", m->count, m->count == 1 ? "entry" : "entries");
}

/* A key that the path gives in hex is shown beside it, when it has a type. */
static void put_key(struct diff_printer *p, const struct ksnap_change *c, struct buf *out)
{
	if (!c->key || c->key->type == TYPE_NONE || !strstr(c->path, "[hex:"))
		return;
	put(out, "  key ");
	put_value(p, c->key, out);
}

static void put_side(struct diff_printer *p, const struct ksnap_value *v,
		     const msgpack_object *plain, struct buf *out)
{
	if (v)
		put_value(p, v, out);
	else if (plain)
		put_plain(p, plain, out);
}

int diff_print_text(struct diff_printer *p, const struct ksnap_change *c, struct buf *out)
{
	static const char *const signs[] = { "! ", "+ ", "- ", "" };

	put(out, signs[c->kind]);
	if (c->kind != KSNAP_CHANGE_NOTE && c->what == KSNAP_CHANGE_MAP) {
		put_map(p, c, out);
	} else {
		put_name(p, c->path, out);
		put(out, c->text ? ": " : "  ");
	}
	if (c->text)
		put_name(p, c->text, out);
	put_side(p, c->a, c->plain_a, out);
	if ((c->a && c->b) || (c->plain_a && c->plain_b))
		put(out, " \u2192 ");
	put_side(p, c->b, c->plain_b, out);
	if (c->delta)
		buf_printf(out, "  (%s)", c->delta);
	put_key(p, c, out);
	put_map_name(p, c, out);
	put(out, "\n");
	return finish(p, out);
}

/* ---- as data ------------------------------------------------------------------------------- */

static void say_key(struct diff_printer *p, const char *key)
{
	p->sink.ops->key(&p->sink, &(struct label){ .name = key, .len = strlen(key) });
}

static void say_text(struct diff_printer *p, const char *key, const char *s)
{
	if (!s)
		return;
	say_key(p, key);
	p->sink.ops->text(&p->sink, s, strlen(s));
}

static void say_value(struct diff_printer *p, const char *key, const struct ksnap_value *v,
		      const msgpack_object *plain)
{
	if (!v && !plain)
		return;
	say_key(p, key);
	if (v)
		show(p, v);
	else
		walk_object(&p->a, plain);
}

static void say_number(struct diff_printer *p, const char *key, uint64_t n)
{
	say_key(p, key);
	p->sink.ops->uint(&p->sink, n);
}

static void say_delta(struct diff_printer *p, const char *delta)
{
	bool is_negative = *delta == '-';
	u128 n = 0;

	say_key(p, "delta");
	if (strpbrk(delta, ".e")) {
		p->sink.ops->real(&p->sink, strtod(delta, NULL), false);
		return;
	}
	for (delta++; *delta; delta++)
		n = 10 * n + (*delta - '0');
	if (is_negative && n <= INT64_MAX)
		p->sink.ops->sint(&p->sink, -(int64_t)n);
	else if (!is_negative && n <= UINT64_MAX)
		p->sink.ops->uint(&p->sink, n);
	else
		p->sink.ops->wide(&p->sink, is_negative ? -n : n, is_negative);
}

static void say_change(struct diff_printer *p, const struct ksnap_change *c)
{
	static const char *const kinds[] = { "note", "added", "removed", "changed" };
	static const char *const whats[] = { "map",        "entry", "value", "prog", "link",
					     "struct_ops", "sched", "cpu",   "task" };
	const struct ksnap_map *m = map_of(c);

	p->sink.ops->open(&p->sink, true);
	say_text(p, "change", kinds[c->kind]);
	say_text(p, "what", whats[c->what]);
	say_text(p, "path", c->path);
	say_text(p, "map", m ? m->name : NULL);
	if (c->name) {
		say_text(p, "name", c->name);
		say_number(p, "id", c->id);
	}
	say_value(p, "key", c->key, NULL);
	say_value(p, "old", c->a, c->plain_a);
	say_value(p, "new", c->b, c->plain_b);
	if (c->delta)
		say_delta(p, c->delta);
	if (c->kind != KSNAP_CHANGE_NOTE && c->what == KSNAP_CHANGE_MAP) {
		say_text(p, "type", m->type);
		say_number(p, "entries", m->count);
	}
	say_text(p, "text", c->text);
	p->sink.ops->close(&p->sink, true);
}

int diff_print_json(struct diff_printer *p, const struct ksnap_change *c, struct buf *out)
{
	aim(p, sink_json, out);
	say_change(p, c);
	return finish(p, out);
}

int diff_print_tree(struct diff_printer *p, const struct ksnap_change *c, struct buf *out)
{
	aim(p, sink_tree, out);
	say_change(p, c);
	return finish(p, out);
}
