// SPDX-License-Identifier: MIT
/* log_test.c - lines reach the sink, whole and alone, or nobody. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"

static char seen[4096];
static unsigned calls;

static void keep_line(enum log_level level, const char *line)
{
	snprintf(seen, sizeof(seen), "%d:%s", level, line);
	calls++;
}

static int reset(void **state)
{
	log_set_sink(NULL, LOG_DEBUG);
	seen[0] = '\0';
	calls = 0;
	return 0;
}

static void nobody_listens(void **state)
{
	log_error("lost %d", 1);
	assert_int_equal(calls, 0);
}

static void levels_above_the_limit_are_silent(void **state)
{
	log_set_sink(keep_line, LOG_WARN);
	log_info("no");
	log_debug("no");
	assert_int_equal(calls, 0);
	log_warn("yes %d", 2);
	assert_string_equal(seen, "1:yes 2");
	log_error("oh");
	assert_string_equal(seen, "0:oh");
	assert_int_equal(calls, 2);
}

static void a_peer_cannot_forge_a_line(void **state)
{
	log_set_sink(keep_line, LOG_DEBUG);
	log_info("name %s", "x\nksnap: error: y\x1b[2J");
	assert_string_equal(seen, "2:name x ksnap: error: y [2J");
	/* What a terminal takes for the same: U+009B, and the byte alone. */
	log_info("name %s", "\xc2\x9b[2J \x9b[2J \xc3\xa9");
	assert_string_equal(seen, "2:name ??[2J ?[2J \xc3\xa9");
}

static void long_line_is_cut(void **state)
{
	char text[5000];

	memset(text, 'a', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	log_set_sink(keep_line, LOG_DEBUG);
	log_info("%s", text);
	assert_in_range(strlen(seen), 900, 1100);
}

static void stderr_gets_one_line(void **state)
{
	char got[3000] = "", text[2000];
	int ends[2], saved = dup(STDERR_FILENO);
	ssize_t n;

	memset(text, 'b', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	assert_int_equal(pipe(ends), 0);
	dup2(ends[1], STDERR_FILENO);
	log_to_stderr(LOG_WARN, "text");
	n = read(ends[0], got, sizeof(got) - 1);
	log_to_stderr(LOG_DEBUG, text);
	dup2(saved, STDERR_FILENO);
	assert_int_equal(n, strlen("ksnap: warning: text\n"));
	assert_string_equal(got, "ksnap: warning: text\n");
	n = read(ends[0], got, sizeof(got));
	assert_memory_equal(got, "ksnap: debug: bbb", 17);
	assert_int_equal(got[n - 1], '\n');
	close(ends[0]);
	close(ends[1]);
	close(saved);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(nobody_listens, reset),
		cmocka_unit_test_setup(levels_above_the_limit_are_silent, reset),
		cmocka_unit_test_setup(a_peer_cannot_forge_a_line, reset),
		cmocka_unit_test_setup(long_line_is_cut, reset),
		cmocka_unit_test_setup(stderr_gets_one_line, reset),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
