// SPDX-License-Identifier: MIT
/* curve_test.c - keys and their files: what is not a key, or not secret, is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "wire/curve.h"

static char path[] = "/tmp/ksnap-key-XXXXXX";

static int make(void **state)
{
	int fd = mkstemp(path);

	if (fd < 0)
		return -1;
	close(fd);
	return 0;
}

static int removed(void **state)
{
	return unlink(path);
}

static void write_key(const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static void test_no_key(void **state)
{
	static const char *const texts[] = {
		"",
		"secret",
		"secret ",
		"secret short\n",
		"public 0123456789012345678901234567890123456789\n",
		"secret 012345678901234567890123456789012345678\"\n",
		"secret 01234567890123456789012345678901234567890\n",
		"# secret 0123456789012345678901234567890123456789\n"
	};
	struct curve_pair pair;
	struct ksnap_err err;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		write_key(texts[i]);
		assert_int_equal(curve_read(path, &pair, &err), KSNAP_E_ARG);
		assert_null(strstr(err.text, "0123456789"));
	}
	assert_int_equal(curve_read("/nowhere", &pair, &err), KSNAP_E_ARG);
	assert_int_equal(curve_read("/dev/null", &pair, &err), KSNAP_E_ARG);
}

static void test_not_secret(void **state)
{
	static const mode_t modes[] = { 0640, 0604, 0620, 0666 };
	struct curve_pair pair;
	struct ksnap_err err;

	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		assert_int_equal(chmod(path, modes[i]), 0);
		assert_int_equal(curve_read(path, &pair, &err), KSNAP_E_DENIED);
	}
	assert_int_equal(chmod(path, 0600), 0);
}

/* The public half is what belongs to the secret one, whatever the file says. */
static void test_read(void **state)
{
	struct curve_pair pair, got;
	char text[256];

	assert_int_equal(curve_make(&pair, NULL), 0);
	assert_true(curve_is_key(pair.public_key, strlen(pair.public_key)));
	snprintf(text, sizeof(text), "# x\npublic %s\nsecret %s\n", pair.secret_key,
		 pair.secret_key);
	write_key(text);
	assert_int_equal(curve_read(path, &got, NULL), 0);
	assert_string_equal(got.public_key, pair.public_key);
	assert_string_equal(got.secret_key, pair.secret_key);
	curve_pair_clear(&got);
	assert_int_equal(got.secret_key[0], 0);
}

static void test_link(void **state)
{
	struct curve_link link;
	struct curve_pair server;
	struct ksnap_err err;

	assert_int_equal(curve_make(&server, NULL), 0);
	assert_int_equal(curve_link_make(NULL, "", &link, NULL), 0);
	assert_int_equal(link.server[0], 0);
	assert_int_equal(curve_link_make(server.public_key, NULL, &link, &err), KSNAP_E_ARG);
	assert_int_equal(curve_link_make(NULL, path, &link, &err), KSNAP_E_ARG);
	assert_int_equal(curve_link_make("short", path, &link, &err), KSNAP_E_ARG);
	assert_int_equal(curve_link_make(server.public_key, path, &link, &err), 0);
	assert_string_equal(link.server, server.public_key);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_key),
		cmocka_unit_test(test_not_secret),
		cmocka_unit_test(test_read),
		cmocka_unit_test(test_link),
	};

	return cmocka_run_group_tests(tests, make, removed);
}
