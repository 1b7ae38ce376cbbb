// SPDX-License-Identifier: MIT
/* paging_test.c - page walks over tables that are sound, and over tables that are not. */
#include "machine.h"

#include <stdlib.h>

#include "base/cleanup.h"

#define BASE 0xffffffff80000000ull

static struct machine m;

static bool walk(uint64_t va, uint64_t *pa, uint64_t *left)
{
	struct paging pg = { &m.phys, MACHINE_ROOT, m.levels };

	return paging_translate(&pg, va, pa, left);
}

static void follows_pages_of_each_size(void **state)
{
	static const unsigned shifts[] = { 12, 21, 30 };
	uint64_t pa, left;

	for (unsigned levels = 4; levels <= 5; levels++) {
		for (size_t i = 0; i < ARRAY_SIZE(shifts); i++) {
			uint64_t size = 1ull << shifts[i];

			machine_begin(&m, levels);
			machine_map(&m, BASE, 5 * size, shifts[i]);
			machine_save(&m, false);
			assert_true(walk(BASE + size - 3, &pa, &left));
			assert_int_equal(pa, 6 * size - 3);
			assert_int_equal(left, 3);
			assert_false(walk(BASE + size, &pa, &left));
			machine_end(&m);
		}
	}
}

static void refuses_what_is_not_canonical(void **state)
{
	uint64_t pa, left;

	machine_begin(&m, 4);
	machine_map(&m, 0x7ffffffff000, 0x1000, 12);
	machine_save(&m, false);
	assert_true(walk(0x7ffffffff000, &pa, &left));
	assert_false(walk(0xffff7ffffffff000, &pa, &left));
	assert_false(walk(0x8000000000000000, &pa, &left));
	machine_end(&m);
	machine_begin(&m, 5);
	machine_map(&m, 0xff11000000000000, 0x1000, 12);
	machine_save(&m, false);
	assert_true(walk(0xff11000000000000, &pa, &left));
	assert_false(walk(0x0011000000000000 | 1ull << 60, &pa, &left));
	machine_end(&m);
}

static void refuses_tables_outside_memory(void **state)
{
	uint64_t pa, left;

	machine_begin(&m, 4);
	machine_put64(&m, MACHINE_ROOT + 8 * 511, 0x7fffffff000 | 1);
	machine_save(&m, false);
	assert_false(walk(BASE, &pa, &left));
	machine_end(&m);
}

static void ends_in_tables_that_are_their_own(void **state)
{
	uint64_t pa, left;

	machine_begin(&m, 5);
	for (unsigned i = 0; i < 512; i++)
		machine_put64(&m, MACHINE_ROOT + 8 * i, MACHINE_ROOT | 1);
	machine_save(&m, false);
	assert_true(walk(BASE, &pa, &left));
	assert_int_equal(pa, MACHINE_ROOT);
	machine_end(&m);
}

static void ends_in_any_tables(void **state)
{
	uint64_t pa, left;

	srand(1);
	machine_begin(&m, 5);
	for (uint64_t at = 0; at < MACHINE_BYTES; at += 8)
		machine_put64(&m, at, (uint64_t)rand() << 12 | rand() % 256 | 1);
	machine_save(&m, false);
	for (int i = 0; i < 100000; i++) {
		uint64_t va = (uint64_t)rand() << 40 ^ (uint64_t)rand() << 20 ^ rand();

		if (walk(va, &pa, &left))
			assert_in_range(left, 1, 1ull << 30);
	}
	machine_end(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_what_is_not_canonical),
		cmocka_unit_test(refuses_tables_outside_memory),
		cmocka_unit_test(ends_in_tables_that_are_their_own),
		cmocka_unit_test(ends_in_any_tables),
		cmocka_unit_test(follows_pages_of_each_size),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
