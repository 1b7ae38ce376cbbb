/* SPDX-License-Identifier: MIT */
/* scan.h - look over foreign msgpack before anything allocates for it.
 *
 * Five bytes can make msgpack-c reserve 2 GiB (an array header with a huge count), so every frame
 * passes here first: depth, and each declared count against the bytes that remain. */
#ifndef KSNAP_WIRE_SCAN_H
#define KSNAP_WIRE_SCAN_H

#include <stddef.h>

#include "ksnap.h"

#define SCAN_DEPTH 32 /* MAX_DEPTH of schemas/limits.lua */

/* Check exactly one object at the start of @data. 0 with its length in *ret_used, or E_PROTO with
 * the offset and the rule. Never reads past @len, allocates nothing, does not recurse. */
int scan_object(const void *data, size_t len, size_t *ret_used, struct ksnap_err *err);
/* The same, and nothing may follow. */
int scan_whole(const void *data, size_t len, struct ksnap_err *err);

#endif
