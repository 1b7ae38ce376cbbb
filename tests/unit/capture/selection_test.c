// SPDX-License-Identifier: MIT
/* selection_test.c - which maps a capture takes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "capture/selection.h"
#include "capture/target.h"

#define PATTERNS(...) ((const char *const[]){ __VA_ARGS__, NULL })

static size_t count(const char *const *p)
{
	size_t n = 0;

	while (p[n])
		n++;
	return n;
}

static void init(struct selection *s, const char *const *patterns)
{
	assert_int_equal(selection_init(s, patterns, count(patterns), NULL), 0);
}

/* "probe" owns maps 10 to 19. */
static bool of_probe(void *arg, const char *obj, uint32_t id, const char *name)
{
	return !strcmp(obj, "probe") && id >= 10 && id < 20;
}

static void refuses_bad_patterns(void **state)
{
	static const struct {
		const char *pattern, *says;
	} cases[] = {
		{ "", "is empty" },
		{ "!", "is empty" },
		{ "obj:", "is empty" },
		{ "!obj:", "is empty" },
		{ "id:", "takes a number" },
		{ "id:0", "takes a number" },
		{ "id:-1", "takes a number" },
		{ "id: 1", "takes a number" },
		{ "id:1x", "takes a number" },
		{ "id:4294967296", "4294967295" },
	};
	struct ksnap_err err;
	struct selection s;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_int_equal(selection_init(&s, &cases[i].pattern, 1, &err), KSNAP_E_ARG);
		assert_non_null(strstr(err.text, cases[i].says));
	}
}

static void refuses_too_many(void **state)
{
	const char *many[SELECTION_MAX + 1];
	struct ksnap_err err;
	struct selection s;

	for (size_t i = 0; i <= SELECTION_MAX; i++)
		many[i] = "x";
	assert_int_equal(selection_init(&s, many, SELECTION_MAX + 1, &err), KSNAP_E_LIMIT);
	assert_int_equal(selection_init(&s, many, SELECTION_MAX, &err), 0);
}

static void takes_all_but_own_by_default(void **state)
{
	struct selection s;

	assert_int_equal(selection_init(&s, NULL, 0, NULL), 0);
	assert_true(selection_takes(&s, 1, "tasks", NULL, NULL));
	assert_true(selection_takes(&s, 2, "", NULL, NULL));
	assert_false(selection_takes(&s, 3, "ksnap_hits", NULL, NULL));
}

