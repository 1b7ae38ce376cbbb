// SPDX-License-Identifier: MIT
/* types_test.c - tables that are not sound are refused; sound ones come back as they went. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/cleanup.h"
#include "sample.h"
#include "wire/pack.h"

/* A table written as msgpack by hand, and part of the refusal. */
// clang-format off
static const struct row {
	const char *bytes;
	size_t len;
	const char *refused;
} rows[] = {
#define ROW(bytes, text) { bytes, sizeof(bytes) - 1, text }
#define INT "\x83\xa1k\xa3int\xa1s\x04\xa3" "enc\xa8unsigned"
	ROW("\x80", "types is not a list"),
	ROW("\x91\x01", "types[0]: a type is not a map"),
	ROW("\x91\x80", "types[0]: k, the kind, is missing"),
	ROW("\x92" INT "\x81\xa1k\xa3inu", "types[1]: k is not one of the kinds"),
	ROW("\x91\x81\xa1k\x07", "k is not one of the kinds"),
	ROW("\x91\x82\xa1k\xa3int\xa1n\x01", "n is not a str"),
	ROW("\x91\x82\xa1k\xa3int\xa1s\xff", "s is not a uint"),
	ROW("\x91\x82\xa1k\xa3int\xa3" "enc\xa3" "odd", "enc is not"),
	ROW("\x91\x82\xa1k\xa3int\xa4" "bits\xcf\x00\x00\x00\x01\x00\x00\x00\x00", "bits is not"),
	ROW("\x91\x81\xa1k\xa5" "array", "t, the type behind it, is missing"),
	ROW("\x91\x81\xa1k\xa7typedef", "t, the type behind it, is missing"),
	ROW("\x91\x82\xa1k\xa5" "const\xa1t\x01", "t is not an index"),
	ROW("\x91\x82\xa1k\xa5" "const\xa1t\xce\xff\xff\xff\xff", "t is not an index"),
	ROW("\x91\x82\xa1k\xa3ptr\xa1t\x05", "t is not an index"),
	ROW("\x91\x82\xa1k\xa6struct\xa1m\x01", "m is not a list"),
	ROW("\x91\x82\xa1k\xa6struct\xa1m\x91\x01", "a member is not a map"),
	ROW("\x91\x82\xa1k\xa6struct\xa1m\x91\x81\xa1t\x00", "a member lacks t or o"),
	ROW("\x91\x82\xa1k\xa6struct\xa1m\x91\x81\xa1o\x00", "a member lacks t or o"),
	ROW("\x91\x82\xa1k\xa6struct\xa1m\x91\x82\xa1o\x00\xa1t\x01", "t is not an index"),
	ROW("\x91\x82\xa1k\xa6struct\xa1m\x91\x82\xa1o\xff\xa1t\x00", "a member's o"),
	ROW("\x91\x82\xa1k\xa4" "enum\xa1" "e\x01", "e is not a list"),
	ROW("\x91\x82\xa1k\xa4" "enum\xa1" "e\x91\x81\xa1n\xa1x", "an enumerator lacks n or v"),
	ROW("\x91\x82\xa1k\xa4" "enum\xa1" "e\x91\x82\xa1n\xa1x\xa1v\xa1x", "an enumerator's v"),
	ROW("\x90", NULL),
	ROW("\x91" INT, NULL),
	ROW("\x91\x83\xa1k\xa5" "array\xa1t\x00\xa3len\xcf\xff\xff\xff\xff\xff\xff\xff\xff", NULL),
	ROW("\x91\x83\xa1k\xa3int\xa5later\xc0\xa1s\x04", NULL),
};
// clang-format on

static void decodes_or_refuses(void **state)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct ksnap_err err = { 0 };
		struct type_table *t;
		msgpack_unpacked u;
		size_t at = 0;

		msgpack_unpacked_init(&u);
		if (msgpack_unpack_next(&u, rows[i].bytes, rows[i].len, &at) !=
		    MSGPACK_UNPACK_SUCCESS)
			fail_msg("row %zu is not msgpack", i);
		t = type_table_decode(&u.data, &err);
		if (rows[i].refused) {
			assert_null(t);
			assert_int_equal(err.code, KSNAP_E_PROTO);
			if (!strstr(err.text, rows[i].refused))
				fail_msg("row %zu: %s", i, err.text);
		} else if (!t) {
			fail_msg("row %zu: %s", i, err.text);
		}
		type_table_destroy(t);
		msgpack_unpacked_destroy(&u);
	}
}

static void refuses_long_names(void **state)
{
	struct type_table *t = type_table_create(NULL), *back;
	struct ksnap_err err = { 0 };
	struct buf out = BUF_INIT;
	char name[1026];
	msgpack_packer pk;
	msgpack_unpacked u;
	size_t at = 0;

	memset(name, 'x', sizeof(name));
	name[1025] = '\0';
	add_int(t, name, 4, TYPE_UNSIGNED);
	pack_init(&pk, &out);
	type_table_encode(t, &pk);
	msgpack_unpacked_init(&u);
	assert_int_equal(msgpack_unpack_next(&u, (char *)out.data, out.len, &at),
			 MSGPACK_UNPACK_SUCCESS);
	back = type_table_decode(&u.data, &err);
	assert_null(back);
	assert_non_null(strstr(err.text, "1024"));
	msgpack_unpacked_destroy(&u);
	buf_fini(&out);
	type_table_destroy(t);
}

