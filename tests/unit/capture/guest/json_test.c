// SPDX-License-Identifier: MIT
/* json_test.c - look into JSON that is sound, and into what only begins like it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "capture/guest/json.h"

static struct json of(const char *text)
{
	return (struct json){ text, strlen(text) };
}

static void finds_nothing_in_what_is_none(void **state)
{
	static const char *const texts[] = {
		"",
		" ",
		"1",
		"[]",
		"\"a\"",
		"{",
		"{}",
		"{a: 1}",
		"{\"a\"",
		"{\"a\":",
		"{\"a\" 1}",
		"{\"b\": 1}",
		"{\"a\": }",
		"{\"b\": 1",
		"{\"b\": [1}",
		"{\"b\": \"a",
		"{\"b\\\": 1",
		"{\"b\": {\"a\": 1}}",
	};
	struct json v;

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		if (json_member(of(texts[i]), "a", &v))
			fail_msg("%s has '%.*s'", texts[i], (int)v.len, v.p);
}

static void goes_through_lists(void **state)
{
	static const char *const broken[] = { "", "[", "[]", "{\"a\": 1}", "[,1]", "1", "[ ]" };
	struct json in = of(" [ {\"a\": [1, 2]} , \"x,]\",-3 ]"), v;
	size_t at = 0;

	assert_true(json_next(in, &at, &v) && json_is(v, "{\"a\": [1, 2]}"));
	assert_true(json_next(in, &at, &v) && json_is(v, "\"x,]\""));
	assert_true(json_next(in, &at, &v) && json_is(v, "-3"));
	assert_false(json_next(in, &at, &v));
	for (size_t i = 0; i < ARRAY_SIZE(broken); i++) {
		at = 0;
		assert_false(json_next(of(broken[i]), &at, &v));
	}
}

static void finds_members(void **state)
{
	static const char text[] = " { \"x\\\"y\" : [1, {\"a\": 2}, \"]}\"] ,\"a\":{\"b\": \"}\"}, "
				   "\"last\" : -1.5e3 } ";
	struct json v, inner;

	assert_true(json_member(of(text), "a", &v));
	assert_int_equal(v.len, strlen("{\"b\": \"}\"}"));
	assert_true(json_member(v, "b", &inner));
	assert_true(json_is(inner, "\"}\""));
	assert_true(json_member(of(text), "last", &v));
	assert_true(json_is(v, "-1.5e3"));
	assert_false(json_is(v, "-1.5e"));
}

static void reads_strings(void **state)
{
	char buf[16];

	assert_false(json_string(of("12"), buf, sizeof(buf)));
	assert_false(json_string(of("\""), buf, sizeof(buf)));
	assert_false(json_string(of("\"a"), buf, sizeof(buf)));
	assert_true(json_string(of("\"\""), buf, sizeof(buf)));
	assert_string_equal(buf, "");
	assert_true(json_string(of("\"a\\r\\n\\\"\\\\\\u0041\\u20ac\""), buf, sizeof(buf)));
	assert_string_equal(buf, "a\r\n\"\\A?");
	assert_true(json_string(of("\"a long text that is cut\""), buf, 7));
	assert_string_equal(buf, "a long");
	assert_true(json_string(of("\"a\\u12\""), buf, sizeof(buf)));
	assert_true(json_string(of("\"a\\\""), buf, sizeof(buf)));
}

static void survives_anything(void **state)
{
	static const char alphabet[] = "{}[]\",:\\au1 ";
	char text[24], buf[8];
	struct json v;

	srand(1);
	for (int i = 0; i < 200000; i++) {
		size_t len = rand() % sizeof(text);

		for (size_t k = 0; k < len; k++)
			text[k] = alphabet[rand() % (sizeof(alphabet) - 1)];
		if (json_member((struct json){ text, len }, "a", &v))
			assert_true(v.p >= text && v.p + v.len <= text + len);
		json_string((struct json){ text, len }, buf, sizeof(buf));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_nothing_in_what_is_none),
		cmocka_unit_test(survives_anything),
		cmocka_unit_test(goes_through_lists),
		cmocka_unit_test(finds_members),
		cmocka_unit_test(reads_strings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
