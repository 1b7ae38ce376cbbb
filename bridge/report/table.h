/* SPDX-License-Identifier: MIT */
/* table.h - aligned columns: cells are written into one buffer, widths worked out at the end. */
#ifndef KSNAP_REPORT_TABLE_H
#define KSNAP_REPORT_TABLE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

#define TABLE_COLUMNS 32
#define TABLE_WIDTH   60 /* columns of the screen a cell may take; more is cut */

/* Zeroed, with ncols set, is empty. The first row is the heading. */
struct table {
	unsigned ncols;
	struct buf text; /* of all cells, one behind the other */
	struct buf ends; /* size_t each: where a cell ends in text */
};

void table_fini(struct table *t);
/* The text appended to t->text since the last call is a cell. */
void table_end_cell(struct table *t);
void table_cell(struct table *t, const char *text);
/* Append the table to @out; columns whose cells are all numbers are flush right. 0, or -1 when
 * memory was out here or at any cell. */
int table_print(const struct table *t, struct buf *out);

#endif
