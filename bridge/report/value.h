/* SPDX-License-Identifier: MIT */
/* value.h - steps into typed values and numbers out of them, for the files of this folder. */
#ifndef KSNAP_REPORT_VALUE_H
#define KSNAP_REPORT_VALUE_H

#include "ksnap.h"
#include "report/path.h"
#include "report/scalar.h"
#include "report/types.h"

/* A whole number as C has it; value is its low 128 bits. */
struct number {
	u128 value;
	bool is_negative; /* value is then its two's complement */
};

/* The row behind typedefs and qualifiers. */
const struct type_row *value_row(const struct ksnap_value *v);
/* "struct task_ctx", or "12 bytes without a type". Always terminated. */
void value_describe(const struct ksnap_value *v, char *buf, size_t cap);
/* The member of the struct, union or section @type with this name, looked for within anonymous
 * members too; *ret_bit_off counts from the begin of @type. NULL: none. */
const struct type_member *member_find(const struct type_table *t, uint32_t type, const char *name,
				      size_t len, uint64_t *ret_bit_off);
/* A member's own name or, in a section, its variable's; NULL: anonymous. */
const char *member_name(const struct type_table *t, const struct type_member *m);
/* The place of member @m of @v, cut to the bytes that are there. @bit_off from the begin of @v. */
void value_member(const struct ksnap_value *v, const struct type_member *m, uint64_t bit_off,
		  struct ksnap_value *ret);
/* One step of a path. */
int value_step(const struct ksnap_value *v, const char *path, const struct path_step *step,
	       struct ksnap_value *ret, struct ksnap_err *err);
/* The steps of @p that are left. */
int value_walk(const struct ksnap_value *v, struct path *p, struct ksnap_value *ret,
	       struct ksnap_err *err);
/* An int, enum or pointer, or untyped bytes of a plain width. */
int value_number(const struct ksnap_value *v, struct number *ret, struct ksnap_err *err);
/* A float of 4 or 8 bytes, which are there. */
double value_float(const uint8_t *p, size_t size, bool little_endian);
/* The name of @value among the enumerators, or NULL; only the low @bits of both are compared. */
const char *enum_name(const struct type_row *row, uint64_t value, unsigned bits);

#endif
