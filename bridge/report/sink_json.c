// SPDX-License-Identifier: MIT
/* sink_json.c - JSON, compact or indented, always valid. */
#include "report/sink.h"

#define EXACT_MAX (1ull << 53) /* beyond it a reader's double loses digits */

static void newline(struct sink *k)
{
	sink_char(k, '\n');
	for (unsigned i = 0; i < k->level * k->opts.indent; i++)
		sink_char(k, ' ');
}

/* What stands before a key, or before a value in a list. */
static void separate(struct sink *k)
{
	if (k->needs_comma)
		sink_char(k, ',');
	if (k->opts.indent && k->level)
		newline(k);
	k->needs_comma = true;
}

static inline void begin_value(struct sink *k)
{
	if (!k->after_key)
		separate(k);
	k->after_key = false;
	k->needs_comma = true;
}

static void open_container(struct sink *k, bool is_map)
{
	begin_value(k);
	sink_char(k, is_map ? '{' : '[');
	k->level++;
	k->needs_comma = false;
}

static void close_container(struct sink *k, bool is_map)
{
	k->level--;
	if (k->opts.indent && k->needs_comma)
		newline(k);
	sink_char(k, is_map ? '}' : ']');
	k->needs_comma = true;
}

static void quote(struct sink *k, const char *s, size_t len)
{
	uint8_t *p = len && sink_plain(s, len) == len ? sink_room(k, len + 2) : NULL;

	if (p) {
		*p++ = '"';
		memcpy(p, s, len);
		p[len] = '"';
		k->out->len += len + 2;
		return;
	}
	sink_char(k, '"');
	sink_escaped(k, s, len);
	sink_char(k, '"');
}

/* The prepared text, to where there is room for it and LABEL_SPAN bytes; returns its length. */
static inline size_t write_label(uint8_t *p, const struct label *label, bool is_first)
{
	size_t len = label->json_len - is_first;

	memcpy(p, label->json + is_first, LABEL_SPAN);
	if (len > LABEL_SPAN)
		memcpy(p + LABEL_SPAN, label->json + is_first + LABEL_SPAN, len - LABEL_SPAN);
	return len;
}

static void put_key(struct sink *k, const struct label *label)
{
	bool is_first = !k->needs_comma;
	uint8_t *p;

	k->after_key = true;
	if (label->json && !k->opts.indent) {
		p = sink_room(k, label->json_len + LABEL_SPAN);
		if (p)
			k->out->len += write_label(p, label, is_first);
		return;
	}
	separate(k);
	quote(k, label->name, label->len);
	sink_char(k, ':');
	if (k->opts.indent)
		sink_char(k, ' ');
}

#define NUMBER_MAX (DIGITS_MAX + 2)

/* Digits at @at, between quotes when they would not survive a double; returns where they end. */
static uint8_t *write_digits(const struct sink *k, uint8_t *at, bool is_negative, uint64_t mag)
{
	bool is_quoted = mag > EXACT_MAX && !k->opts.raw;

	if (is_quoted)
		*at++ = '"';
	if (is_negative)
		*at++ = '-';
	at += digits_u64(at, mag);
	if (is_quoted)
		*at++ = '"';
	return at;
}

static void put_digits(struct sink *k, bool is_negative, uint64_t mag)
{
	uint8_t *p = sink_room(k, NUMBER_MAX);

	if (p)
		k->out->len += write_digits(k, p, is_negative, mag) - p;
}

static void put_uint(struct sink *k, uint64_t v)
{
	begin_value(k);
	put_digits(k, false, v);
}

static void put_sint(struct sink *k, int64_t v)
{
	begin_value(k);
	put_digits(k, v < 0, v < 0 ? -(uint64_t)v : (uint64_t)v);
}

static void put_member(struct sink *k, const struct label *label, uint64_t v, bool is_signed)
{
	bool is_first = !k->needs_comma, is_negative = is_signed && (int64_t)v < 0;
	uint8_t *p, *at;

	if (!label->json || k->opts.indent) {
		sink_member(k, label, v, is_signed);
		return;
	}
	p = sink_room(k, label->json_len + LABEL_SPAN + NUMBER_MAX);
	if (!p)
		return;
	at = p + write_label(p, label, is_first);
	k->out->len += write_digits(k, at, is_negative, is_negative ? -v : v) - p;
	k->needs_comma = true;
}

static void put_wide(struct sink *k, u128 v, bool is_negative)
{
	uint8_t text[DIGITS_MAX];
	size_t len = digits_wide(text, v, is_negative);

	begin_value(k);
	if (!k->opts.raw)
		sink_char(k, '"');
	sink_put(k, (char *)text, len);
	if (!k->opts.raw)
		sink_char(k, '"');
}

static void put_boolean(struct sink *k, bool v)
{
	begin_value(k);
	sink_put(k, v ? "true" : "false", v ? 4 : 5);
}

static void put_real(struct sink *k, double v, bool is_single)
{
	char text[DIGITS_MAX];
	size_t len = digits_real(text, v, is_single);

	begin_value(k);
	if (v - v == 0)
		sink_put(k, text, len);
	else
		quote(k, text, len);
}

static void put_text(struct sink *k, const char *s, size_t len)
{
	begin_value(k);
	quote(k, s, len);
}

static void put_bytes(struct sink *k, const uint8_t *p, size_t len)
{
	begin_value(k);
	sink_put(k, "\"hex:", 5);
	sink_hex(k, p, len);
	sink_char(k, '"');
}

static void put_address(struct sink *k, uint64_t v)
{
	uint8_t hex[DIGITS_MAX];

	begin_value(k);
	if (k->opts.raw)
		put_digits(k, false, v);
	else
		quote(k, (char *)hex, digits_hex(hex, v));
}

static void put_enumerator(struct sink *k, const char *name, uint64_t v, bool is_negative)
{
	uint64_t mag = is_negative ? -v : v;

	begin_value(k);
	if (k->opts.raw) {
		put_digits(k, is_negative, mag);
		return;
	}
	sink_put(k, "{\"name\":", 8);
	if (name)
		quote(k, name, strlen(name));
	else
		sink_put(k, "null", 4);
	sink_put(k, ",\"value\":", 9);
	put_digits(k, is_negative, mag);
	sink_char(k, '}');
}

static void put_note(struct sink *k, const char *words)
{
	put_text(k, words, strlen(words));
}

static void put_null(struct sink *k)
{
	begin_value(k);
	sink_put(k, "null", 4);
}

static const struct sink_ops json_ops = {
	.depth = 32,
	.open = open_container,
	.close = close_container,
	.key = put_key,
	.uint = put_uint,
	.sint = put_sint,
	.wide = put_wide,
	.boolean = put_boolean,
	.real = put_real,
	.text = put_text,
	.bytes = put_bytes,
	.address = put_address,
	.enumerator = put_enumerator,
	.note = put_note,
	.null = put_null,
	.member = put_member,
};

void sink_json(struct sink *k, const struct render_opts *o, struct buf *out)
{
	*k = (struct sink){ .ops = &json_ops, .out = out };
	if (o)
		k->opts = *o;
}
