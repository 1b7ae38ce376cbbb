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

/* A walk over the objects of sound msgpack. */
struct cursor {
	const char *p;
	size_t left;
};

static struct cursor open_items(struct wire_slice object, struct scan_head *ret)
{
	scan_head(object.p, object.len, ret);
	return (struct cursor){ object.p + ret->size, object.len - ret->size };
}

static struct wire_slice next_object(struct cursor *c)
{
	struct wire_slice s = { c->p, 0 };
	struct scan_head h;

	scan_head(c->p, c->left, &h);
	s.len = h.size + h.body;
	if (h.items)
		scan_object(c->p, c->left, &s.len, NULL);
	c->p += s.len;
	c->left -= s.len;
	return s;
}

/* The bytes of a str or bin, without its head. */
static struct wire_slice body_of(struct wire_slice object, const struct scan_head *h)
{
	return (struct wire_slice){ object.p + h->size, h->body };
}

static bool is_negative(struct wire_slice object)
{
	uint8_t first = object.p[0];

	return first >= 0xe0 || (first >= 0xd0 && first <= 0xd3 && (object.p[1] & 0x80));
}

static const char *describe(struct wire_slice object)
{
	struct scan_head h;

	scan_head(object.p, object.len, &h);
	return h.type == SCAN_INT && is_negative(object) ? "a negative integer"
							 : scan_type_name(h.type);
}

static int refuse_type(struct decoder *d, const struct place *at, const char *expected,
		       struct wire_slice got)
{
	return misshapen(d, at, "expected %s, got %s", expected, describe(got));
}

