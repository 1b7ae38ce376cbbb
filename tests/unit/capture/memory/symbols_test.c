// SPDX-License-Identifier: MIT
/* symbols_test.c - texts of symbols, and looking up in them. */
#include "machine.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static char path[64];

static int read_text(struct symbols *s, const char *text, struct ksnap_err *err)
{
	FILE *f = fopen(path, "we");
	int ret;

	assert_non_null(f);
	fputs(text, f);
	assert_int_equal(fclose(f), 0);
	ret = symbols_read_text(s, path, err);
	return ret ? ret : symbols_seal(s, err);
}

static void expect(const char *text, const char *says)
{
	struct symbols s = { 0 };
	struct ksnap_err err = { 0 };

	assert_int_equal(read_text(&s, text, &err), KSNAP_E_TARGET);
	assert_non_null(strstr(err.text, says));
	symbols_fini(&s);
}

static void refuses_other_texts(void **state)
{
	struct symbols s = { 0 };

	expect("", "is empty");
	expect("hello\n", "line 1");
	expect("ffffffff81000000 T _stext\n\n", "line 2");
	expect("ffffffff81000000 T\n", "line 1");
	expect("0000000000000000 T _stext\n0000000000000000 D x\n", "kptr_restrict");
	unlink(path);
	assert_int_equal(symbols_read_text(&s, path, NULL), KSNAP_E_TARGET);
	symbols_fini(&s);
}

static void finds_by_name(void **state)
{
	struct symbols s = { 0 };
	uint64_t addr;

	assert_int_equal(read_text(&s,
				   "ffffffff81000300 t twice\nffffffff81000000 T _stext\r\n"
				   "ffffffff81000100 t twice\nffffffffc0000000 t other\t[mod]\n"
				   "00000000000001c0 A cpu\n",
				   NULL),
			 0);
	assert_int_equal(symbols_find(&s, "_stext", &addr), 1);
	assert_int_equal(addr, 0xffffffff81000000);
	assert_int_equal(symbols_find(&s, "twice", &addr), 2);
	assert_int_equal(addr, 0xffffffff81000100);
	assert_int_equal(symbols_find(&s, "twic", &addr), 0);
	assert_int_equal(symbols_find(&s, "other", &addr), 0); /* a module's */
	symbols_slide(&s, 0x1000);
	assert_int_equal(symbols_find(&s, "_stext", &addr), 1);
	assert_int_equal(addr, 0xffffffff81001000);
	assert_int_equal(symbols_find(&s, "cpu", &addr), 1);
	assert_int_equal(addr, 0x1c0);
	symbols_fini(&s);
}

static void finds_by_address(void **state)
{
	struct symbols s = { 0 };
	uint64_t off;

	assert_int_equal(read_text(&s, "ffffffff81000100 t b\nffffffff81000000 T a\n", NULL), 0);
	assert_null(symbols_at(&s, 0xffffffff80ffffff, &off));
	assert_string_equal(symbols_at(&s, 0xffffffff810000ff, &off), "a");
	assert_int_equal(off, 0xff);
	assert_string_equal(symbols_at(&s, 0xffffffff81000100, &off), "b");
	assert_int_equal(off, 0);
	assert_null(symbols_at(&s, UINT64_MAX, &off));
	symbols_fini(&s);
}

static void is_empty_at_first(void **state)
{
	struct symbols s = { 0 };
	uint64_t v;

	assert_int_equal(symbols_seal(&s, NULL), 0);
	assert_int_equal(symbols_find(&s, "a", &v), 0);
	assert_null(symbols_at(&s, 1, &v));
	symbols_fini(&s);
}

static int remove_file(void **state)
{
	unlink(path);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_other_texts),
		cmocka_unit_test(is_empty_at_first),
		cmocka_unit_test(finds_by_name),
		cmocka_unit_test(finds_by_address),
	};

	machine_file(path, sizeof(path), "syms");
	return cmocka_run_group_tests(tests, NULL, remove_file);
}
