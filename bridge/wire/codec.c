// SPDX-License-Identifier: MIT
/* codec.c - the one reader of the field tables.
 *
 * Maps and lists are walked on the scanned bytes, so that every value is a slice of the frame and
 * nothing is allocated but lists.
 */
#include "wire/codec.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/utf8.h"
#include "wire/emit.h"
#include "wire/scan.h"
#include "wire/shapes.h"

#define QUOTED_MAX 64 /* bytes of a foreign string that a message quotes */

struct decoder {
	enum wire_unknown unknown;
	struct wire_arena *arena;
	struct ksnap_err *err;
};

/* Where in the message we are; rendered only when something is wrong. */
struct place {
	const struct place *up;
	struct wire_slice name; /* p NULL: an element */
	size_t index;
};

bool wire_slice_is(struct wire_slice s, const char *word)
{
	/* Most words differ at once. */
	return s.len && s.p[0] != word[0] ? false
					  : s.len == strlen(word) && !memcmp(s.p, word, s.len);
}

struct wire_slice wire_slice_of(const char *s)
{
	return (struct wire_slice){ s, strlen(s) };
}

void wire_arena_fini(struct wire_arena *a)
{
	int saved = errno;

	if (a->zone)
		msgpack_zone_free(a->zone);
	a->zone = NULL;
	errno = saved;
}

/* ---- failing ---- */

static size_t put_place(const struct place *at, char *text, size_t size)
{
	size_t used = at->up ? put_place(at->up, text, size) : 0;
	int len;

	if (used >= size)
		return used;
	if (at->name.p)
		len = snprintf(text + used, size - used, "%s%.*s", used ? "." : "",
			       (int)(at->name.len < QUOTED_MAX ? at->name.len : QUOTED_MAX),
			       at->name.p);
	else
		len = snprintf(text + used, size - used, "[%zu]", at->index);
	return used + (len > 0 ? (size_t)len : 0);
}

static int put_text(struct decoder *d, const struct place *at, int code, const char *text)
{
	char where[KSNAP_ERR_TEXT / 2] = "";

	if (at)
		put_place(at, where, sizeof(where));
	return err_set(d->err, code, "%s%s%s", where, at ? ": " : "", text);
}

/* The message has the wrong form: a key or a type. */
__attribute__((format(printf, 3, 4))) static int misshapen(struct decoder *d,
							   const struct place *at, const char *fmt,
							   ...)
{
	char text[KSNAP_ERR_TEXT];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	return put_text(d, at, d->unknown == WIRE_ENVELOPE ? KSNAP_E_PROTO : KSNAP_E_ARG, text);
}

/* The form is right, the value is not allowed. */
__attribute__((format(printf, 3, 4))) static int out_of_range(struct decoder *d,
							      const struct place *at,
							      const char *fmt, ...)
{
	char text[KSNAP_ERR_TEXT];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	return put_text(d, at, KSNAP_E_ARG, text);
}

/* ---- reading ---- */

/* One object of sound msgpack, and what its head says. */
struct object {
	struct wire_slice s;
	struct scan_head h;
};

/* A walk over the objects within another. */
struct cursor {
	const char *p;
	size_t left;
};

static struct cursor open_items(const struct object *o)
{
	return (struct cursor){ o->s.p + o->h.size, o->s.len - o->h.size };
}

static inline void next_object(struct cursor *c, struct object *ret)
{
	scan_head(c->p, c->left, &ret->h);
	ret->s = (struct wire_slice){ c->p, ret->h.size + ret->h.body };
	if (ret->h.items)
		scan_object(c->p, c->left, &ret->s.len, NULL);
	c->p += ret->s.len;
	c->left -= ret->s.len;
}

/* The bytes of a str or bin, without its head. */
static struct wire_slice body_of(const struct object *o)
{
	return (struct wire_slice){ o->s.p + o->h.size, o->h.body };
}

static const char *describe(const struct object *o)
{
	return o->h.type == SCAN_INT && scan_int(o->s.p, &o->h) < 0 ? "a negative integer"
								    : scan_type_name(o->h.type);
}

static int refuse_type(struct decoder *d, const struct place *at, const char *expected,
		       const struct object *got)
{
	return misshapen(d, at, "expected %s, got %s", expected, describe(got));
}

