// SPDX-License-Identifier: MIT
/* buf_test.c - a growing buffer: impossible sizes, growth, and giving its memory away. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"

/* Impossible sizes come back as NULL from the sanitizer's malloc as well. */
__attribute__((visibility("default"))) const char *__asan_default_options(void);

const char *__asan_default_options(void)
{
	return "allocator_may_return_null=1";
}

static void impossible_size_fails_and_is_remembered(void **state)
{
	_buf_ struct buf b = BUF_INIT;

	assert_int_equal(buf_append(&b, "abc", 3), 0);
	assert_null(buf_reserve(&b, SIZE_MAX));
	assert_false(buf_ok(&b));
	assert_int_equal(buf_append(&b, "d", 1), -1);
	assert_null(buf_reserve(&b, 1));
	assert_int_equal(buf_printf(&b, "x"), -1);
	assert_null(buf_take_blob(&b));
	assert_int_equal(b.len, 3);
	buf_clear(&b);
	assert_true(buf_ok(&b));
	assert_int_equal(buf_append(&b, "e", 1), 0);
	assert_memory_equal(b.data, "e", 1);
}

static void half_of_everything_fails_too(void **state)
{
	_buf_ struct buf b = BUF_INIT;

	assert_null(buf_reserve(&b, SIZE_MAX / 2 + 2));
	assert_false(buf_ok(&b));
}

static void fini_twice_is_harmless(void **state)
{
	struct buf b;

	buf_init(&b);
	buf_append(&b, "x", 1);
	buf_fini(&b);
	buf_fini(&b);
	assert_null(b.data);
}

static void bytes_stay_in_order_while_it_grows(void **state)
{
	_buf_ struct buf b = BUF_INIT;

	for (unsigned i = 0; i < 100000; i++)
		assert_int_equal(buf_append(&b, &(uint8_t){ i % 251 }, 1), 0);
	assert_int_equal(b.len, 100000);
	for (unsigned i = 0; i < 100000; i++)
		assert_int_equal(b.data[i], i % 251);
	assert_true(b.cap < 3 * b.len);
}

static void printf_appends_without_its_nul(void **state)
{
	_buf_ struct buf b = BUF_INIT;

	assert_int_equal(buf_printf(&b, "%s-%d", "abc", 7), 0);
	assert_int_equal(buf_printf(&b, "%300d", 1), 0);
	assert_int_equal(b.len, 305);
	assert_memory_equal(b.data, "abc-7   ", 8);
}

static void blob_takes_the_memory(void **state)
{
	_buf_ struct buf b = BUF_INIT;
	uint8_t *room = buf_reserve(&b, 4096);
	_blob_ struct ksnap_blob *blob = NULL;

	memset(room, 7, 4096);
	buf_commit(&b, 4096);
	blob = buf_take_blob(&b);
	assert_non_null(blob);
	assert_ptr_equal(ksnap_blob_data(blob), room);
	assert_int_equal(ksnap_blob_size(blob), 4096);
	assert_null(b.data);
	assert_int_equal(b.len, 0);
	assert_int_equal(buf_append(&b, "again", 5), 0);
}

static void empty_one_gives_an_empty_blob(void **state)
{
	_buf_ struct buf b = BUF_INIT;
	_blob_ struct ksnap_blob *blob = buf_take_blob(&b);

	assert_non_null(blob);
	assert_int_equal(ksnap_blob_size(blob), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(impossible_size_fails_and_is_remembered),
		cmocka_unit_test(half_of_everything_fails_too),
		cmocka_unit_test(fini_twice_is_harmless),
		cmocka_unit_test(bytes_stay_in_order_while_it_grows),
		cmocka_unit_test(printf_appends_without_its_nul),
		cmocka_unit_test(blob_takes_the_memory),
		cmocka_unit_test(empty_one_gives_an_empty_blob),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
