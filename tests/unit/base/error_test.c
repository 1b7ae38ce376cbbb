// SPDX-License-Identifier: MIT
/* error_test.c - codes, classes and texts of errors, as peers and people see them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"

static void number_that_is_no_code_reads_internal(void **state)
{
	static const int wrong[] = { 1, -1, -100, -102000, KSNAP_OK, 101 };

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		assert_string_equal(ksnap_err_name(wrong[i]), "E_INTERNAL");
		assert_string_equal(ksnap_err_class(wrong[i]), "internal");
		assert_false(ksnap_err_retry(wrong[i]));
	}
	assert_int_equal(ksnap_err_code("E_NO_SUCH"), KSNAP_E_INTERNAL);
	assert_int_equal(ksnap_err_code(""), KSNAP_E_INTERNAL);
	assert_int_equal(ksnap_err_code(NULL), KSNAP_E_INTERNAL);
}

static void no_err_wanted_still_gives_the_code(void **state)
{
	assert_int_equal(err_set(NULL, KSNAP_E_ARG, "%s", "x"), KSNAP_E_ARG);
	assert_int_equal(err_errno(NULL, KSNAP_E_TARGET, ENOENT, "x"), KSNAP_E_TARGET);
	assert_int_equal(err_nomem(NULL), KSNAP_E_NOMEM);
	assert_true(err_prefix(NULL, "x") < 0);
}

static void long_text_is_cut_between_characters(void **state)
{
	struct ksnap_err err;
	char text[2 * KSNAP_ERR_TEXT];

	memset(text, 'a', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	err_set(&err, KSNAP_E_ARG, "%s", text);
	assert_int_equal(strlen(err.text), KSNAP_ERR_TEXT - 1);
	memcpy(text + KSNAP_ERR_TEXT - 2, "\xe2\x82\xac",
	       3); /* its first byte is the last to fit */
	err_set(&err, KSNAP_E_ARG, "%s", text);
	assert_int_equal(strlen(err.text), KSNAP_ERR_TEXT - 2);
	err_errno(&err, KSNAP_E_ARG, ENOENT, "%s", text);
	assert_int_equal(strlen(err.text), KSNAP_ERR_TEXT - 2);
}

static void foreign_bytes_do_not_get_through(void **state)
{
	struct ksnap_err err;

	err_set(&err, KSNAP_E_ARG,
		"a\x1b[31mb\xff"
		"c\xc2\x9b"
		"d\ne\tf €");
	assert_string_equal(err.text, "a?[31mb?c??d\ne\tf €");
}

static void text_may_quote_itself(void **state)
{
	struct ksnap_err err;

	err_set(&err, KSNAP_E_LIMIT, "inner");
	assert_int_equal(err_set(&err, KSNAP_E_ARG, "outer(%s)", err.text), KSNAP_E_ARG);
	assert_string_equal(err.text, "outer(inner)");
	assert_int_equal(err_prefix(&err, "field %d", 3), KSNAP_E_ARG);
	assert_string_equal(err.text, "field 3: outer(inner)");
	assert_int_equal(err.code, KSNAP_E_ARG);
}

static void errno_text_follows(void **state)
{
	struct ksnap_err err;

	assert_int_equal(err_errno(&err, KSNAP_E_TARGET, ENOENT, "open %s", "/x"), KSNAP_E_TARGET);
	assert_string_equal(err.text, "open /x: No such file or directory");
}

static void every_code_goes_there_and_back(void **state)
{
#define ERROR(code, number, class, retry, doc)                     \
	assert_int_equal(ksnap_err_code(#code), -(number));        \
	assert_string_equal(ksnap_err_name(-(number)), #code);     \
	assert_string_equal(ksnap_err_class(KSNAP_##code), class); \
	assert_int_equal(ksnap_err_retry(KSNAP_##code), retry);
#include "schemas/errors.inc"
#undef ERROR
	assert_true(ksnap_err_retry(KSNAP_E_BUSY));
	assert_string_equal(ksnap_err_class(KSNAP_E_LIMIT), "limit");
}

static void version_is_three_numbers(void **state)
{
	unsigned major, minor, patch;

	assert_int_equal(sscanf(ksnap_version(), "%u.%u.%u", &major, &minor, &patch), 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(number_that_is_no_code_reads_internal),
		cmocka_unit_test(no_err_wanted_still_gives_the_code),
		cmocka_unit_test(long_text_is_cut_between_characters),
		cmocka_unit_test(foreign_bytes_do_not_get_through),
		cmocka_unit_test(text_may_quote_itself),
		cmocka_unit_test(errno_text_follows),
		cmocka_unit_test(every_code_goes_there_and_back),
		cmocka_unit_test(version_is_three_numbers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