/* A boolean or number; all else reads as nil. */
static msgpack_object read_scalar(struct wire_slice object)
{
	msgpack_object o = { .type = MSGPACK_OBJECT_NIL };
	struct scan_head h;

	scan_head(object.p, object.len, &h);
	if (h.type == SCAN_BOOL) {
		o.type = MSGPACK_OBJECT_BOOLEAN;
		o.via.boolean = (uint8_t)object.p[0] == 0xc3;
	} else if (h.type == SCAN_UINT) {
		o.type = MSGPACK_OBJECT_POSITIVE_INTEGER;
		o.via.u64 = scan_uint(object.p, &h);
	} else if (h.type == SCAN_INT) {
		o.via.i64 = scan_int(object.p, &h);
		o.type = o.via.i64 < 0 ? MSGPACK_OBJECT_NEGATIVE_INTEGER
				       : MSGPACK_OBJECT_POSITIVE_INTEGER;
	} else if (h.type == SCAN_FLOAT) {
		o.type = h.body == 4 ? MSGPACK_OBJECT_FLOAT32 : MSGPACK_OBJECT_FLOAT64;
		o.via.f64 = scan_float(object.p, &h);
	}
	return o;
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

static int read_bool(struct decoder *d, const struct place *at, const struct wire_field *f,
		     struct wire_slice object, void *ret)
{
	msgpack_object o = read_scalar(object);

	if (o.type != MSGPACK_OBJECT_BOOLEAN)
		return refuse_type(d, at, "a boolean", object);
	*(bool *)ret = o.via.boolean;
	return 0;
}

static int read_uint(struct decoder *d, const struct place *at, const struct wire_field *f,
		     struct wire_slice object, void *ret)
{
	msgpack_object o = read_scalar(object);

	if (o.type != MSGPACK_OBJECT_POSITIVE_INTEGER)
		return refuse_type(d, at, "an unsigned integer", object);
	*(uint64_t *)ret = o.via.u64;
	return check_range(d, at, f, o.via.u64, "");
}

static int read_int(struct decoder *d, const struct place *at, const struct wire_field *f,
		    struct wire_slice object, void *ret)
{
	msgpack_object o = read_scalar(object);

	if (o.type == MSGPACK_OBJECT_POSITIVE_INTEGER && o.via.u64 > INT64_MAX)
		return out_of_range(d, at, "%" PRIu64 ", at most %" PRId64 " allowed", o.via.u64,
				    INT64_MAX);
	if (o.type != MSGPACK_OBJECT_POSITIVE_INTEGER && o.type != MSGPACK_OBJECT_NEGATIVE_INTEGER)
		return refuse_type(d, at, "an integer", object);
	*(int64_t *)ret = o.via.i64;
	return 0;
}

static int read_f64(struct decoder *d, const struct place *at, const struct wire_field *f,
		    struct wire_slice object, void *ret)
{
	msgpack_object o = read_scalar(object);

	if (o.type == MSGPACK_OBJECT_FLOAT32 || o.type == MSGPACK_OBJECT_FLOAT64)
		*(double *)ret = o.via.f64;
	else if (o.type == MSGPACK_OBJECT_POSITIVE_INTEGER)
		*(double *)ret = (double)o.via.u64;
	else if (o.type == MSGPACK_OBJECT_NEGATIVE_INTEGER)
		*(double *)ret = (double)o.via.i64;
	else
		return refuse_type(d, at, "a number", object);
	return 0;
}

/* str, tag and bin. */
static int read_bytes(struct decoder *d, const struct place *at, const struct wire_field *f,
		      enum wire_kind kind, struct wire_slice object, struct wire_slice *ret)
{
	struct scan_head h;
	int rc;

	scan_head(object.p, object.len, &h);
	if (h.type != (kind == WIRE_BIN ? SCAN_BIN : SCAN_STR))
		return refuse_type(d, at, kind == WIRE_BIN ? "bytes" : "a string", object);
	*ret = body_of(object, &h);
	if (kind == WIRE_TAG)
		return check_tag(d, at, *ret);
	rc = check_range(d, at, f, h.body, " bytes");
	return rc || kind == WIRE_BIN ? rc : check_string(d, at, f, *ret);
}

static int read_map(struct decoder *d, const struct place *at, const struct wire_shape *shape,
		    struct wire_slice object, void *ret);

/* @f: what the value must keep to; for an element of a list it has no range and no words. */
static int read_value(struct decoder *d, const struct place *at, const struct wire_field *f,
		      enum wire_kind kind, struct wire_slice object, void *ret);

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
		     struct wire_slice object, struct wire_list *ret)
{
	const struct wire_field element = { .shape = f->shape };
	struct place place = { .up = at };
	struct scan_head h;
	struct cursor c = open_items(object, &h);
	size_t size = item_size(f);
	int rc;

	if (h.type != SCAN_LIST)
		return refuse_type(d, at, "a list", object);
	rc = check_range(d, at, f, h.items, " elements");
	if (rc || !h.items)
		return rc;
	ret->items = arena_alloc(d->arena, size ? size * h.items : 1);
	if (!ret->items)
		return err_nomem(d->err);
	for (; place.index < h.items && !rc; place.index++) {
		char *item = (char *)ret->items + place.index * size;

		memset(item, 0, size);
		rc = read_value(d, &place, &element, f->item, next_object(&c), item);
	}
	ret->n = h.items;
	return rc;
}

static int read_value(struct decoder *d, const struct place *at, const struct wire_field *f,
		      enum wire_kind kind, struct wire_slice object, void *ret)
{
	switch (kind) {
	case WIRE_BOOL:
		return read_bool(d, at, f, object, ret);
	case WIRE_UINT:
		return read_uint(d, at, f, object, ret);
	case WIRE_INT:
		return read_int(d, at, f, object, ret);
	case WIRE_F64:
		return read_f64(d, at, f, object, ret);
	case WIRE_STR:
	case WIRE_TAG:
	case WIRE_BIN:
		return read_bytes(d, at, f, kind, object, ret);
	case WIRE_ANY:
		*(struct wire_slice *)ret = object;
		return 0;
	case WIRE_MAP:
		return read_map(d, at, f->shape, object, ret);
	case WIRE_LIST:
		return read_list(d, at, f, object, ret);
	}
	return err_set(d->err, KSNAP_E_INTERNAL, "field %s has no kind", f->name);
}

