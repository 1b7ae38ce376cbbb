// SPDX-License-Identifier: MIT
/* hist_test.c - quantiles stay within 1/32 of the truth, from one nanosecond to the largest number.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>

#include "base/hist.h"

static struct hist *make(void)
{
	struct hist *h = malloc(sizeof(*h));

	assert_non_null(h);
	hist_clear(h);
	return h;
}

static void empty_one_says_zero(void **state)
{
	struct hist *h = make();

	assert_int_equal(hist_quantile(h, 0.5), 0);
	assert_int_equal(hist_quantile(h, 1), 0);
	free(h);
}

static void extremes_have_a_bucket(void **state)
{
	struct hist *h = make();

	hist_add(h, UINT64_MAX);
	hist_add(h, 0);
	hist_add(h, UINT64_MAX - 1);
	assert_int_equal(h->n, 3);
	assert_true(h->max == UINT64_MAX);
	assert_true(h->sum == UINT64_MAX); /* held, not wrapped */
	assert_int_equal(hist_quantile(h, 0), 0);
	assert_true(hist_quantile(h, 1) == UINT64_MAX);
	assert_int_equal(h->count[HIST_BUCKETS - 1], 2);
	free(h);
}

static void each_value_is_found_again(void **state)
{
	struct hist *h = make();

	for (unsigned bit = 0; bit < 64; bit++) {
		uint64_t around[] = { (1ull << bit) - 1, 1ull << bit, (1ull << bit) + 1,
				      3ull << bit >> 1 };

		for (unsigned i = 0; i < 4; i++) {
			uint64_t got;

			hist_clear(h);
			hist_add(h, around[i]);
			hist_add(h, UINT64_MAX);
			got = hist_quantile(h, 0.5);
			assert_true(got >= around[i]);
			assert_true(got - around[i] <= around[i] / HIST_SUB);
		}
	}
	free(h);
}

static void quantiles_rank_as_they_should(void **state)
{
	struct hist *h = make();

	for (uint64_t i = 1; i <= 1000; i++)
		hist_add(h, i * 1000);
	assert_in_range(hist_quantile(h, 0.5), 500000, 500000 + 500000 / HIST_SUB);
	assert_in_range(hist_quantile(h, 0.99), 990000, 990000 + 990000 / HIST_SUB);
	assert_int_equal(hist_quantile(h, 1), 1000000); /* never above what was seen */
	assert_in_range(hist_quantile(h, 0), 1000, 1000 + 1000 / HIST_SUB);
	assert_int_equal(h->sum, 500500000);
	hist_clear(h);
	assert_int_equal(h->n, 0);
	assert_int_equal(hist_quantile(h, 0.5), 0);
	free(h);
}

static void two_become_one(void **state)
{
	struct hist *a = make(), *b = make();

	hist_add(a, 5);
	hist_add(b, 7000);
	hist_add(b, UINT64_MAX);
	hist_merge(a, b);
	assert_int_equal(a->n, 3);
	assert_true(a->max == UINT64_MAX);
	assert_true(a->sum == UINT64_MAX); /* held, not wrapped */
	assert_int_equal(hist_quantile(a, 0), 5);
	assert_in_range(hist_quantile(a, 0.5), 7000, 7000 + 7000 / HIST_SUB);
	assert_int_equal(b->n, 2); /* as it was */
	free(a);
	free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(empty_one_says_zero),
		cmocka_unit_test(extremes_have_a_bucket),
		cmocka_unit_test(each_value_is_found_again),
		cmocka_unit_test(quantiles_rank_as_they_should),
		cmocka_unit_test(two_become_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
