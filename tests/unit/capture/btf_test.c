// SPDX-License-Identifier: MIT
/* btf_test.c - BTF made by hand, turned into rows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "capture/btf.h"

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

static const struct type_row *row_of(int id)
{
	int64_t at = btf_convert(btf, id, table, NULL);

	assert_true(at >= 0);
	return type_at(table, at);
}

static void refuses_types_that_are_not_there(void **state)
{
	struct ksnap_err err;

	assert_int_equal(btf_convert(btf, 1, table, &err), KSNAP_E_ARG);
	assert_int_equal(btf_convert(btf, UINT32_MAX, table, &err), KSNAP_E_ARG);
	assert_int_equal(type_table_len(table), 0);
}

static void void_is_a_row(void **state)
{
	assert_int_equal(row_of(0)->kind, TYPE_VOID);
}

static void ints_keep_their_reading(void **state)
{
	static const struct {
		const char *name;
		int size, flags;
		enum type_encoding enc;
	} cases[] = {
		{ "u64", 8, 0, TYPE_UNSIGNED },
		{ "int", 4, BTF_INT_SIGNED, TYPE_SIGNED },
		{ "_Bool", 1, BTF_INT_BOOL, TYPE_BOOL },
		{ "char", 1, BTF_INT_SIGNED, TYPE_CHAR },
		{ "char", 1, BTF_INT_CHAR, TYPE_CHAR },
		{ "signed char", 1, BTF_INT_SIGNED, TYPE_SIGNED },
		{ "__int128", 16, BTF_INT_SIGNED, TYPE_SIGNED },
		{ "unsigned __int128", 16, 0, TYPE_UNSIGNED },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		int id = btf__add_int(btf, cases[i].name, cases[i].size, cases[i].flags);
		const struct type_row *r = row_of(id);

		assert_int_equal(r->kind, TYPE_INT);
		assert_int_equal(r->size, cases[i].size);
		assert_int_equal(r->enc, cases[i].enc);
		assert_string_equal(r->name, cases[i].name);
	}
}

static void ints_know_their_bits(void **state)
{
	int id = btf__add_int(btf, "u24", 4, 0);
	struct btf_type *t = (struct btf_type *)btf__type_by_id(btf, id);

	assert_int_equal(row_of(id)->bits, 0);
	*(uint32_t *)(t + 1) = BTF_INT_BOOL << 24 | 24;
	assert_int_equal(row_of(id)->bits, 24);
	assert_int_equal(row_of(id)->enc, TYPE_BOOL);
}

static void floats_forwards_and_functions(void **state)
{
	int f = btf__add_float(btf, "double", 8);
	int fwd = btf__add_fwd(btf, "later", BTF_FWD_UNION);
	int proto = btf__add_func_proto(btf, 0);

	assert_int_equal(row_of(f)->kind, TYPE_FLOAT);
	assert_int_equal(row_of(f)->size, 8);
	assert_int_equal(row_of(fwd)->kind, TYPE_FWD);
	assert_int_equal(row_of(proto)->kind, TYPE_FUNC);
}

static void enums_small_and_wide(void **state)
{
	const struct type_row *r;
	int id = btf__add_enum(btf, "state", 4);

	btf__add_enum_value(btf, "A", 0);
	btf__add_enum_value(btf, "TOP", 0x90000000);
	r = row_of(id);
	assert_int_equal(r->kind, TYPE_ENUM);
	assert_int_equal(r->nenumerators, 2);
	assert_int_equal(r->enc, TYPE_UNSIGNED);
	assert_true(r->enumerators[1].value == 0x90000000ll);

	id = btf__add_enum(btf, "below", 4);
	btf__add_enum_value(btf, "NEG", -3);
	r = row_of(id);
	assert_int_equal(r->enc, TYPE_SIGNED);
	assert_true(r->enumerators[0].value == -3);

	id = btf__add_enum64(btf, "wide", 8, false);
	btf__add_enum64_value(btf, "ALL", UINT64_MAX);
	r = row_of(id);
	assert_int_equal(r->size, 8);
	assert_int_equal(r->enc, TYPE_UNSIGNED);
	assert_true(r->enumerators[0].value == -1);
}

static void wide_enums_keep_their_sign(void **state)
{
	const struct type_row *r;
	int id = btf__add_enum64(btf, "signed", 8, true);

	btf__add_enum64_value(btf, "LEAST", INT64_MIN);
	btf__add_enum64_value(btf, "NEG", -1);
	btf__add_enum64_value(btf, "MOST", INT64_MAX);
	r = row_of(id);
	assert_int_equal(r->kind, TYPE_ENUM);
	assert_int_equal(r->size, 8);
	assert_int_equal(r->enc, TYPE_SIGNED);
	assert_true(r->enumerators[0].value == INT64_MIN);
	assert_true(r->enumerators[1].value == -1);
	assert_true(r->enumerators[2].value == INT64_MAX);
	assert_string_equal(r->enumerators[2].name, "MOST");

	id = btf__add_enum64(btf, "narrow", 4, true);
	btf__add_enum64_value(btf, "NEG", -7);
	assert_true(row_of(id)->enumerators[0].value == -7);
	assert_int_equal(row_of(id)->size, 4);

	id = btf__add_enum64(btf, "unsigned", 8, false);
	btf__add_enum64_value(btf, "TOP", 1ull << 63);
	assert_int_equal(row_of(id)->enc, TYPE_UNSIGNED);
	assert_true((uint64_t)row_of(id)->enumerators[0].value == 1ull << 63);
}

/* clang 14 sets no flag on enums with negative names. */
static void old_signed_enums_are_seen(void **state)
{
	int id = btf__add_enum(btf, "errno", 4);
	struct btf_type *t;

	btf__add_enum_value(btf, "NEG", -2);
	t = (struct btf_type *)btf__type_by_id(btf, id);
	t->info &= ~(1u << 31);
	assert_int_equal(row_of(id)->enc, TYPE_SIGNED);
	assert_true(row_of(id)->enumerators[0].value == -2);
}

