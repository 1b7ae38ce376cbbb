// SPDX-License-Identifier: MIT
/* ksyms_test.c - names of kernel addresses out of a kallsyms file of our own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "capture/live/ksyms.h"

#define NO_MODULES "/nonexistent/modules"

static void write_file(char path[64], const char *text)
{
	int fd;

	snprintf(path, 64, "/tmp/ksyms_test.XXXXXX");
	fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

static int load_both(struct ksyms *k, const char *text, const char *modules, struct ksnap_err *err)
{
	char path[64], beside[64];
	int ret;

	write_file(path, text);
	write_file(beside, modules);
	ret = ksyms_load(k, path, beside, err);
	unlink(path);
	unlink(beside);
	return ret;
}

static int load(struct ksyms *k, const char *text, struct ksnap_err *err)
{
	return load_both(k, text, "", err);
}

static void a_file_that_is_not_there_is_an_error(void **state)
{
	struct ksyms k = { 0 };
	struct ksnap_err err;
	uint64_t off;

	assert_int_equal(ksyms_load(&k, "/nonexistent/kallsyms", NO_MODULES, &err), KSNAP_E_TARGET);
	assert_non_null(strstr(err.text, "/nonexistent/kallsyms"));
	assert_null(ksyms_find(&k, 1, &off));
	ksyms_fini(&k);
}

static void hidden_addresses_are_told(void **state)
{
	struct ksyms k = { 0 };
	struct ksnap_err err;

	assert_int_equal(load(&k, "0000000000000000 T one\n0000000000000000 t two\n", &err),
			 KSNAP_E_TARGET);
	assert_non_null(strstr(err.text, "kptr_restrict"));
	ksyms_fini(&k);
}

static void lines_that_are_none_are_passed_over(void **state)
{
	struct ksyms k = { 0 };
	uint64_t off;

	assert_int_equal(load(&k, "\nwords\n10\n10 \n10 T\n10 TT x\n10 d data\n20 t here", NULL),
			 0);
	assert_null(ksyms_find(&k, 0x1f, &off));
	assert_string_equal(ksyms_find(&k, 0x20, &off), "here");
	assert_int_equal(off, 0);
	ksyms_fini(&k);
}

static void an_address_is_in_the_function_before_it(void **state)
{
	struct ksyms k = { 0 };
	uint64_t off;

	assert_int_equal(load(&k,
			      "ffffffffc0000000 t late\t[mod]\n"
			      "ffffffff81000000 T first\n"
			      "ffffffff81000040 W second\n",
			      NULL),
			 0);
	assert_null(ksyms_find(&k, 0xffffffff80ffffff, &off));
	assert_string_equal(ksyms_find(&k, 0xffffffff8100003f, &off), "first");
	assert_int_equal(off, 0x3f);
	assert_string_equal(ksyms_find(&k, 0xffffffff81000041, &off), "second");
	assert_int_equal(off, 1);
	assert_string_equal(ksyms_find(&k, 0xffffffffc0000000, &off), "late [mod]");
	assert_null(ksyms_find(&k, 0xffffffff81000040 + KSYM_FAR + 1, &off));
	ksyms_fini(&k);
}

/* What lies behind a module is not of its last function. */
static void a_module_ends_where_it_says(void **state)
{
	struct ksyms k = { 0 };
	uint64_t off;

	assert_int_equal(load_both(&k,
				   "ffffffffc0000000 t first\t[mod]\n"
				   "ffffffffc0000040 t last\t[mod]\n"
				   "ffffffffc0900000 t other\t[nod]\n",
				   "mod 12288 1 nod, Live 0xffffffffc0000000\n"
				   "nod 4096 0 - Live 0xffffffffc0900000 (OE)\n"
				   "words\n",
				   NULL),
			 0);
	assert_string_equal(ksyms_find(&k, 0xffffffffc000003f, &off), "first [mod]");
	assert_string_equal(ksyms_find(&k, 0xffffffffc0002fff, &off), "last [mod]");
	assert_int_equal(off, 0x2fbf);
	assert_null(ksyms_find(&k, 0xffffffffc0003000, &off));
	assert_string_equal(ksyms_find(&k, 0xffffffffc0900fff, &off), "other [nod]");
	assert_null(ksyms_find(&k, 0xffffffffc0901000, &off));
	ksyms_fini(&k);
}

/* Programs tell themselves where they are; trampolines do not, and are short. */
static void bpf_programs_are_left_out(void **state)
{
	struct ksyms k = { 0 };
	uint64_t off;

	assert_int_equal(load(&k,
			      "ffffffff81000000 T bpf_prog_alloc\n"
			      "ffffffffc0000000 t bpf_trampoline_6442\t[bpf]\n"
			      "ffffffffc0000800 t bpf_prog_26a837a97f95de22_on_enter\t[bpf]\n",
			      NULL),
			 0);
	assert_string_equal(ksyms_find(&k, 0xffffffff81000004, &off), "bpf_prog_alloc");
	assert_string_equal(ksyms_find(&k, 0xffffffffc0000800, &off), "bpf_trampoline_6442 [bpf]");
	assert_null(ksyms_find(&k, 0xffffffffc0000000 + KSYM_PAGE, &off));
	ksyms_fini(&k);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_file_that_is_not_there_is_an_error),
		cmocka_unit_test(hidden_addresses_are_told),
		cmocka_unit_test(lines_that_are_none_are_passed_over),
		cmocka_unit_test(an_address_is_in_the_function_before_it),
		cmocka_unit_test(a_module_ends_where_it_says),
		cmocka_unit_test(bpf_programs_are_left_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
