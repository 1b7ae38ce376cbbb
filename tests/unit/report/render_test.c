// SPDX-License-Identifier: MIT
/* render_test.c - one row a kind of value: bytes and types in, JSON, raw JSON and text out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "report/walk.h"
#include "sample.h"

#define T       struct type_table *t
#define ANON    NULL
#define FROM(a) (a), sizeof(a) - 1

static uint32_t make_u8(T)
{
	return add_int(t, "u8", 1, TYPE_UNSIGNED);
}

static uint32_t make_s16(T)
{
	return add_int(t, "s16", 2, TYPE_SIGNED);
}

static uint32_t make_s32(T)
{
	return add_int(t, "int", 4, TYPE_SIGNED);
}

static uint32_t make_u64(T)
{
	return add_int(t, "u64", 8, TYPE_UNSIGNED);
}

static uint32_t make_s64(T)
{
	return add_int(t, "s64", 8, TYPE_SIGNED);
}

static uint32_t make_s128(T)
{
	return add_int(t, "__int128", 16, TYPE_SIGNED);
}

static uint32_t make_u128(T)
{
	return add_int(t, "unsigned __int128", 16, TYPE_UNSIGNED);
}

static uint32_t make_u24(T)
{
	return add_int(t, "u24", 3, TYPE_UNSIGNED);
}

static uint32_t make_wide(T)
{
	return add_int(t, "u256", 32, TYPE_UNSIGNED);
}

static uint32_t make_few_bits(T)
{
	return add_row(t, (struct type_row){ .kind = TYPE_INT,
					     .name = "s5",
					     .size = 2,
					     .bits = 5,
					     .enc = TYPE_SIGNED,
					     .target = TYPE_NONE });
}

static uint32_t make_bool(T)
{
	return add_int(t, "bool", 1, TYPE_BOOL);
}

static uint32_t make_float(T)
{
	return add_row(
		t, (struct type_row){
			   .kind = TYPE_FLOAT, .name = "float", .size = 4, .target = TYPE_NONE });
}

static uint32_t make_double(T)
{
	return add_row(
		t, (struct type_row){
			   .kind = TYPE_FLOAT, .name = "double", .size = 8, .target = TYPE_NONE });
}

static uint32_t make_long_double(T)
{
	return add_row(t, (struct type_row){ .kind = TYPE_FLOAT,
					     .name = "long double",
					     .size = 16,
					     .target = TYPE_NONE });
}

static uint32_t make_ptr(T)
{
	return add_row(t, (struct type_row){ .kind = TYPE_PTR,
					     .size = 8,
					     .target = TYPE_NONE,
					     .to = "struct task_struct" });
}

static uint32_t make_enum(T)
{
	return add_enum(t, "state", 4, TYPE_UNSIGNED, NAMES({ "IDLE", 0 }, { "RUNNING", 5 }));
}

static uint32_t make_signed_enum(T)
{
	return add_enum(t, "e", 1, TYPE_SIGNED, NAMES({ "MINUS", -1 }, { "PLUS", 1 }));
}

static uint32_t make_enum64(T)
{
	return add_enum(t, "e", 8, TYPE_UNSIGNED, NAMES({ "TOP", INT64_MIN }));
}

static uint32_t add_char(T)
{
	return add_int(t, "char", 1, TYPE_SIGNED);
}

static uint32_t make_text(T)
{
	return add_array(t, add_char(t), 8);
}

static uint32_t make_bytes(T)
{
	return add_array(t, add_int(t, "unsigned char", 1, TYPE_UNSIGNED), 3);
}

static uint32_t make_matrix(T)
{
	return add_array(t, add_array(t, make_s16(t), 2), 2);
}

static uint32_t make_struct(T)
{
	uint32_t s32 = make_s32(t);
	uint32_t inner = add_record(t, TYPE_STRUCT, "in", 4, MEMBERS({ "x", s32, 0, 0 }));

	return add_record(t, TYPE_STRUCT, "out", 8,
			  MEMBERS({ "a", s32, 0, 0 }, { "in", inner, 32, 0 }));
}

static uint32_t make_typedefs(T)
{
	uint32_t at = add_behind(t, TYPE_CONST, ANON, make_struct(t));

	at = add_behind(t, TYPE_VOLATILE, ANON, at);
	at = add_behind(t, TYPE_TYPE_TAG, "rcu", at);
	return add_behind(t, TYPE_TYPEDEF, "out_t", at);
}

static uint32_t make_anonymous(T)
{
	uint32_t s32 = make_s32(t), f = make_float(t);
	uint32_t u =
		add_record(t, TYPE_UNION, ANON, 4, MEMBERS({ "i", s32, 0, 0 }, { "f", f, 0, 0 }));
	uint32_t s = add_record(t, TYPE_STRUCT, ANON, 8,
				MEMBERS({ ANON, u, 0, 0 }, { "y", s32, 32, 0 }));

	return add_record(t, TYPE_STRUCT, "anon", 12,
			  MEMBERS({ "x", s32, 0, 0 }, { ANON, s, 32, 0 }));
}

/* The same fields where compilers put them: from the low end, or in big endian from the high. */
static uint32_t make_bitfields(T)
{
	uint32_t u32 = add_int(t, "unsigned int", 4, TYPE_UNSIGNED), s32 = make_s32(t);
	uint32_t b = make_bool(t), e = make_enum(t);

	return add_record(t, TYPE_STRUCT, "bits", 4,
			  MEMBERS({ "a", u32, 0, 3 }, { "b", s32, 3, 5 }, { "c", u32, 8, 10 },
				  { "d", b, 18, 1 }, { "e", e, 19, 3 }));
}

