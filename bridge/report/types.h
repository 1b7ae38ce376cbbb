/* SPDX-License-Identifier: MIT */
/* types.h - a report's type table: the C types its packed values have.
 *
 * Self-contained: indexes refer within the table, strings are owned by it. The format is the
 * shape report_type of schemas/report.lua. Builders add to it, readers decode one; both then see
 * the same struct. A table that came from outside is checked when it is decoded: every index is
 * within the table; sizes, offsets and cycles are the renderer's to survive. */
#ifndef KSNAP_REPORT_TYPES_H
#define KSNAP_REPORT_TYPES_H

#include <msgpack.h>

#include "base/buf.h"
#include "ksnap.h"

#define TYPE_NONE UINT32_MAX /* no type is known */

enum type_kind {
	TYPE_VOID,
	TYPE_INT,
	TYPE_FLOAT,
	TYPE_ENUM,
	TYPE_PTR,
	TYPE_ARRAY,
	TYPE_STRUCT,
	TYPE_UNION,
	TYPE_FWD,
	TYPE_TYPEDEF,
	TYPE_CONST,
	TYPE_VOLATILE,
	TYPE_RESTRICT,
	TYPE_TYPE_TAG,
	TYPE_FUNC,
	TYPE_VAR,
	TYPE_DATASEC,
	TYPE_KINDS
};

enum type_encoding { TYPE_UNSIGNED, TYPE_SIGNED, TYPE_BOOL, TYPE_CHAR };

struct type_member {
	const char *name; /* NULL: anonymous */
	uint32_t type;
	uint64_t bit_off;
	uint32_t bit_size; /* bitfield; 0: none */
};

struct type_enumerator {
	const char *name;
	int64_t value;
};

/* One row. Which fields mean something depends on the kind; see schemas/report.lua. */
struct type_row {
	enum type_kind kind;
	enum type_encoding enc;
	const char *name; /* NULL: anonymous */
	uint64_t size;    /* bytes */
	uint32_t bits;    /* TYPE_INT: bits in use; 0: 8 * size */
	uint32_t target;  /* the type behind it, or TYPE_NONE */
	const char *to;   /* TYPE_PTR: what it points to, in C */
	uint64_t len;     /* TYPE_ARRAY */
	const struct type_member *members;
	uint32_t nmembers;
	const struct type_enumerator *enumerators;
	uint32_t nenumerators;
	uint32_t btf_id, btf_type; /* TYPE_PTR while a report is made: where BTF has what it points
				    * to; 0: nowhere */
};

struct type_table;

struct type_table *type_table_create(struct ksnap_err *err);
void type_table_destroy(struct type_table *t);
size_t type_table_len(const struct type_table *t);
/* The row, or a void row for an index that is out of range. */
const struct type_row *type_at(const struct type_table *t, uint32_t index);

/* Append a copy of @row (strings, members and enumerators too) and give its index; a negative
 * code on failure. For recursive types reserve first and fill later. */
int64_t type_add(struct type_table *t, const struct type_row *row, struct ksnap_err *err);
/* Append a void row to be filled; gives its index. */
int64_t type_reserve(struct type_table *t, struct ksnap_err *err);
int type_fill(struct type_table *t, uint32_t index, const struct type_row *row,
	      struct ksnap_err *err);

/* Say that pointer @index points to type @target of this table; TYPE_NONE: nobody knows to what.
 * BTF is not asked about it again. */
void type_point_to(struct type_table *t, uint32_t index, uint32_t target);

/* Say that all pointers of the table came from this BTF object. */
void type_table_set_origin(struct type_table *t, uint32_t btf_id);

/* Append all of @from behind the rows of @t, indexes shifted; gives the shift. */
int64_t type_append_table(struct type_table *t, const struct type_table *from,
			  struct ksnap_err *err);
/* Forget all rows, keep memory. */
void type_table_clear(struct type_table *t);

/* Follow typedefs and qualifiers, at most 32 of them; the index of the type behind. */
uint32_t type_resolve(const struct type_table *t, uint32_t index);
/* Size in bytes of a value of this type; 0 when it has none (void, func, fwd, hostile nesting). */
uint64_t type_size(const struct type_table *t, uint32_t index);
/* Write the type in C words, "struct task_ctx", "u32[4]"; returns the length as snprintf does. */
int type_describe(const struct type_table *t, uint32_t index, char *buf, size_t cap);

/* As the value of the report's key `types`. */
int type_table_encode(const struct type_table *t, msgpack_packer *pk);
/* From a decoded report. E_PROTO when the table is not sound. */
struct type_table *type_table_decode(const msgpack_object *types, struct ksnap_err *err);

#endif
