/* SPDX-License-Identifier: MIT */
/* scan.h - look over foreign msgpack before anything allocates for it.
 *
 * Five bytes can make msgpack-c reserve 2 GiB (an array header with a huge count), so every frame
 * passes here first: depth, and each declared count against the bytes that remain. */
#ifndef KSNAP_WIRE_SCAN_H
#define KSNAP_WIRE_SCAN_H

#include <stddef.h>
#include <stdint.h>

#include "ksnap.h"

#define SCAN_DEPTH 32 /* MAX_DEPTH of schemas/limits.lua */

enum scan_type {
	SCAN_NIL,
	SCAN_BOOL,
	SCAN_UINT,
	SCAN_INT, /* of the signed formats; its value may be positive */
	SCAN_FLOAT,
	SCAN_STR,
	SCAN_BIN,
	SCAN_EXT,
	SCAN_LIST,
	SCAN_MAP,
};

/* What stands before an object's body or items. */
struct scan_head {
	enum scan_type type;
	size_t size;    /* bytes of the head itself */
	uint64_t body;  /* bytes that follow and belong to it; 0 for lists and maps */
	uint64_t items; /* objects that follow and belong to it: elements, or keys and values */
};

/* Of the formats from 0xc0 to 0xdf. */
int scan_long_head(const uint8_t *p, size_t len, struct scan_head *ret);

/* Read one head. 0, or E_PROTO when it is cut off or no format (0xc1); what follows it is not
 * looked at. */
static inline int scan_head(const void *data, size_t len, struct scan_head *ret)
{
	const uint8_t *p = data;

	if (!len) {
		*ret = (struct scan_head){ 0 };
		return KSNAP_E_PROTO;
	}
	if (p[0] >= 0xc0 && p[0] < 0xe0)
		return scan_long_head(p, len, ret);
	if (p[0] < 0x80)
		*ret = (struct scan_head){ SCAN_UINT, 1, 0, 0 };
	else if (p[0] >= 0xe0)
		*ret = (struct scan_head){ SCAN_INT, 1, 0, 0 };
	else if (p[0] >= 0xa0)
		*ret = (struct scan_head){ SCAN_STR, 1, p[0] & 0x1f, 0 };
	else if (p[0] >= 0x90)
		*ret = (struct scan_head){ SCAN_LIST, 1, 0, p[0] & 0x0f };
	else
		*ret = (struct scan_head){ SCAN_MAP, 1, 0, 2 * (p[0] & 0x0f) };
	return 0;
}

/* The value of a sound SCAN_UINT, SCAN_INT or SCAN_FLOAT whose head is @h. */
uint64_t scan_uint(const void *object, const struct scan_head *h);
int64_t scan_int(const void *object, const struct scan_head *h);
double scan_float(const void *object, const struct scan_head *h);

/* "a string", "an integer" and so on, for messages. */
const char *scan_type_name(enum scan_type type);

/* Check exactly one object at the start of @data. 0 with its length in *ret_used, or E_PROTO with
 * the offset and the rule. Never reads past @len, allocates nothing, does not recurse. */
int scan_object(const void *data, size_t len, size_t *ret_used, struct ksnap_err *err);
/* The same, and nothing may follow. */
int scan_whole(const void *data, size_t len, struct ksnap_err *err);

#endif
