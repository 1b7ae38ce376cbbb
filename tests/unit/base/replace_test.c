// SPDX-License-Identifier: MIT
/* replace_test.c - a file is replaced whole or not at all, and nothing is left beside it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/replace.h"

static char folder[64];

static const char *in_folder(const char *name)
{
	static char path[128];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return path;
}

/* Names in the folder but "." and "..". */
static unsigned count_names(void)
{
	DIR *d = opendir(folder);
	unsigned n = 0;

	assert_non_null(d);
	while (readdir(d))
		n++;
	closedir(d);
	return n - 2;
}

static void put_file(const char *name, const char *text)
{
	FILE *f = fopen(in_folder(name), "we");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static void expect_text(const char *name, const char *want)
{
	char got[64] = "";
	FILE *f = fopen(in_folder(name), "re");

	assert_non_null(f);
	got[fread(got, 1, sizeof(got) - 1, f)] = '\0';
	fclose(f);
	assert_string_equal(got, want);
}

static mode_t mode_of(const char *name)
{
	struct stat st;

	assert_int_equal(lstat(in_folder(name), &st), 0);
	return st.st_mode;
}

static void refused(const char *path, int code, const char *text)
{
	struct replacement r = REPLACEMENT_INIT;
	struct ksnap_err err = { 0 };

	assert_int_equal(replace_begin(&r, path, &err), code);
	if (!strstr(err.text, text))
		fail_msg("'%s' does not say '%s'", err.text, text);
	assert_int_equal(r.fd, -1);
	assert_int_equal(count_names(), 0);
}

static void places_that_take_no_file(void **state)
{
	refused(in_folder("none/x"), KSNAP_E_NOTFOUND, "none: No such file");
	refused("", KSNAP_E_NOTFOUND, "names no file");
	refused(folder, KSNAP_E_ARG, "is a folder, not a file");
	refused("/dev/null", KSNAP_E_ARG, "is a device");
	assert_int_equal(symlink("nowhere", in_folder("dangling")), 0);
	assert_int_equal(replace_begin(&REPLACEMENT_INIT, in_folder("dangling"), NULL),
			 KSNAP_E_NOTFOUND);
	unlink(in_folder("dangling"));
}

static void a_new_file_is_its_owners(void **state)
{
	struct replacement r;

	assert_int_equal(replace_begin(&r, in_folder("new"), NULL), 0);
	assert_int_equal(access(in_folder("new"), F_OK), -1);
	assert_int_equal(replace_write(&r, "one ", 4, NULL), 0);
	assert_int_equal(replace_write(&r, "two", 3, NULL), 0);
	assert_int_equal(r.written, 7);
	assert_int_equal(replace_commit(&r, NULL), 0);
	replace_abandon(&r);
	expect_text("new", "one two");
	assert_int_equal(mode_of("new") & 0777, 0600);
	assert_int_equal(count_names(), 1);
}

static void the_old_one_stays_until_the_end(void **state)
{
	struct replacement r;

	put_file("old", "old");
	chmod(in_folder("old"), 0640);
	assert_int_equal(replace_begin(&r, in_folder("old"), NULL), 0);
	assert_int_equal(replace_write(&r, "new", 3, NULL), 0);
	expect_text("old", "old");
	replace_abandon(&r);
	expect_text("old", "old");
	assert_int_equal(count_names(), 1);
	assert_int_equal(replace_begin(&r, in_folder("old"), NULL), 0);
	assert_int_equal(replace_write(&r, "new", 3, NULL), 0);
	assert_int_equal(replace_commit(&r, NULL), 0);
	expect_text("old", "new");
	assert_int_equal(mode_of("old") & 0777, 0640);
	assert_int_equal(count_names(), 1);
}

static void links_stay_links(void **state)
{
	struct replacement r;

	put_file("target", "old");
	assert_int_equal(symlink("target", in_folder("link")), 0);
	assert_int_equal(replace_begin(&r, in_folder("link"), NULL), 0);
	assert_int_equal(replace_write(&r, "new", 3, NULL), 0);
	assert_int_equal(replace_commit(&r, NULL), 0);
	assert_true(S_ISLNK(mode_of("link")));
	expect_text("target", "new");
	assert_int_equal(count_names(), 2);
}

static void a_full_disk_leaves_nothing(void **state)
{
	struct rlimit old, small = { 4096, RLIM_INFINITY };
	struct ksnap_err err = { 0 };
	static char block[3000];
	struct replacement r;

	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	small.rlim_max = old.rlim_max;
	put_file("full", "old");
	assert_int_equal(replace_begin(&r, in_folder("full"), NULL), 0);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	assert_int_equal(replace_write(&r, block, sizeof(block), NULL), 0);
	assert_int_equal(replace_write(&r, block, sizeof(block), &err), KSNAP_E_TARGET);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	assert_non_null(strstr(err.text, "full: File too large"));
	replace_abandon(&r);
	expect_text("full", "old");
	assert_int_equal(count_names(), 1);
}

static void a_target_that_became_a_folder(void **state)
{
	struct ksnap_err err = { 0 };
	struct replacement r;

	assert_int_equal(replace_begin(&r, in_folder("soon"), NULL), 0);
	assert_int_equal(mkdir(in_folder("soon"), 0700), 0);
	assert_int_equal(replace_commit(&r, &err), KSNAP_E_TARGET);
	assert_non_null(strstr(err.text, "soon: Is a directory"));
	assert_int_equal(count_names(), 1);
	rmdir(in_folder("soon"));
}

static int make_folder(void **state)
{
	strcpy(folder, "/tmp/ksnap-replace.XXXXXX");
	return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
	static const char *const names[] = { "new", "old", "target", "link", "full" };

	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		unlink(in_folder(names[i]));
	return rmdir(folder);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, make_folder, remove_folder)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(places_that_take_no_file),        TEST(a_new_file_is_its_owners),
		TEST(the_old_one_stays_until_the_end), TEST(links_stay_links),
		TEST(a_full_disk_leaves_nothing),      TEST(a_target_that_became_a_folder),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
