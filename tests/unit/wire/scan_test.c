// SPDX-License-Identifier: MIT
/* scan_test.c - no bytes make the scan read too far, go too deep, or differ from msgpack-c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include <msgpack.h>

#include "wire/scan.h"

static void every_short_input_agrees_with_the_library(void **state)
{
	for (unsigned first = 0; first < 256; first++) {
		for (unsigned second = 0; second < 256; second++) {
			char *data =
				malloc(2); /* on its own, so that a read past the end is seen */
			msgpack_unpacked u;
			size_t used = 0, library = 0;
			int rc;

			data[0] = (char)first;
			data[1] = (char)second;
			rc = scan_object(data, 2, &used, NULL);
			if (!rc || first < 0xdc || first == 0xdf) {
				msgpack_unpacked_init(&u);
				if (msgpack_unpack_next(&u, data, 2, &library) ==
				    MSGPACK_UNPACK_SUCCESS) {
					assert_int_equal(rc, 0);
					assert_int_equal(used, library);
				} else {
					assert_int_equal(rc, KSNAP_E_PROTO);
				}
				msgpack_unpacked_destroy(&u);
			}
			free(data);
		}
	}
}

static void nothing_is_no_object(void **state)
{
	struct ksnap_err err = { 0 };
	struct scan_head h;
	size_t used = 99;

	assert_int_equal(scan_object(NULL, 0, &used, &err), KSNAP_E_PROTO);
	assert_string_equal(err.text, "byte 0: the message ends within an object");
	assert_int_equal(used, 99);
	assert_int_equal(scan_head(NULL, 0, &h), KSNAP_E_PROTO);
	assert_int_equal(scan_whole("", 0, NULL), KSNAP_E_PROTO);
}

static void offsets_name_the_place(void **state)
{
	static const struct {
		const char *bytes;
		size_t len;
		const char *text;
	} rows[] = {
		{ "\x92\x01", 2,
		  "byte 0: a list declares 2 elements, more than the 1 bytes that follow can "
		  "hold" },
		{ "\x93\x01\xa2x", 4, "byte 2: a string of 2 bytes, but only 1 follow" },
		{ "\x92\x01\xc1", 3, "byte 2: 0xc1 is no msgpack format" },
		{ "\x92\x01\xdb\0\0", 5, "byte 2: the message ends within an object" },
		{ "\x81\x01\xcb\0\0\0", 6, "byte 2: a float of 8 bytes, but only 3 follow" },
		{ "\x01\x02", 2, "byte 1: 1 bytes follow the object" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct ksnap_err err;

		assert_int_equal(scan_whole(rows[i].bytes, rows[i].len, &err), KSNAP_E_PROTO);
		assert_string_equal(err.text, rows[i].text);
	}
}

static void depth_ends_at_the_limit(void **state)
{
	char data[SCAN_DEPTH + 2];
	struct ksnap_err err;
	size_t used;

	memset(data, 0x91, sizeof(data));
	data[SCAN_DEPTH] = (char)0xc0;
	assert_int_equal(scan_object(data, SCAN_DEPTH + 1, &used, NULL), 0);
	assert_int_equal(used, SCAN_DEPTH + 1);
	data[SCAN_DEPTH] = (char)0x90; /* an empty list is a level, too */
	assert_int_equal(scan_object(data, SCAN_DEPTH + 1, &used, &err), KSNAP_E_PROTO);
	assert_string_equal(
		err.text,
		"byte 32: nested deeper than 32 (limit MAX_DEPTH 32, part of the protocol)");
}

static void width_has_no_limit(void **state)
{
	enum { N = 100000 };
	char *data = calloc(1, N + 5);
	size_t used;

	memcpy(data, "\xdd\x00\x01\x86\xa0", 5);
	assert_int_equal(scan_object(data, N + 5, &used, NULL), 0);
	assert_int_equal(used, N + 5);
	assert_int_equal(scan_object(data, N + 4, &used, NULL), KSNAP_E_PROTO);
	free(data);
}

static void object_ends_where_the_next_begins(void **state)
{
	size_t used;

	assert_int_equal(scan_object("\x82\xa1"
				     "a\x01\xa1"
				     "b\x90\xc0\xc0",
				     9, &used, NULL),
			 0);
	assert_int_equal(used, 7);
	assert_int_equal(scan_object("\x80\xc1", 2, &used, NULL), 0);
	assert_int_equal(used, 1);
}

/* Whatever the scan lets through, msgpack-c must take, with the same length. */
static void random_input_agrees_with_the_library(void **state)
{
	static const uint8_t likely[] = { 0x80, 0x81, 0x82, 0x90, 0x91, 0x93, 0xa1,
					  0xc0, 0xc4, 0xc7, 0xca, 0xcc, 0xd0, 0xd4,
					  0xd9, 0xdc, 0xde, 0x00, 0x01, 0x02, 0xff };
	unsigned seed = 1, sound = 0;

	for (unsigned round = 0; round < 200000; round++) {
		size_t len = 1 + (unsigned)rand_r(&seed) % 24, used, library = 0;
		uint8_t *data = malloc(len);
		msgpack_unpacked u;

		for (size_t i = 0; i < len; i++)
			data[i] = likely[(unsigned)rand_r(&seed) % sizeof(likely)];
		if (!scan_object(data, len, &used, NULL)) {
			msgpack_unpacked_init(&u);
			assert_true(used <= len);
			assert_int_equal(msgpack_unpack_next(&u, (char *)data, len, &library),
					 MSGPACK_UNPACK_SUCCESS);
			assert_int_equal(library, used);
			msgpack_unpacked_destroy(&u);
			sound++;
		}
		free(data);
	}
	assert_true(sound > 10000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_no_object),
		cmocka_unit_test(offsets_name_the_place),
		cmocka_unit_test(depth_ends_at_the_limit),
		cmocka_unit_test(width_has_no_limit),
		cmocka_unit_test(object_ends_where_the_next_begins),
		cmocka_unit_test(every_short_input_agrees_with_the_library),
		cmocka_unit_test(random_input_agrees_with_the_library),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
