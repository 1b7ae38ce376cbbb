/* SPDX-License-Identifier: MIT */
/* emit.h - msgpack written straight into a struct buf, for what every message needs: each value
 * takes its shortest form, as with msgpack-c's packer, without a call for each of its parts.
 *
 * Want of memory is remembered by the buf: buf_ok() tells at the end. */
#ifndef KSNAP_WIRE_EMIT_H
#define KSNAP_WIRE_EMIT_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/buf.h"

#define EMIT_HEAD 9 /* bytes of the longest head, and of the longest number */

/* Room for @len bytes at the end, or NULL. */
static inline uint8_t *emit_room(struct buf *b, size_t len)
{
	if (b->data && !b->failed && len <= b->cap - b->len)
		return b->data + b->len;
	return buf_reserve(b, len);
}

/* @first, then the low @bytes of @v, the highest first. Returns how many were written. */
static inline size_t emit_sized(uint8_t *p, uint8_t first, uint64_t v, unsigned bytes)
{
	uint64_t big = __builtin_bswap64(v) >> (64 - 8 * bytes);

	p[0] = first;
	memcpy(p + 1, &big, bytes);
	return 1 + bytes;
}

static inline size_t emit_uint_at(uint8_t *p, uint64_t v)
{
	if (v < 0x80) {
		p[0] = (uint8_t)v;
		return 1;
	}
	if (v <= UINT8_MAX)
		return emit_sized(p, 0xcc, v, 1);
	if (v <= UINT16_MAX)
		return emit_sized(p, 0xcd, v, 2);
	return v <= UINT32_MAX ? emit_sized(p, 0xce, v, 4) : emit_sized(p, 0xcf, v, 8);
}

static inline void emit_uint(struct buf *b, uint64_t v)
{
	uint8_t *p = emit_room(b, EMIT_HEAD);

	if (p)
		buf_commit(b, emit_uint_at(p, v));
}

static inline size_t emit_negative_at(uint8_t *p, int64_t v)
{
	if (v >= -32) {
		p[0] = (uint8_t)v;
		return 1;
	}
	if (v >= INT8_MIN)
		return emit_sized(p, 0xd0, (uint64_t)v, 1);
	if (v >= INT16_MIN)
		return emit_sized(p, 0xd1, (uint64_t)v, 2);
	return v >= INT32_MIN ? emit_sized(p, 0xd2, (uint64_t)v, 4)
			      : emit_sized(p, 0xd3, (uint64_t)v, 8);
}

static inline void emit_int(struct buf *b, int64_t v)
{
	uint8_t *p = emit_room(b, EMIT_HEAD);

	if (p)
		buf_commit(b, v < 0 ? emit_negative_at(p, v) : emit_uint_at(p, (uint64_t)v));
}

static inline void emit_byte(struct buf *b, uint8_t byte)
{
	uint8_t *p = emit_room(b, 1);

	if (p) {
		p[0] = byte;
		buf_commit(b, 1);
	}
}

static inline void emit_nil(struct buf *b)
{
	emit_byte(b, 0xc0);
}

static inline void emit_bool(struct buf *b, bool v)
{
	emit_byte(b, v ? 0xc3 : 0xc2);
}

static inline void emit_f64(struct buf *b, double v)
{
	uint8_t *p = emit_room(b, EMIT_HEAD);
	uint64_t bits;

	memcpy(&bits, &v, sizeof(bits));
	if (p)
		buf_commit(b, emit_sized(p, 0xcb, bits, 8));
}

static inline size_t emit_str_head_at(uint8_t *p, size_t len)
{
	if (len < 32) {
		p[0] = 0xa0 | (uint8_t)len;
		return 1;
	}
	if (len <= UINT8_MAX)
		return emit_sized(p, 0xd9, len, 1);
	return len <= UINT16_MAX ? emit_sized(p, 0xda, len, 2) : emit_sized(p, 0xdb, len, 4);
}

/* At most 4 GiB, as the format can count. */
static inline void emit_strn(struct buf *b, const char *s, size_t len)
{
	uint8_t *p = emit_room(b, EMIT_HEAD + len);
	size_t head;

	if (!p)
		return;
	head = emit_str_head_at(p, len);
	if (len)
		memcpy(p + head, s, len);
	buf_commit(b, head + len);
}

static inline void emit_str(struct buf *b, const char *s)
{
	emit_strn(b, s, strlen(s));
}

static inline void emit_bin(struct buf *b, const void *data, size_t len)
{
	uint8_t *p = emit_room(b, EMIT_HEAD + len);
	size_t head;

	if (!p)
		return;
	if (len <= UINT8_MAX)
		head = emit_sized(p, 0xc4, len, 1);
	else
		head = len <= UINT16_MAX ? emit_sized(p, 0xc5, len, 2)
					 : emit_sized(p, 0xc6, len, 4);
	if (len)
		memcpy(p + head, data, len);
	buf_commit(b, head + len);
}

/* Head of a map of @n pairs (@few 0x80, @some 0xde) or of a list of @n elements (0x90, 0xdc). */
static inline void emit_items(struct buf *b, size_t n, uint8_t few, uint8_t some)
{
	uint8_t *p = emit_room(b, EMIT_HEAD);

	if (!p)
		return;
	if (n < 16) {
		p[0] = few | (uint8_t)n;
		buf_commit(b, 1);
		return;
	}
	buf_commit(b, n <= UINT16_MAX ? emit_sized(p, some, n, 2) : emit_sized(p, some + 1, n, 4));
}

static inline void emit_map(struct buf *b, size_t pairs)
{
	emit_items(b, pairs, 0x80, 0xde);
}

static inline void emit_list(struct buf *b, size_t n)
{
	emit_items(b, n, 0x90, 0xdc);
}

#endif
