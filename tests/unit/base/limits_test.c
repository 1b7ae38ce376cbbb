// SPDX-License-Identifier: MIT
/* limits_test.c - the table that messages name limits from agrees with the constants. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/limits.h"
#include "ksnap.h"

static void names_are_whole_and_unique(void **state)
{
	for (size_t i = 0; i < LIMIT_COUNT; i++) {
		const struct limit_info *l = &limit_table[i];

		assert_true(l->name && *l->name && l->value && *l->unit && *l->scope && *l->doc);
		assert_true(!strcmp(l->scope, "protocol") ||
			    *l->change); /* says how, or never can */
		for (size_t j = 0; j < i; j++)
			assert_string_not_equal(l->name, limit_table[j].name);
	}
}

static void constants_equal_rows(void **state)
{
	const struct limit_info *tag = &limit_table[LIMIT_ID_MAX_TAG];

	assert_int_equal(LIMIT_MAX_TAG, KSNAP_TAG_MAX);
	assert_string_equal(tag->name, "MAX_TAG");
	assert_int_equal(tag->value, LIMIT_MAX_TAG);
	assert_string_equal(tag->unit, "bytes");
	assert_string_equal(limit_table[LIMIT_ID_MAX_STORED_SNAPSHOTS].key, "snapshots");
	assert_string_equal(limit_table[LIMIT_ID_MAX_STORED_SNAPSHOTS].change, "--max-snapshots N");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_whole_and_unique),
		cmocka_unit_test(constants_equal_rows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