static void structs_bitfields_and_anonymous_members(void **state)
{
	int u32 = btf__add_int(btf, "u32", 4, 0);
	int u = btf__add_union(btf, NULL, 4);
	const struct type_row *r;
	int s;

	btf__add_field(btf, "raw", u32, 0, 0);
	s = btf__add_struct(btf, "mixed", 12);
	btf__add_field(btf, "a", u32, 0, 3);
	btf__add_field(btf, "b", u32, 3, 29);
	btf__add_field(btf, NULL, u, 32, 0);
	btf__add_field(btf, "plain", u32, 64, 0);
	r = row_of(s);
	assert_int_equal(r->kind, TYPE_STRUCT);
	assert_string_equal(r->name, "mixed");
	assert_int_equal(r->size, 12);
	assert_int_equal(r->nmembers, 4);
	assert_int_equal(r->members[1].bit_off, 3);
	assert_int_equal(r->members[1].bit_size, 29);
	assert_null(r->members[2].name);
	assert_int_equal(type_at(table, r->members[2].type)->kind, TYPE_UNION);
	assert_null(type_at(table, r->members[2].type)->name);
	assert_int_equal(r->members[3].bit_size, 0);
	/* u32 is one row, however often it is used */
	assert_int_equal(r->members[0].type, r->members[3].type);
}

/* As compilers wrote them before bitfields had a flag: the width is the type's. */
static void old_bitfields_are_seen(void **state)
{
	int u32 = btf__add_int(btf, "u32", 4, 0);
	int three = btf__add_int(btf, "u32", 4, 0);
	int shifted = btf__add_int(btf, "u32", 4, 0);
	struct btf_type *t = (struct btf_type *)btf__type_by_id(btf, three);
	const struct type_row *r;
	int s;

	*(uint32_t *)(t + 1) = 3;
	t = (struct btf_type *)btf__type_by_id(btf, shifted);
	*(uint32_t *)(t + 1) = 4 << 16 | 5;
	s = btf__add_struct(btf, "old", 8);
	btf__add_field(btf, "a", three, 0, 0);
	btf__add_field(btf, "b", shifted, 32, 0);
	btf__add_field(btf, "c", u32, 32, 0);
	btf_members(btf__type_by_id(btf, s))[0].offset = 9;
	r = row_of(s);
	assert_int_equal(r->members[0].bit_off, 9);
	assert_int_equal(r->members[0].bit_size, 3);
	assert_int_equal(r->members[1].bit_off, 36);
	assert_int_equal(r->members[1].bit_size, 5);
	assert_int_equal(r->members[2].bit_off, 32);
	assert_int_equal(r->members[2].bit_size, 0);
}

static void flexible_arrays_end_their_struct(void **state)
{
	int u32 = btf__add_int(btf, "u32", 4, 0);
	int tail = btf__add_array(btf, u32, u32, 0);
	const struct type_row *r;
	int s = btf__add_struct(btf, "packet", 4);

	btf__add_field(btf, "len", u32, 0, 0);
	btf__add_field(btf, "data", tail, 32, 0);
	r = row_of(s);
	assert_int_equal(r->size, 4);
	assert_int_equal(r->members[1].bit_off, 32);
	assert_int_equal(type_at(table, r->members[1].type)->kind, TYPE_ARRAY);
	assert_int_equal(type_at(table, r->members[1].type)->len, 0);
}

