// SPDX-License-Identifier: MIT
/* clock_test.c - the clocks run forward, and tests can hold them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include <cmocka.h>

static uint64_t fixed_mono(void)
{
	return 42;
}

static int64_t fixed_real(void)
{
	return -7;
}

static void replaced_and_given_back(void **state)
{
	static const struct clock_source fixed = { fixed_mono, fixed_real };
	uint64_t before = clock_mono_ns();

	clock_replace(&fixed);
	assert_int_equal(clock_mono_ns(), 42);
	assert_int_equal(clock_real_ns(), -7);
	clock_replace(NULL);
	assert_true(clock_mono_ns() >= before);
	assert_true(clock_real_ns() > 1600000000ll * (int64_t)NS_PER_S);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(replaced_and_given_back) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
