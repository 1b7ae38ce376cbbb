// SPDX-License-Identifier: MIT
/* duration_test.c - what is a duration, and what is none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <string.h>

#include "base/cleanup.h"
#include "cli/duration.h"

static void nonsense_is_refused(void **state)
{
	static const char *const bad[] = {
		"",      "s",   "5",    "-1s",  "5 s",  "1e400s", "0s",
		"0.0ms", "5sx", "nans", "infs", "366d", "1,5s",   " 5s"
	};
	struct ksnap_err err;
	uint64_t ns;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		assert_int_equal(duration_parse(bad[i], "--for", &ns, &err), KSNAP_E_ARG);
		assert_int_equal(strncmp(err.text, "--for: ", 7), 0);
	}
}

static void units_are_known(void **state)
{
	static const struct {
		const char *text;
		uint64_t ns;
	} good[] = { { "200ms", 200000000 },
		     { "1.5s", 1500000000 },
		     { "2m", 120000000000 },
		     { "1h", 3600000000000 },
		     { "365d", 31536000000000000 } };
	uint64_t ns;

	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		assert_int_equal(duration_parse(good[i].text, "x", &ns, NULL), 0);
		assert_int_equal(ns, good[i].ns);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nonsense_is_refused),
		cmocka_unit_test(units_are_known),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
