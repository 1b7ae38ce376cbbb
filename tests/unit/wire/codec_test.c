// SPDX-License-Identifier: MIT
/* codec_test.c - every kind of field, wrong before right, on a shape made for this test. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "wire/pack.h"
#include "wire/shapes.h"

struct leaf {
	uint64_t n;
	bool has_n;
};

struct all {
	bool flag, has_flag;
	uint64_t u;
	bool has_u;
	int64_t i;
	bool has_i;
	double d;
	bool has_d;
	struct wire_slice s;
	bool has_s;
	struct wire_slice b;
	bool has_b;
	struct wire_slice any;
	bool has_any;
	struct leaf leaf;
	bool has_leaf;
	struct wire_list leaves;
	bool has_leaves;
	struct wire_list ints;
	bool has_ints;
};

#define AT(type, name) offsetof(struct type, name), offsetof(struct type, has_##name), 0

static const struct wire_field leaf_fields[] = {
	{ "n", WIRE_UINT, 0, NULL, NULL, true, 0, 9, AT(leaf, n) },
};
static const struct wire_shape leaf_shape = { "leaf", leaf_fields, 1, sizeof(struct leaf), false };

static const struct wire_field all_fields[] = {
	{ "flag", WIRE_BOOL, 0, NULL, NULL, false, 0, 0, AT(all, flag) },
	{ "u", WIRE_UINT, 0, NULL, NULL, false, 0, 0, AT(all, u) },
	{ "i", WIRE_INT, 0, NULL, NULL, false, 0, 0, AT(all, i) },
	{ "d", WIRE_F64, 0, NULL, NULL, false, 0, 0, AT(all, d) },
	{ "s", WIRE_STR, 0, NULL, NULL, false, 0, 0, AT(all, s) },
	{ "b", WIRE_BIN, 0, NULL, NULL, false, 2, 3, AT(all, b) },
	{ "any", WIRE_ANY, 0, NULL, NULL, false, 0, 0, AT(all, any) },
	{ "leaf", WIRE_MAP, 0, &leaf_shape, NULL, false, 0, 0, AT(all, leaf) },
	{ "leaves", WIRE_LIST, WIRE_MAP, &leaf_shape, NULL, false, 0, 0, AT(all, leaves) },
	{ "ints", WIRE_LIST, WIRE_INT, NULL, NULL, false, 1, 4, AT(all, ints) },
};
static const struct wire_shape all_shape = { "all", all_fields, ARRAY_SIZE(all_fields),
					     sizeof(struct all), false };

static const struct wire_field needs_fields[] = {
	{ "any", WIRE_ANY, 0, NULL, NULL, true, 0, 0, AT(all, any) },
	{ "s", WIRE_STR, 0, NULL, NULL, true, 0, 0, AT(all, s) },
	{ "leaves", WIRE_LIST, WIRE_MAP, &leaf_shape, NULL, true, 0, 0, AT(all, leaves) },
};
static const struct wire_shape needs_shape = { "needs", needs_fields, 3, sizeof(struct all),
					       false };

#define BYTES(s) s, sizeof(s) - 1

struct row {
	const char *bytes;
	size_t len;
	const char *text; /* NULL: accepted */
};

static void check_rows(const struct row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct wire_arena arena = { 0 };
		struct ksnap_err err = { 0 };
		struct all v;
		int rc = wire_decode(&all_shape, rows[i].bytes, rows[i].len, WIRE_REFUSE_UNKNOWN,
				     &arena, &v, &err);

		assert_string_equal(err.text, rows[i].text ? rows[i].text : "");
		assert_int_equal(rc, rows[i].text ? KSNAP_E_ARG : 0);
		assert_int_equal(rc, err.code);
		wire_arena_fini(&arena);
		wire_arena_fini(&arena);
	}
}