static void takes_what_one_rule_allows(void **state)
{
	static const struct {
		const char *patterns[4];
		uint32_t id;
		const char *name;
		bool taken;
	} cases[] = {
		{ { "tasks" }, 1, "tasks", true },
		{ { "tasks" }, 1, "tasks2", false },
		{ { "t*", "x" }, 1, "tasks", true },
		{ { "*.bss" }, 1, "probe.bss", true },
		{ { "[ab]?" }, 1, "a1", true },
		{ { "[!ab]?" }, 1, "a1", false },
		{ { "[ab" }, 1, "[ab", true },
		{ { "t?sks" }, 1, "tasks", true },
		{ { "t?sks" }, 1, "tsks", false },
		{ { "\\*" }, 1, "*", true },
		{ { "\\*" }, 1, "x", false },
		{ { "Tasks" }, 1, "tasks", false },
		{ { "*" }, 1, "", true },
		{ { "*", "!!x" }, 1, "!x", false },
		{ { "id:007" }, 7, "tasks", true },
		{ { "a", "b", "!b" }, 1, "a", true },
		{ { "obj:probe", "!id:12" }, 12, "tasks", false },
		{ { "obj:probe", "!id:12" }, 13, "tasks", true },
		{ { "tasks", "obj:none" }, 1, "tasks", true },
		{ { "!obj:probe" }, 12, "x", false },
		{ { "!obj:probe" }, 20, "x", true },
		{ { "obj:probe" }, 12, "ksnap_hits", true },
		{ { "id:7" }, 7, "tasks", true },
		{ { "id:7" }, 8, "id:7", false },
		{ { "obj:probe" }, 12, "tasks", true },
		{ { "obj:probe" }, 20, "tasks", false },
		{ { "ksnap_*" }, 1, "ksnap_hits", true },
		{ { "*", "!t*" }, 1, "tasks", false },
		{ { "!t*", "*" }, 1, "tasks", false },
		{ { "!t*" }, 1, "tasks", false },
		{ { "!t*" }, 1, "other", true },
		{ { "!t*" }, 1, "ksnap_hits", false },
		{ { "*", "!id:7" }, 7, "x", false },
		{ { "obj:probe", "!obj:probe" }, 12, "x", false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct selection s;

		init(&s, cases[i].patterns);
		if (selection_takes(&s, cases[i].id, cases[i].name, of_probe, NULL) !=
		    cases[i].taken)
			fail_msg("case %zu", i);
	}
}

static void obj_rules_need_somebody_who_knows(void **state)
{
	struct selection s;

	init(&s, PATTERNS("obj:probe"));
	assert_true(s.has_obj);
	assert_false(selection_takes(&s, 12, "tasks", NULL, NULL));
}

static void knows_what_was_asked_for_by_id(void **state)
{
	struct selection s;

	init(&s, PATTERNS("*", "id:7", "!id:8"));
	assert_string_equal(selection_asks_for(&s, 7), "id:7");
	assert_null(selection_asks_for(&s, 8));
	assert_null(selection_asks_for(&s, 9));
}

static struct report_builder *begun(void)
{
	struct report_info info = { .tag = "t",
				    .target_kind = "fixture",
				    .target_name = "f",
				    .host = "",
				    .kernel = "",
				    .boot_id = "",
				    .trigger = "op",
				    .consistency = "running" };
	struct report_builder *rb = report_builder_create(NULL);

	assert_non_null(rb);
	assert_int_equal(report_begin(rb, &info, NULL), 0);
	return rb;
}

static bool is_complete(const char *const *patterns, uint32_t id, const char *name)
{
	struct report_builder *rb = begun();
	struct report_summary sum;
	struct ksnap_blob *blob;
	struct selection s;

	init(&s, patterns);
	selection_takes(&s, id, name, of_probe, NULL);
	assert_int_equal(selection_report_misses(&s, rb), 0);
	blob = report_finish(rb, &sum, NULL, NULL);
	assert_non_null(blob);
	ksnap_blob_unref(blob);
	report_builder_destroy(rb);
	return sum.complete;
}

static void reports_rules_that_met_nothing(void **state)
{
	assert_true(is_complete(PATTERNS("tasks"), 1, "tasks"));
	assert_false(is_complete(PATTERNS("tasks", "gone"), 1, "tasks"));
	assert_true(is_complete(PATTERNS("tasks", "!gone"), 1, "tasks"));
	/* denied is not missing: the rule met its map */
	assert_true(is_complete(PATTERNS("tasks", "!t*"), 1, "tasks"));
	assert_false(is_complete(PATTERNS("obj:other"), 12, "tasks"));
}

static void finds_kinds_of_target(void **state)
{
	const char *options = "untouched";
	struct ksnap_err err;

	assert_null(target_find("", &options, &err));
	assert_int_equal(err.code, KSNAP_E_ARG);
	assert_null(target_find("livestock", &options, &err));
	assert_non_null(strstr(err.text, "live, guest, core, fixture"));
	assert_string_equal(options, "untouched");
	assert_ptr_equal(target_find("live", &options, &err), &target_live);
	assert_string_equal(options, "");
	assert_ptr_equal(target_find("fixture:maps=1", &options, &err), &target_fixture);
	assert_string_equal(options, "maps=1");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_bad_patterns),
		cmocka_unit_test(refuses_too_many),
		cmocka_unit_test(takes_all_but_own_by_default),
		cmocka_unit_test(takes_what_one_rule_allows),
		cmocka_unit_test(obj_rules_need_somebody_who_knows),
		cmocka_unit_test(knows_what_was_asked_for_by_id),
		cmocka_unit_test(reports_rules_that_met_nothing),
		cmocka_unit_test(finds_kinds_of_target),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
