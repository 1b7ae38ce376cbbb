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

/* All of up to six digits, and many of every length. */
static void decimal_of_many(void **state)
{
	uint64_t v = 88172645463325252ull;

	for (uint64_t i = 0; i < 1000000; i++) {
		uint8_t got[DIGITS_MAX + 1];
		char want[DIGITS_MAX + 1];
		uint64_t n;

		v ^= v << 13; /* a pseudo-random walk through all numbers */
		v ^= v >> 7;
		v ^= v << 17;
		n = v >> v % 64;
		got[digits_u64(got, i)] = '\0';
		snprintf(want, sizeof(want), "%llu", (unsigned long long)i);
		assert_string_equal((char *)got, want);
		got[digits_u64(got, n)] = '\0';
		snprintf(want, sizeof(want), "%llu", (unsigned long long)n);
		assert_string_equal((char *)got, want);
	}
}

/* Every byte at every place of texts of every short length, against the rule itself. */
static void plain_bytes_are_counted(void **state)
{
	char text[41];

	for (size_t len = 0; len + 1 < sizeof(text); len++)
		for (size_t at = 0; at < len; at++)
			for (unsigned byte = 0; byte < 256; byte++) {
				bool is_plain =
					byte >= 0x20 && byte < 0x7f && byte != '"' && byte != '\\';

				memset(text, at % 2 ? 0x7e : 0x20, sizeof(text));
				text[at] = byte;
				text[len] = '"'; /* which is behind it */
				assert_int_equal(sink_plain(text, len), is_plain ? len : at);
			}
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
		cmocka_unit_test(decimal_of_many),
		cmocka_unit_test(plain_bytes_are_counted),
		cmocka_unit_test(wide_keeps_inner_zeroes),
		cmocka_unit_test(real_numbers_read_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