static void each_kind_refuses_what_it_is_not(void **state)
{
	static const struct row rows[] = {
		{ BYTES("\x81\xa4"
			"flag\xc0"),
		  "flag: expected a boolean, got nil" },
		{ BYTES("\x81\xa4"
			"flag\x01"),
		  "flag: expected a boolean, got an integer" },
		{ BYTES("\x81\xa1u\xc3"), "u: expected an unsigned integer, got a boolean" },
		{ BYTES("\x81\xa1u\xd0\xff"),
		  "u: expected an unsigned integer, got a negative integer" },
		{ BYTES("\x81\xa1u\x90"), "u: expected an unsigned integer, got a list" },
		{ BYTES("\x81\xa1i\xcb\0\0\0\0\0\0\0\0"), "i: expected an integer, got a float" },
		{ BYTES("\x81\xa1i\xcf\x80\0\0\0\0\0\0\0"),
		  "i: 9223372036854775808, at most 9223372036854775807 allowed" },
		{ BYTES("\x81\xa1"
			"d\xa1"
			"1"),
		  "d: expected a number, got a string" },
		{ BYTES("\x81\xa1s\xc4\x01x"), "s: expected a string, got bytes" },
		{ BYTES("\x81\xa1s\x80"), "s: expected a string, got a map" },
		{ BYTES("\x81\xa1"
			"b\xa2xx"),
		  "b: expected bytes, got a string" },
		{ BYTES("\x81\xa1"
			"b\xc4\x01x"),
		  "b: 1 bytes, at least 2 wanted" },
		{ BYTES("\x81\xa1"
			"b\xc4\x04xxxx"),
		  "b: 4 bytes, at most 3 allowed" },
		{ BYTES("\x81\xa4leaf\x90"), "leaf: expected a map, got a list" },
		{ BYTES("\x81\xa4leaf\x80"), "leaf.n: is missing" },
		{ BYTES("\x81\xa4leaf\x81\xa1n\x0a"), "leaf.n: 10, at most 9 allowed" },
		{ BYTES("\x81\xa4leaf\x81\xa1m\x01"), "leaf.m: no such parameter; there is n" },
		{ BYTES("\x81\xa4leaf\x81\x01\x01"),
		  "leaf: a key is an integer, expected a string" },
		{ BYTES("\x81\xa6leaves\x92\x81\xa1n\x01\x81\xa1n\xa0"),
		  "leaves[1].n: expected an unsigned integer, got a string" },
		{ BYTES("\x81\xa6leaves\x91\x01"), "leaves[0]: expected a map, got an integer" },
		{ BYTES("\x81\xa6leaves\x80"), "leaves: expected a list, got a map" },
		{ BYTES("\x81\xa4ints\x90"), "ints: 0 elements, at least 1 wanted" },
		{ BYTES("\x81\xa4ints\x95\0\0\0\0\0"), "ints: 5 elements, at most 4 allowed" },
		{ BYTES("\x81\xa4ints\x92\x01\xc0"), "ints[1]: expected an integer, got nil" },
		{ BYTES("\x82\xa1u\x01\xa1u\x01"), "u: given twice" },
		{ BYTES("\x81\xa0\x01"),
		  ": no such parameter; there are flag, u, i, d, s, b, any, leaf, leaves, ints" },
	};

	check_rows(rows, ARRAY_SIZE(rows));
}

static void what_is_no_message_is_not_an_argument(void **state)
{
	struct ksnap_err err;
	struct all v;

	assert_int_equal(wire_decode(&all_shape, "\x90", 1, WIRE_REFUSE_UNKNOWN, NULL, &v, &err),
			 KSNAP_E_PROTO);
	assert_string_equal(err.text, "expected a map, got a list");
	assert_int_equal(wire_decode(&all_shape, "\x80\x80", 2, WIRE_SKIP_UNKNOWN, NULL, &v, &err),
			 KSNAP_E_PROTO);
	assert_int_equal(wire_decode(&all_shape, "", 0, WIRE_SKIP_UNKNOWN, NULL, &v, NULL),
			 KSNAP_E_PROTO);
}

