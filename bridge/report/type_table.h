/* SPDX-License-Identifier: MIT */
/* type_table.h - the table itself, for types.c and type_codec.c only. */
#ifndef KSNAP_REPORT_TYPE_TABLE_H
#define KSNAP_REPORT_TYPE_TABLE_H

#include "report/arena.h"
#include "report/types.h"

struct type_table {
	struct type_row *rows;
	size_t len, cap;
	struct arena arena; /* strings, members and enumerators of all rows */
};

#endif