static uint32_t make_wide_bitfield(T)
{
	return add_record(t, TYPE_STRUCT, "bits", 17, MEMBERS({ "w", make_u128(t), 4, 128 }));
}

static uint32_t make_flexible(T)
{
	uint32_t u8 = make_u8(t), s16 = make_s16(t);

	return add_record(t, TYPE_STRUCT, "flex", 2,
			  MEMBERS({ "mark", add_array(t, u8, 0), 0, 0 }, { "n", s16, 0, 0 },
				  { "data", add_array(t, s16, 0), 16, 0 }));
}

static uint32_t make_flexible_text(T)
{
	return add_record(t, TYPE_STRUCT, "flex", 1,
			  MEMBERS({ "n", make_u8(t), 0, 0 },
				  { "s", add_array(t, add_char(t), 0), 8, 0 }));
}

static uint32_t make_cpumask(T)
{
	uint32_t bits = add_array(t, add_int(t, "unsigned long", 8, TYPE_UNSIGNED), 2);

	return add_record(t, TYPE_STRUCT, "cpumask", 16, MEMBERS({ "bits", bits, 0, 0 }));
}

static uint32_t make_bpf_cpumask(T)
{
	uint32_t mask = add_behind(t, TYPE_TYPEDEF, "cpumask_t", make_cpumask(t));

	return add_record(t, TYPE_STRUCT, "bpf_cpumask", 24,
			  MEMBERS({ "cpumask", mask, 0, 0 }, { "usage", make_s32(t), 128, 0 }));
}

static uint32_t make_fwd(T)
{
	return add_record(t, TYPE_STRUCT, "s", 4,
			  MEMBERS({ "f",
				    add_row(t, (struct type_row){ .kind = TYPE_FWD,
								  .name = "q",
								  .target = TYPE_NONE }),
				    0, 0 }));
}

static uint32_t make_none(T)
{
	return TYPE_NONE;
}

/* ---- hostile ------------------------------------------------------------------------------- */

static uint32_t make_typedef_cycle(T)
{
	uint32_t at = type_reserve(t, NULL);
	struct type_row row = { .kind = TYPE_TYPEDEF, .name = "loop", .target = at };

	type_fill(t, at, &row, NULL);
	return at;
}

