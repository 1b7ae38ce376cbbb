// SPDX-License-Identifier: MIT
/* params_test.c - parameters as bytes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "cli/params.h"

static void assert_bytes(const struct params *p, const char *bytes, size_t len)
{
	assert_true(params_ok(p));
	assert_int_equal(p->buf.len, len);
	assert_memory_equal(p->buf.data, bytes, len);
}

#define ASSERT_BYTES(p, bytes) assert_bytes(p, bytes, sizeof(bytes) - 1)

static void what_is_absent_is_left_out(void **state)
{
	static const char *const none[] = { NULL };
	struct params p;

	params_init(&p);
	ASSERT_BYTES(&p, "\x80");
	params_str(&p, "a", NULL);
	params_list(&p, "b", NULL);
	params_list(&p, "c", none);
	ASSERT_BYTES(&p, "\x80");
	params_fini(&p);
}

static void each_kind_is_encoded(void **state)
{
	static const char *const two[] = { "x", "", NULL };
	struct params p;

	params_init(&p);
	params_str(&p, "s", "");
	params_uint(&p, "u", 65535);
	params_bool(&p, "t", true);
	params_bool(&p, "f", false);
	params_list(&p, "l", two);
	ASSERT_BYTES(&p, "\x85\xa1s\xa0\xa1u\xcd\xff\xff\xa1t\xc3\xa1"
			 "f\xc2\xa1l\x92\xa1x\xa0");
	params_fini(&p);
}

static void fifteen_keys_fit(void **state)
{
	struct params p;

	params_init(&p);
	for (unsigned i = 0; i < PARAMS_MAX; i++)
		params_bool(&p, "k", true);
	assert_int_equal(p.buf.data[0], 0x8f);
	assert_int_equal(p.buf.len, 1 + 3 * PARAMS_MAX);
	params_fini(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_absent_is_left_out),
		cmocka_unit_test(each_kind_is_encoded),
		cmocka_unit_test(fifteen_keys_fit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
