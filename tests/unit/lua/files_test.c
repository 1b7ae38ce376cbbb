// SPDX-License-Identifier: MIT
/* files_test.c - run each file of tests/lua; one test a file, which passes when its script does. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "fake_client.h"
#include "run_script.h"

#define CAP 16384

static void run_file(void **state)
{
	const char *name = *state, *top = getenv("KSNAP_TOP_SRCDIR");
	char path[4096], out[CAP], err[CAP];
	enum lua_host_exit code;

	fake_reset();
	snprintf(path, sizeof(path), "%s/tests/lua/%s.lua", top ? top : ".", name);
	code = run_script_file(path, true, out, err, CAP);
	if (code != LUA_HOST_OK)
		fail_msg("exit code %d\n%s%s", code, out, err);
	assert_int_equal(fake.open, 0);
}

#define FILE_TEST(file)                                  \
	{                                                \
		file, run_file, NULL, NULL, (void *)file \
	}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FILE_TEST("msgpack"),   FILE_TEST("errors"),   FILE_TEST("ops"),
		FILE_TEST("bridge"),    FILE_TEST("reading"),  FILE_TEST("engine"),
		FILE_TEST("durations"), FILE_TEST("scenario"), FILE_TEST("series"),
		FILE_TEST("periodic"),  FILE_TEST("run"),      FILE_TEST("children"),
		FILE_TEST("cgroup"),    FILE_TEST("check"),    FILE_TEST("stubs"),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
