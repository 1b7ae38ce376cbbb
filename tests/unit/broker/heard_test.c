// SPDX-License-Identifier: MIT
/* heard_test.c - what subscribers listen to: prefixes come and go, too many of them are all of
 * them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "broker/heard.h"

static bool note(struct heard *h, char kind, const char *prefix)
{
	char message[512];
	int len = snprintf(message, sizeof(message), "%c%s", kind, prefix);

	return heard_note(h, message, len);
}

static void nonsense_changes_nothing(void **state)
{
	struct heard h = { 0 };

	assert_false(heard_note(&h, "", 0));
	assert_false(note(&h, 2, "event/"));
	note(&h, 1, "event/");
	assert_false(heard_note(&h, "\0nobody", 7));
	assert_true(heard_is(&h, "event/default"));
	assert_int_equal(h.n, 1);
}

static void a_prefix_longer_than_any_name_is_not_kept(void **state)
{
	struct heard h = { 0 };
	char prefix[HEARD_BYTES + 2];

	memset(prefix, 'x', sizeof(prefix));
	prefix[HEARD_BYTES + 1] = 0;
	assert_true(note(&h, 1, prefix)); /* it is a subscription all the same */
	assert_int_equal(h.n, 0);
	prefix[HEARD_BYTES] = 0;
	assert_true(note(&h, 1, prefix));
	assert_int_equal(h.n, 1);
	assert_true(heard_is(&h, prefix));
	assert_false(heard_is(&h, "x"));
}

static void prefixes_come_and_go(void **state)
{
	struct heard h = { 0 };
	uint64_t before;

	assert_false(heard_is(&h, "beat"));
	assert_true(note(&h, 1, "beat"));
	assert_true(note(&h, 1, "snapshot/a"));
	assert_true(note(&h, 1, "snapshot/a")); /* told again for each subscriber */
	assert_int_equal(h.n, 2);
	assert_true(heard_is(&h, "snapshot/a"));
	assert_true(heard_is(&h, "snapshot/ab"));
	assert_false(heard_is(&h, "snapshot/"));
	assert_false(heard_is(&h, "report/a"));
	before = h.changes;
	assert_false(heard_note(&h, "\0snapshot/a", 11));
	assert_true(h.changes > before);
	assert_false(heard_is(&h, "snapshot/a"));
	assert_true(heard_is(&h, "beat"));
	note(&h, 1, "");
	assert_true(heard_is(&h, "report/a"));
}

static void too_many_are_everything(void **state)
{
	struct heard h = { 0 };
	char prefix[16];

	for (int i = 0; i < HEARD_PREFIXES; i++) {
		snprintf(prefix, sizeof(prefix), "event/%d", i);
		note(&h, 1, prefix);
	}
	assert_false(heard_is(&h, "report/a"));
	note(&h, 1, "worker");
	assert_true(heard_is(&h, "report/a"));
	assert_true(heard_is(&h, "worker"));
	/* What was not kept cannot be taken back. */
	assert_false(heard_note(&h, "\0worker", 7));
	assert_true(heard_is(&h, "worker"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nonsense_changes_nothing),
		cmocka_unit_test(a_prefix_longer_than_any_name_is_not_kept),
		cmocka_unit_test(prefixes_come_and_go),
		cmocka_unit_test(too_many_are_everything),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