static void an_envelope_tells_form_from_value(void **state)
{
	struct ksnap_err err;
	struct all v;

	assert_int_equal(wire_decode(&all_shape, BYTES("\x81\xa1z\x01"), WIRE_ENVELOPE, NULL, &v,
				     &err),
			 KSNAP_E_PROTO);
	assert_non_null(strstr(err.text, "z: no such key"));
	assert_int_equal(wire_decode(&all_shape, BYTES("\x81\xa1u\xc0"), WIRE_ENVELOPE, NULL, &v,
				     &err),
			 KSNAP_E_PROTO);
	assert_int_equal(wire_decode(&all_shape,
				     BYTES("\x81\xa1"
					   "b\xc4\x01x"),
				     WIRE_ENVELOPE, NULL, &v, &err),
			 KSNAP_E_ARG);
}

static void message_of_a_newer_peer_is_read(void **state)
{
	struct all v;

	assert_int_equal(wire_decode(&all_shape, BYTES("\x83\xa1z\x91\xc0\xa1u\x07\xa1z\x01"),
				     WIRE_SKIP_UNKNOWN, NULL, &v, NULL),
			 0);
	assert_int_equal(v.u, 7);
	assert_true(v.has_u);
	assert_int_equal(wire_decode(&all_shape,
				     BYTES("\x81\xa1s\xa3"
					   "a\0\xff"),
				     WIRE_SKIP_UNKNOWN, NULL, &v, NULL),
			 0);
	assert_int_equal(v.s.len, 3);
	assert_int_equal(wire_decode(&all_shape, BYTES("\x81\xa1u\xc0"), WIRE_SKIP_UNKNOWN, NULL,
				     &v, NULL),
			 KSNAP_E_ARG);
}

static void numbers_in_all_their_forms(void **state)
{
	static const struct {
		const char *bytes;
		size_t len;
		int64_t i;
	} rows[] = {
		{ BYTES("\x81\xa1i\x05"), 5 },
		{ BYTES("\x81\xa1i\xe0"), -32 },
		{ BYTES("\x81\xa1i\xd0\x80"), -128 },
		{ BYTES("\x81\xa1i\xd1\x80\0"), -32768 },
		{ BYTES("\x81\xa1i\xd3\x80\0\0\0\0\0\0\0"), INT64_MIN },
		{ BYTES("\x81\xa1i\xd3\0\0\0\0\0\0\0\x07"), 7 },
		{ BYTES("\x81\xa1i\xcc\xff"), 255 },
		{ BYTES("\x81\xa1i\xcf\x7f\xff\xff\xff\xff\xff\xff\xff"), INT64_MAX },
	};
	struct all v;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		assert_int_equal(wire_decode(&all_shape, rows[i].bytes, rows[i].len,
					     WIRE_REFUSE_UNKNOWN, NULL, &v, NULL),
				 0);
		assert_true(v.i == rows[i].i);
	}
	assert_int_equal(wire_decode(&all_shape,
				     BYTES("\x81\xa1u\xcf\xff\xff\xff\xff\xff\xff\xff\xff"),
				     WIRE_REFUSE_UNKNOWN, NULL, &v, NULL),
			 0);
	assert_true(v.u == UINT64_MAX);
	assert_int_equal(wire_decode(&all_shape,
				     BYTES("\x81\xa1"
					   "d\xca\x3f\xc0\0\0"),
				     WIRE_REFUSE_UNKNOWN, NULL, &v, NULL),
			 0);
	assert_true(v.d == 1.5);
	assert_int_equal(wire_decode(&all_shape,
				     BYTES("\x81\xa1"
					   "d\xfe"),
				     WIRE_REFUSE_UNKNOWN, NULL, &v, NULL),
			 0);
	assert_true(v.d == -2);
	assert_int_equal(wire_decode(&all_shape,
				     BYTES("\x81\xa1"
					   "d\x07"),
				     WIRE_REFUSE_UNKNOWN, NULL, &v, NULL),
			 0);
	assert_true(v.d == 7);
}

