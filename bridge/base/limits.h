/* SPDX-License-Identifier: MIT */
/* limits.h - the limits of schemas/limits.lua as constants and as a table for messages. */
#ifndef KSNAP_BASE_LIMITS_H
#define KSNAP_BASE_LIMITS_H

#include <stdint.h>

enum limit_id {
#define LIMIT(name, value, unit, scope, key, sw, doc) LIMIT_ID_##name,
#include "schemas/limits.inc"
#undef LIMIT
	LIMIT_COUNT
};

/* LIMIT_MAX_STORED_SNAPSHOTS and so on: the defaults. */
enum {
#define LIMIT(name, value, unit, scope, key, sw, doc) LIMIT_##name = value,
#include "schemas/limits.inc"
#undef LIMIT
};

struct limit_info {
	const char *name;   /* "MAX_STORED_SNAPSHOTS" */
	uint64_t value;     /* default */
	const char *unit;   /* "count", "bytes", "ms" */
	const char *scope;  /* "bridge", "broker", "protocol" */
	const char *key;    /* of open_bridge's limits, or "" */
	const char *change; /* the switch of ksnap serve that changes it, or "" */
	const char *doc;
};

extern const struct limit_info limit_table[LIMIT_COUNT];

#endif