static void arrays_of_arrays_know_their_size(void **state)
{
	int u16 = btf__add_int(btf, "u16", 2, 0);
	int index = btf__add_int(btf, "index", 4, 0);
	int inner = btf__add_array(btf, index, u16, 3);
	int outer = btf__add_array(btf, index, inner, 5);
	int flexible = btf__add_array(btf, index, u16, 0);
	const struct type_row *r = row_of(outer);

	assert_int_equal(r->kind, TYPE_ARRAY);
	assert_int_equal(r->len, 5);
	assert_int_equal(r->size, 30);
	assert_int_equal(type_at(table, r->target)->len, 3);
	assert_int_equal(row_of(flexible)->len, 0);
	assert_int_equal(row_of(flexible)->size, 0);
}

static void pointers_stop_and_say_where_to(void **state)
{
	int task = btf__add_struct(btf, "task_struct", 8);
	int to_const = btf__add_ptr(btf, btf__add_const(btf, task));
	int twice = btf__add_ptr(btf, btf__add_ptr(btf, task));
	int to_void = btf__add_ptr(btf, 0);
	int to_func = btf__add_ptr(btf, btf__add_func_proto(btf, 0));
	int en = btf__add_ptr(btf, btf__add_fwd(btf, "odd", BTF_FWD_UNION));

	assert_string_equal(row_of(to_const)->to, "const struct task_struct");
	assert_int_equal(row_of(to_const)->size, 8);
	assert_int_equal(row_of(to_const)->target, TYPE_NONE);
	assert_string_equal(row_of(twice)->to, "struct task_struct *");
	assert_string_equal(row_of(to_void)->to, "void");
	assert_string_equal(row_of(to_func)->to, "function");
	assert_string_equal(row_of(en)->to, "union odd");
}

static void lists_through_pointers_end(void **state)
{
	int node = btf__add_struct(btf, "node", 8);
	int ptr = node + 1;
	const struct type_row *r;

	btf__add_field(btf, "next", ptr, 0, 0);
	assert_int_equal(btf__add_ptr(btf, node), ptr);
	r = row_of(node);
	assert_int_equal(r->nmembers, 1);
	assert_string_equal(type_at(table, r->members[0].type)->to, "struct node");
	assert_int_equal(type_table_len(table), 2);
}

/* No compiler says it, a broken file can: a struct that holds itself. */
static void a_struct_within_itself_ends(void **state)
{
	int s = btf__add_struct(btf, "snake", 8);
	const struct type_row *r;

	btf__add_field(btf, "tail", s, 0, 0);
	r = row_of(s);
	assert_int_equal(r->kind, TYPE_STRUCT);
	assert_ptr_equal(type_at(table, r->members[0].type), r);
}

static void endless_typedefs_end(void **state)
{
	int id = btf__add_int(btf, "int", 4, BTF_INT_SIGNED);

	for (int i = 0; i < 5 * BTF_DEPTH; i++)
		id = btf__add_typedef(btf, "t", id);
	assert_int_equal(row_of(id)->kind, TYPE_TYPEDEF);
	assert_int_equal(type_table_len(table), BTF_DEPTH + 1);
}

static void names_around_types_are_kept(void **state)
{
	int u32 = btf__add_int(btf, "u32", 4, 0);
	int def = btf__add_typedef(btf, "pid_t", u32);
	int chain = btf__add_const(btf, btf__add_volatile(btf, btf__add_restrict(btf, def)));
	int tag = btf__add_type_tag(btf, "user", def);
	const struct type_row *r = row_of(chain);

	assert_int_equal(r->kind, TYPE_CONST);
	r = type_at(table, r->target);
	assert_int_equal(r->kind, TYPE_VOLATILE);
	r = type_at(table, r->target);
	assert_int_equal(r->kind, TYPE_RESTRICT);
	r = type_at(table, r->target);
	assert_int_equal(r->kind, TYPE_TYPEDEF);
	assert_string_equal(r->name, "pid_t");
	assert_int_equal(row_of(tag)->kind, TYPE_TYPE_TAG);
}

static void declaration_tags_are_looked_through(void **state)
{
	int u32 = btf__add_int(btf, "u32", 4, 0);
	int tag = btf__add_decl_tag(btf, "note", u32, -1);
	int twice = btf__add_decl_tag(btf, "more", tag, -1);
	int s = btf__add_struct(btf, "tagged", 4);

	btf__add_field(btf, "a", twice, 0, 0);
	assert_string_equal(row_of(tag)->name, "u32");
	assert_int_equal(row_of(twice)->kind, TYPE_INT);
	assert_int_equal(type_at(table, row_of(s)->members[0].type)->kind, TYPE_INT);
}

