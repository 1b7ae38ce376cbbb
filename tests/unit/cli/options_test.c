// SPDX-License-Identifier: MIT
/* options_test.c - command lines that are wrong, and what is read from those that are right. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "cli/options.h"

static const struct option_row global[] = {
	{ "output", 'o', OPTION_CHOICE, "table|json", "form", 0, 0 },
	{ "verbose", 'v', OPTION_FLAG, NULL, "words", 0, 0 },
	{ 0 },
};

static const struct option_row own[] = {
	{ "map", 'm', OPTION_LIST, "GLOB", "maps", 0, 0 },
	{ "step", 0, OPTION_UINT, "N", "step", 1, 65535 },
	{ "any", 0, OPTION_UINT, "N", "any number", 0, 0 },
	{ "target", 'T', OPTION_STRING, "TARGET", "target", 0, 0 },
	{ 0 },
};

#define LINE_MAX_WORDS 16

static int parse(struct args *a, bool first_word, struct ksnap_err *err, char **argv)
{
	int argc = 0;

	while (argv[argc])
		argc++;
	assert_int_equal(args_init(a, argc, global, err), 0);
	a->own = own;
	return args_parse(a, argv, first_word, err);
}

#define PARSE(a, err, ...) parse(a, false, err, (char *[]){ __VA_ARGS__, NULL })

static void wrong_lines_are_refused(void **state)
{
	static const struct {
		char *argv[LINE_MAX_WORDS];
		const char *says;
	} cases[] = {
		{ { "--nonsense" }, "unknown option --nonsense" },
		{ { "--stpe", "1" }, "did you mean --step?" },
		{ { "--outptu=json" }, "did you mean --output?" },
		{ { "--map" }, "--map needs a value" },
		{ { "-m" }, "-m needs a value" },
		{ { "-Z" }, "unknown option -Z" },
		{ { "-vZ" }, "unknown option -Z" },
		{ { "--verbose=1" }, "--verbose takes no value" },
		{ { "-oyaml" }, "--output takes table|json, not 'yaml'" },
		{ { "-o", "" }, "--output takes table|json, not ''" },
		{ { "-o", "table|json" }, "not 'table|json'" },
		{ { "-o", "tabl" }, "not 'tabl'" },
		{ { "--step=" }, "takes a number" },
		{ { "--step", "-1" }, "takes a number" },
		{ { "--step", "+1" }, "takes a number" },
		{ { "--step", " 1" }, "takes a number" },
		{ { "--step", "1x" }, "takes a number" },
		{ { "--step", "0" }, "takes 1 to 65535" },
		{ { "--step", "65536" }, "takes 1 to 65535" },
		{ { "--any", "18446744073709551616" }, "takes a number" },
		{ { "--=x" }, "unknown option --" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct ksnap_err err = { 0 };
		struct args a;

		assert_int_equal(parse(&a, false, &err, (char **)cases[i].argv), KSNAP_E_ARG);
		if (!strstr(err.text, cases[i].says))
			fail_msg("case %zu: \"%s\" lacks \"%s\"", i, err.text, cases[i].says);
		args_fini(&a);
	}
}

static void values_come_in_every_form(void **state)
{
	struct ksnap_err err;
	struct args a;
	const char **maps;

	assert_int_equal(PARSE(&a, &err, "-ojson", "word", "-vv", "--map=a=b", "-m", "--", "-mc",
			       "-v", "--step", "0x10", "-T", "-"),
			 12);
	assert_string_equal(args_string(&a, "output", "table"), "json");
	assert_string_equal(args_string(&a, "target", NULL), "-");
	assert_int_equal(args_count(&a, "verbose"), 3);
	assert_int_equal(args_uint(&a, "step", 0), 16);
	assert_int_equal(args_uint(&a, "any", 7), 7);
	maps = args_list(&a, "map");
	assert_string_equal(maps[0], "a=b");
	assert_string_equal(maps[1], "--");
	assert_string_equal(maps[2], "c");
	assert_null(maps[3]);
	free(maps);
	assert_int_equal(a.nwords, 1);
	assert_string_equal(a.words[0], "word");
	assert_null(a.words[1]);
	args_fini(&a);
}

static void the_last_value_counts(void **state)
{
	struct ksnap_err err;
	struct args a;

	assert_true(PARSE(&a, &err, "--any=1", "--any", "18446744073709551615") > 0);
	assert_true(args_uint(&a, "any", 0) == UINT64_MAX);
	args_fini(&a);
}

static void two_dashes_end_the_options(void **state)
{
	struct ksnap_err err;
	struct args a;

	assert_true(PARSE(&a, &err, "a", "--", "-v", "--", "b") > 0);
	assert_int_equal(a.nwords, 1);
	assert_int_equal(a.nrest, 3);
	assert_string_equal(a.rest[0], "-v");
	assert_string_equal(a.rest[1], "--");
	assert_string_equal(a.rest[2], "b");
	assert_false(args_flag(&a, "verbose"));
	args_fini(&a);
}

static void the_first_word_ends_the_first_pass(void **state)
{
	struct ksnap_err err;
	struct args a;

	assert_int_equal(
		parse(&a, true, &err, (char *[]){ "-v", "capture", "--future-option", NULL }), 2);
	assert_string_equal(a.words[0], "capture");
	args_fini(&a);
}

static void a_single_dash_is_a_word(void **state)
{
	struct ksnap_err err;
	struct args a;

	assert_int_equal(PARSE(&a, &err, "-"), 1);
	assert_string_equal(a.words[0], "-");
	args_fini(&a);
}

static void distances_are_as_counted_by_hand(void **state)
{
	char longest[100];

	memset(longest, 'x', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = 0;
	assert_int_equal(word_distance("", ""), 0);
	assert_int_equal(word_distance("", "abc"), 3);
	assert_int_equal(word_distance("capture", "captrue"), 1);
	assert_int_equal(word_distance("list", "last"), 1);
	assert_int_equal(word_distance("list", "lists"), 1);
	assert_int_equal(word_distance("kitten", "sitting"), 3);
	assert_int_equal(word_distance(longest, ""), 32);
}

static void only_near_words_are_proposed(void **state)
{
	unsigned best = UINT_MAX;

	assert_false(word_is_nearer("zzzz", "list", &best));
	assert_int_equal(best, UINT_MAX);
	assert_true(word_is_nearer("capturee", "capture", &best));
	assert_false(word_is_nearer("capturee", "captured", &best));
	best = UINT_MAX;
	assert_true(word_is_nearer("desc", "describe", &best));
	best = UINT_MAX;
	assert_false(word_is_nearer("d", "describe", &best));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(wrong_lines_are_refused),
		cmocka_unit_test(values_come_in_every_form),
		cmocka_unit_test(the_last_value_counts),
		cmocka_unit_test(two_dashes_end_the_options),
		cmocka_unit_test(the_first_word_ends_the_first_pass),
		cmocka_unit_test(a_single_dash_is_a_word),
		cmocka_unit_test(distances_are_as_counted_by_hand),
		cmocka_unit_test(only_near_words_are_proposed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
