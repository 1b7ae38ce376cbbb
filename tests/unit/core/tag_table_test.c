// SPDX-License-Identifier: MIT
/* tag_table_test.c - find what was inserted, at any size and with any chains. */
#include "core/tag_table.h"
#include "rig.h"

#define MANY 20000

struct item {
	struct tag_link link;
	char tag[24];
};

static void name_items(struct item *items, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		snprintf(items[i].tag, sizeof(items[i].tag), "t%zu", i);
		items[i].link.tag = items[i].tag;
		items[i].link.hash = tag_hash(items[i].tag);
	}
}

static struct tag_link *find(const struct tag_table *t, const char *tag)
{
	return tag_table_find(t, tag, tag_hash(tag));
}

static void an_empty_table_has_nothing(void **state)
{
	struct tag_table t;

	tag_table_init(&t);
	assert_null(find(&t, "t"));
	assert_null(find(&t, ""));
	assert_null(tag_table_any(&t));
	tag_table_shrink(&t);
	tag_table_fini(&t);
}

static void removing_a_stranger_changes_nothing(void **state)
{
	struct item items[2];
	struct tag_table t;

	tag_table_init(&t);
	name_items(items, 2);
	tag_table_insert(&t, &items[0].link);
	tag_table_remove(&t, &items[1].link);
	assert_int_equal(t.count, 1);
	assert_ptr_equal(find(&t, "t0"), &items[0].link);
	tag_table_fini(&t);
}

static void one_chain_holds_equal_hashes(void **state)
{
	struct item items[40];
	struct tag_table t;

	tag_table_init(&t);
	name_items(items, 40);
	for (unsigned i = 0; i < 40; i++) {
		items[i].link.hash = 7;
		tag_table_insert(&t, &items[i].link);
	}
	for (unsigned i = 0; i < 40; i++)
		assert_ptr_equal(tag_table_find(&t, items[i].tag, 7), &items[i].link);
	for (unsigned i = 0; i < 40; i += 2)
		tag_table_remove(&t, &items[i].link);
	for (unsigned i = 0; i < 40; i++)
		assert_ptr_equal(tag_table_find(&t, items[i].tag, 7),
				 i % 2 ? &items[i].link : NULL);
	tag_table_fini(&t);
}

static void growing_loses_nothing(void **state)
{
	struct item *items = calloc(MANY, sizeof(*items));
	struct tag_table t;

	tag_table_init(&t);
	name_items(items, MANY);
	for (size_t i = 0; i < MANY; i++) {
		tag_table_insert(&t, &items[i].link);
		assert_ptr_equal(find(&t, items[i].tag), &items[i].link);
		assert_ptr_equal(find(&t, items[i / 2].tag), &items[i / 2].link);
		assert_null(find(&t, "t99999"));
	}
	assert_int_equal(t.count, MANY);
	assert_true(t.now.n >= MANY / 2);
	for (size_t i = 0; i < MANY; i++)
		assert_ptr_equal(find(&t, items[i].tag), &items[i].link);
	tag_table_fini(&t);
	free(items);
}

static void removal_works_while_it_grows(void **state)
{
	struct item items[70];
	struct tag_table t;

	tag_table_init(&t);
	name_items(items, 70);
	for (unsigned i = 0; i < 49; i++)
		tag_table_insert(&t, &items[i].link);
	assert_true(t.old.n > 0);
	for (unsigned i = 0; i < 49; i++)
		tag_table_remove(&t, &items[i].link);
	assert_int_equal(t.count, 0);
	assert_null(tag_table_any(&t));
	tag_table_fini(&t);
}

static void any_empties_and_shrink_gives_back(void **state)
{
	struct item items[200];
	struct tag_link *link;
	struct tag_table t;
	unsigned n = 0;

	tag_table_init(&t);
	name_items(items, 200);
	for (unsigned i = 0; i < 200; i++)
		tag_table_insert(&t, &items[i].link);
	tag_table_shrink(&t);
	assert_int_equal(t.count, 200);
	for (; (link = tag_table_any(&t)); n++)
		tag_table_remove(&t, link);
	assert_int_equal(n, 200);
	tag_table_shrink(&t);
	assert_int_equal(t.now.n, TAG_TABLE_FIRST);
	tag_table_insert(&t, &items[3].link);
	assert_ptr_equal(find(&t, "t3"), &items[3].link);
	tag_table_fini(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_empty_table_has_nothing),
		cmocka_unit_test(removing_a_stranger_changes_nothing),
		cmocka_unit_test(one_chain_holds_equal_hashes),
		cmocka_unit_test(growing_loses_nothing),
		cmocka_unit_test(removal_works_while_it_grows),
		cmocka_unit_test(any_empties_and_shrink_gives_back),
	};

	return cmocka_run_group_tests(tests, NULL, rig_done);
}
