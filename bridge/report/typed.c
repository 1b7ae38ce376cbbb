// SPDX-License-Identifier: MIT
/* typed.c - read a value as the C type the caller wants, or say what it is instead. */
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "report/snapshot.h"
#include "report/value.h"

#define ENUM_SEARCH 65536 /* enumerators looked at, against hostile types */

static int refuse(const struct ksnap_value *v, struct ksnap_err *err, const char *want,
		  const char *hint)
{
	char what[128];

	value_describe(v, what, sizeof(what));
	return err_set(err, KSNAP_E_ARG, "%s is not %s%s%s", what, want, *hint ? "; " : "", hint);
}

static int refuse_short(const struct ksnap_value *v, uint64_t need, struct ksnap_err *err)
{
	char what[128];

	value_describe(v, what, sizeof(what));
	return err_set(err, KSNAP_E_ARG, "%s needs %llu bytes, the report has %zu", what,
		       (unsigned long long)need, v->size);
}

static int check_narrow(const struct ksnap_value *v, struct ksnap_err *err)
{
	if (!v->ncpu)
		return 0;
	return err_set(
		err, KSNAP_E_ARG,
		"this value has one part a CPU, %u in all: narrow with a CPU first, as [cpu=0], "
		":cpu(0) in Lua",
		v->ncpu);
}

static const char *hint_of(const struct type_row *row)
{
	switch (row->kind) {
	case TYPE_STRUCT:
	case TYPE_UNION:
	case TYPE_DATASEC:
		return "name a member";
	case TYPE_ARRAY:
		return "name an element, as [0]";
	case TYPE_FLOAT:
		return "read it as a floating-point number";
	default:
		return "";
	}
}

static bool is_integer(const struct type_row *row)
{
	return row->kind == TYPE_INT || row->kind == TYPE_ENUM || row->kind == TYPE_PTR;
}

/* Bits of a number that are in use, and where they begin in v->data. */
static unsigned number_bits(const struct ksnap_value *v, const struct type_row *row,
			    unsigned *ret_off)
{
	uint64_t bytes = v->type == TYPE_NONE ? v->size : row->size;

	*ret_off = v->bit_off;
	if (v->bit_size)
		return v->bit_size <= 128 ? v->bit_size : 0;
	if (!bytes || bytes > 16)
		return 0;
	if (row->kind == TYPE_INT && row->bits && row->bits < 8 * bytes) {
		if (!v->snap->is_little_endian)
			*ret_off = (8 * bytes - row->bits) % 8;
		return row->bits;
	}
	return 8 * bytes;
}

/* An int with fewer bits than bytes has them at its low end. */
static const uint8_t *number_data(const struct ksnap_value *v, const struct type_row *row,
				  unsigned bits)
{
	if (v->snap->is_little_endian || v->bit_size || v->type == TYPE_NONE)
		return v->data;
	return v->data + (8 * row->size - bits) / 8;
}

int value_number(const struct ksnap_value *v, struct number *ret, struct ksnap_err *err)
{
	const struct type_row *row = value_row(v);
	unsigned bits, off;
	uint64_t need;
	bool is_signed;

	if (check_narrow(v, err))
		return KSNAP_E_ARG;
	if (v->type == TYPE_NONE ? !scalar_is_plain(v->size) : !is_integer(row))
		return refuse(v, err, "a number", hint_of(row));
	bits = number_bits(v, row, &off);
	if (!bits)
		return refuse(v, err, "a number of 1 to 128 bits", "");
	need = v->bit_size ? scalar_span(off, bits) : v->type == TYPE_NONE ? v->size : row->size;
	if (need > v->size)
		return refuse_short(v, need, err);
	is_signed = row->kind != TYPE_PTR && row->enc == TYPE_SIGNED && v->type != TYPE_NONE;
	ret->value = scalar_bits(number_data(v, row, bits), off, bits, v->snap->is_little_endian);
	if (is_signed)
		ret->value = scalar_sign(ret->value, bits);
	ret->is_negative = is_signed && (i128)ret->value < 0;
	return 0;
}

int ksnap_value_u64(const struct ksnap_value *v, uint64_t *ret, struct ksnap_err *err)
{
	struct number n;
	int rc = value_number(v, &n, err);

	if (rc)
		return rc;
	if (n.is_negative)
		return err_set(err, KSNAP_E_ARG, "the value is negative (%lld): read it as signed",
			       (long long)n.value);
	if (n.value > UINT64_MAX)
		return err_set(err, KSNAP_E_ARG, "the value does not fit into 64 bits");
	*ret = n.value;
	return 0;
}