/* ---- maps ---- */

static int read_field(struct decoder *d, const struct place *at, const struct wire_field *f,
		      struct wire_slice object, void *ret)
{
	int rc = read_value(d, at, f, f->kind, object, (char *)ret + f->offset);

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

/* Fields mostly come in the order of their table, with some left out: the search begins at @from.
 */
static const struct wire_field *find_field(const struct wire_shape *shape, struct wire_slice key,
					   size_t from)
{
	for (size_t n = shape->nfields, i = from; n; n--, i++) {
		i = i < shape->nfields ? i : 0;
		if (wire_slice_is(key, shape->fields[i].name))
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
		     struct wire_slice key, struct wire_slice value, uint64_t *seen, void *ret)
{
	struct scan_head h;
	struct place at = { .up = up };
	const struct wire_field *f;

	scan_head(key.p, key.len, &h);
	if (h.type != SCAN_STR)
		return misshapen(d, up, "a key is %s, expected a string", describe(key));
	at.name = body_of(key, &h);
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
		    struct wire_slice object, void *ret)
{
	struct scan_head h;
	struct cursor c = open_items(object, &h);
	uint64_t seen = 0;

	if (h.type != SCAN_MAP)
		return refuse_type(d, at, "a map", object);
	for (uint64_t i = 0; i < h.items / 2; i++) {
		struct wire_slice key = next_object(&c), value = next_object(&c);
		int rc = read_pair(d, at, shape, key, value, &seen, ret);

		if (rc)
			return rc;
	}
	return check_missing(d, at, shape, seen);
}

int wire_decode(const struct wire_shape *shape, const void *data, size_t len,
		enum wire_unknown unknown, struct wire_arena *arena, void *ret,
		struct ksnap_err *err)
{
	struct decoder d = { .unknown = unknown, .arena = arena, .err = err };
	struct wire_slice whole = { data, len };
	struct scan_head h;
	int rc = scan_whole(data, len, err);

	if (rc)
		return rc;
	memset(ret, 0, shape->size);
	if (shape->bare)
		return read_field(&d, NULL, &shape->fields[0], whole, ret);
	scan_head(data, len, &h);
	if (h.type != SCAN_MAP)
		return err_set(err, KSNAP_E_PROTO, "expected a map, got %s", describe(whole));
	return read_map(&d, NULL, shape, whole, ret);
}

bool wire_map_find(struct wire_slice map, const char *key, struct wire_slice *ret)
{
	struct scan_head whole, h;
	struct cursor c;

	if (scan_whole(map.p, map.len, NULL))
		return false;
	c = open_items(map, &whole);
	if (whole.type != SCAN_MAP)
		return false;
	for (uint64_t i = 0; i < whole.items / 2; i++) {
		struct wire_slice name = next_object(&c), value = next_object(&c);

		scan_head(name.p, name.len, &h);
		if (h.type == SCAN_STR && wire_slice_is(body_of(name, &h), key)) {
			*ret = value;
			return true;
		}
	}
	return false;
}

/* ---- writing ---- */

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

static void write_map(struct buf *out, const struct wire_shape *shape, const void *value)
{
	size_t n = 0;

	for (size_t i = 0; i < shape->nfields; i++)
		n += goes_out(&shape->fields[i], value);
	emit_map(out, n);
	for (size_t i = 0; i < shape->nfields; i++) {
		const struct wire_field *f = &shape->fields[i];

		if (!goes_out(f, value))
			continue;
		emit_str(out, f->name);
		write_value(out, f, f->kind, (const char *)value + f->offset);
	}
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

#define FIXMAP_PAIRS 15 /* what a one-byte map header can count */

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