static int check_range(struct decoder *d, const struct place *at, const struct wire_field *f,
		       uint64_t n, const char *unit)
{
	if (f->max && n > f->max)
		return out_of_range(d, at, "%" PRIu64 "%s, at most %" PRIu64 " allowed", n, unit,
				    f->max);
	if (n < f->min)
		return out_of_range(d, at, "%" PRIu64 "%s, at least %" PRIu64 " wanted", n, unit,
				    f->min);
	return 0;
}

static bool is_word(struct wire_slice s, const char *words)
{
	while (*words) {
		size_t len = strcspn(words, "|");

		if (len == s.len && !memcmp(words, s.p, len))
			return true;
		words += len + (words[len] == '|');
	}
	return false;
}

static int check_string(struct decoder *d, const struct place *at, const struct wire_field *f,
			struct wire_slice s)
{
	size_t sound = d->unknown == WIRE_SKIP_UNKNOWN ? s.len : utf8_sound(s.p, s.len);

	if (sound < s.len && !s.p[sound])
		return out_of_range(d, at, "has a NUL at byte %zu", sound);
	if (sound < s.len)
		return out_of_range(d, at, "is not UTF-8 at byte %zu", sound);
	if (f->words && !is_word(s, f->words))
		return out_of_range(d, at, "is \"%.*s\", allowed are %s",
				    (int)(s.len < QUOTED_MAX ? s.len : QUOTED_MAX), s.p, f->words);
	return 0;
}

static int check_tag(struct decoder *d, const struct place *at, struct wire_slice s)
{
	struct ksnap_err why;

	return ksnap_tag_check(s.p, s.len, &why) ? out_of_range(d, at, "%s", why.text) : 0;
}

static int read_bool(struct decoder *d, const struct place *at, const struct object *o, bool *ret)
{
	if (o->h.type != SCAN_BOOL)
		return refuse_type(d, at, "a boolean", o);
	*ret = (uint8_t)o->s.p[0] == 0xc3;
	return 0;
}

static int read_uint(struct decoder *d, const struct place *at, const struct wire_field *f,
		     const struct object *o, uint64_t *ret)
{
	int64_t v = o->h.type == SCAN_INT ? scan_int(o->s.p, &o->h) : 0;

	if ((o->h.type != SCAN_UINT && o->h.type != SCAN_INT) || v < 0)
		return refuse_type(d, at, "an unsigned integer", o);
	*ret = o->h.type == SCAN_INT ? (uint64_t)v : scan_uint(o->s.p, &o->h);
	return check_range(d, at, f, *ret, "");
}

static int read_int(struct decoder *d, const struct place *at, const struct object *o, int64_t *ret)
{
	uint64_t v = o->h.type == SCAN_UINT ? scan_uint(o->s.p, &o->h) : 0;

	if (v > INT64_MAX)
		return out_of_range(d, at, "%" PRIu64 ", at most %" PRId64 " allowed", v,
				    INT64_MAX);
	if (o->h.type != SCAN_UINT && o->h.type != SCAN_INT)
		return refuse_type(d, at, "an integer", o);
	*ret = o->h.type == SCAN_INT ? scan_int(o->s.p, &o->h) : (int64_t)v;
	return 0;
}

static int read_f64(struct decoder *d, const struct place *at, const struct object *o, double *ret)
{
	if (o->h.type == SCAN_FLOAT)
		*ret = scan_float(o->s.p, &o->h);
	else if (o->h.type == SCAN_UINT)
		*ret = (double)scan_uint(o->s.p, &o->h);
	else if (o->h.type == SCAN_INT)
		*ret = (double)scan_int(o->s.p, &o->h);
	else
		return refuse_type(d, at, "a number", o);
	return 0;
}

/* str, tag and bin. */
static int read_bytes(struct decoder *d, const struct place *at, const struct wire_field *f,
		      enum wire_kind kind, const struct object *o, struct wire_slice *ret)
{
	int rc;

	if (o->h.type != (kind == WIRE_BIN ? SCAN_BIN : SCAN_STR))
		return refuse_type(d, at, kind == WIRE_BIN ? "bytes" : "a string", o);
	*ret = body_of(o);
	if (kind == WIRE_TAG)
		return check_tag(d, at, *ret);
	rc = check_range(d, at, f, o->h.body, " bytes");
	return rc || kind == WIRE_BIN ? rc : check_string(d, at, f, *ret);
}

static int read_map(struct decoder *d, const struct place *at, const struct wire_shape *shape,
		    const struct object *o, void *ret);

/* @f: what the value must keep to; for an element of a list it has no range and no words. */
static int read_value(struct decoder *d, const struct place *at, const struct wire_field *f,
		      enum wire_kind kind, const struct object *o, void *ret);