int ksnap_value_i64(const struct ksnap_value *v, int64_t *ret, struct ksnap_err *err)
{
	struct number n;
	int rc = value_number(v, &n, err);

	if (rc)
		return rc;
	if (n.is_negative ? (i128)n.value < INT64_MIN : n.value > INT64_MAX)
		return err_set(err, KSNAP_E_ARG,
			       "the value does not fit into a signed 64-bit number%s",
			       n.value <= UINT64_MAX ? ": read it as unsigned" : "");
	*ret = n.value;
	return 0;
}

double value_float(const uint8_t *p, size_t size, bool little_endian)
{
	uint64_t bits = scalar_u64(p, size, little_endian);
	uint32_t low = bits;
	double d;
	float f;

	if (size == 4) {
		memcpy(&f, &low, 4);
		return f;
	}
	memcpy(&d, &bits, 8);
	return d;
}

int ksnap_value_f64(const struct ksnap_value *v, double *ret, struct ksnap_err *err)
{
	const struct type_row *row = value_row(v);
	struct number n;
	int rc;

	if (row->kind == TYPE_FLOAT && !v->ncpu && !v->bit_size) {
		if (row->size != 4 && row->size != 8)
			return refuse(v, err, "a float of 4 or 8 bytes", "");
		if (v->size < row->size)
			return refuse_short(v, row->size, err);
		*ret = value_float(v->data, row->size, v->snap->is_little_endian);
		return 0;
	}
	rc = value_number(v, &n, err);
	if (!rc)
		*ret = n.is_negative ? (double)(i128)n.value : (double)n.value;
	return rc;
}

int ksnap_value_bool(const struct ksnap_value *v, bool *ret, struct ksnap_err *err)
{
	struct number n;
	int rc = value_number(v, &n, err);

	if (!rc)
		*ret = n.value != 0;
	return rc;
}

/* ---- text ---------------------------------------------------------------------------------- */

const char *enum_name(const struct type_row *row, uint64_t value, unsigned bits)
{
	uint64_t mask = bits < 64 ? (1ull << bits) - 1 : UINT64_MAX;
	uint32_t n = row->nenumerators < ENUM_SEARCH ? row->nenumerators : ENUM_SEARCH;
	const struct type_enumerator *e = row->enumerators;
	uint64_t guess = n ? value - (uint64_t)e[0].value : 0;

	if (guess < n && (((uint64_t)e[guess].value ^ value) & mask) == 0)
		return e[guess].name;
	for (uint32_t i = 0; i < n; i++)
		if ((((uint64_t)e[i].value ^ value) & mask) == 0)
			return e[i].name;
	return NULL;
}

static int give_text(const char *s, size_t len, char *buf, size_t cap)
{
	size_t n = len < cap ? len : cap ? cap - 1 : 0;

	if (n)
		memcpy(buf, s, n);
	if (cap)
		buf[n] = '\0';
	return len < INT32_MAX ? (int)len : INT32_MAX;
}

static int read_enum(const struct ksnap_value *v, const struct type_row *row, char *buf, size_t cap,
		     struct ksnap_err *err)
{
	unsigned off, bits = number_bits(v, row, &off);
	struct number n;
	const char *name;
	int rc = value_number(v, &n, err);

	if (rc)
		return rc;
	name = enum_name(row, n.value, bits);
	if (!name)
		return err_set(err, KSNAP_E_NOTFOUND, "enum %s has no name for %lld",
			       row->name ? row->name : "(anonymous)", (long long)n.value);
	return give_text(name, strlen(name), buf, cap);
}

static bool is_byte_array(const struct ksnap_value *v, const struct type_row *row)
{
	const struct type_table *t = v->snap->types;
	const struct type_row *elem = type_at(t, type_resolve(t, row->target));

	return row->kind == TYPE_ARRAY && elem->kind == TYPE_INT && elem->size == 1;
}

int ksnap_value_str(const struct ksnap_value *v, char *buf, size_t cap, struct ksnap_err *err)
{
	const struct type_row *row = value_row(v);

	if (check_narrow(v, err))
		return KSNAP_E_ARG;
	if (row->kind == TYPE_ENUM)
		return read_enum(v, row, buf, cap, err);
	if (!is_byte_array(v, row))
		return refuse(v, err, "an array of char or an enum", "");
	if (row->len > v->size)
		return refuse_short(v, row->len, err);
	return give_text((const char *)v->data, strnlen((const char *)v->data, v->size), buf, cap);
}
