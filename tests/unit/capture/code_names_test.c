// SPDX-License-Identifier: MIT
/* code_names_test.c - modules come and go between two questions, in files of our own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "capture/live/code_names.h"

#define AT 0xffffffffc0000010

static char base[64], kallsyms[96], modules[96], folders[96];
static const struct code_files files = { kallsyms, modules, folders };

static void write_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

static void folder_of(char path[128], const char *module)
{
	snprintf(path, 128, "%s/%s", folders, module);
}

/* The folder is kept elsewhere, so that its number is not used again. */
static void unload(const char *module)
{
	char path[128], kept[96];

	folder_of(path, module);
	snprintf(kept, sizeof(kept), "%s/gone.XXXXXX", base);
	assert_non_null(mkdtemp(kept));
	assert_int_equal(rename(path, kept), 0);
}

/* @module is all that there is now; @symbol is its function. */
static void load(const char *module, const char *symbol)
{
	char path[128], text[256];

	folder_of(path, module);
	assert_int_equal(mkdir(path, 0755), 0);
	snprintf(text, sizeof(text), "ffffffff81000000 T core\nffffffffc0000000 t %s\t[%s]\n",
		 symbol, module);
	write_file(kallsyms, text);
	snprintf(text, sizeof(text), "%s 4096 0 - Live 0xffffffffc0000000\n", module);
	write_file(modules, text);
}

/* None while kallsyms is left alone after a reading, but never the one of before. */
static const char *ask(struct code_names *n, const char *was)
{
	const char *name;
	uint64_t off;

	do {
		name = code_names_find(n, AT, clock_mono_ns(), &off);
		assert_false(name && !strcmp(name, was));
	} while (!name);
	assert_int_equal(off, 0x10);
	return name;
}

static void a_module_in_the_place_of_another(void **state)
{
	struct code_names n = { .files = &files };

	load("first", "one");
	assert_int_equal(code_names_need(&n, NULL), 0);
	assert_string_equal(ask(&n, ""), "one [first]");
	unload("first");
	load("second", "two");
	assert_string_equal(ask(&n, "one [first]"), "two [second]");
	unload("second");
	code_names_fini(&n);
}

static void a_module_that_is_loaded_again(void **state)
{
	struct code_names n = { .files = &files };

	load("first", "one");
	assert_int_equal(code_names_need(&n, NULL), 0);
	assert_string_equal(ask(&n, ""), "one [first]");
	unload("first");
	load("first", "other");
	assert_string_equal(ask(&n, "one [first]"), "other [first]");
	unload("first");
	code_names_fini(&n);
}

static void a_module_that_went_has_no_name(void **state)
{
	struct code_names n = { .files = &files };
	uint64_t off;

	load("first", "one");
	assert_int_equal(code_names_need(&n, NULL), 0);
	unload("first");
	load("second", "two");
	write_file(kallsyms, "ffffffff81000000 T core\n");
	for (unsigned i = 0; i < 1000; i++)
		assert_null(code_names_find(&n, AT, clock_mono_ns(), &off));
	assert_string_equal(code_names_find(&n, 0xffffffff81000004, clock_mono_ns(), &off), "core");
	unload("second");
	code_names_fini(&n);
}

/* Of trampolines only links tell; another process may make one between the two calls. */
static void what_has_no_folder_stays(void **state)
{
	static const char *const made[] = { "bpf_trampoline_6442\t[bpf]",
					    "probe\t[__builtin__kprobes]" };
	const char *name;
	char text[128];
	uint64_t off;

	for (size_t i = 0; i < 2; i++) {
		struct code_names n = { .files = &files };

		snprintf(text, sizeof(text), "ffffffffc0000000 t %s\n", made[i]);
		write_file(kallsyms, text);
		name = NULL;
		for (unsigned tries = 0; tries < 100 && !name; tries++) {
			assert_int_equal(code_names_read(&n, NULL), 0);
			name = code_names_find(&n, AT, clock_mono_ns(), &off);
		}
		assert_non_null(name);
		code_names_fini(&n);
	}
}

static int set_up(void **state)
{
	snprintf(base, sizeof(base), "/tmp/code_names_test.XXXXXX");
	if (!mkdtemp(base))
		return -1;
	snprintf(kallsyms, sizeof(kallsyms), "%s/kallsyms", base);
	snprintf(modules, sizeof(modules), "%s/modules", base);
	snprintf(folders, sizeof(folders), "%s/module", base);
	return mkdir(folders, 0755);
}

static int tear_down(void **state)
{
	char command[96];

	snprintf(command, sizeof(command), "rm -r %s", base);
	return system(command);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_module_in_the_place_of_another),
		cmocka_unit_test(a_module_that_is_loaded_again),
		cmocka_unit_test(a_module_that_went_has_no_name),
		cmocka_unit_test(what_has_no_folder_stays),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
