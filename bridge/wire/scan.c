// SPDX-License-Identifier: MIT
/* scan.c - one pass over the heads of a msgpack object, with a small stack of what is still owed
 * to each open list or map.
 */
#include "wire/scan.h"

#include <string.h>

#include "base/error.h"
#include "base/limits.h"

_Static_assert(SCAN_DEPTH == LIMIT_MAX_DEPTH, "scan.h and schemas/limits.lua differ: MAX_DEPTH");

/* The formats from 0xc0 to 0xdf: bytes of the length field, and bytes that always follow. */
static const struct format {
	uint8_t type, count_size, body;
} formats[] = {
	[0x00] = { SCAN_NIL, 0, 0 },   [0x02] = { SCAN_BOOL, 0, 0 },  [0x03] = { SCAN_BOOL, 0, 0 },
	[0x04] = { SCAN_BIN, 1, 0 },   [0x05] = { SCAN_BIN, 2, 0 },   [0x06] = { SCAN_BIN, 4, 0 },
	[0x07] = { SCAN_EXT, 1, 1 },   [0x08] = { SCAN_EXT, 2, 1 },   [0x09] = { SCAN_EXT, 4, 1 },
	[0x0a] = { SCAN_FLOAT, 0, 4 }, [0x0b] = { SCAN_FLOAT, 0, 8 }, [0x0c] = { SCAN_UINT, 0, 1 },
	[0x0d] = { SCAN_UINT, 0, 2 },  [0x0e] = { SCAN_UINT, 0, 4 },  [0x0f] = { SCAN_UINT, 0, 8 },
	[0x10] = { SCAN_INT, 0, 1 },   [0x11] = { SCAN_INT, 0, 2 },   [0x12] = { SCAN_INT, 0, 4 },
	[0x13] = { SCAN_INT, 0, 8 },   [0x14] = { SCAN_EXT, 0, 2 },   [0x15] = { SCAN_EXT, 0, 3 },
	[0x16] = { SCAN_EXT, 0, 5 },   [0x17] = { SCAN_EXT, 0, 9 },   [0x18] = { SCAN_EXT, 0, 17 },
	[0x19] = { SCAN_STR, 1, 0 },   [0x1a] = { SCAN_STR, 2, 0 },   [0x1b] = { SCAN_STR, 4, 0 },
	[0x1c] = { SCAN_LIST, 2, 0 },  [0x1d] = { SCAN_LIST, 4, 0 },  [0x1e] = { SCAN_MAP, 2, 0 },
	[0x1f] = { SCAN_MAP, 4, 0 },
};

const char *scan_type_name(enum scan_type type)
{
	static const char *const names[] = {
		[SCAN_NIL] = "nil",        [SCAN_BOOL] = "a boolean",   [SCAN_UINT] = "an integer",
		[SCAN_INT] = "an integer", [SCAN_FLOAT] = "a float",    [SCAN_STR] = "a string",
		[SCAN_BIN] = "bytes",      [SCAN_EXT] = "an extension", [SCAN_LIST] = "a list",
		[SCAN_MAP] = "a map",
	};

	return names[type];
}

static void set_count(struct scan_head *h, uint64_t count)
{
	if (h->type == SCAN_LIST)
		h->items = count;
	else if (h->type == SCAN_MAP)
		h->items = 2 * count;
	else
		h->body += count;
}

int scan_long_head(const uint8_t *p, size_t len, struct scan_head *ret)
{
	struct scan_head h = { .size = 1 };
	const struct format *f = &formats[p[0] - 0xc0];
	uint64_t count = 0;

	if (p[0] == 0xc1 || len - 1 < f->count_size)
		return KSNAP_E_PROTO;
	for (unsigned i = 0; i < f->count_size; i++)
		count = count << 8 | p[1 + i];
	h.type = f->type;
	h.size += f->count_size;
	h.body = f->body;
	set_count(&h, count);
	*ret = h;
	return 0;
}

/* The bytes behind the head, the highest first. */
static uint64_t number_of(const uint8_t *p, const struct scan_head *h)
{
	uint64_t v = 0;

	for (uint64_t i = 0; i < h->body; i++)
		v = v << 8 | p[1 + i];
	return v;
}

uint64_t scan_uint(const void *object, const struct scan_head *h)
{
	const uint8_t *p = object;

	return h->body ? number_of(p, h) : p[0];
}

int64_t scan_int(const void *object, const struct scan_head *h)
{
	const uint8_t *p = object;
	unsigned unused = 64 - 8 * (h->body ? (unsigned)h->body : 1);
	uint64_t v = h->body ? number_of(p, h) : p[0];

	return (int64_t)(v << unused) >> unused;
}

double scan_float(const void *object, const struct scan_head *h)
{
	uint64_t bits = number_of(object, h);
	uint32_t low = (uint32_t)bits;
	float narrow;
	double wide;

	memcpy(&narrow, &low, sizeof(narrow));
	memcpy(&wide, &bits, sizeof(wide));
	return h->body == sizeof(narrow) ? (double)narrow : wide;
}

static int refuse_head(const uint8_t *p, size_t at, size_t len, struct ksnap_err *err)
{
	if (at < len && p[at] == 0xc1)
		return err_set(err, KSNAP_E_PROTO, "byte %zu: 0xc1 is no msgpack format", at);
	return err_set(err, KSNAP_E_PROTO, "byte %zu: the message ends within an object", at);
}

static int refuse_count(const struct scan_head *h, size_t at, size_t rest, struct ksnap_err *err)
{
	if (h->items > rest)
		return err_set(err, KSNAP_E_PROTO,
			       "byte %zu: %s declares %llu %s, more than the %zu bytes that follow "
			       "can hold",
			       at, scan_type_name(h->type),
			       (unsigned long long)(h->type == SCAN_MAP ? h->items / 2 : h->items),
			       h->type == SCAN_MAP ? "pairs" : "elements", rest);
	return err_set(err, KSNAP_E_PROTO, "byte %zu: %s of %llu bytes, but only %zu follow", at,
		       scan_type_name(h->type), (unsigned long long)h->body, rest);
}

int scan_object(const void *data, size_t len, size_t *ret_used, struct ksnap_err *err)
{
	const uint8_t *p = data;
	uint64_t owed[SCAN_DEPTH]; /* objects still to come in each open container */
	unsigned depth = 0;
	size_t at = 0;

	if (!len) /* and @data may be NULL */
		return refuse_head(p, 0, 0, err);
	for (;;) {
		struct scan_head h;
		size_t rest;

		if (scan_head(p + at, len - at, &h))
			return refuse_head(p, at, len, err);
		rest = len - at - h.size;
		if (h.items > rest || h.body > rest)
			return refuse_count(&h, at, rest, err);
		if (h.type >= SCAN_LIST && depth == SCAN_DEPTH)
			return err_set(err, KSNAP_E_PROTO,
				       "byte %zu: nested deeper than %d (limit MAX_DEPTH %d, part "
				       "of the protocol)",
				       at, SCAN_DEPTH, SCAN_DEPTH);
		at += h.size + h.body;
		if (h.items) {
			owed[depth++] = h.items;
			continue;
		}
		while (depth && !--owed[depth - 1])
			depth--;
		if (!depth)
			break;
	}
	*ret_used = at;
	return 0;
}

int scan_whole(const void *data, size_t len, struct ksnap_err *err)
{
	size_t used;
	int rc = scan_object(data, len, &used, err);

	if (rc)
		return rc;
	if (used < len)
		return err_set(err, KSNAP_E_PROTO, "byte %zu: %zu bytes follow the object", used,
			       len - used);
	return 0;
}
