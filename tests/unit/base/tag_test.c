// SPDX-License-Identifier: MIT
/* tag_test.c - what a tag may not be, and what it may; with the UTF-8 rules beneath. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/utf8.h"
#include "ksnap.h"

#define ROW(bytes, part)                       \
	{                                      \
		bytes, sizeof(bytes) - 1, part \
	}

static void refused_with_the_rule(void **state)
{
	static const struct {
		const char *tag;
		size_t len;
		const char *part;
	} rows[] = {
		ROW("", "1 to 64"),
		ROW("0123456789012345678901234567890123456789012345678901234567890123x",
		    "65 bytes, at most 64 allowed (limit MAX_TAG)"),
		ROW("a\nb", "U+000A at byte 1"),
		ROW("\0", "U+0000 at byte 0"),
		ROW("a\x7f", "U+007F"),
		ROW("\xc2\x80", "U+0080"),
		ROW("\xc2\x9f", "U+009F"),
		ROW("ab\xff", "not UTF-8 at byte 2"),
		ROW("\xc0\xaf", "not UTF-8"),         /* overlong '/' */
		ROW("\xc1\xbf", "not UTF-8"),         /* overlong */
		ROW("\xe0\x9f\xbf", "not UTF-8"),     /* overlong */
		ROW("\xf0\x8f\xbf\xbf", "not UTF-8"), /* overlong */
		ROW("\xed\xa0\x80", "not UTF-8"),     /* U+D800 */
		ROW("\xed\xbf\xbf", "not UTF-8"),     /* U+DFFF */
		ROW("\xf4\x90\x80\x80", "not UTF-8"), /* U+110000 */
		ROW("\xf5\x80\x80\x80", "not UTF-8"),
		ROW("a\x80", "not UTF-8 at byte 1"),
		ROW("a\xe2\x82", "not UTF-8 at byte 1"), /* cut off */
		ROW("\xe2\x28\xa1", "not UTF-8 at byte 0"),
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct ksnap_err err = { 0 };

		assert_int_equal(ksnap_tag_check(rows[i].tag, rows[i].len, &err), KSNAP_E_ARG);
		assert_int_equal(err.code, KSNAP_E_ARG);
		assert_non_null(strstr(err.text, rows[i].part));
		assert_int_equal(ksnap_tag_check(rows[i].tag, rows[i].len, NULL), KSNAP_E_ARG);
	}
}

static void accepted(void **state)
{
	static const char *const tags[] = {
		"t",
		" ",
		"0123456789012345678901234567890123456789012345678901234567890123",
		"\xc2\xa0",
		"\xdf\xbf",
		"\xe0\xa0\x80",
		"\xed\x9f\xbf",
		"\xee\x80\x80",
		"\xf0\x90\x80\x80",
		"\xf4\x8f\xbf\xbf",
		"größe 1/2",
	};

	for (size_t i = 0; i < sizeof(tags) / sizeof(tags[0]); i++) {
		struct ksnap_err err = { .code = 77 };

		assert_int_equal(ksnap_tag_check(tags[i], strlen(tags[i]), &err), 0);
		assert_int_equal(err.code, 77);
	}
}

static void text_is_cut_between_characters(void **state)
{
	assert_int_equal(utf8_cut("", 0), 0);
	assert_int_equal(utf8_cut("abc", 3), 3);
	assert_int_equal(utf8_cut("ab\xe2\x82\xac", 5), 5);
	assert_int_equal(utf8_cut("ab\xe2\x82\xac", 4), 2);
	assert_int_equal(utf8_cut("ab\xe2\x82\xac", 3), 2);
	assert_int_equal(utf8_cut("\xf0\x9f\x98", 3), 0);
	assert_int_equal(utf8_cut("\x80\x80\x80\x80", 4), 4);
}

static void soundness_stops_at_the_first_wrong_byte(void **state)
{
	assert_int_equal(utf8_sound("ab\0cd", 5), 2);
	assert_int_equal(utf8_sound("a\xff", 2), 1);
	assert_int_equal(utf8_sound("a€b", 5), 5);
	assert_int_equal(utf8_sound("a€b", 3), 1);
	assert_int_equal(utf8_sound(NULL, 0), 0);
}

/* Bytes are looked at eight at a time: each of them, at each place. */
static void every_byte_is_judged_wherever_it_stands(void **state)
{
	for (unsigned byte = 0; byte < 256; byte++) {
		bool plain = byte >= 0x20 && byte < 0x7f;

		for (size_t at = 0; at < 19; at++) {
			char text[] = "abcdefgh~ !@#$%^&*(";
			uint32_t rune;

			text[at] = (char)byte;
			assert_int_equal(!ksnap_tag_check(text, 19, NULL), plain);
			assert_int_equal(utf8_sound(text, 19), byte && byte < 0x80 ? 19 : at);
			assert_int_equal(utf8_plain(text, 19) > at, plain && at < 16);
			assert_int_equal(utf8_next(text + at, 1, &rune), byte < 0x80);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refused_with_the_rule),
		cmocka_unit_test(accepted),
		cmocka_unit_test(text_is_cut_between_characters),
		cmocka_unit_test(soundness_stops_at_the_first_wrong_byte),
		cmocka_unit_test(every_byte_is_judged_wherever_it_stands),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
