// SPDX-License-Identifier: MIT
/* symbol_test.c - symbols, cut into their parts or refused in words. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/cleanup.h"
#include "capture/symbol.h"

static void refuses(void **state)
{
	static const struct {
		const char *text, *says;
	} cases[] = {
		{ "", "is empty" },
		{ ".x", "a name is missing" },
		{ "x.", "a field's name is missing" },
		{ "x..y", "a name is missing here" },
		{ "x]", "']'" },
		{ "[7]", "a name is missing before" },
		{ ":x", "a name is missing before" },
		{ "tasks[", "'[' without ']'" },
		{ "tasks[]", "nothing stands between" },
		{ "tasks[7", "'[' without ']'" },
		{ "tasks[7]x", "'.' or '[' is missing" },
		{ "tasks[7].", "a field's name is missing" },
		{ "tasks[cpu=1]", "the key stands before" },
		{ "tasks[hex:0]", "two digits a byte" },
		{ "tasks[hex:0g]", "digits 0-9 and a-f" },
		{ "a.bss:", "a name is missing" },
		{ "a.bss:x:y", "neither ']' nor ':'" },
		{ "0x", "1 to 16 hex digits" },
		{ "0xfffffffffffffffff", "1 to 16 hex digits" },
		{ "0x12.x", "1 to 16 hex digits" },
		{ "object:", "name is missing" },
		{ "per_cpu:runqueues", "NAME@CPU" },
		{ "per_cpu:@1", "NAME@CPU" },
		{ "per_cpu:runqueues@", "a CPU's number" },
		{ "per_cpu:runqueues@x", "a CPU's number" },
		{ "per_cpu:runqueues@4294967296", "a CPU's number" },
		{ "per_cpu:runqueues@1x", "is missing behind the CPU" },
		{ "per_cpu:run.queues@1", "behind the variable's name" },
		{ "id:", "a map's number" },
		{ "id:0[1]", "a map's number" },
		{ "id:4294967296[1]", "a map's number" },
		{ "id:12", "behind the map's number" },
		{ "id:12.x", "behind the map's number" },
		{ "id:12:", "a name is missing" },
	};
	struct ksnap_err err;
	struct symbol s;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		if (symbol_parse(cases[i].text, &s, &err) != KSNAP_E_ARG)
			fail_msg("'%s' was taken", cases[i].text);
		if (!strstr(err.text, cases[i].says))
			fail_msg("'%s': '%s'", cases[i].text, err.text);
	}
}

static void has_a_longest(void **state)
{
	char text[SYMBOL_MAX + 1];
	struct ksnap_err err;
	struct symbol s;

	memset(text, 'x', sizeof(text));
	text[SYMBOL_MAX] = 0;
	assert_int_equal(symbol_parse(text, &s, &err), KSNAP_E_ARG);
	assert_non_null(strstr(err.text, "at most 511 bytes, it has 512"));
	text[SYMBOL_MAX - 1] = 0;
	assert_int_equal(symbol_parse(text, &s, &err), 0);
	assert_string_equal(s.name, text);
}

static void cuts(void **state)
{
	static const struct {
		const char *text;
		enum symbol_kind kind;
		const char *owner, *name, *path;
		uint32_t map_id;
	} cases[] = {
		{ "jiffies_64", SYMBOL_NAME, "", "jiffies_64", "", 0 },
		{ "nr.total", SYMBOL_NAME, "", "nr", "total", 0 },
		{ "probe.bss:nr", SYMBOL_GLOBAL, "probe.bss", "nr", "", 0 },
		{ "probe:nr.total[2].x", SYMBOL_GLOBAL, "probe", "nr", "total[2].x", 0 },
		{ "probe:hist[3]", SYMBOL_GLOBAL, "probe", "hist", "[3]", 0 },
		{ "tasks[7]", SYMBOL_ELEMENT, "tasks", "", "", 0 },
		{ "tasks[7].ctx.weight", SYMBOL_ELEMENT, "tasks", "", "ctx.weight", 0 },
		{ "a.b[7][cpu=1].sum", SYMBOL_ELEMENT, "a.b", "", "[cpu=1].sum", 0 },
		{ "tasks[\"a:b]c\"].x", SYMBOL_ELEMENT, "tasks", "", "x", 0 },
		{ "id:12[7].x", SYMBOL_ELEMENT, "", "", "x", 12 },
		{ "id:12:nr.x", SYMBOL_GLOBAL, "", "nr", "x", 12 },
		{ "per_cpu:runqueues@1", SYMBOL_PER_CPU, "", "runqueues", "", 0 },
		{ "per_cpu:runqueues@1.nr", SYMBOL_PER_CPU, "", "runqueues", "nr", 0 },
		{ "object:probe", SYMBOL_OBJECT, "", "probe", "", 0 },
		{ "0xffff888000000000", SYMBOL_ADDRESS, "", "", "", 0 },
	};
	struct ksnap_err err = { 0 };
	struct symbol s;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		if (symbol_parse(cases[i].text, &s, &err))
			fail_msg("'%s': %s", cases[i].text, err.text);
		assert_int_equal(s.kind, cases[i].kind);
		assert_string_equal(s.text, cases[i].text);
		assert_string_equal(s.owner, cases[i].owner);
		assert_string_equal(s.name, cases[i].name);
		assert_string_equal(s.path, cases[i].path);
		assert_int_equal(s.map_id, cases[i].map_id);
	}
}

static void reads_numbers(void **state)
{
	struct symbol s;

	assert_int_equal(symbol_parse("0xffff888000000010", &s, NULL), 0);
	assert_true(s.addr == 0xffff888000000010);
	assert_int_equal(symbol_parse("per_cpu:x@4294967295", &s, NULL), 0);
	assert_true(s.has_cpu && s.cpu == UINT32_MAX);
}

static void reads_keys(void **state)
{
	static const struct {
		const char *text;
		bool is_bytes, has_number, is_negative;
		uint64_t number;
		const char *bytes;
		size_t len;
	} cases[] = {
		{ "m[7]", false, true, false, 7, "7", 1 },
		{ "m[0x1F]", false, true, false, 31, "0x1F", 4 },
		{ "m[-1]", false, true, true, UINT64_MAX, "-1", 2 },
		{ "m[-9223372036854775808]", false, true, true, 1ull << 63, "-9223372036854775808",
		  20 },
		{ "m[-9223372036854775809]", false, false, false, 0, "-9223372036854775809", 20 },
		{ "m[18446744073709551615]", false, true, false, UINT64_MAX, "18446744073709551615",
		  20 },
		{ "m[18446744073709551616]", false, false, false, 0, "18446744073709551616", 20 },
		{ "m[comm]", false, false, false, 0, "comm", 4 },
		{ "m[\"7\"]", false, false, false, 0, "7", 1 },
		{ "m[hex:00ffA0]", true, false, false, 0, "\0\xff\xa0", 3 },
		{ "m[\"hex:00\"]", false, false, false, 0, "hex:00", 6 },
	};
	struct symbol s;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_int_equal(symbol_parse(cases[i].text, &s, NULL), 0);
		assert_int_equal(s.key.is_bytes, cases[i].is_bytes);
		assert_int_equal(s.key.has_number, cases[i].has_number);
		assert_int_equal(s.key.is_negative, cases[i].is_negative);
		if (s.key.has_number)
			assert_true(s.key.number == cases[i].number);
		assert_int_equal(s.key.len, cases[i].len);
		assert_memory_equal(s.key.bytes, cases[i].bytes, cases[i].len);
	}
}

static void sees_a_global_in_an_element(void **state)
{
	struct symbol s, g;

	assert_int_equal(symbol_parse("hist[3].n", &s, NULL), 0);
	assert_true(symbol_as_name(&s, &g));
	assert_int_equal(g.kind, SYMBOL_NAME);
	assert_string_equal(g.name, "hist");
	assert_string_equal(g.path, "[3].n");
	assert_int_equal(symbol_parse("stat.hist[3]", &s, NULL), 0);
	assert_true(symbol_as_name(&s, &g));
	assert_string_equal(g.name, "stat");
	assert_string_equal(g.path, "hist[3]");
	assert_int_equal(symbol_parse("hist[hex:00]", &s, NULL), 0);
	assert_false(symbol_as_name(&s, &g));
	assert_int_equal(symbol_parse("id:3[3]", &s, NULL), 0);
	assert_false(symbol_as_name(&s, &g));
	assert_int_equal(symbol_parse("hist", &s, NULL), 0);
	assert_false(symbol_as_name(&s, &g));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses),    cmocka_unit_test(has_a_longest),
		cmocka_unit_test(cuts),       cmocka_unit_test(reads_numbers),
		cmocka_unit_test(reads_keys), cmocka_unit_test(sees_a_global_in_an_element),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