static uint32_t make_own_member(T)
{
	uint32_t at = type_reserve(t, NULL);
	const struct type_member m[] = { { "s", at, 0, 0 }, { ANON, at, 0, 0 } };
	struct type_row row = { .kind = TYPE_STRUCT,
				.name = "own",
				.size = 4,
				.members = m,
				.nmembers = 2,
				.target = TYPE_NONE };

	type_fill(t, at, &row, NULL);
	return at;
}

static uint32_t make_array_cycle(T)
{
	uint32_t at = type_reserve(t, NULL);
	struct type_row row = { .kind = TYPE_ARRAY, .len = 2, .target = at };

	type_fill(t, at, &row, NULL);
	return at;
}

static uint32_t make_deep(T)
{
	uint32_t at = make_u8(t);

	for (int i = 0; i < 40; i++)
		at = add_record(t, TYPE_STRUCT, "deep", 1, MEMBERS({ "d", at, 0, 0 }));
	return at;
}

static uint32_t make_beyond(T)
{
	uint32_t s32 = make_s32(t);

	return add_record(t, TYPE_STRUCT, "s", 4,
			  MEMBERS({ "in", s32, 0, 0 }, { "half", s32, 16, 0 },
				  { "out", s32, 1ull << 40, 0 }, { "far", s32, UINT64_MAX - 7, 0 },
				  { "odd", s32, 3, 0 }, { "bits", s32, 28, 8 },
				  { "huge", s32, 0, 4000 }));
}

static uint32_t make_huge_array(T)
{
	return add_array(t, make_s16(t), 1ull << 32);
}

static uint32_t make_overflowing(T)
{
	return add_array(t, add_array(t, make_s16(t), 1ull << 63), 1ull << 63);
}

static uint32_t make_array_of_nothing(T)
{
	return add_array(t, type_reserve(t, NULL), 1ull << 40);
}

static uint32_t make_huge_scalars(T)
{
	uint32_t e = add_enum(t, "e", 1ull << 33, TYPE_UNSIGNED, NULL, 0);
	uint32_t f =
		add_row(t, (struct type_row){ .kind = TYPE_FLOAT, .size = 3, .target = TYPE_NONE });
	uint32_t p =
		add_row(t, (struct type_row){ .kind = TYPE_PTR, .size = 0, .target = TYPE_NONE });

	return add_record(t, TYPE_STRUCT, "s", 4,
			  MEMBERS({ "e", e, 0, 0 }, { "f", f, 0, 0 }, { "p", p, 0, 0 },
				  { "fb", f, 0, 3 }));
}

static uint32_t make_ugly_names(T)
{
	uint32_t u8 = make_u8(t);

	return add_record(t, TYPE_STRUCT, "s", 2,
			  MEMBERS({ "q\"\\\n\x01", u8, 0, 0 }, { "\xff\xc3\xa9", u8, 8, 0 }));
}

static uint32_t make_bad_mask(T)
{
	uint32_t mask = add_array(t, make_u64(t), 1);

	return add_record(t, TYPE_STRUCT, "bpf_cpumask", 8,
			  MEMBERS({ "cpumask", mask, 1ull << 20, 0 }));
}

/* ---- the table ----------------------------------------------------------------------------- */