static void absent_fields_are_zero(void **state)
{
	static const struct all zero;
	struct all v;

	memset(&v, 0xaa, sizeof(v));
	assert_int_equal(wire_decode(&all_shape, "\x80", 1, WIRE_REFUSE_UNKNOWN, NULL, &v, NULL),
			 0);
	assert_memory_equal(&v, &zero, sizeof(v));
}

static void values_lie_in_the_frame(void **state)
{
	static const char frame[] = "\x83\xa1s\xa3"
				    "abc\xa1"
				    "b\xc4\x02xy\xa3"
				    "any\x82\xa1k\x91\x01\x05\xc0";
	struct all v;

	assert_int_equal(wire_decode(&all_shape, BYTES(frame), WIRE_REFUSE_UNKNOWN, NULL, &v, NULL),
			 0);
	assert_ptr_equal(v.s.p, frame + 4);
	assert_int_equal(v.s.len, 3);
	assert_ptr_equal(v.b.p, frame + 11);
	assert_int_equal(v.b.len, 2);
	assert_ptr_equal(v.any.p, frame + 17);
	assert_int_equal(v.any.len, sizeof(frame) - 1 - 17);
}

static void lists_outlive_the_next_decode(void **state)
{
	struct wire_arena arena = { 0 };
	struct all first, second;

	assert_int_equal(wire_decode(&all_shape,
				     BYTES("\x81\xa6leaves\x92\x81\xa1n\x01\x81\xa1n\x02"),
				     WIRE_REFUSE_UNKNOWN, &arena, &first, NULL),
			 0);
	assert_int_equal(wire_decode(&all_shape, BYTES("\x81\xa4ints\x92\xff\x03"),
				     WIRE_REFUSE_UNKNOWN, &arena, &second, NULL),
			 0);
	assert_int_equal(first.leaves.n, 2);
	assert_int_equal(((struct leaf *)first.leaves.items)[0].n, 1);
	assert_int_equal(((struct leaf *)first.leaves.items)[1].n, 2);
	assert_true(((struct leaf *)first.leaves.items)[1].has_n);
	assert_int_equal(second.ints.n, 2);
	assert_true(((int64_t *)second.ints.items)[0] == -1);
	wire_arena_fini(&arena);
}

static void a_long_list_of_wrong_elements_costs_little(void **state)
{
	enum { N = 1000000 };
	struct wire_arena arena = { 0 };
	char *frame = malloc(N + 16);
	struct ksnap_err err;
	struct all v;

	memcpy(frame, "\x81\xa6leaves\xdd\x00\x0f\x42\x40", 13);
	memset(frame + 13, 0x80, N);
	assert_int_equal(wire_decode(&all_shape, frame, N + 13, WIRE_REFUSE_UNKNOWN, &arena, &v,
				     &err),
			 KSNAP_E_ARG);
	assert_string_equal(err.text, "leaves[0].n: is missing");
	wire_arena_fini(&arena);
	free(frame);
}

static void what_was_encoded_decodes_the_same(void **state)
{
	_buf_ struct buf b = BUF_INIT, again = BUF_INIT;
	struct wire_arena arena = { 0 };
	struct leaf leaves[] = { { .n = 3 }, { .n = 9 } };
	int64_t ints[] = { INT64_MIN, 0, INT64_MAX };
	struct all v = { .flag = true, .u = UINT64_MAX, .i = -1, .d = 0.1, .leaf.n = 4 }, got;

	v.has_flag = v.has_u = v.has_i = v.has_d = v.has_s = v.has_b = v.has_any = true;
	v.has_leaf = v.has_leaves = v.has_ints = true;
	v.s = wire_slice_of("größe");
	v.b = (struct wire_slice){ "\0\xff", 2 };
	v.any = (struct wire_slice){ "\x91\xc0", 2 };
	v.leaves = (struct wire_list){ leaves, 2 };
	v.ints = (struct wire_list){ ints, 3 };
	assert_int_equal(wire_encode(&all_shape, &v, &b), 0);
	assert_int_equal(b.data[0], 0x8a);
	assert_int_equal(
		wire_decode(&all_shape, b.data, b.len, WIRE_REFUSE_UNKNOWN, &arena, &got, NULL), 0);
	assert_true(got.flag && got.u == v.u && got.i == v.i && got.d == v.d && got.leaf.n == 4);
	assert_true(wire_slice_is(got.s, "größe"));
	assert_int_equal(got.leaves.n, 2);
	assert_int_equal(got.ints.n, 3);
	assert_memory_equal(got.ints.items, ints, sizeof(ints));
	assert_int_equal(wire_encode(&all_shape, &got, &again), 0);
	assert_int_equal(again.len, b.len);
	assert_memory_equal(again.data, b.data, b.len);
	wire_arena_fini(&arena);
}