static size_t item_size(const struct wire_field *f)
{
	static const size_t sizes[] = {
		[WIRE_BOOL] = sizeof(WIRE_C_BOOL), [WIRE_UINT] = sizeof(WIRE_C_UINT),
		[WIRE_INT] = sizeof(WIRE_C_INT),   [WIRE_F64] = sizeof(WIRE_C_F64),
		[WIRE_STR] = sizeof(WIRE_C_STR),   [WIRE_TAG] = sizeof(WIRE_C_TAG),
		[WIRE_BIN] = sizeof(WIRE_C_BIN),   [WIRE_ANY] = sizeof(WIRE_C_ANY),
	};

	return f->item == WIRE_MAP ? f->shape->size : sizes[f->item];
}

static void *arena_alloc(struct wire_arena *a, size_t size)
{
	if (!a->zone)
		a->zone = msgpack_zone_new(MSGPACK_ZONE_CHUNK_SIZE);
	return a->zone ? msgpack_zone_malloc(a->zone, size) : NULL;
}

/* The memory is as large as the elements that are really there may need: the scan has compared
 * their count with the bytes of the frame, and one is cleared only when it is reached. */
static int read_list(struct decoder *d, const struct place *at, const struct wire_field *f,
		     const struct object *o, struct wire_list *ret)
{
	const struct wire_field element = { .shape = f->shape };
	struct place place = { .up = at };
	struct cursor c = open_items(o);
	struct object each;
	size_t size = item_size(f);
	int rc;

	if (o->h.type != SCAN_LIST)
		return refuse_type(d, at, "a list", o);
	rc = check_range(d, at, f, o->h.items, " elements");
	if (rc || !o->h.items)
		return rc;
	ret->items = arena_alloc(d->arena, size ? size * o->h.items : 1);
	if (!ret->items)
		return err_nomem(d->err);
	for (; place.index < o->h.items && !rc; place.index++) {
		char *item = (char *)ret->items + place.index * size;

		memset(item, 0, size);
		next_object(&c, &each);
		rc = read_value(d, &place, &element, f->item, &each, item);
	}
	ret->n = o->h.items;
	return rc;
}

static int read_value(struct decoder *d, const struct place *at, const struct wire_field *f,
		      enum wire_kind kind, const struct object *o, void *ret)
{
	switch (kind) {
	case WIRE_BOOL:
		return read_bool(d, at, o, ret);
	case WIRE_UINT:
		return read_uint(d, at, f, o, ret);
	case WIRE_INT:
		return read_int(d, at, o, ret);
	case WIRE_F64:
		return read_f64(d, at, o, ret);
	case WIRE_STR:
	case WIRE_TAG:
	case WIRE_BIN:
		return read_bytes(d, at, f, kind, o, ret);
	case WIRE_ANY:
		*(struct wire_slice *)ret = o->s;
		return 0;
	case WIRE_MAP:
		return read_map(d, at, f->shape, o, ret);
	case WIRE_LIST:
		return read_list(d, at, f, o, ret);
	}
	return err_set(d->err, KSNAP_E_INTERNAL, "field %s has no kind", f->name);
}

/* ---- maps ---- */

static int read_field(struct decoder *d, const struct place *at, const struct wire_field *f,
		      const struct object *o, void *ret)
{
	int rc = read_value(d, at, f, f->kind, o, (char *)ret + f->offset);

	*(bool *)((char *)ret + f->has_offset) = !rc;
	return rc;
}

static int refuse_key(struct decoder *d, const struct place *at, const struct wire_shape *shape)
{
	char names[KSNAP_ERR_TEXT / 2] = "none";
	const char *what = d->unknown == WIRE_ENVELOPE ? "key" : "parameter";
	size_t used = 0;

	for (size_t i = 0; i < shape->nfields && used < sizeof(names); i++)
		used += (size_t)snprintf(names + used, sizeof(names) - used, "%s%s", i ? ", " : "",
					 shape->fields[i].name);
	return misshapen(d, at, "no such %s; there %s %s", what, shape->nfields == 1 ? "is" : "are",
			 names);
}

static size_t name_len(const struct wire_field *f)
{
	return f->name_len ? f->name_len : strlen(f->name);
}

/* Fields mostly come in the order of their table, with some left out: the search begins at @from.
 */
