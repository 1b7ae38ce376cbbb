/* SPDX-License-Identifier: MIT */
/* sink.h - where a walk over packed values writes: JSON, text or msgpack.
 *
 * Calls come balanced; in a map every value follows a key. Sinks append to a buffer that remembers
 * failure, so nothing here can fail. */
#ifndef KSNAP_REPORT_SINK_H
#define KSNAP_REPORT_SINK_H

#include "base/buf.h"
#include "report/render.h"
#include "report/scalar.h"

#define SINK_LEVELS 64 /* more than any walk opens at once */

#define LABEL_SPAN 32 /* bytes that are copied at once */

/* A key. `json` is its text as JSON, `,"key":` with a comma in front that is left out for a first
 * key, or NULL when nobody prepared it. Behind it LABEL_SPAN bytes more can be read. */
struct label {
	const char *name;
	size_t len;
	const char *json;
	size_t json_len;
};

struct sink;

struct sink_ops {
	unsigned depth; /* levels of one value that are shown */
	void (*open)(struct sink *k, bool is_map);
	void (*close)(struct sink *k, bool is_map);
	void (*key)(struct sink *k, const struct label *label);
	void (*uint)(struct sink *k, uint64_t v);
	void (*sint)(struct sink *k, int64_t v);
	void (*wide)(struct sink *k, u128 v, bool is_negative); /* beyond 64 bits */
	void (*boolean)(struct sink *k, bool v);
	void (*real)(struct sink *k, double v, bool is_single);
	void (*text)(struct sink *k, const char *s, size_t len);
	void (*bytes)(struct sink *k, const uint8_t *p, size_t len);
	void (*address)(struct sink *k, uint64_t v);
	/* @name NULL: no enumerator has this value. */
	void (*enumerator)(struct sink *k, const char *name, uint64_t v, bool is_negative);
	void (*note)(struct sink *k, const char *words); /* "<...>": why a value is not here */
	void (*null)(struct sink *k);
	/* A key and a plain integer at once. */
	void (*member)(struct sink *k, const struct label *label, uint64_t v, bool is_signed);
};

struct sink {
	const struct sink_ops *ops;
	struct buf *out;
	render_put_fn put; /* takes @out piece by piece; NULL: all stays there */
	void *put_arg;
	struct render_opts opts;
	unsigned level;
	bool needs_comma, after_key; /* JSON, text */
	struct sink_count {          /* msgpack: what is open */
		size_t at;           /* offset of the count to patch */
		uint32_t n;
	} count[SINK_LEVELS];
};

void sink_json(struct sink *k, const struct render_opts *o, struct buf *out);
void sink_text(struct sink *k, const struct render_opts *o, struct buf *out);
void sink_tree(struct sink *k, const struct render_opts *o, struct buf *out);

/* ---- writing, shared by the sinks ------------------------------------------------------------ */

/* Room for @n bytes, at least one, behind out->len, or NULL. What is written after a failure, to
 * room that was left, does no harm: it is remembered. */
static inline uint8_t *sink_room(struct sink *k, size_t n)
{
	struct buf *b = k->out;

	if (__builtin_expect(b->cap - b->len >= n, 1))
		return b->data + b->len;
	return buf_reserve(b, n);
}

static inline void sink_put(struct sink *k, const char *s, size_t len)
{
	uint8_t *p = len ? sink_room(k, len) : NULL;

	if (!p)
		return;
	memcpy(p, s, len);
	k->out->len += len;
}

static inline void sink_char(struct sink *k, char c)
{
	uint8_t *p = sink_room(k, 1);

	if (!p)
		return;
	*p = c;
	k->out->len++;
}

/* A sink's `member` that is nothing but its key and its number. */
static inline void sink_member(struct sink *k, const struct label *label, uint64_t v,
			       bool is_signed)
{
	k->ops->key(k, label);
	if (is_signed)
		k->ops->sint(k, v);
	else
		k->ops->uint(k, v);
}

#define DIGITS_MAX 40 /* of a 128-bit number, with its sign */

/* Write @v in decimal at @p, which has DIGITS_MAX bytes; returns the length. */
size_t digits_u64(uint8_t *p, uint64_t v);
size_t digits_wide(uint8_t *p, u128 v, bool is_negative);
/* Lower-case hex without leading zeroes, after "0x". */
size_t digits_hex(uint8_t *p, uint64_t v);
/* The shortest decimal that reads back as the same number; "nan", "inf" and "-inf" too. Returns
 * the length; @p has DIGITS_MAX bytes. */
size_t digits_real(char *p, double v, bool is_single);
/* How many of the first bytes of @s stand for themselves between double quotes. */
size_t sink_plain(const char *s, size_t len);
/* Two hex digits a byte, appended. */
void sink_hex(struct sink *k, const uint8_t *p, size_t len);
/* Append @s for use between double quotes: quotes, backslashes and control characters escaped,
 * what is not UTF-8 replaced by U+FFFD. */
void sink_escaped(struct sink *k, const char *s, size_t len);
/* Append @s with what is not UTF-8 replaced by U+FFFD. */
void sink_utf8(struct sink *k, const char *s, size_t len);

#endif
