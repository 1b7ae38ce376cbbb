// SPDX-License-Identifier: MIT
/* limits.c - the table behind every message that names a limit. */
#include "base/limits.h"

#include "ksnap.h"

_Static_assert(LIMIT_MAX_TAG == KSNAP_TAG_MAX, "ksnap.h and schemas/limits.lua differ: MAX_TAG");

// clang-format off
const struct limit_info limit_table[LIMIT_COUNT] = {
#define LIMIT(name, value, unit, scope, key, sw, doc) \
	[LIMIT_ID_##name] = { #name, value, unit, scope, key, sw, doc },
#include "schemas/limits.inc"
#undef LIMIT
};
// clang-format on