static const struct wire_field *find_field(const struct wire_shape *shape, struct wire_slice key,
					   size_t from)
{
	for (size_t n = shape->nfields, i = from; n; n--, i++) {
		i = i < shape->nfields ? i : 0;
		if (key.len == name_len(&shape->fields[i]) &&
		    !memcmp(key.p, shape->fields[i].name, key.len))
			return &shape->fields[i];
	}
	return NULL;
}

static int check_missing(struct decoder *d, const struct place *up, const struct wire_shape *shape,
			 uint64_t seen)
{
	for (size_t i = 0; i < shape->nfields; i++) {
		struct place at = { .up = up };

		if (!shape->fields[i].required || seen >> i & 1)
			continue;
		at.name = wire_slice_of(shape->fields[i].name);
		return misshapen(d, &at, "is missing");
	}
	return 0;
}

static int read_pair(struct decoder *d, const struct place *up, const struct wire_shape *shape,
		     const struct object *key, const struct object *value, uint64_t *seen,
		     void *ret)
{
	struct place at = { .up = up };
	const struct wire_field *f;

	if (key->h.type != SCAN_STR)
		return misshapen(d, up, "a key is %s, expected a string", describe(key));
	at.name = body_of(key);
	/* Behind the field of the highest number that was there. */
	f = find_field(shape, at.name, *seen ? 64 - (size_t)__builtin_clzll(*seen) : 0);
	if (!f)
		return d->unknown == WIRE_SKIP_UNKNOWN ? 0 : refuse_key(d, &at, shape);
	if (*seen >> (f - shape->fields) & 1)
		return misshapen(d, &at, "given twice");
	*seen |= 1ull << (f - shape->fields);
	return read_field(d, &at, f, value, ret);
}

static int read_map(struct decoder *d, const struct place *at, const struct wire_shape *shape,
		    const struct object *o, void *ret)
{
	struct cursor c = open_items(o);
	struct object key, value;
	uint64_t seen = 0;

	if (o->h.type != SCAN_MAP)
		return refuse_type(d, at, "a map", o);
	for (uint64_t i = 0; i < o->h.items / 2; i++) {
		int rc;

		next_object(&c, &key);
		next_object(&c, &value);
		rc = read_pair(d, at, shape, &key, &value, &seen, ret);
		if (rc)
			return rc;
	}
	return check_missing(d, at, shape, seen);
}

int wire_decode(const struct wire_shape *shape, const void *data, size_t len,
		enum wire_unknown unknown, struct wire_arena *arena, void *ret,
		struct ksnap_err *err)
{
	int rc = scan_whole(data, len, err);

	return rc ? rc : wire_decode_sound(shape, data, len, unknown, arena, ret, err);
}

int wire_decode_sound(const struct wire_shape *shape, const void *data, size_t len,
		      enum wire_unknown unknown, struct wire_arena *arena, void *ret,
		      struct ksnap_err *err)
{
	struct decoder d = { .unknown = unknown, .arena = arena, .err = err };
	struct object whole = { .s = { data, len } };

	memset(ret, 0, shape->size);
	scan_head(data, len, &whole.h);
	if (shape->bare)
		return read_field(&d, NULL, &shape->fields[0], &whole, ret);
	if (whole.h.type != SCAN_MAP)
		return err_set(err, KSNAP_E_PROTO, "expected a map, got %s", describe(&whole));
	return read_map(&d, NULL, shape, &whole, ret);
}

bool wire_map_find(struct wire_slice map, const char *key, struct wire_slice *ret)
{
	struct object whole = { .s = map }, name, value;
	struct cursor c;

	if (scan_whole(map.p, map.len, NULL))
		return false;
	scan_head(map.p, map.len, &whole.h);
	c = open_items(&whole);
	if (whole.h.type != SCAN_MAP)
		return false;
	for (uint64_t i = 0; i < whole.h.items / 2; i++) {
		next_object(&c, &name);
		next_object(&c, &value);
		if (name.h.type == SCAN_STR && wire_slice_is(body_of(&name), key)) {
			*ret = value.s;
			return true;
		}
	}
	return false;
}

/* ---- writing ---- */

#define FIXMAP_PAIRS 15 /* what a one-byte map header can count */

static void write_map(struct buf *out, const struct wire_shape *shape, const void *value);
static void write_list(struct buf *out, const struct wire_field *f, const struct wire_list *l);

static void write_any(struct buf *out, const struct wire_slice *s)
{
	if (s->len)
		buf_append(out, s->p, s->len);
	else
		emit_nil(out);
}

