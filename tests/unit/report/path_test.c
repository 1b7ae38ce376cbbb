// SPDX-License-Identifier: MIT
/* path_test.c - paths cut into steps; what is wrong with the others, and at which column. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "report/path.h"

/* Steps are written f:name, i:text or i:text=number, c:number, with a space between. */
static const struct row {
	const char *path;
	const char *steps;
	const char *refused;
} rows[] = {
	{ ".", NULL, "column 1: a name is missing" },
	{ ".a", NULL, "column 1: a name is missing" },
	{ "a.", "f:a", "column 3: a name is missing" },
	{ "a..b", "f:a", "column 3: a name is missing" },
	{ "a.[1]", "f:a", "column 3: a name is missing" },
	{ "a]", NULL, "column 2: ']' without '['" },
	{ "a[", "f:a", "column 2: '[' without ']'" },
	{ "a[1", "f:a", "column 2: '[' without ']'" },
	{ "a[]", "f:a", "column 2: nothing stands" },
	{ "a[1]b", "f:a", "column 5: '.' or '['" },
	{ "a[\"x]", "f:a", "column 2: '[' without ']'" },
	{ "[cpu=]", NULL, "column 6: a CPU's number" },
	{ "[cpu=x]", NULL, "column 6: a CPU's number" },
	{ "[cpu=99999999999999999999]", NULL, "column 6: a CPU's number" },
	{ "", "", NULL },
	{ "a", "f:a", NULL },
	{ "ctx.weight", "f:ctx f:weight", NULL },
	{ "hist[3]", "f:hist i:3=3", NULL },
	{ "hist[0x10]", "f:hist i:0x10=16", NULL },
	{ "m[18446744073709551615]", "f:m i:18446744073709551615=18446744073709551615", NULL },
	{ "m[18446744073709551616]", "f:m i:18446744073709551616", NULL },
	{ "m[-1]", "f:m i:-1", NULL },
	{ "m[init]", "f:m i:init", NULL },
	{ "m[hex:00ff].x", "f:m i:hex:00ff f:x", NULL },
	{ "m[\"a]b\"].x", "f:m i:a]b f:x", NULL },
	{ "m[\"7\"]", "f:m i:7", NULL },
	{ "[cpu=1].sum", "c:1 f:sum", NULL },
	{ "a[1][2].b[cpu=3]", "f:a i:1=1 i:2=2 f:b c:3", NULL },
};

static void write_step(const struct path_step *s, char *out, size_t cap)
{
	size_t at = strlen(out);
	const char *gap = at ? " " : "";

	if (s->kind == PATH_FIELD)
		snprintf(out + at, cap - at, "%sf:%.*s", gap, (int)s->len, s->name);
	else if (s->kind == PATH_CPU)
		snprintf(out + at, cap - at, "%sc:%llu", gap, (unsigned long long)s->number);
	else if (s->has_number)
		snprintf(out + at, cap - at, "%si:%.*s=%llu", gap, (int)s->len, s->name,
			 (unsigned long long)s->number);
	else
		snprintf(out + at, cap - at, "%si:%.*s", gap, (int)s->len, s->name);
}

static void cuts_or_refuses(void **state)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct ksnap_err err = { 0 };
		struct path_step step;
		char got[256] = "";
		struct path p;
		int rc;

		path_init(&p, rows[i].path);
		while (!(rc = path_next(&p, &step, &err)) && step.kind != PATH_END)
			write_step(&step, got, sizeof(got));
		assert_string_equal(got, rows[i].steps ? rows[i].steps : "");
		assert_int_equal(rc, rows[i].refused ? KSNAP_E_ARG : 0);
		if (rows[i].refused && !strstr(err.text, rows[i].refused))
			fail_msg("%s: %s", rows[i].path, err.text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(cuts_or_refuses) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
