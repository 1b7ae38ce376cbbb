// SPDX-License-Identifier: MIT
/* retained_test.c - headers are there until they are too old, and as long as somebody holds them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "broker/retained.h"

#define KEPT  LIMIT_MAX_RETAINED_HEADERS
#define LARGE 100000

static void put(struct retained *r, uint64_t seq, size_t len)
{
	char *bytes = malloc(len);

	memset(bytes, (int)(seq % 251), len);
	retained_make_room(r, seq);
	assert_int_equal(retained_put(r, seq, bytes, len), 0);
	free(bytes);
}

static void assert_has(const struct retained_header *h, uint64_t seq, size_t len)
{
	assert_int_equal(h->bytes.len, len);
	for (size_t i = 0; i < len; i++)
		assert_int_equal((uint8_t)h->bytes.p[i], seq % 251);
}

static void nothing_is_there_at_first(void **state)
{
	struct retained *r = retained_create();
	struct retained_header h;

	assert_false(retained_hold(r, 1, &h));
	retained_make_room(r, 1);
	assert_false(retained_hold(r, 1, &h));
	retained_destroy(r);
	retained_destroy(NULL);
}

static void the_newest_are_there(void **state)
{
	struct retained *r = retained_create();
	struct retained_header h;

	for (uint64_t seq = 1; seq <= 3 * KEPT; seq++)
		put(r, seq, 1 + seq % 300);
	for (uint64_t seq = 2 * KEPT + 1; seq <= 3 * KEPT; seq++) {
		assert_true(retained_hold(r, seq, &h));
		assert_has(&h, seq, 1 + seq % 300);
		retained_release(&h);
	}
	retained_make_room(r, 3 * KEPT + 1);
	assert_false(retained_hold(r, 2 * KEPT + 1, &h));
	assert_true(retained_hold(r, 2 * KEPT + 2, &h));
	retained_release(&h);
	retained_destroy(r);
}

static void what_is_held_stays(void **state)
{
	struct retained *r = retained_create();
	struct retained_header small, large;

	put(r, 1, 10);
	put(r, 2, LARGE);
	put(r, 3, 10);
	assert_true(retained_hold(r, 1, &small));
	assert_true(retained_hold(r, 2, &large));
	for (uint64_t seq = 4; seq <= KEPT + 10; seq++)
		put(r, seq, 200);
	retained_destroy(r);
	assert_has(&small, 1, 10);
	assert_has(&large, 2, LARGE);
	retained_release(&small);
	retained_release(&large);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_there_at_first),
		cmocka_unit_test(the_newest_are_there),
		cmocka_unit_test(what_is_held_stays),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
