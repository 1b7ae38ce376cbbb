// SPDX-License-Identifier: MIT
/* print_test.c - every msgpack value as JSON and for people, hostile ones first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "cli/print.h"
#include "cli/words.h"

struct value_case {
	const char *bytes;
	size_t len;
	const char *wanted;
};

#define CASE(bytes, wanted)                      \
	{                                        \
		bytes, sizeof(bytes) - 1, wanted \
	}

typedef void (*print_fn)(struct buf *out, const msgpack_object *o);

static void assert_prints(const struct value_case *c, print_fn fn)
{
	_buf_ struct buf out = BUF_INIT;
	struct ksnap_err err;
	msgpack_unpacked u;

	assert_int_equal(object_decode(&u, c->bytes, c->len, &err), 0);
	fn(&out, &u.data);
	buf_append(&out, "", 1);
	assert_true(buf_ok(&out));
	assert_string_equal((const char *)out.data, c->wanted);
	msgpack_unpacked_destroy(&u);
}

static void unsound_bytes_are_refused(void **state)
{
	static const struct value_case cases[] = {
		CASE("", ""),         CASE("\xdd\xff\xff\xff\xff", ""),
		CASE("\x92\x01", ""), CASE("\x01\x01", ""),
		CASE("\xc1", ""),
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct ksnap_err err = { 0 };
		msgpack_unpacked u;

		assert_int_equal(object_decode(&u, cases[i].bytes, cases[i].len, &err),
				 KSNAP_E_PROTO);
		assert_true(err.text[0]);
	}
}

static void line(struct buf *out, const msgpack_object *o)
{
	print_json(out, o, 0);
}

static void json_of_every_kind(void **state)
{
	static const struct value_case cases[] = {
		CASE("\xc0", "null"),
		CASE("\xc2", "false"),
		CASE("\xc3", "true"),
		CASE("\x7f", "127"),
		CASE("\xff", "-1"),
		CASE("\xcf\x00\x20\x00\x00\x00\x00\x00\x00", "9007199254740992"),
		CASE("\xcf\x00\x20\x00\x00\x00\x00\x00\x01", "\"9007199254740993\""),
		CASE("\xcf\xff\xff\xff\xff\xff\xff\xff\xff", "\"18446744073709551615\""),
		CASE("\xd3\xff\xe0\x00\x00\x00\x00\x00\x00", "-9007199254740992"),
		CASE("\xd3\x80\x00\x00\x00\x00\x00\x00\x00", "\"-9223372036854775808\""),
		CASE("\xcb\x3f\xf8\x00\x00\x00\x00\x00\x00", "1.5"),
		CASE("\xcb\x7f\xf8\x00\x00\x00\x00\x00\x00", "\"nan\""),
		CASE("\xcb\xff\xf0\x00\x00\x00\x00\x00\x00", "\"-inf\""),
		CASE("\xc4\x03\x00\xab\xff", "\"00abff\""),
		CASE("\xd4\x05\x7f", "\"7f\""),
		CASE("\xa0", "\"\""),
		CASE("\xa4\"\\\n\x01", "\"\\\"\\\\\\n\\u0001\""),
		CASE("\xa3\x1b[m", "\"\\u001b[m\""),
		CASE("\xa2\xc3\xa9", "\"\xc3\xa9\""),
		CASE("\xa4\xf0\x9f\x92\x96", "\"\xf0\x9f\x92\x96\""),
		CASE("\xa2\xff"
		     "a",
		     "\"\\ufffda\""),
		CASE("\xa1\xc3", "\"\\ufffd\""),
		CASE("\xa2\xc0\x80", "\"\\ufffd\\ufffd\""),
		CASE("\xa3\xed\xa0\x80", "\"\\ufffd\\ufffd\\ufffd\""),
		CASE("\xa4\xf4\x90\x80\x80", "\"\\ufffd\\ufffd\\ufffd\\ufffd\""),
		CASE("\x90", "[]"),
		CASE("\x80", "{}"),
		CASE("\x92\x01\x91\xc0", "[1,[null]]"),
		CASE("\x82\xa1"
		     "a\x01\x02\x90",
		     "{\"a\":1,\"2\":[]}"),
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_prints(&cases[i], line);
}

static void indented(struct buf *out, const msgpack_object *o)
{
	print_json(out, o, 2);
}

static void json_is_indented_on_demand(void **state)
{
	static const struct value_case c =
		CASE("\x82\xa1"
		     "a\x92\x01\x02\xa1"
		     "b\x80",
		     "{\n  \"a\": [\n    1,\n    2\n  ],\n  \"b\": {}\n}");

	assert_prints(&c, indented);
}

static void people_get_no_control_characters(void **state)
{
	static const struct value_case cases[] = {
		CASE("\xa4\x1b[2J", "\\x1b[2J"),
		CASE("\xa2\xc2\x9b", "\\xc2\\x9b"),
		CASE("\xa1\x7f", "\\x7f"),
		CASE("\xa2\xff\x0a", "\\xff\\x0a"),
		CASE("\xa2\xc3\xa9", "\xc3\xa9"),
		CASE("\xc3", "yes"),
		CASE("\xcf\xff\xff\xff\xff\xff\xff\xff\xff", "18446744073709551615"),
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_prints(&cases[i], print_plain);
}

static void all_columns(struct buf *out, const msgpack_object *o)
{
	print_rows(out, o, NULL);
}

static void rows_are_aligned(void **state)
{
	static const struct value_case cases[] = {
		CASE("\x90", ""),
		CASE("\x92\x05\x06", "5\n6\n"),
		CASE("\x91\x80", ""),
		/* numbers to the right, words to the left, missing cells as a dash, letters counted
		 */
		CASE("\x92\x82\xa1n\x05\xa1t\xa2\xc3\xa9\x82\xa1n\xcd\x03\xe8\xa1w\xa1x",
		     "   n  t  w\n   5  \xc3\xa9  -\n1000  -  x\n"),
		CASE("\x92\x81\xa1"
		     "a\x01\x05",
		     "a\n1\n-\n"),
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_prints(&cases[i], all_columns);
}