static void write_value(struct buf *out, const struct wire_field *f, enum wire_kind kind,
			const void *value)
{
	const struct wire_slice *s = value;

	switch (kind) {
	case WIRE_BOOL:
		emit_bool(out, *(const bool *)value);
		break;
	case WIRE_UINT:
		emit_uint(out, *(const uint64_t *)value);
		break;
	case WIRE_INT:
		emit_int(out, *(const int64_t *)value);
		break;
	case WIRE_F64:
		emit_f64(out, *(const double *)value);
		break;
	case WIRE_STR:
	case WIRE_TAG:
		emit_strn(out, s->p, s->len);
		break;
	case WIRE_BIN:
		emit_bin(out, s->p, s->len);
		break;
	case WIRE_ANY:
		write_any(out, s);
		break;
	case WIRE_MAP:
		write_map(out, f->shape, value);
		break;
	case WIRE_LIST:
		write_list(out, f, value);
		break;
	}
}

static void write_list(struct buf *out, const struct wire_field *f, const struct wire_list *l)
{
	size_t size = item_size(f);

	emit_list(out, l->n);
	for (size_t i = 0; i < l->n; i++)
		write_value(out, f, f->item, (const char *)l->items + i * size);
}

static bool goes_out(const struct wire_field *f, const void *value)
{
	return f->required || *(const bool *)((const char *)value + f->has_offset);
}

/* The key, and the value when it is short, in one piece. */
static void write_field(struct buf *out, const struct wire_field *f, const void *value)
{
	bool text = f->kind == WIRE_STR || f->kind == WIRE_TAG;
	size_t len = name_len(f), more = text ? ((const struct wire_slice *)value)->len : 0;
	uint8_t *room = emit_room(out, 2 * EMIT_HEAD + len + more), *p = room;

	if (!room)
		return;
	p += emit_str_head_at(p, len);
	memcpy(p, f->name, len);
	p += len;
	if (f->kind == WIRE_UINT) {
		p += emit_uint_at(p, *(const uint64_t *)value);
	} else if (f->kind == WIRE_BOOL) {
		*p++ = *(const bool *)value ? 0xc3 : 0xc2;
	} else if (text) {
		p += emit_str_head_at(p, more);
		if (more)
			memcpy(p, ((const struct wire_slice *)value)->p, more);
		p += more;
	}
	buf_commit(out, (size_t)(p - room));
	if (!text && f->kind != WIRE_UINT && f->kind != WIRE_BOOL)
		write_value(out, f, f->kind, value);
}

static size_t count_fields(const struct wire_shape *shape, const void *value)
{
	size_t n = 0;

	for (size_t i = 0; i < shape->nfields; i++)
		n += goes_out(&shape->fields[i], value);
	return n;
}

/* Few fields are counted while they are written. */
static void write_map(struct buf *out, const struct wire_shape *shape, const void *value)
{
	bool few = shape->nfields <= FIXMAP_PAIRS;
	size_t n = 0, at = out->len;

	emit_map(out, few ? 0 : count_fields(shape, value));
	for (size_t i = 0; i < shape->nfields; i++) {
		const struct wire_field *f = &shape->fields[i];

		if (!goes_out(f, value))
			continue;
		write_field(out, f, (const char *)value + f->offset);
		n++;
	}
	if (few && buf_ok(out))
		out->data[at] |= (uint8_t)n;
}

int wire_encode(const struct wire_shape *shape, const void *value, struct buf *out)
{
	const struct wire_field *first = shape->fields;

	if (shape->bare)
		write_value(out, first, first->kind, (const char *)value + first->offset);
	else
		write_map(out, shape, value);
	return buf_ok(out) ? 0 : KSNAP_E_NOMEM;
}

int wire_encode_beside(const struct wire_shape *shape, const void *value, struct buf *map,
		       struct ksnap_err *err)
{
	_buf_ struct buf more = BUF_INIT;
	unsigned pairs;

	if (wire_encode(shape, value, &more) || !buf_ok(map))
		return err_nomem(err);
	pairs = (map->data[0] & 0xf) + (more.data[0] & 0xf);
	if ((map->data[0] & 0xf0) != 0x80 || (more.data[0] & 0xf0) != 0x80 || pairs > FIXMAP_PAIRS)
		return err_set(err, KSNAP_E_INTERNAL, "%u params are too many for a job", pairs);
	map->data[0] = (uint8_t)(0x80 | pairs);
	return buf_append(map, more.data + 1, more.len - 1) ? err_nomem(err) : 0;
}