// clang-format off
static const struct row {
	const char *name;
	uint32_t (*make)(struct type_table *t);
	const char *bytes;
	size_t size;
	bool big_endian;
	const char *json, *raw, *text; /* raw, text NULL: as json */
} rows[] = {
	{ "u8", make_u8, FROM("\xff"), false, "255", NULL, NULL },
	{ "s16", make_s16, FROM("\xfe\xff"), false, "-2", NULL, NULL },
	{ "s16 big endian", make_s16, FROM("\xff\xfe"), true, "-2", NULL, NULL },
	{ "s32", make_s32, FROM("\x00\x00\x00\x80"), false, "-2147483648", NULL, NULL },
	{ "s32 big endian", make_s32, FROM("\x00\x00\x01\x02"), true, "258", NULL, NULL },
	{ "u64 small", make_u64, FROM("\x15\xcd\x5b\x07\0\0\0\0"), false, "123456789", NULL, NULL },
	{ "u64 2^53", make_u64, FROM("\0\0\0\0\0\0\x20\0"), false, "9007199254740992", NULL, NULL },
	{ "u64 2^53 + 1", make_u64, FROM("\x01\0\0\0\0\0\x20\0"), false, "\"9007199254740993\"",
	  "9007199254740993", "9007199254740993" },
	{ "u64 max", make_u64, FROM("\xff\xff\xff\xff\xff\xff\xff\xff"), false,
	  "\"18446744073709551615\"", "18446744073709551615", "18446744073709551615" },
	{ "s64 min", make_s64, FROM("\0\0\0\0\0\0\0\x80"), false, "\"-9223372036854775808\"",
	  "-9223372036854775808", "-9223372036854775808" },
	{ "s128 min", make_s128, FROM("\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x80"), false,
	  "\"-170141183460469231731687303715884105728\"",
	  "-170141183460469231731687303715884105728", "-170141183460469231731687303715884105728" },
	{ "s128 -1 big endian", make_s128,
	  FROM("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"), true, "-1", NULL,
	  NULL },
	{ "u128 max", make_u128,
	  FROM("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"), false,
	  "\"340282366920938463463374607431768211455\"",
	  "340282366920938463463374607431768211455", "340282366920938463463374607431768211455" },
	{ "u128 10^20", make_u128, FROM("\0\0\x10\x63\x2d\x5e\xc7\x6b\x05\0\0\0\0\0\0\0"), false,
	  "\"100000000000000000000\"", "100000000000000000000", "100000000000000000000" },
	{ "u24", make_u24, FROM("\x01\x02\x03"), false, "197121", NULL, NULL },
	{ "u24 big endian", make_u24, FROM("\x03\x02\x01"), true, "197121", NULL, NULL },
	{ "wider than 128 bits", make_wide,
	  FROM("0123456789abcdef0123456789abcdef"), false, "\"<integer of 32 bytes>\"", NULL,
	  "<integer of 32 bytes>" },
	{ "int of 5 bits", make_few_bits, FROM("\xf1\xff"), false, "-15", NULL, NULL },
	{ "int of 5 bits big endian", make_few_bits, FROM("\xff\xf1"), true, "-15", NULL, NULL },
	{ "bool", make_bool, FROM("\x02"), false, "true", NULL, NULL },
	{ "float", make_float, FROM("\0\0\xc0\x3f"), false, "1.5", NULL, NULL },
	{ "float 0.1", make_float, FROM("\xcd\xcc\xcc\x3d"), false, "0.1", NULL, NULL },
	{ "double big endian", make_double, FROM("\xbf\xb9\x99\x99\x99\x99\x99\x9a"), true, "-0.1",
	  NULL, NULL },
	{ "double nan", make_double, FROM("\0\0\0\0\0\0\xf8\x7f"), false, "\"nan\"", NULL, "nan" },
	{ "double -inf", make_double, FROM("\0\0\0\0\0\0\xf0\xff"), false, "\"-inf\"", NULL, "-inf" },
	{ "long double", make_long_double, FROM("0123456789abcdef"), false,
	  "\"hex:30313233343536373839616263646566\"", NULL, "hex:30313233343536373839616263646566" },
	{ "pointer", make_ptr, FROM("\0\0\0\0\0\xff\xff\xff"), false, "\"0xffffff0000000000\"",
	  "18446742974197923840", "0xffffff0000000000" },
	{ "null pointer", make_ptr, FROM("\0\0\0\0\0\0\0\0"), false, "\"0x0\"", "0", "0x0" },
	{ "enum", make_enum, FROM("\x05\0\0\0"), false, "{\"name\":\"RUNNING\",\"value\":5}", "5",
	  "RUNNING (5)" },
	{ "enum, no such name", make_enum, FROM("\x07\0\0\0"), false, "{\"name\":null,\"value\":7}",
	  "7", "7" },
	{ "signed enum", make_signed_enum, FROM("\xff"), false, "{\"name\":\"MINUS\",\"value\":-1}",
	  "-1", "MINUS (-1)" },
	{ "64-bit enum", make_enum64, FROM("\0\0\0\0\0\0\0\x80"), false,
	  "{\"name\":\"TOP\",\"value\":\"9223372036854775808\"}", "9223372036854775808",
	  "TOP (9223372036854775808)" },
	{ "text", make_text, FROM("init\0\xff\x01q"), false, "\"init\"", NULL, NULL },
	{ "text, empty", make_text, FROM("\0\0\0\0\0\0\0\0"), false, "\"\"", NULL, NULL },
	{ "text, no NUL", make_text, FROM("abcdefgh"), false, "\"abcdefgh\"",
	  "[97,98,99,100,101,102,103,104]", "\"abcdefgh\"" },
	{ "text, UTF-8", make_text, FROM("\xc3\xa9t\xc3\xa9\0\0\0"), false, "\"\xc3\xa9t\xc3\xa9\"",
	  "[-61,-87,116,-61,-87,0,0,0]", "\"\xc3\xa9t\xc3\xa9\"" },
	{ "text, quotes", make_text, FROM("a\"b\\c\0\0\0"), false, "\"a\\\"b\\\\c\"", NULL,
	  "\"a\\\"b\\\\c\"" },
	{ "chars that are no text", make_text, FROM("ab\x01\0\0\0\0\0"), false, "[97,98,1,0,0,0,0,0]",
	  NULL, "[97, 98, 1, 0, 0, 0, 0, 0]" },
	{ "chars after an empty text", make_text, FROM("\0b\0\0\0\0\0\0"), false, "[0,98,0,0,0,0,0,0]",
	  "\"\"", "[0, 98, 0, 0, 0, 0, 0, 0]" },
	{ "bytes are never text", make_bytes, FROM("ab\0"), false, "[97,98,0]", NULL, "[97, 98, 0]" },
	{ "matrix", make_matrix, FROM("\x01\0\x02\0\x03\0\x04\0"), false, "[[1,2],[3,4]]", NULL,
	  "[[1, 2], [3, 4]]" },
	{ "struct", make_struct, FROM("\x01\0\0\0\x02\0\0\0"), false, "{\"a\":1,\"in\":{\"x\":2}}",
	  NULL, "{a = 1, in = {x = 2}}" },
	{ "typedefs and qualifiers", make_typedefs, FROM("\x01\0\0\0\x02\0\0\0"), false,
	  "{\"a\":1,\"in\":{\"x\":2}}", NULL, "{a = 1, in = {x = 2}}" },
	{ "anonymous members, unions", make_anonymous, FROM("\x01\0\0\0\0\0\x80\x3f\x03\0\0\0"), false,
	  "{\"x\":1,\"i\":1065353216,\"f\":1,\"y\":3}", NULL, "{x = 1, i = 1065353216, f = 1, y = 3}" },
	{ "bitfields", make_bitfields, FROM("\xfd\xff\x2b\0"), false,
	  "{\"a\":5,\"b\":-1,\"c\":1023,\"d\":false,\"e\":{\"name\":\"RUNNING\",\"value\":5}}",
	  "{\"a\":5,\"b\":-1,\"c\":1023,\"d\":false,\"e\":5}",
	  "{a = 5, b = -1, c = 1023, d = false, e = RUNNING (5)}" },
	{ "bitfields big endian", make_bitfields, FROM("\xbe\x80\x74\0"), true,
	  "{\"a\":5,\"b\":-2,\"c\":513,\"d\":true,\"e\":{\"name\":\"RUNNING\",\"value\":5}}",
	  "{\"a\":5,\"b\":-2,\"c\":513,\"d\":true,\"e\":5}",
	  "{a = 5, b = -2, c = 513, d = true, e = RUNNING (5)}" },
	{ "bitfield over 17 bytes", make_wide_bitfield,
	  FROM("\x1f\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\xf8"), false,
	  "{\"w\":\"170141183460469231731687303715884105729\"}",
	  "{\"w\":170141183460469231731687303715884105729}",
	  "{w = 170141183460469231731687303715884105729}" },
	{ "bitfield over 17 bytes, big endian", make_wide_bitfield,
	  FROM("\xf8\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x1f"), true,
	  "{\"w\":\"170141183460469231731687303715884105729\"}",
	  "{\"w\":170141183460469231731687303715884105729}",
	  "{w = 170141183460469231731687303715884105729}" },
	{ "flexible array", make_flexible, FROM("\x02\0\x05\0\x06\0"), false,
	  "{\"mark\":[],\"n\":2,\"data\":[5,6]}", NULL, "{mark = [], n = 2, data = [5, 6]}" },
	{ "flexible text", make_flexible_text, FROM("\x02hi\0"), false, "{\"n\":2,\"s\":\"hi\"}", NULL,
	  "{n = 2, s = \"hi\"}" },
	{ "CPU mask", make_cpumask, FROM("\x0d\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"), false, "\"0,2-3\"",
	  "{\"bits\":[13,0]}", NULL },
	{ "CPU mask beyond the last CPU", make_cpumask, FROM("\xf8\xff\0\0\0\0\0\0\0\0\0\0\0\0\0\0"),
	  false, "\"3\"", "{\"bits\":[65528,0]}", NULL },
	{ "CPU mask big endian", make_cpumask, FROM("\0\0\0\0\0\0\0\x06\0\0\0\0\0\0\0\0"), true,
	  "\"1-2\"", "{\"bits\":[6,0]}", NULL },
	{ "bpf_cpumask", make_bpf_cpumask, FROM("\x0f\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0"),
	  false, "\"0-3\"", "{\"cpumask\":{\"bits\":[15,0]},\"usage\":1}", NULL },
	{ "only declared", make_fwd, FROM("\0\0\0\0"), false, "{\"f\":\"<no size: struct q>\"}", NULL,
	  "{f = <no size: struct q>}" },
	{ "no type", make_none, FROM("\x01\xab"), false, "\"hex:01ab\"", NULL, "hex:01ab" },
	{ "short int", make_s32, FROM("\x01\x02"), false, "\"<truncated: needs 4 bytes, has 2>\"", NULL,
	  "<truncated: needs 4 bytes, has 2>" },
	{ "short struct", make_struct, FROM("\x01\0\0\0\x02"), false,
	  "{\"a\":1,\"in\":{\"x\":\"<truncated: needs 4 bytes, has 1>\"}}", NULL,
	  "{a = 1, in = {x = <truncated: needs 4 bytes, has 1>}}" },
	{ "short array", make_matrix, FROM("\x01\0\x02\0"), false,
	  "[[1,2],\"<truncated: needs 8 bytes, has 4>\"]", NULL,
	  "[[1, 2], <truncated: needs 8 bytes, has 4>]" },
	{ "typedef of itself", make_typedef_cycle, FROM("\0"), false, "\"<no size: loop>\"", NULL,
	  "<no size: loop>" },
	{ "array of itself", make_array_cycle, FROM("\0"), false, "[\"<2 elements without a size>\"]",
	  NULL, "[<2 elements without a size>]" },
	{ "members beyond", make_beyond, FROM("\x01\0\0\xff"), false,
	  "{\"in\":-16777215,\"half\":\"<truncated: needs 4 bytes, has 2>\","
	  "\"out\":\"<truncated: needs 4 bytes, has 0>\",\"far\":\"<truncated: needs 4 bytes, has 0>\","
	  "\"odd\":\"<member at bit 3>\",\"bits\":\"<truncated: needs 2 bytes, has 1>\","
	  "\"huge\":\"<bitfield of 4000 bits>\"}",
	  NULL, "{in = -16777215, half = <truncated: needs 4 bytes, has 2>, "
	  "out = <truncated: needs 4 bytes, has 0>, far = <truncated: needs 4 bytes, has 0>, "
	  "odd = <member at bit 3>, bits = <truncated: needs 2 bytes, has 1>, "
	  "huge = <bitfield of 4000 bits>}" },
	{ "4 GiB array", make_huge_array, FROM("\x01\0\x02\0"), false,
	  "[1,2,\"<truncated: needs 8589934592 bytes, has 4>\"]", NULL,
	  "[1, 2, <truncated: needs 8589934592 bytes, has 4>]" },
	{ "array whose size overflows", make_overflowing, FROM("\x01\0"), false,
	  "[\"<9223372036854775808 elements without a size>\"]", NULL,
	  "[<9223372036854775808 elements without a size>]" },
	{ "array of nothing", make_array_of_nothing, FROM("\0"), false,
	  "[\"<1099511627776 elements without a size>\"]", NULL,
	  "[<1099511627776 elements without a size>]" },
	{ "huge scalars", make_huge_scalars, FROM("\x01\x02\x03\x04"), false,
	  "{\"e\":\"<truncated: needs 8589934592 bytes, has 4>\",\"f\":\"hex:010203\","
	  "\"p\":\"<integer of 0 bytes>\",\"fb\":\"<bitfield of no integer type>\"}",
	  NULL, "{e = <truncated: needs 8589934592 bytes, has 4>, f = hex:010203, "
	  "p = <integer of 0 bytes>, fb = <bitfield of no integer type>}" },
	{ "ugly names", make_ugly_names, FROM("\x01\x02"), false,
	  "{\"q\\\"\\\\\\n\\u0001\":1,\"\xef\xbf\xbd\xc3\xa9\":2}", NULL,
	  "{q\\\"\\\\\\n\\u0001 = 1, \xef\xbf\xbd\xc3\xa9 = 2}" },
	{ "CPU mask outside its struct", make_bad_mask, FROM("\0\0\0\0\0\0\0\0"), false,
	  "{\"cpumask\":[\"<truncated: needs 8 bytes, has 0>\"]}", NULL,
	  "{cpumask = [<truncated: needs 8 bytes, has 0>]}" },
};
// clang-format on

