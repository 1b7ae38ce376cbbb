/* SPDX-License-Identifier: MIT */
/* path.h - "ctx.weight", "hist[3]", "[cpu=1].sum", "tasks[1234].x": one step at a time. */
#ifndef KSNAP_REPORT_PATH_H
#define KSNAP_REPORT_PATH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ksnap.h"

struct path {
	const char *text; /* the whole, for messages */
	size_t at;        /* where the next step begins */
};

struct path_step {
	enum path_kind {
		PATH_END,
		PATH_FIELD, /* name */
		PATH_INDEX, /* [..]: name is what stands between; number when it is one */
		PATH_CPU,   /* [cpu=N]: number */
	} kind;
	const char *name; /* within the path */
	size_t len;
	bool is_quoted;  /* of an index: it stood in quotes */
	bool has_number; /* of an index: decimal or 0x hex */
	uint64_t number;
	unsigned column; /* where the step begins, from 1 */
};

/* @text must live as long as the path. */
void path_init(struct path *p, const char *text);
/* Read the next step. E_ARG names the column and the rule that is broken. An index may stand in
 * quotes, "tasks[\"a]b\"]"; name and len are then what is between them. */
int path_next(struct path *p, struct path_step *ret, struct ksnap_err *err);

/* Decimal or 0x hex, all of @s; false: it is no number, or above 64 bits. */
bool path_number(const char *s, size_t len, uint64_t *ret);

#endif
