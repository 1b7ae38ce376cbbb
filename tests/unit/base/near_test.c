// SPDX-License-Identifier: MIT
/* near_test.c - a miss names what is near, and no more than fits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/near.h"

static void expect(const char *want, const char *const *names, const char *text)
{
	struct near near = { .want = want };
	char got[NEAR_TEXT];

	for (; *names; names++)
		near_add(&near, *names);
	near_text(&near, got, sizeof(got));
	assert_string_equal(got, text);
}

static void nothing_is_said_to_be_nothing(void **state)
{
	expect("t", (const char *const[]){ NULL }, "nothing");
}

static void text_is_cut_to_its_buffer(void **state)
{
	struct near near = { .want = "t" };
	char small[8];

	near_add(&near, "a_name_longer_than_the_buffer");
	near_add(&near, "another");
	near_text(&near, small, sizeof(small));
	assert_string_equal(small, "\"a_name");
}

static void nearest_come_first(void **state)
{
	expect("tick_7", (const char *const[]){ "x", "tock_7", "tick_71", "before", NULL },
	       "\"tick_71\", \"tock_7\", \"x\" and 1 more");
	expect("before", (const char *const[]){ "Before", "after", NULL }, "\"Before\", \"after\"");
}

static void equals_keep_their_order(void **state)
{
	expect("z", (const char *const[]){ "a", "b", "c", "d", "e", NULL },
	       "\"a\", \"b\", \"c\" and 2 more");
}

static void an_overlap_counts_once(void **state)
{
	expect("aaaa", (const char *const[]){ "aa", "aaa", "", NULL }, "\"aaa\", \"aa\", \"\"");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_said_to_be_nothing),
		cmocka_unit_test(text_is_cut_to_its_buffer),
		cmocka_unit_test(nearest_come_first),
		cmocka_unit_test(equals_keep_their_order),
		cmocka_unit_test(an_overlap_counts_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