static void check(const char *name, const char *what, struct buf *got, const char *want)
{
	buf_append(got, "", 1);
	if (strcmp((char *)got->data, want))
		fail_msg("%s, %s:\n  got  %s\n  want %s", name, what, (char *)got->data, want);
	buf_clear(got);
}

static void renders_every_kind(void **state)
{
	struct render_opts raw = { .raw = true };

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct row *r = &rows[i];
		struct ksnap_blob *blob = sample_value(r->make, r->bytes, r->size, r->big_endian);
		struct ksnap_err err = { 0 };
		struct ksnap_snapshot *s = ksnap_snapshot_open(blob, &err);
		struct buf out = BUF_INIT;
		struct ksnap_value v;

		if (!s)
			fail_msg("%s: %s", r->name, err.text);
		assert_int_equal(ksnap_map_value(ksnap_snapshot_map_at(s, 0), 0, &v, &err), 0);
		assert_int_equal(render_value_json(&v, NULL, &out), 0);
		check(r->name, "json", &out, r->json);
		assert_int_equal(render_value_json(&v, &raw, &out), 0);
		check(r->name, "raw", &out, r->raw ? r->raw : r->json);
		assert_int_equal(render_value_text(&v, NULL, &out), 0);
		check(r->name, "text", &out, r->text ? r->text : r->json);
		assert_int_equal(render_value_tree(&v, NULL, &out), 0);
		buf_fini(&out);
		ksnap_snapshot_close(s);
		ksnap_blob_unref(blob);
	}
}

