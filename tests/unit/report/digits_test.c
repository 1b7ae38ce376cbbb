// SPDX-License-Identifier: MIT
/* digits_test.c - hand-made digits against those of the C library, around every edge. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "report/sink.h"

static void check_one(uint64_t v)
{
	uint8_t got[DIGITS_MAX + 1];
	char want[DIGITS_MAX + 1];

	got[digits_u64(got, v)] = '\0';
	snprintf(want, sizeof(want), "%llu", (unsigned long long)v);
	assert_string_equal((char *)got, want);
	got[digits_wide(got, -(u128)v, v != 0)] = '\0';
	snprintf(want, sizeof(want), "%s%llu", v ? "-" : "", (unsigned long long)v);
	assert_string_equal((char *)got, want);
	got[digits_hex(got, v)] = '\0';
	snprintf(want, sizeof(want), "0x%llx", (unsigned long long)v);
	assert_string_equal((char *)got, want);
}

static void decimal_and_hex_at_every_edge(void **state)
{
	uint64_t power = 1;

	for (unsigned i = 0; i < 20; i++, power *= 10)
		for (int d = -2; d <= 2; d++)
			check_one(power + d);
	for (unsigned i = 0; i < 64; i++)
		for (int d = -1; d <= 1; d++)
			check_one((1ull << i) + d);
}

static void wide_keeps_inner_zeroes(void **state)
{
	const u128 ten19 = 10000000000000000000ull;
	uint8_t got[DIGITS_MAX + 1];

	got[digits_wide(got, ten19 * ten19 + 7, false)] = '\0';
	assert_string_equal((char *)got, "100000000000000000000000000000000000007");
}

static void real_numbers_read_back(void **state)
{
	static const double values[] = { 0, -0.0, 1, 0.1, 1.0 / 3, 1e300, -5e-324, 123456789.125 };
	char got[DIGITS_MAX + 1];

	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		got[digits_real(got, values[i], false)] = '\0';
		assert_true(strtod(got, NULL) == values[i]);
		got[digits_real(got, (float)values[i], true)] = '\0';
		assert_true(strtof(got, NULL) == (float)values[i]);
	}
	got[digits_real(got, 0.1f, true)] = '\0';
	assert_string_equal(got, "0.1");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(decimal_and_hex_at_every_edge),
		cmocka_unit_test(wide_keeps_inner_zeroes),
		cmocka_unit_test(real_numbers_read_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
