// SPDX-License-Identifier: MIT
/* kernel_symbol_test.c - addresses by name out of a kallsyms file of our own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "capture/live/kernel_symbol.h"

static const char functions_only[] = "ffffffff81000000 T _stext\n"
				     "ffffffff81000100 t schedule\n"
				     "ffffffff81000200 t again\n"
				     "ffffffff81000300 t again\t[module]\n"
				     "ffffffff82400000 R __start_rodata\n";
static const char with_data[] = "ffffffff81000000 T _stext\nffffffff83000000 D jiffies_64\n";
static const char hidden[] = "0000000000000000 T _stext\n0000000000000000 D jiffies_64\n";

static int find(const char *text, const char *name, uint64_t *ret, struct ksnap_err *err)
{
	char path[] = "/tmp/kernel_symbol_test.XXXXXX";
	int fd = mkstemp(path), code;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
	code = kernel_symbol_find(path, name, ret, err);
	unlink(path);
	return code;
}

static void misses_say_what_the_file_lists(void **state)
{
	struct ksnap_err err;
	uint64_t addr;

	assert_int_equal(kernel_symbol_find("/nonexistent", "x", &addr, &err), KSNAP_E_TARGET);
	assert_int_equal(find(functions_only, "jiffies_64", &addr, &err), KSNAP_E_NOTFOUND);
	assert_non_null(strstr(err.text, "CONFIG_KALLSYMS_ALL"));
	assert_int_equal(find(with_data, "jiffies", &addr, &err), KSNAP_E_NOTFOUND);
	assert_null(strstr(err.text, "CONFIG_KALLSYMS_ALL"));
	assert_int_equal(find(hidden, "jiffies_64", &addr, &err), KSNAP_E_TARGET);
	assert_non_null(strstr(err.text, "kptr_restrict"));
	assert_int_equal(find("no line at all\n\n \n", "no", &addr, &err), KSNAP_E_NOTFOUND);
}

static void names_are_found_whole(void **state)
{
	struct ksnap_err err;
	uint64_t addr;

	assert_int_equal(find(with_data, "jiffies_64", &addr, &err), 0);
	assert_true(addr == 0xffffffff83000000);
	assert_int_equal(find(functions_only, "schedule", &addr, &err), 0);
	assert_true(addr == 0xffffffff81000100);
}

static void two_of_a_name_are_listed(void **state)
{
	struct ksnap_err err;
	uint64_t addr;

	assert_int_equal(find(functions_only, "again", &addr, &err), KSNAP_E_ARG);
	assert_non_null(strstr(err.text, "0xffffffff81000200, 0xffffffff81000300"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(misses_say_what_the_file_lists),
		cmocka_unit_test(names_are_found_whole),
		cmocka_unit_test(two_of_a_name_are_listed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
