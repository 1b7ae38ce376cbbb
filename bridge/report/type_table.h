/* SPDX-License-Identifier: MIT */
/* type_table.h - the table itself, for types.c and type_codec.c only. */
#ifndef KSNAP_REPORT_TYPE_TABLE_H
#define KSNAP_REPORT_TYPE_TABLE_H

#include "report/arena.h"
#include "report/types.h"

#define RECIPE_MAX 64

/* Of which tables, in order, a table was put together. Two with the same recipe are the same. */
struct type_recipe {
	size_t n; /* above RECIPE_MAX: not known, it has rows of its own or too many parts */
	uint64_t serial[RECIPE_MAX];
};

struct type_table {
	struct type_row *rows;
	size_t len, cap;
	struct arena arena; /* strings, members and enumerators of all rows */
	uint64_t serial;    /* of these rows: another one after each change */
	struct type_recipe recipe;
	/* Rows outlive a clear: they are still those of this recipe, for who appends it again. */
	struct type_recipe kept;
	bool mixed; /* rows were changed in place, or the arena has some that are no row's */
	struct type_recipe encoded_recipe; /* of what `encoded` holds */
	struct buf encoded;                /* kept from one report to the next */
};

#endif
