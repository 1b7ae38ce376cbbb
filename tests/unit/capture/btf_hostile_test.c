// SPDX-License-Identifier: MIT
/* btf_hostile_test.c - BTF that no compiler writes: refused in words, or a table that ends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <bpf/libbpf.h>
#include <msgpack.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "btf_sample.h"
#include "capture/btf.h"
#include "wire/pack.h"

static struct btf *btf;
static struct type_table *table;

static int setup(void **state)
{
	btf = btf__new_empty();
	table = type_table_create(NULL);
	return !btf || !table;
}

static int teardown(void **state)
{
	btf__free(btf);
	type_table_destroy(table);
	return 0;
}

static struct btf_type *type_of(int id)
{
	assert_true(id > 0);
	return (struct btf_type *)btf__type_by_id(btf, id);
}

static void refused(int id, int code, const char *says)
{
	struct ksnap_err err = { 0 };

	assert_int_equal(btf_convert(btf, id, table, &err), code);
	if (!strstr(err.text, says))
		fail_msg("'%s' does not say '%s'", err.text, says);
}

/* Converted; and what was written can be read again, by readers that check every index. */
static const struct type_row *converted(int id)
{
	_buf_ struct buf out = BUF_INIT;
	struct type_table *again;
	struct ksnap_err err = { 0 };
	msgpack_unpacked u;
	msgpack_packer pk;
	int64_t at = btf_convert(btf, id, table, &err);

	if (at < 0)
		fail_msg("type %d: %s", id, err.text);
	pack_init(&pk, &out);
	assert_int_equal(type_table_encode(table, &pk), 0);
	msgpack_unpacked_init(&u);
	assert_int_equal(msgpack_unpack_next(&u, (char *)out.data, out.len, NULL),
			 MSGPACK_UNPACK_SUCCESS);
	again = type_table_decode(&u.data, &err);
	if (!again)
		fail_msg("type %d: %s", id, err.text);
	type_table_destroy(again);
	msgpack_unpacked_destroy(&u);
	return type_at(table, at);
}

/* ---- ids ------------------------------------------------------------------------------------- */

static void ids_that_are_not_there_are_refused(void **state)
{
	int u32 = btf__add_int(btf, "u32", 4, 0);
	int s = btf__add_struct(btf, "s", 8);
	int def, array, ptr, var, sec;

	btf__add_field(btf, "a", u32, 0, 0);
	btf__add_field(btf, "b", 4711, 32, 0);
	def = btf__add_typedef(btf, "t", 4711);
	array = btf__add_array(btf, u32, 4711, 3);
	ptr = btf__add_ptr(btf, 4711);
	var = btf__add_var(btf, "v", BTF_VAR_STATIC, 4711);
	sec = btf__add_datasec(btf, ".bss", 4);
	btf__add_datasec_var_info(btf, 4711, 0, 4);
	refused(s, KSNAP_E_TARGET, "type 4711 is used and not there");
	refused(def, KSNAP_E_TARGET, "type 4711 is used and not there");
	refused(array, KSNAP_E_TARGET, "type 4711 is used and not there");
	refused(ptr, KSNAP_E_TARGET, "type 4711 is pointed to and not there");
	refused(var, KSNAP_E_TARGET, "type 4711 is used and not there");
	refused(sec, KSNAP_E_TARGET, "type 4711 is used and not there");
	assert_non_null(converted(u32));
}

static void cycles_end(void **state)
{
	int next = btf__type_cnt(btf);
	int a = btf__add_typedef(btf, "a", next + 1), b = btf__add_const(btf, next);
	int array = btf__add_array(btf, a, next + 2, 7);
	int ptr = btf__add_ptr(btf, next + 3);
	int tag = btf__add_decl_tag(btf, "t", next + 4, -1);
	int wrapped = btf__add_volatile(btf, next + 6);
	int s = btf__add_struct(btf, "s", 8);

	btf__add_field(btf, "self", wrapped, 0, 0);
	btf__add_field(btf, "list", array, 0, 0);
	converted(a);
	converted(b);
	assert_int_equal(converted(array)->len, 7);
	assert_non_null(strstr(converted(ptr)->to, "(anonymous) ***"));
	assert_int_equal(converted(tag)->kind, TYPE_VOID);
	assert_int_equal(converted(s)->nmembers, 2);
	assert_int_equal(type_size(table, type_table_len(table)), 0);
}

static void depth_ends_in_void(void **state)
{
	int id = btf__add_int(btf, "int", 4, BTF_INT_SIGNED);

	for (int i = 0; i < 3 * BTF_DEPTH; i++) {
		int s = btf__add_struct(btf, "s", 4);

		btf__add_field(btf, "in", id, 0, 0);
		btf__add_field(btf, "again", id, 0, 0);
		id = s;
	}
	converted(id);
	assert_int_equal(type_table_len(table), BTF_DEPTH + 1);
}

/* ---- sizes ----------------------------------------------------------------------------------- */

static void members_beyond_their_struct_are_for_the_reader(void **state)
{
	int u32 = btf__add_int(btf, "u32", 4, 0);
	int s = btf__add_struct(btf, "s", 4);

	assert_int_equal(btf__add_field(btf, "far", u32, 0xfffff8, 0), 0);
	assert_int_equal(btf__add_field(btf, "odd", u32, 31, 200), 0);
	assert_int_equal(converted(s)->nmembers, 2);
}