static void knows_no_index_beyond(void **state)
{
	struct type_table *t = type_table_create(NULL);
	struct type_row row = { .kind = TYPE_INT };
	struct ksnap_err err = { 0 };
	char words[32];

	assert_int_equal(type_at(t, 0)->kind, TYPE_VOID);
	assert_int_equal(type_at(t, TYPE_NONE)->kind, TYPE_VOID);
	assert_int_equal(type_size(t, 7), 0);
	assert_int_equal(type_resolve(t, 7), 7);
	assert_int_equal(type_fill(t, 0, &row, &err), KSNAP_E_ARG);
	assert_int_equal(type_describe(t, 7, words, sizeof(words)), 4);
	assert_string_equal(words, "void");
	type_table_destroy(t);
	type_table_destroy(NULL);
}

/* ---- what works ---------------------------------------------------------------------------- */

static void fill_all_kinds(struct type_table *t)
{
	uint32_t u32 = add_int(t, "unsigned int", 4, TYPE_UNSIGNED);
	uint32_t self = type_reserve(t, NULL);
	uint32_t ptr = add_row(
		t, (struct type_row){
			   .kind = TYPE_PTR, .size = 8, .target = self, .to = "struct node" });
	const struct type_member m[] = { { "next", ptr, 0, 0 },
					 { NULL, u32, 64, 0 },
					 { "bit", u32, 96, 3 } };
	struct type_row node = { .kind = TYPE_STRUCT,
				 .name = "node",
				 .size = 16,
				 .members = m,
				 .nmembers = 3,
				 .target = TYPE_NONE };

	assert_int_equal(type_fill(t, self, &node, NULL), 0);
	add_array(t, self, 4);
	add_enum(t, "e", 4, TYPE_SIGNED, NAMES({ "A", -1 }, { "B", INT64_MAX }));
	for (enum type_kind k = TYPE_TYPEDEF; k <= TYPE_TYPE_TAG; k++)
		add_behind(t, k, k == TYPE_TYPEDEF ? "node_t" : NULL, self);
	add_row(t, (struct type_row){ .kind = TYPE_INT,
				      .name = "s5",
				      .size = 1,
				      .bits = 5,
				      .enc = TYPE_SIGNED,
				      .target = TYPE_NONE });
	add_row(t, (struct type_row){
			   .kind = TYPE_FLOAT, .name = "double", .size = 8, .target = TYPE_NONE });
	add_row(t, (struct type_row){ .kind = TYPE_FWD, .name = "fwd", .target = TYPE_NONE });
	add_row(t, (struct type_row){ .kind = TYPE_FUNC, .name = "fn", .target = TYPE_NONE });
	add_behind(t, TYPE_VAR, "v", u32);
}

static void same_str(const char *a, const char *b)
{
	assert_true(!a == !b);
	if (a)
		assert_string_equal(a, b);
}

static void same_rows(const struct type_table *a, const struct type_table *b)
{
	assert_int_equal(type_table_len(a), type_table_len(b));
	for (uint32_t i = 0; i < type_table_len(a); i++) {
		const struct type_row *x = type_at(a, i), *y = type_at(b, i);

		assert_int_equal(x->kind, y->kind);
		assert_int_equal(x->enc, y->enc);
		assert_int_equal(x->size, y->size);
		assert_int_equal(x->bits, y->bits);
		assert_int_equal(x->target, y->target);
		assert_int_equal(x->len, y->len);
		same_str(x->name, y->name);
		same_str(x->to, y->to);
		assert_int_equal(x->nmembers, y->nmembers);
		for (uint32_t m = 0; m < x->nmembers; m++) {
			same_str(x->members[m].name, y->members[m].name);
			assert_int_equal(x->members[m].type, y->members[m].type);
			assert_int_equal(x->members[m].bit_off, y->members[m].bit_off);
			assert_int_equal(x->members[m].bit_size, y->members[m].bit_size);
		}
		assert_int_equal(x->nenumerators, y->nenumerators);
		for (uint32_t e = 0; e < x->nenumerators; e++) {
			same_str(x->enumerators[e].name, y->enumerators[e].name);
			assert_true(x->enumerators[e].value == y->enumerators[e].value);
		}
	}
}

static void comes_back_as_it_went(void **state)
{
	struct type_table *t = type_table_create(NULL), *back;
	struct buf out = BUF_INIT;
	struct ksnap_err err = { 0 };
	msgpack_packer pk;
	msgpack_unpacked u;
	size_t at = 0;

	fill_all_kinds(t);
	pack_init(&pk, &out);
	assert_int_equal(type_table_encode(t, &pk), 0);
	msgpack_unpacked_init(&u);
	assert_int_equal(msgpack_unpack_next(&u, (char *)out.data, out.len, &at),
			 MSGPACK_UNPACK_SUCCESS);
	back = type_table_decode(&u.data, &err);
	if (!back)
		fail_msg("%s", err.text);
	same_rows(t, back);
	type_table_destroy(back);
	msgpack_unpacked_destroy(&u);
	buf_fini(&out);
	type_table_destroy(t);
}