static void functions_are_no_data(void **state)
{
	int proto = btf__add_func_proto(btf, 0);
	int func = btf__add_func(btf, "run", BTF_FUNC_GLOBAL, proto);

	assert_int_equal(row_of(func)->kind, TYPE_FUNC);
	assert_string_equal(row_of(func)->name, "run");
	assert_int_equal(type_size(table, 0), 0);
}

/* As it comes from the kernel: bytes that go on where @base ends. */
static struct btf *read_again(const struct btf *module, struct btf *base)
{
	int fd = memfd_create("module", MFD_CLOEXEC);
	struct btf *again;
	char path[64];
	const void *raw;
	uint32_t len;

	raw = btf__raw_data(module, &len);
	assert_non_null(raw);
	assert_int_equal(write(fd, raw, len), len);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	again = btf__parse_raw_split(path, base);
	assert_non_null(again);
	close(fd);
	return again;
}

/* What a module's BTF is: ids and names go on where the kernel's end. */
static void modules_build_upon_the_kernel(void **state)
{
	int u32 = btf__add_int(btf, "u32", 4, 0);
	int base = btf__add_struct(btf, "base", 4);
	struct btf *module, *again;
	const struct type_row *r;
	int64_t at;
	int s;

	btf__add_field(btf, "n", u32, 0, 0);
	module = btf__new_empty_split(btf);
	assert_non_null(module);
	s = btf__add_struct(module, "extension", 16);
	assert_true(s > base);
	btf__add_field(module, "common", base, 0, 0);
	btf__add_field(module, "own", u32, 32, 0);
	btf__add_field(module, "up", btf__add_ptr(module, base), 64, 0);
	again = read_again(module, btf);
	at = btf_convert(again, s, table, NULL);
	assert_true(at >= 0);
	r = type_at(table, at);
	assert_string_equal(r->name, "extension");
	assert_string_equal(type_at(table, r->members[0].type)->name, "base");
	assert_string_equal(type_at(table, r->members[1].type)->name, "u32");
	assert_int_equal(btf_convert(btf, s, table, NULL), KSNAP_E_ARG);
	btf__free(again);
	btf__free(module);
}

static void sections_are_structs_of_variables(void **state)
{
	int u64 = btf__add_int(btf, "u64", 8, 0);
	int a = btf__add_var(btf, "nr_switches", BTF_VAR_GLOBAL_ALLOCATED, u64);
	int b = btf__add_var(btf, "nr_idle", BTF_VAR_STATIC, u64);
	int sec = btf__add_datasec(btf, ".bss", 16);
	const struct type_row *r, *var;

	btf__add_datasec_var_info(btf, a, 0, 8);
	btf__add_datasec_var_info(btf, b, 8, 8);
	r = row_of(sec);
	assert_int_equal(r->kind, TYPE_DATASEC);
	assert_int_equal(r->size, 16);
	assert_int_equal(r->nmembers, 2);
	assert_string_equal(r->members[0].name, "nr_switches");
	assert_string_equal(r->members[1].name, "nr_idle");
	assert_int_equal(r->members[1].bit_off, 64);
	var = type_at(table, r->members[1].type);
	assert_int_equal(var->kind, TYPE_VAR);
	assert_string_equal(type_at(table, var->target)->name, "u64");
}

/* Needs no kernel: ids of 0 mean that a map has no types. */
static void no_ids_no_type(void **state)
{
	struct btf_types *c = btf_types_create(NULL);

	assert_non_null(c);
	btf_types_begin(c);
	assert_int_equal(btf_types_add(c, 0, 0, table, NULL), TYPE_NONE);
	assert_int_equal(btf_types_add(c, 0, 5, table, NULL), TYPE_NONE);
	assert_int_equal(btf_types_add(c, 5, 0, table, NULL), TYPE_NONE);
	assert_int_equal(type_table_len(table), 0);
	btf_types_destroy(c);
	btf_types_destroy(NULL);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(refuses_types_that_are_not_there),
		TEST(void_is_a_row),
		TEST(ints_keep_their_reading),
		TEST(ints_know_their_bits),
		TEST(floats_forwards_and_functions),
		TEST(enums_small_and_wide),
		TEST(wide_enums_keep_their_sign),
		TEST(old_signed_enums_are_seen),
		TEST(structs_bitfields_and_anonymous_members),
		TEST(old_bitfields_are_seen),
		TEST(flexible_arrays_end_their_struct),
		TEST(arrays_of_arrays_know_their_size),
		TEST(pointers_stop_and_say_where_to),
		TEST(lists_through_pointers_end),
		TEST(a_struct_within_itself_ends),
		TEST(endless_typedefs_end),
		TEST(names_around_types_are_kept),
		TEST(declaration_tags_are_looked_through),
		TEST(functions_are_no_data),
		TEST(modules_build_upon_the_kernel),
		TEST(sections_are_structs_of_variables),
		TEST(no_ids_no_type),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