static void required_fields_always_go_out(void **state)
{
	static const char expected[] = "\x83\xa3"
				       "any\xc0\xa1s\xa0\xa6leaves\x90";
	_buf_ struct buf b = BUF_INIT;
	struct all v = { 0 };

	assert_int_equal(wire_encode(&needs_shape, &v, &b), 0);
	assert_int_equal(b.len, sizeof(expected) - 1);
	assert_memory_equal(b.data, expected, b.len);
	b.len = 0;
	assert_int_equal(wire_encode(&all_shape, &v, &b), 0);
	assert_int_equal(b.len, 1);
}

static void bare_shape_has_no_map_around_it(void **state)
{
	_buf_ struct buf b = BUF_INIT;
	struct wire_arena arena = { 0 };
	struct wire_snapshot_row row = { .tag = wire_slice_of("t0"), .seq = 1, .ts = -5 };
	struct wire_list_reply reply = { .r = { &row, 1 } }, got;
	struct ksnap_err err;

	assert_int_equal(wire_encode(&wire_shape_list_reply, &reply, &b), 0);
	assert_int_equal(b.data[0], 0x91);
	assert_int_equal(wire_decode(&wire_shape_list_reply, b.data, b.len, WIRE_SKIP_UNKNOWN,
				     &arena, &got, NULL),
			 0);
	assert_int_equal(got.r.n, 1);
	assert_true(((struct wire_snapshot_row *)got.r.items)->ts == -5);
	assert_int_equal(wire_decode(&wire_shape_list_reply, "\x80", 1, WIRE_SKIP_UNKNOWN, &arena,
				     &got, &err),
			 KSNAP_E_ARG);
	assert_string_equal(err.text, "expected a list, got a map");
	wire_arena_fini(&arena);
}

static void a_key_is_found_in_a_sound_map_only(void **state)
{
	struct wire_slice map = { BYTES("\x83\x05\x06\xa1"
					"a\x90\xa1"
					"a\x91\x01") },
			  got = { 0 };

	assert_false(wire_map_find(map, "b", &got));
	assert_false(wire_map_find((struct wire_slice){ "\x81\xa1"
							"a",
							3 },
				   "a", &got));
	assert_false(wire_map_find((struct wire_slice){ "\x92\xa1"
							"a\x01",
							4 },
				   "a", &got));
	assert_null(got.p);
	assert_true(wire_map_find(map, "a", &got));
	assert_ptr_equal(got.p, map.p + 5);
	assert_int_equal(got.len, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_kind_refuses_what_it_is_not),
		cmocka_unit_test(what_is_no_message_is_not_an_argument),
		cmocka_unit_test(an_envelope_tells_form_from_value),
		cmocka_unit_test(a_long_list_of_wrong_elements_costs_little),
		cmocka_unit_test(message_of_a_newer_peer_is_read),
		cmocka_unit_test(numbers_in_all_their_forms),
		cmocka_unit_test(absent_fields_are_zero),
		cmocka_unit_test(values_lie_in_the_frame),
		cmocka_unit_test(lists_outlive_the_next_decode),
		cmocka_unit_test(what_was_encoded_decodes_the_same),
		cmocka_unit_test(required_fields_always_go_out),
		cmocka_unit_test(bare_shape_has_no_map_around_it),
		cmocka_unit_test(a_key_is_found_in_a_sound_map_only),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