/* ---- limits -------------------------------------------------------------------------------- */

static char *render_one(uint32_t (*make)(struct type_table *t), const void *bytes, size_t size,
			struct buf *out)
{
	struct ksnap_blob *blob = sample_value(make, bytes, size, false);
	struct ksnap_snapshot *s = ksnap_snapshot_open(blob, NULL);
	struct ksnap_value v;

	assert_non_null(s);
	assert_int_equal(ksnap_map_value(ksnap_snapshot_map_at(s, 0), 0, &v, NULL), 0);
	assert_int_equal(render_value_json(&v, NULL, out), 0);
	buf_append(out, "", 1);
	ksnap_snapshot_close(s);
	ksnap_blob_unref(blob);
	return (char *)out->data;
}

static uint32_t make_long_array(T)
{
	return add_array(t, make_u8(t), 5000);
}

static void shows_4096_elements(void **state)
{
	static const uint8_t bytes[5000];
	struct buf out = BUF_INIT;
	char *json = render_one(make_long_array, bytes, sizeof(bytes), &out);

	assert_non_null(strstr(json, ",0,\"<904 more elements>\"]"));
	assert_int_equal(strlen(json), 2 * 4096 + strlen("[\"<904 more elements>\"]"));
	buf_fini(&out);
}

static void shows_32_levels(void **state)
{
	struct buf out = BUF_INIT;
	char *json = render_one(make_deep, "x", 1, &out), *at = json;
	unsigned levels = 0;

	for (; (at = strchr(at, '{')); at++)
		levels++;
	assert_int_equal(levels, 32);
	assert_non_null(strstr(json, "\"<deeper than 32 levels>\""));
	buf_fini(&out);
}

