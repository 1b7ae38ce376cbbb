// SPDX-License-Identifier: MIT
/* print.c - any msgpack value as JSON and as words.
 *
 * Recursion is bounded: what is printed here has passed scan_whole(), 32 levels at most. */
#include "cli/print.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/error.h"
#include "cli/out.h"
#include "report/reader.h"
#include "wire/scan.h"

#define DOUBLE_EXACT (1ull << 53)

/* Bytes of the UTF-8 character at @s, 0 when there is none. */
static size_t utf8_len(const unsigned char *s, size_t len)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t n = s[0] < 0x80 ? 1 : (s[0] & 0xe0) == 0xc0 ? 2 : (s[0] & 0xf0) == 0xe0 ? 3 : 4;
	uint32_t c = s[0] & (0xff >> n);

	if (n == 1)
		return 1;
	if ((s[0] & 0xc0) == 0x80 || s[0] >= 0xf8 || n > len)
		return 0;
	for (size_t i = 1; i < n; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (s[i] & 0x3f);
	}
	return c < least[n] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff) ? 0 : n;
}

static void put(struct buf *out, const char *s)
{
	buf_append(out, s, strlen(s));
}

static void put_json_control(struct buf *out, unsigned char c)
{
	static const char brief[] = {
		['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f', ['\r'] = 'r'
	};

	if (c < sizeof(brief) && brief[c])
		buf_printf(out, "\\%c", brief[c]);
	else
		buf_printf(out, "\\u%04x", c);
}

void print_json_str(struct buf *out, const char *s, size_t len)
{
	put(out, "\"");
	for (size_t i = 0; i < len;) {
		const unsigned char *p = (const unsigned char *)s + i;
		size_t n = utf8_len(p, len - i);

		if (n == 0)
			put(out, "\\ufffd");
		else if (*p < 0x20 || *p == 0x7f)
			put_json_control(out, *p);
		else if (*p == '"' || *p == '\\')
			buf_printf(out, "\\%c", *p);
		else
			buf_append(out, p, n);
		i += n ? n : 1;
	}
	put(out, "\"");
}

void print_json_key(struct buf *out, const char *key)
{
	print_json_str(out, key, strlen(key));
	put(out, ":");
}

static void put_hex(struct buf *out, const char *p, size_t len)
{
	for (size_t i = 0; i < len; i++)
		buf_printf(out, "%02x", (unsigned char)p[i]);
}

static void put_f64(struct buf *out, double v)
{
	if (isfinite(v))
		buf_printf(out, "%.17g", v);
	else
		put(out, isnan(v) ? "\"nan\"" : v > 0 ? "\"inf\"" : "\"-inf\"");
}

static void put_uint(struct buf *out, uint64_t v)
{
	buf_printf(out, v > DOUBLE_EXACT ? "\"%" PRIu64 "\"" : "%" PRIu64, v);
}

static void put_int(struct buf *out, int64_t v)
{
	buf_printf(out, v < -(int64_t)DOUBLE_EXACT ? "\"%" PRId64 "\"" : "%" PRId64, v);
}

static void put_line(struct buf *out, unsigned indent, unsigned depth)
{
	if (indent)
		buf_printf(out, "\n%*s", (int)(indent * depth), "");
}

static void put_json(struct buf *out, const msgpack_object *o, unsigned indent, unsigned depth);

static void put_json_list(struct buf *out, const msgpack_object_array *a, unsigned indent,
			  unsigned depth)
{
	put(out, "[");
	for (uint32_t i = 0; i < a->size; i++) {
		put(out, i ? "," : "");
		put_line(out, indent, depth + 1);
		put_json(out, &a->ptr[i], indent, depth + 1);
	}
	if (a->size)
		put_line(out, indent, depth);
	put(out, "]");
}

/* JSON's keys are strings; another kind of key goes out as the string of its JSON. */
static void put_json_key_of(struct buf *out, const msgpack_object *key)
{
	_buf_ struct buf text = BUF_INIT;

	if (key->type == MSGPACK_OBJECT_STR) {
		print_json_str(out, key->via.str.ptr, key->via.str.size);
		return;
	}
	put_json(&text, key, 0, 0);
	print_json_str(out, (const char *)text.data, text.len);
}

static void put_json_map(struct buf *out, const msgpack_object_map *m, unsigned indent,
			 unsigned depth)
{
	put(out, "{");
	for (uint32_t i = 0; i < m->size; i++) {
		put(out, i ? "," : "");
		put_line(out, indent, depth + 1);
		put_json_key_of(out, &m->ptr[i].key);
		put(out, indent ? ": " : ":");
		put_json(out, &m->ptr[i].val, indent, depth + 1);
	}
	if (m->size)
		put_line(out, indent, depth);
	put(out, "}");
}

static void put_json(struct buf *out, const msgpack_object *o, unsigned indent, unsigned depth)
{
	switch (o->type) {
	case MSGPACK_OBJECT_BOOLEAN:
		put(out, o->via.boolean ? "true" : "false");
		break;
	case MSGPACK_OBJECT_POSITIVE_INTEGER:
		put_uint(out, o->via.u64);
		break;
	case MSGPACK_OBJECT_NEGATIVE_INTEGER:
		put_int(out, o->via.i64);
		break;
	case MSGPACK_OBJECT_FLOAT32:
	case MSGPACK_OBJECT_FLOAT64:
		put_f64(out, o->via.f64);
		break;
	case MSGPACK_OBJECT_STR:
		print_json_str(out, o->via.str.ptr, o->via.str.size);
		break;
	case MSGPACK_OBJECT_BIN:
	case MSGPACK_OBJECT_EXT:
		put(out, "\"");
		if (o->type == MSGPACK_OBJECT_BIN)
			put_hex(out, o->via.bin.ptr, o->via.bin.size);
		else
			put_hex(out, o->via.ext.ptr, o->via.ext.size);
		put(out, "\"");
		break;
	case MSGPACK_OBJECT_ARRAY:
		put_json_list(out, &o->via.array, indent, depth);
		break;
	case MSGPACK_OBJECT_MAP:
		put_json_map(out, &o->via.map, indent, depth);
		break;
	default:
		put(out, "null");
	}
}

void print_json(struct buf *out, const msgpack_object *o, unsigned indent)
{
	put_json(out, o, indent, 0);
}

static void put_plain_str(struct buf *out, const char *s, size_t len)
{
	for (size_t i = 0; i < len;) {
		const unsigned char *p = (const unsigned char *)s + i;
		size_t n = utf8_len(p, len - i);
		bool c1 = n == 2 && p[0] == 0xc2 && p[1] < 0xa0;

		if (n == 0 || *p < 0x20 || *p == 0x7f || c1)
			buf_printf(out, "\\x%02x", *p);
		else
			buf_append(out, p, n);
		i += n && !c1 ? n : 1;
	}
}

void print_plain(struct buf *out, const msgpack_object *o)
{
	switch (o->type) {
	case MSGPACK_OBJECT_NIL:
		put(out, "-");
		break;
	case MSGPACK_OBJECT_BOOLEAN:
		put(out, o->via.boolean ? "yes" : "no");
		break;
	case MSGPACK_OBJECT_POSITIVE_INTEGER:
		buf_printf(out, "%" PRIu64, o->via.u64);
		break;
	case MSGPACK_OBJECT_NEGATIVE_INTEGER:
		buf_printf(out, "%" PRId64, o->via.i64);
		break;
	case MSGPACK_OBJECT_FLOAT32:
	case MSGPACK_OBJECT_FLOAT64:
		buf_printf(out, "%.6g", o->via.f64);
		break;
	case MSGPACK_OBJECT_STR:
		put_plain_str(out, o->via.str.ptr, o->via.str.size);
		break;
	default:
		put_json(out, o, 0, 0);
	}
}

void print_bytes(struct buf *out, uint64_t bytes)
{
	static const char *const units[] = { "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
	double v = bytes / 1024.0;
	unsigned u = 0;

	if (bytes < 1024) {
		buf_printf(out, "%" PRIu64 " B", bytes);
		return;
	}
	while (v >= 1024 && u + 1 < sizeof(units) / sizeof(units[0])) {
		v /= 1024;
		u++;
	}
	buf_printf(out, "%.1f %s", v, units[u]);
}

void print_time(struct buf *out, int64_t ns)
{
	time_t s = ns / (int64_t)NS_PER_S;
	struct tm tm;
	char text[32];

	if (ns < 0 || !localtime_r(&s, &tm) || !strftime(text, sizeof(text), "%H:%M:%S", &tm)) {
		put(out, "-");
		return;
	}
	buf_printf(out, "%s.%06u", text, (unsigned)(ns % (int64_t)NS_PER_S / 1000));
}

uint64_t field_uint(const msgpack_object *map, const char *key, uint64_t fallback)
{
	const msgpack_object *v = object_get(map, key);

	return v && v->type == MSGPACK_OBJECT_POSITIVE_INTEGER ? v->via.u64 : fallback;
}

msgpack_object_str field_str(const msgpack_object *map, const char *key)
{
	const msgpack_object *v = object_get(map, key);

	return v && v->type == MSGPACK_OBJECT_STR ? v->via.str : (msgpack_object_str){ .ptr = "" };
}

bool field_bool(const msgpack_object *map, const char *key)
{
	const msgpack_object *v = object_get(map, key);

	return v && v->type == MSGPACK_OBJECT_BOOLEAN && v->via.boolean;
}

int object_decode(msgpack_unpacked *ret, const void *data, size_t len, struct ksnap_err *err)
{
	int r = scan_whole(data, len, err);

	if (r < 0)
		return r;
	msgpack_unpacked_init(ret);
	if (msgpack_unpack_next(ret, data, len, NULL) < MSGPACK_UNPACK_SUCCESS) {
		msgpack_unpacked_destroy(ret);
		return err_set(err, KSNAP_E_PROTO, "the reply's value cannot be decoded");
	}
	return 0;
}

static void print_lines(struct buf *out, const msgpack_object *o)
{
	if (o->type != MSGPACK_OBJECT_ARRAY) {
		print_json(out, o, 0);
		put(out, "\n");
		return;
	}
	for (uint32_t i = 0; i < o->via.array.size; i++) {
		print_json(out, &o->via.array.ptr[i], 0);
		put(out, "\n");
	}
}

int print_reply(const struct cli *cli, const struct ksnap_reply *reply,
		const struct column *columns, struct ksnap_err *err)
{
	_buf_ struct buf out = BUF_INIT;
	msgpack_unpacked u;
	int r;

	if (cli->output == OUTPUT_MSGPACK) {
		out_write(reply->r, reply->r_len);
		return 0;
	}
	r = object_decode(&u, reply->r, reply->r_len, err);
	if (r < 0)
		return r;
	if (cli->output == OUTPUT_JSON) {
		print_json(&out, &u.data, 0);
		put(&out, "\n");
	} else if (cli->output == OUTPUT_JSONL) {
		print_lines(&out, &u.data);
	} else if (u.data.type == MSGPACK_OBJECT_ARRAY) {
		print_rows(&out, &u.data, columns);
	} else {
		print_people(&out, &u.data);
	}
	out_buf(&out);
	msgpack_unpacked_destroy(&u);
	return 0;
}