static void maps_become_lines(void **state)
{
	static const struct value_case cases[] = {
		CASE("\x01", "1\n"),
		CASE("\x80", ""),
		CASE("\x83\xa1"
		     "a\x01\xa3"
		     "bcd\x81\xa1"
		     "e\x80\xa1"
		     "f\x91\x81\xa1g\x07",
		     "a    1\nbcd\n  e  {}\nf\n  g\n  7\n"),
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_prints(&cases[i], print_people);
}

static void words_leave_the_frame_out(void **state)
{
	static const struct value_case cases[] = {
		CASE("\x01", ""),
		CASE("\x84\xa3seq\x01\xa1k\xa1x\xa3tag\xa2t0\xa3"
		     "cap\x40",
		     "tag=t0 cap=64"),
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_prints(&cases[i], words_append);
}

static void sizes_and_times_have_a_form(void **state)
{
	_buf_ struct buf out = BUF_INIT;

	setenv("TZ", "UTC", 1);
	tzset();
	print_bytes(&out, 0);
	buf_append(&out, "|", 1);
	print_bytes(&out, 1023);
	buf_append(&out, "|", 1);
	print_bytes(&out, 1536);
	buf_append(&out, "|", 1);
	print_bytes(&out, UINT64_MAX);
	buf_append(&out, "|", 1);
	print_time(&out, 1700000000123456789);
	buf_append(&out, "|", 1);
	print_time(&out, -1);
	buf_append(&out, "", 1);
	assert_string_equal((const char *)out.data,
			    "0 B|1023 B|1.5 KiB|16.0 EiB|22:13:20.123456|-");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(unsound_bytes_are_refused),
		cmocka_unit_test(json_of_every_kind),
		cmocka_unit_test(json_is_indented_on_demand),
		cmocka_unit_test(people_get_no_control_characters),
		cmocka_unit_test(rows_are_aligned),
		cmocka_unit_test(maps_become_lines),
		cmocka_unit_test(words_leave_the_frame_out),
		cmocka_unit_test(sizes_and_times_have_a_form),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
