// SPDX-License-Identifier: MIT
/* hits_test.c - how a watch's symbol becomes a tag. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <string.h>

#include "broker/hits.h"

#define X64 "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"

static const char *tag(const char *name, const char *suffix)
{
	static char ret[KSNAP_TAG_MAX + 1];

	assert_int_equal(hits_tag(ret, name, strlen(name), suffix, NULL), 0);
	assert_true(strlen(ret) <= KSNAP_TAG_MAX);
	return ret;
}

static void what_no_tag_may_have_is_refused(void **state)
{
	char ret[KSNAP_TAG_MAX + 1];
	struct ksnap_err err;

	assert_int_equal(hits_tag(ret, "", 0, "", &err), KSNAP_E_ARG);
	assert_int_equal(hits_tag(ret, "a\x1b", 2, "", &err), KSNAP_E_ARG);
	assert_int_equal(hits_tag(ret, "\xff", 1, "", &err), KSNAP_E_ARG);
	assert_int_equal(hits_tag(ret, "a\xc2\x85", 3, "", &err), KSNAP_E_ARG);
}

static void what_fits_stays(void **state)
{
	assert_string_equal(tag("jiffies_64", ""), "jiffies_64");
	assert_string_equal(tag("jiffies_64", "#12"), "jiffies_64#12");
	assert_string_equal(tag(X64, ""), X64);
}

static void what_is_cut_keeps_its_hash(void **state)
{
	char one[KSNAP_TAG_MAX + 1];

	strcpy(one, tag(X64 "a", ""));
	assert_int_equal(strlen(one), KSNAP_TAG_MAX);
	assert_int_equal(one[KSNAP_TAG_MAX - 9], '~');
	assert_string_not_equal(one, tag(X64 "b", ""));
	assert_string_equal(one, tag(X64 "a", ""));
	assert_string_equal(tag(X64, "#18446744073709551615") + KSNAP_TAG_MAX - 21,
			    "#18446744073709551615");
}

/* Never within a character: 27 whole ones of two bytes, and the hash. */
static void characters_stay_whole(void **state)
{
	char name[81] = "";

	for (int i = 0; i < 40; i++)
		strcat(name, "\xc3\xa9");
	assert_int_equal(strlen(tag(name, "")), 2 * 27 + 9);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_no_tag_may_have_is_refused),
		cmocka_unit_test(what_fits_stays),
		cmocka_unit_test(what_is_cut_keeps_its_hash),
		cmocka_unit_test(characters_stay_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