static void bounds_a_struct_within_itself(void **state)
{
	struct buf out = BUF_INIT;
	char *json = render_one(make_own_member, "\0\0\0", 4, &out);

	assert_non_null(strstr(json, "\"<too much to show>\""));
	assert_true(out.len < 32u << 20);
	buf_fini(&out);
}

/* The name of the last of 70,000 is not found, and that is all. */
static uint32_t make_many_names(T)
{
	static struct type_enumerator e[70000];

	for (size_t i = 0; i < 70000; i++)
		e[i] = (struct type_enumerator){ "same", (int64_t)(3 * i) };
	return add_enum(t, "many", 4, TYPE_UNSIGNED, e, 70000);
}

static void searches_a_bounded_number_of_names(void **state)
{
	uint32_t value = 3 * 69999;
	struct buf out = BUF_INIT;

	assert_string_equal(render_one(make_many_names, &value, 4, &out),
			    "{\"name\":null,\"value\":209997}");
	buf_fini(&out);
}

/* ---- trees --------------------------------------------------------------------------------- */

static void trees_are_msgpack(void **state)
{
	struct ksnap_blob *blob = sample_value(make_bitfields, "\xfd\xff\x2b\0", 4, false);
	struct ksnap_snapshot *s = ksnap_snapshot_open(blob, NULL);
	const msgpack_object *member;
	struct buf out = BUF_INIT;
	msgpack_unpacked u;
	struct ksnap_value v;
	size_t at = 0;

	msgpack_unpacked_init(&u);
	assert_int_equal(ksnap_map_value(ksnap_snapshot_map_at(s, 0), 0, &v, NULL), 0);
	assert_int_equal(render_value_tree(&v, NULL, &out), 0);
	assert_int_equal(msgpack_unpack_next(&u, (char *)out.data, out.len, &at),
			 MSGPACK_UNPACK_SUCCESS);
	assert_int_equal(at, out.len);
	assert_int_equal(object_get(&u.data, "b")->via.i64, -1);
	assert_int_equal(object_get(&u.data, "c")->via.u64, 1023);
	member = object_get(&u.data, "e");
	assert_int_equal(object_get(member, "value")->via.u64, 5);
	assert_int_equal(object_get(member, "name")->type, MSGPACK_OBJECT_STR);
	msgpack_unpacked_destroy(&u);
	buf_fini(&out);
	ksnap_snapshot_close(s);
	ksnap_blob_unref(blob);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(renders_every_kind),
		cmocka_unit_test(shows_4096_elements),
		cmocka_unit_test(shows_32_levels),
		cmocka_unit_test(bounds_a_struct_within_itself),
		cmocka_unit_test(searches_a_bounded_number_of_names),
		cmocka_unit_test(trees_are_msgpack),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
