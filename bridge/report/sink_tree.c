// SPDX-License-Identifier: MIT
/* sink_tree.c - msgpack: numbers as numbers, addresses as uint, bytes as bin. */
#include "base/utf8.h"
#include "report/sink.h"
#include "wire/pack.h"

#define TREE_DEPTH 20 /* with what stands around a value in a reply, below MAX_DEPTH of a frame */

static bool is_utf8(const char *s, size_t len)
{
	uint32_t rune;
	size_t n = 1;

	for (; len && n; s += n, len -= n)
		n = (unsigned char)*s < 0x80 ? 1 : utf8_next(s, len, &rune);
	return n;
}

static msgpack_packer packer(struct sink *k)
{
	return (msgpack_packer){ .data = k->out, .callback = pack_write };
}

/* A value that follows a key was counted with it. */
static void count_value(struct sink *k)
{
	if (k->after_key)
		k->after_key = false;
	else if (k->level)
		k->count[k->level - 1].n++;
}

/* The count is patched in when the container is closed. */
static void open_container(struct sink *k, bool is_map)
{
	static const uint8_t head[] = { 0xdd, 0xdf };

	count_value(k);
	buf_append(k->out, &head[is_map], 1);
	k->count[k->level++] = (struct sink_count){ .at = k->out->len };
	buf_append(k->out, "\0\0\0\0", 4);
}

static void close_container(struct sink *k, bool is_map)
{
	struct sink_count *c = &k->count[--k->level];

	for (unsigned i = 0; buf_ok(k->out) && i < 4; i++)
		k->out->data[c->at + i] = c->n >> (24 - 8 * i);
}

/* Text that came from the kernel may be anything; str must be UTF-8. */
static void put_str(struct sink *k, const char *s, size_t len)
{
	msgpack_packer pk = packer(k);
	struct buf clean = BUF_INIT;
	struct sink to = { .out = &clean };

	if (len < 32 && is_utf8(s, len)) { /* nearly all of them */
		sink_char(k, 0xa0 | len);
		sink_put(k, s, len);
		return;
	}
	if (is_utf8(s, len)) {
		pack_strn(&pk, s, len);
		return;
	}
	sink_utf8(&to, s, len);
	k->out->failed |= clean.failed;
	pack_strn(&pk, (char *)clean.data, clean.len);
	buf_fini(&clean);
}

static void put_key(struct sink *k, const struct label *label)
{
	k->count[k->level - 1].n++;
	put_str(k, label->name, label->len);
	k->after_key = true;
}

static void put_uint(struct sink *k, uint64_t v)
{
	msgpack_packer pk = packer(k);

	count_value(k);
	if (v < 128)
		sink_char(k, v);
	else
		msgpack_pack_uint64(&pk, v);
}

static void put_sint(struct sink *k, int64_t v)
{
	msgpack_packer pk = packer(k);

	count_value(k);
	msgpack_pack_int64(&pk, v);
}

static void put_text(struct sink *k, const char *s, size_t len)
{
	count_value(k);
	put_str(k, s, len);
}

static void put_wide(struct sink *k, u128 v, bool is_negative)
{
	uint8_t digits[DIGITS_MAX];

	put_text(k, (char *)digits, digits_wide(digits, v, is_negative));
}

static void put_boolean(struct sink *k, bool v)
{
	msgpack_packer pk = packer(k);

	count_value(k);
	pack_bool(&pk, v);
}

static void put_real(struct sink *k, double v, bool is_single)
{
	msgpack_packer pk = packer(k);

	count_value(k);
	if (is_single)
		msgpack_pack_float(&pk, v);
	else
		msgpack_pack_double(&pk, v);
}

static void put_bytes(struct sink *k, const uint8_t *p, size_t len)
{
	msgpack_packer pk = packer(k);

	count_value(k);
	pack_bin(&pk, p, len);
}

static void put_null(struct sink *k)
{
	msgpack_packer pk = packer(k);

	count_value(k);
	msgpack_pack_nil(&pk);
}

static void put_integer(struct sink *k, uint64_t v, bool is_negative)
{
	if (is_negative)
		put_sint(k, v);
	else
		put_uint(k, v);
}

static void put_enumerator(struct sink *k, const char *name, uint64_t v, bool is_negative)
{
	if (k->opts.raw) {
		put_integer(k, v, is_negative);
		return;
	}
	open_container(k, true);
	put_key(k, &(struct label){ .name = "name", .len = 4 });
	if (name)
		put_text(k, name, strlen(name));
	else
		put_null(k);
	put_key(k, &(struct label){ .name = "value", .len = 5 });
	put_integer(k, v, is_negative);
	close_container(k, true);
}

static void put_note(struct sink *k, const char *words)
{
	put_text(k, words, strlen(words));
}

static const struct sink_ops tree_ops = {
	.depth = TREE_DEPTH,
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
	.address = put_uint,
	.enumerator = put_enumerator,
	.note = put_note,
	.null = put_null,
	.member = sink_member,
};

void sink_tree(struct sink *k, const struct render_opts *o, struct buf *out)
{
	*k = (struct sink){ .ops = &tree_ops, .out = out };
	if (o)
		k->opts = *o;
}
