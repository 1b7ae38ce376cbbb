// SPDX-License-Identifier: MIT
/* hit_out.c - a hit of a watch as a line for people. */
#include "cli/hit_out.h"

#include <inttypes.h>
#include <string.h>

#include "cli/print.h"
#include "report/reader.h"

static void put_hex(struct buf *out, const char *bytes, uint32_t len)
{
	for (uint32_t i = 0; i < len; i++)
		buf_printf(out, "%02x", (unsigned char)bytes[i]);
}

/* The bytes as a number, in this machine's order; false: they are none. */
static bool as_number(const msgpack_object *v, uint64_t *ret)
{
	union {
		uint8_t one;
		uint16_t two;
		uint32_t four;
		uint64_t eight;
	} n = { 0 };
	uint32_t size = v->type == MSGPACK_OBJECT_BIN ? v->via.bin.size : 0;

	if (size != 1 && size != 2 && size != 4 && size != 8)
		return false;
	memcpy(&n, v->via.bin.ptr, size);
	*ret = size == 1 ? n.one : size == 2 ? n.two : size == 4 ? n.four : n.eight;
	return true;
}

/* @n of @size bytes with its sign over all eight. */
static int64_t extend(uint64_t n, uint32_t size)
{
	unsigned above = 64 - 8 * size;

	return (int64_t)(n << above) >> above;
}

/* What is no number in hex. */
static void put_value(struct buf *out, const msgpack_object *v, bool is_signed)
{
	uint64_t n;

	if (as_number(v, &n) && is_signed)
		buf_printf(out, "%" PRId64, extend(n, v->via.bin.size));
	else if (as_number(v, &n))
		buf_printf(out, "%" PRIu64, n);
	else if (v->type == MSGPACK_OBJECT_BIN)
		put_hex(out, v->via.bin.ptr, v->via.bin.size);
	else
		print_plain(out, v);
}

static void put_change(struct buf *out, const msgpack_object *hit)
{
	const msgpack_object *old = object_get(hit, "old"), *new = object_get(hit, "new");
	bool is_signed = field_bool(hit, "is_signed");

	if (!new) { /* nobody knows by whom */
		buf_printf(out, "it ends");
		return;
	}
	if (old) {
		put_value(out, old, is_signed);
		buf_printf(out, " → ");
	}
	put_value(out, new, is_signed);
}

static void put_who(struct buf *out, const msgpack_object *hit)
{
	const msgpack_object *comm = object_get(hit, "comm");
	uint64_t pid = field_uint(hit, "pid", 0), tid = field_uint(hit, "tid", pid);

	buf_printf(out, "  ");
	if (comm)
		print_plain(out, comm);
	buf_printf(out, " pid %" PRIu64, pid);
	if (tid != pid)
		buf_printf(out, " tid %" PRIu64, tid);
	buf_printf(out, " cpu %" PRIu64, field_uint(hit, "cpu", 0));
}

static const msgpack_object_array *frames_of(const msgpack_object *hit)
{
	const msgpack_object *stack = object_get(hit, "stack");

	return stack && stack->type == MSGPACK_OBJECT_ARRAY ? &stack->via.array : NULL;
}

static void put_frame(struct buf *out, const msgpack_object *frame)
{
	const msgpack_object *sym = object_get(frame, "sym");

	if (sym)
		print_plain(out, sym);
	else
		buf_printf(out, "0x%" PRIx64, field_uint(frame, "addr", 0));
}

static void put_quiet(struct buf *out, uint64_t quiet, uint64_t unseen)
{
	if (!quiet)
		return;
	buf_printf(out, "  (%" PRIu64 " more before it", quiet);
	if (unseen)
		buf_printf(out, ", %" PRIu64 " of them unseen", unseen);
	buf_printf(out, ")");
}

void hit_out_line(struct buf *out, const msgpack_object *header, uint64_t quiet, uint64_t unseen,
		  bool with_stack)
{
	const msgpack_object *hit = object_get(header, "hit");
	const msgpack_object_array *frames = hit ? frames_of(hit) : NULL;

	print_time(out, (int64_t)field_uint(header, "ts", 0));
	buf_printf(out, "  #%-5" PRIu64 " ", field_uint(header, "n", 0));
	if (hit) {
		put_change(out, hit);
		if (object_get(hit, "new"))
			put_who(out, hit);
	}
	if (frames && frames->size && !with_stack) {
		buf_printf(out, "  ");
		put_frame(out, &frames->ptr[0]);
	}
	put_quiet(out, quiet, unseen);
	buf_printf(out, "\n");
	for (uint32_t i = 0; with_stack && frames && i < frames->size; i++) {
		buf_printf(out, "    %016" PRIx64 "  ", field_uint(&frames->ptr[i], "addr", 0));
		put_frame(out, &frames->ptr[i]);
		buf_printf(out, "\n");
	}
}

#define KEYS_MAX 32 /* of a hit: there are 16 */

static bool is_value(const msgpack_object *key)
{
	return key->type == MSGPACK_OBJECT_STR && key->via.str.size == 3 &&
	       (!memcmp(key->via.str.ptr, "old", 3) || !memcmp(key->via.str.ptr, "new", 3));
}

void hit_out_json(struct buf *out, const msgpack_object *hit)
{
	uint32_t n = hit->type == MSGPACK_OBJECT_MAP ? hit->via.map.size : KEYS_MAX + 1;
	msgpack_object_kv pairs[KEYS_MAX];
	msgpack_object copy = *hit;

	if (n <= KEYS_MAX) {
		memcpy(pairs, hit->via.map.ptr, n * sizeof(pairs[0]));
		copy.via.map.ptr = pairs;
	}
	for (uint32_t i = 0; n <= KEYS_MAX && i < n; i++) {
		uint64_t v;

		if (!is_value(&pairs[i].key) || !as_number(&pairs[i].val, &v))
			continue;
		pairs[i].val.type = MSGPACK_OBJECT_POSITIVE_INTEGER;
		pairs[i].val.via.u64 = v;
	}
	print_json(out, &copy, 0);
	buf_append(out, "\n", 1);
}
