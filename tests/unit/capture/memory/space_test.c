// SPDX-License-Identifier: MIT
/* space_test.c - bytes by virtual address, over pages that lie apart. */
#include "machine.h"

#include <string.h>

#define A 0xffff888000000000ull

static struct machine m;
static struct space s;

/* Three pages in a row, whose memory is not; a fourth is missing. */
static void begin(bool writable)
{
	machine_begin(&m, 4);
	machine_map(&m, A, 0x5000, 12);
	machine_map(&m, A + 0x1000, 0x2000, 12);
	machine_map(&m, A + 0x2000, 0x9000, 12);
	machine_put(&m, 0x5ffe, "ab", 2);
	machine_put(&m, 0x2000, "cd", 3);
	memset(m.mem + 0x9000, 'x', 0x1000);
	machine_save(&m, writable);
	space_init(&s, &m.phys, MACHINE_ROOT, 4);
}

static void refuses_what_is_not_there(void **state)
{
	char b[8], big[300];

	begin(true);
	assert_false(space_read(&s, A + 0x2ffe, b, 4));
	assert_false(space_read(&s, A - 1, b, 1));
	assert_false(space_read(&s, UINT64_MAX - 2, b, 8));
	assert_false(space_string(&s, A + 0x2f00, big, sizeof(big)));
	assert_false(space_write(&s, A + 0x2ffe, "1234", 4));
	assert_true(space_read(&s, A + 0x2ffe, b, 2));
	assert_memory_equal(b, "xx", 2); /* nothing of it was written */
	machine_end(&m);
}

static void refuses_writing_to_a_core(void **state)
{
	begin(false);
	assert_false(space_write(&s, A, "1", 1));
	machine_end(&m);
}

static void reads_across_pages(void **state)
{
	char b[8];
	uint64_t pa;

	begin(false);
	assert_true(space_read(&s, A + 0xffe, b, 4));
	assert_memory_equal(b, "abcd", 4);
	assert_true(space_string(&s, A + 0xffe, b, sizeof(b)));
	assert_string_equal(b, "abcd");
	assert_true(space_string(&s, A + 0xffe, b, 4));
	assert_string_equal(b, "abc");
	assert_true(space_physical(&s, A + 0x1004, &pa));
	assert_int_equal(pa, 0x2004);
	machine_end(&m);
}

static void writes_across_pages(void **state)
{
	uint64_t v = 0x1122334455667788, is;
	char b[4];

	begin(true);
	assert_true(space_write(&s, A + 0xffe, "wxyz", 4));
	assert_true(space_read(&s, A + 0xffe, b, 4));
	assert_memory_equal(b, "wxyz", 4);
	assert_true(physical_read(&m.phys, 0x2000, b, 2));
	assert_memory_equal(b, "yz", 2);
	assert_true(space_write(&s, A + 0x2008, &v, 8));
	assert_true(space_u64(&s, A + 0x2008, &is));
	assert_int_equal(is, v);
	machine_end(&m);
}

/* The machine may map other pages while it runs. */
static void forgets_when_told(void **state)
{
	uint64_t entry = 0;
	char b;

	begin(true);
	assert_true(space_read(&s, A, &b, 1));
	for (uint64_t pa = MACHINE_ROOT; pa < m.next_table; pa += 8) {
		assert_true(physical_read(&m.phys, pa, &entry, 8));
		if ((entry & 0xffffff000) == 0x5000)
			memset(m.phys.map + pa, 0, 8);
	}
	space_forget(&s);
	assert_false(space_read(&s, A, &b, 1));
	machine_end(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_what_is_not_there),
		cmocka_unit_test(refuses_writing_to_a_core),
		cmocka_unit_test(reads_across_pages),
		cmocka_unit_test(writes_across_pages),
		cmocka_unit_test(forgets_when_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
