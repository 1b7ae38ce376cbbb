// SPDX-License-Identifier: MIT
/* keys_test.c - the file of authorised keys: what is wrong is refused with its line, what is right
 * is found, and what was taken out is noticed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "broker/keys.h"
#include "wire/shapes.h"

static char path[] = "/tmp/ksnap-keys-XXXXXX";
static struct curve_pair a, b;

static int make(void **state)
{
	int fd = mkstemp(path);

	if (fd < 0 || curve_make(&a, NULL) || curve_make(&b, NULL))
		return -1;
	close(fd);
	return 0;
}

static int removed(void **state)
{
	return unlink(path);
}

/* The file holds @fmt, in which %s is a's key, then b's. */
static struct keys *load(const char *fmt, struct ksnap_err *err)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	fprintf(f, fmt, a.public_key, b.public_key);
	fclose(f);
	return keys_load(path, err);
}

static void test_wrong_lines(void **state)
{
	static const struct {
		const char *text, *why;
	} cases[] = {
		{ "%s\n", ":1: a line is KEY ROLE" },
		{ "%s admin\n", ":1: a line is KEY ROLE" },
		{ "%s admin two names\n", ":1: a line is KEY ROLE" },
		{ "%s boss him\n", ":1: no role is called 'boss'" },
		{ "%s admin, him\n", ":1: no role is called ''" },
		{ "%s admin,,watch him\n", ":1: no role is called ''" },
		{ "%s Admin him\n", ":1: no role is called 'Admin'" },
		{ "# two lines\n\n%s admin good\nshort admin him\n", ":4: it does not begin" },
		{ "%s admin a\n%s admin b\x01\n", ":2: " },
		{ "%s admin \xff\n", ":1: " },
		{ "#%s admin him\n", ":1: it does not begin" },
	};
	struct ksnap_err err;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_null(load(cases[i].text, &err));
		assert_int_equal(err.code, KSNAP_E_ARG);
		assert_non_null(strstr(err.text, cases[i].why));
	}
}

static void test_double_key(void **state)
{
	struct ksnap_err err;
	struct curve_pair kept = b;

	b = a;
	assert_null(load("%s admin one\n%s observe two\n", &err));
	b = kept;
	assert_non_null(strstr(err.text, "twice"));
}

static void test_wrong_files(void **state)
{
	struct ksnap_err err;

	assert_null(keys_load("/nowhere/at/all", &err));
	assert_int_equal(err.code, KSNAP_E_ARG);
	assert_null(keys_load("/tmp", &err));
	keys_free(load("%s admin him\n", &err));
	assert_int_equal(chmod(path, 0620), 0);
	assert_null(keys_load(path, &err));
	assert_int_equal(err.code, KSNAP_E_DENIED);
	assert_int_equal(chmod(path, 0600), 0);
}

static void test_roles(void **state)
{
	struct ksnap_err err;
	struct keys *k = load("# people\n\n%s observe,watch,capture alice\r\n%s worker far", &err);
	const struct key_row *row;

	assert_non_null(k);
	assert_int_equal(keys_count(k), 2);
	row = keys_find(k, a.public_key);
	assert_string_equal(row->name, "alice");
	assert_int_equal(row->right, RIGHT_WATCH);
	assert_false(row->worker);
	row = keys_find(k, b.public_key);
	assert_int_equal(row->right, -1);
	assert_true(row->worker);
	assert_null(keys_find(k, a.secret_key));
	assert_null(keys_find(k, ""));
	assert_null(keys_find(k, "local"));
	assert_null(keys_find(NULL, a.public_key));
	keys_free(k);
}

static void test_lost_rights(void **state)
{
	struct keys *both = load("%s admin a\n%s observe b\n", NULL);
	struct keys *lower = load("%s observe a\n%s admin,worker b\n", NULL);
	struct keys *one = load("%s admin a\n", NULL);
	struct keys *worker = load("%s worker a\n%s observe b\n", NULL);

	assert_false(keys_lost_rights(both, both));
	assert_false(keys_lost_rights(both, lower));
	assert_false(keys_lost_rights(one, both));
	assert_true(keys_lost_rights(both, one));
	assert_true(keys_lost_rights(both, worker));
	keys_free(both);
	keys_free(lower);
	keys_free(one);
	keys_free(worker);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_wrong_lines), cmocka_unit_test(test_double_key),
		cmocka_unit_test(test_wrong_files), cmocka_unit_test(test_roles),
		cmocka_unit_test(test_lost_rights),
	};

	return cmocka_run_group_tests(tests, make, removed);
}
