// SPDX-License-Identifier: MIT
/* sink_text.c - one line for people: {a = 1, b = RUNNING (2), name = "x", hist = [0, 3]}. */
#include "report/sink.h"

static void begin_value(struct sink *k)
{
	if (k->after_key)
		k->after_key = false;
	else if (k->needs_comma)
		sink_put(k, ", ", 2);
	k->needs_comma = true;
}

static void open_container(struct sink *k, bool is_map)
{
	begin_value(k);
	sink_char(k, is_map ? '{' : '[');
	k->needs_comma = false;
}

static void close_container(struct sink *k, bool is_map)
{
	sink_char(k, is_map ? '}' : ']');
	k->needs_comma = true;
}

static void put_key(struct sink *k, const struct label *label)
{
	if (k->needs_comma)
		sink_put(k, ", ", 2);
	sink_escaped(k, label->name, label->len);
	sink_put(k, " = ", 3);
	k->after_key = true;
}

static void put_digits(struct sink *k, bool is_negative, uint64_t mag)
{
	uint8_t *p = sink_room(k, DIGITS_MAX);

	if (!p)
		return;
	if (is_negative)
		*p = '-';
	k->out->len += is_negative + digits_u64(p + is_negative, mag);
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

static void put_wide(struct sink *k, u128 v, bool is_negative)
{
	uint8_t digits[DIGITS_MAX];

	begin_value(k);
	sink_put(k, (char *)digits, digits_wide(digits, v, is_negative));
}

static void put_boolean(struct sink *k, bool v)
{
	begin_value(k);
	sink_put(k, v ? "true" : "false", v ? 4 : 5);
}

static void put_real(struct sink *k, double v, bool is_single)
{
	char digits[DIGITS_MAX];

	begin_value(k);
	sink_put(k, digits, digits_real(digits, v, is_single));
}

static void put_text(struct sink *k, const char *s, size_t len)
{
	begin_value(k);
	sink_char(k, '"');
	sink_escaped(k, s, len);
	sink_char(k, '"');
}

static void put_bytes(struct sink *k, const uint8_t *p, size_t len)
{
	begin_value(k);
	sink_put(k, "hex:", 4);
	sink_hex(k, p, len);
}

static void put_address(struct sink *k, uint64_t v)
{
	uint8_t hex[DIGITS_MAX];

	begin_value(k);
	sink_put(k, (char *)hex, digits_hex(hex, v));
}

static void put_enumerator(struct sink *k, const char *name, uint64_t v, bool is_negative)
{
	begin_value(k);
	if (name && !k->opts.raw) {
		sink_escaped(k, name, strlen(name));
		sink_put(k, " (", 2);
	}
	put_digits(k, is_negative, is_negative ? -v : v);
	if (name && !k->opts.raw)
		sink_char(k, ')');
}

static void put_note(struct sink *k, const char *words)
{
	begin_value(k);
	sink_escaped(k, words, strlen(words));
}

static void put_null(struct sink *k)
{
	begin_value(k);
	sink_char(k, '-');
}

static const struct sink_ops text_ops = {
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
	.member = sink_member,
};

void sink_text(struct sink *k, const struct render_opts *o, struct buf *out)
{
	*k = (struct sink){ .ops = &text_ops, .out = out };
	if (o)
		k->opts = *o;
}