static void arrays_beyond_4_gib_are_refused(void **state)
{
	int u64 = btf__add_int(btf, "u64", 8, 0);
	int fits = btf__add_array(btf, u64, u64, UINT32_MAX / 8);
	int one_more = btf__add_array(btf, u64, u64, UINT32_MAX / 8 + 1);
	int square = btf__add_array(btf, u64, fits, UINT32_MAX);
	int cube = btf__add_array(btf, u64, square, UINT32_MAX);
	int s = btf__add_struct(btf, "s", UINT32_MAX);

	btf__add_field(btf, "a", one_more, 0, 0);
	assert_true(converted(fits)->size == UINT32_MAX / 8 * 8ull);
	refused(one_more, KSNAP_E_TARGET, "is an array of 4 GiB");
	refused(square, KSNAP_E_TARGET, "is an array of 4 GiB");
	refused(cube, KSNAP_E_TARGET, "is an array of 4 GiB");
	refused(s, KSNAP_E_TARGET, "is an array of 4 GiB");
}

static void many_members_of_long_names_are_refused(void **state)
{
	char name[BTF_NAME_MAX + 2];
	int u32 = btf__add_int(btf, "u32", 4, 0), s;

	memset(name, 'n', sizeof(name) - 1);
	name[BTF_NAME_MAX] = 0;
	s = btf__add_struct(btf, "s", 4);
	for (int i = 0; i < 60000; i++)
		btf__add_field(btf, name, u32, 0, 0);
	refused(s, KSNAP_E_LIMIT, "4194304 bytes");
	s = btf__add_enum(btf, "e", 4);
	for (int i = 0; i < 60000; i++)
		btf__add_enum_value(btf, name, i);
	refused(s, KSNAP_E_LIMIT, "4194304 bytes");
}

/* ---- names ----------------------------------------------------------------------------------- */

static void names_that_are_no_text_are_refused(void **state)
{
	static const char *const names[] = { "\xff", "a\xc3", "\xed\xa0\x80", "ok\xf8" };
	char longest[BTF_NAME_MAX + 2];
	int u32 = btf__add_int(btf, "u32", 4, 0);

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		int s = btf__add_struct(btf, names[i], 4), holder, list;

		refused(s, KSNAP_E_TARGET, "not UTF-8");
		refused(btf__add_ptr(btf, s), KSNAP_E_TARGET, "not UTF-8");
		holder = btf__add_struct(btf, "holder", 4);
		btf__add_field(btf, names[i], u32, 0, 0);
		refused(holder, KSNAP_E_TARGET, "not UTF-8");
		list = btf__add_enum(btf, "list", 4);
		btf__add_enum_value(btf, names[i], 1);
		refused(list, KSNAP_E_TARGET, "not UTF-8");
	}
	memset(longest, 'n', sizeof(longest));
	longest[BTF_NAME_MAX + 1] = 0;
	refused(btf__add_struct(btf, longest, 4), KSNAP_E_TARGET, "too long");
	longest[BTF_NAME_MAX] = 0;
	assert_int_equal(strlen(converted(btf__add_struct(btf, longest, 4))->name), BTF_NAME_MAX);
	assert_true(strlen(converted(btf__add_ptr(btf, type_of(1) ? 1 : 0))->to) == 3);
}

static void names_that_are_not_there_are_refused(void **state)
{
	int u32 = btf__add_int(btf, "u32", 4, 0);

	type_of(u32)->name_off = 0x7fffffff;
	refused(u32, KSNAP_E_TARGET, "has a name that is not there");
}

/* Words for a pointer are cut to fit, between characters. */
static void long_words_are_cut_whole(void **state)
{
	char name[201];
	const char *to;
	int s;

	for (size_t i = 0; i < 200; i += 2)
		memcpy(name + i, "\xc3\xa9", 2);
	name[200] = 0;
	s = btf__add_struct(btf, name, 4);
	to = converted(btf__add_ptr(btf, s))->to;
	assert_true(strlen(to) > 100 && strlen(to) < 128);
	assert_int_equal((strlen(to) - strlen("struct ")) % 2, 0);
}

/* ---- any byte changed ------------------------------------------------------------------------ */

/* Every type of BTF that libbpf takes is a table, or refused with a code. */
static void try_all_types(const void *raw, uint32_t len)
{
	struct btf *changed = btf__new(raw, len);
	struct ksnap_err err;

	for (uint32_t id = 0; changed && id < btf__type_cnt(changed); id++) {
		int64_t at;

		type_table_clear(table);
		at = btf_convert(changed, id, table, &err);
		if (at < 0)
			assert_true(at == KSNAP_E_TARGET || at == KSNAP_E_LIMIT);
		else
			assert_true((size_t)at < type_table_len(table));
	}
	btf__free(changed);
}

static void any_byte_may_be_wrong(void **state)
{
	static const uint8_t bits[] = { 0x01, 0x10, 0x80, 0xff };
	_free_ uint8_t *copy = NULL;
	const uint8_t *raw;
	uint32_t len;

	btf__free(btf);
	btf = btf_sample();
	assert_non_null(btf);
	raw = btf__raw_data(btf, &len);
	copy = malloc(len);
	assert_non_null(copy);
	memcpy(copy, raw, len);
	for (uint32_t i = 0; i < len; i++) {
		for (size_t k = 0; k < sizeof(bits); k++) {
			copy[i] ^= bits[k];
			try_all_types(copy, len);
			copy[i] ^= bits[k];
		}
	}
	for (uint32_t i = 0; i < len; i++)
		try_all_types(copy, i);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(ids_that_are_not_there_are_refused),
		TEST(cycles_end),
		TEST(depth_ends_in_void),
		TEST(members_beyond_their_struct_are_for_the_reader),
		TEST(arrays_beyond_4_gib_are_refused),
		TEST(many_members_of_long_names_are_refused),
		TEST(names_that_are_no_text_are_refused),
		TEST(names_that_are_not_there_are_refused),
		TEST(long_words_are_cut_whole),
		TEST(any_byte_may_be_wrong),
	};

	libbpf_set_print(NULL);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
