// SPDX-License-Identifier: MIT
/* head_test.c - the first keys of reports, of things that are none, and of every cut. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "sample.h"
#include "wire/report_head.h"

#define S    "\xa6schema\xae" REPORT_SCHEMA
#define HOLD "\xabplaceholder"
#define DONE   \
	"\xa8" \
	"complete"

// clang-format off
static const struct row {
	const char *bytes;
	size_t len;
	const char *refused; /* part of the error's text, or NULL */
	bool placeholder, complete;
	const char *schema;
} rows[] = {
#define ROW(bytes, ...) { bytes, sizeof(bytes) - 1, __VA_ARGS__ }
	ROW("", "no bytes", 0, 0, NULL),
	ROW("\xc0", "begins no map", 0, 0, NULL),
	ROW("\x93" S, "begins no map", 0, 0, NULL),
	ROW("\xde\x00", "begins no map", 0, 0, NULL),
	ROW("\x80", "first key", 0, 0, NULL),
	ROW("\x83\xa6schemb\xa1x" HOLD "\xc2" DONE "\xc3", "first key", 0, 0, NULL),
	ROW("\x83\xa6schema\x01" HOLD "\xc2" DONE "\xc3", "first key", 0, 0, NULL),
	ROW("\x83\xa6schema\xa0" HOLD "\xc2" DONE "\xc3", "1 to 63", 0, 0, NULL),
	ROW("\x83\xa6schema\xa2x\n" HOLD "\xc2" DONE "\xc3", "1 to 63", 0, 0, NULL),
	ROW("\x83\xa6schema\xd9\x40xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
	    HOLD "\xc2" DONE "\xc3", "1 to 63", 0, 0, NULL),
	ROW("\x83" S DONE "\xc3" HOLD "\xc2", "second key", 0, 0, NULL),
	ROW("\x83" S HOLD "\x01" DONE "\xc3", "second key", 0, 0, NULL),
	ROW("\x83" S HOLD "\xc2" HOLD "\xc2", "third key", 0, 0, NULL),
	ROW("\x83" S HOLD "\xc2" DONE "\xc0", "third key", 0, 0, NULL),
	ROW("\x83" S HOLD "\xc2" DONE "\xc3", NULL, false, true, REPORT_SCHEMA),
	ROW("\xde\x00\x0e" S HOLD "\xc3" DONE "\xc2", NULL, true, false, REPORT_SCHEMA),
	ROW("\xdf\x00\x00\x00\x0e" S HOLD "\xc2" DONE "\xc2", NULL, false, false, REPORT_SCHEMA),
	ROW("\x83\xda\x00\x06schema\xdb\x00\x00\x00\x05other" HOLD "\xc2" DONE "\xc3", NULL, false, true,
	    "other"),
};
// clang-format on

static void reads_or_refuses(void **state)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct report_head head = { .schema = "kept" };
		struct ksnap_err err = { 0 };
		int rc = report_head_read(rows[i].bytes, rows[i].len, &head, &err);

		if (rows[i].refused) {
			assert_int_equal(rc, KSNAP_E_ARG);
			assert_string_equal(head.schema, "kept");
			if (!strstr(err.text, rows[i].refused))
				fail_msg("row %zu: %s", i, err.text);
			continue;
		}
		assert_int_equal(rc, 0);
		assert_string_equal(head.schema, rows[i].schema);
		assert_int_equal(head.placeholder, rows[i].placeholder);
		assert_int_equal(head.complete, rows[i].complete);
	}
}

/* Every beginning of a head is refused, and nothing behind the given bytes is read: the copy ends
 * where its memory ends. */
static void refuses_every_cut(void **state)
{
	static const char whole[] = "\xde\x00\x0e" S HOLD "\xc2" DONE "\xc3";

	for (size_t len = 0; len < sizeof(whole) - 1; len++) {
		struct report_head head;
		char *cut = malloc(len + !len);

		assert_non_null(cut);
		memcpy(cut, whole, len);
		assert_int_equal(report_head_read(cut, len, &head, NULL), KSNAP_E_ARG);
		free(cut);
	}
}

static void reads_what_builders_write(void **state)
{
	struct ksnap_blob *blob = sample_report();
	struct report_head head;

	assert_int_equal(report_head_read(ksnap_blob_data(blob), REPORT_HEAD_MAX, &head, NULL), 0);
	assert_string_equal(head.schema, REPORT_SCHEMA);
	assert_false(head.placeholder);
	assert_false(head.complete);
	ksnap_blob_unref(blob);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_or_refuses),
		cmocka_unit_test(refuses_every_cut),
		cmocka_unit_test(reads_what_builders_write),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
