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

/* Read one head. 0, or E_PROTO when it is cut off or no format (0xc1); what follows it is not
 * looked at. */
int scan_head(const void *data, size_t len, struct scan_head *ret);
/* "a string", "an integer" and so on, for messages. */
const char *scan_type_name(enum scan_type type);

/* Check exactly one object at the start of @data. 0 with its length in *ret_used, or E_PROTO with
 * the offset and the rule. Never reads past @len, allocates nothing, does not recurse. */
int scan_object(const void *data, size_t len, size_t *ret_used, struct ksnap_err *err);
/* The same, and nothing may follow. */
int scan_whole(const void *data, size_t len, struct ksnap_err *err);

#endif