static void appends_with_indexes_shifted(void **state)
{
	struct type_table *t = type_table_create(NULL), *more = type_table_create(NULL);
	int64_t shift;

	fill_all_kinds(more);
	for (int i = 0; i < 100; i++)
		add_int(t, "pad", 1, TYPE_UNSIGNED);
	shift = type_append_table(t, more, NULL);
	assert_int_equal(shift, 100);
	assert_int_equal(type_at(t, 102)->target, 101);
	assert_int_equal(type_at(t, 101)->members[0].type, 102);
	assert_int_equal(type_at(more, 1)->members[0].type, 2);
	assert_int_equal(type_at(t, 100)->target, TYPE_NONE);
	type_table_destroy(more);
	assert_string_equal(type_at(t, 101)->members[0].name, "next");
	type_table_clear(t);
	assert_int_equal(type_table_len(t), 0);
	fill_all_kinds(t);
	assert_string_equal(type_at(t, 1)->name, "node");
	type_table_destroy(t);
}

/* A part of a table for each letter; '+' is a row of its own, '>' points the first pointer
 * elsewhere. */
static void put_together(struct type_table *t, const struct type_table *const parts[3],
			 const char *how)
{
	for (; *how; how++) {
		if (*how == '+')
			add_int(t, "own", 2, TYPE_UNSIGNED);
		else if (*how == '>')
			type_point_to(t, 2, 4);
		else
			assert_true(type_append_table(t, parts[*how - 'a'], NULL) >= 0);
	}
}

/* Rows that are still there from before the clear are as good as new ones. */
static void a_cleared_table_is_like_a_new_one(void **state)
{
	static const char *const orders[] = { "abc",  "abc", "a",   "abc", "acb", "ab",   "ab+c",
					      "abc",  "abc", "a>b", "abc", "+ab", "bcab", "abca",
					      "abca", "",    "cc",  "ca",  "ca" };
	struct type_table *t = type_table_create(NULL), *a = type_table_create(NULL),
			  *b = type_table_create(NULL), *c = type_table_create(NULL);
	const struct type_table *const parts[] = { a, b, c };

	fill_all_kinds(a);
	add_int(b, "only b's", 4, TYPE_UNSIGNED);
	fill_all_kinds(b);
	add_int(c, "c", 8, TYPE_UNSIGNED);
	for (unsigned i = 0; i < 2 * ARRAY_SIZE(orders); i++) {
		struct type_table *fresh = type_table_create(NULL);

		type_table_clear(t);
		put_together(t, parts, orders[i % ARRAY_SIZE(orders)]);
		put_together(fresh, parts, orders[i % ARRAY_SIZE(orders)]);
		same_rows(t, fresh);
		type_table_destroy(fresh);
	}
	type_table_destroy(a);
	type_table_destroy(b);
	type_table_destroy(c);
	type_table_destroy(t);
}

static void sizes_and_words(void **state)
{
	struct type_table *t = type_table_create(NULL);
	uint32_t u32 = add_int(t, "u32", 4, TYPE_UNSIGNED);
	uint32_t matrix = add_array(t, add_array(t, u32, 3), 2);
	uint32_t c = add_behind(t, TYPE_CONST, NULL, matrix);
	uint32_t td = add_behind(t, TYPE_TYPEDEF, "grid", c);
	uint32_t anon = add_record(t, TYPE_UNION, NULL, 8, NULL, 0);
	uint32_t p = add_row(
		t, (struct type_row){
			   .kind = TYPE_PTR, .size = 8, .to = "struct x", .target = TYPE_NONE });
	const struct {
		uint32_t type;
		uint64_t size;
		const char *words;
	} want[] = {
		{ u32, 4, "u32" },
		{ matrix, 24, "u32[2][3]" },
		{ c, 24, "const u32[2][3]" },
		{ td, 24, "grid" },
		{ anon, 8, "union (anonymous)" },
		{ p, 8, "struct x *" },
		{ add_array(t, u32, 0), 0, "u32[]" },
	};
	char words[64];

	for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
		assert_int_equal(type_size(t, want[i].type), want[i].size);
		assert_int_equal(type_describe(t, want[i].type, words, sizeof(words)),
				 strlen(want[i].words));
		assert_string_equal(words, want[i].words);
	}
	assert_int_equal(type_resolve(t, td), matrix);
	assert_int_equal(type_describe(t, c, words, 6), 15);
	assert_string_equal(words, "const");
	assert_int_equal(type_describe(t, c, NULL, 0), 15);
	type_table_destroy(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(decodes_or_refuses),
		cmocka_unit_test(refuses_long_names),
		cmocka_unit_test(knows_no_index_beyond),
		cmocka_unit_test(comes_back_as_it_went),
		cmocka_unit_test(appends_with_indexes_shifted),
		cmocka_unit_test(a_cleared_table_is_like_a_new_one),
		cmocka_unit_test(sizes_and_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
