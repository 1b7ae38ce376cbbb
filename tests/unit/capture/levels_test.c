// SPDX-License-Identifier: MIT
/* levels_test.c - flags of CPUs that have five levels, use them, or have none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <unistd.h>

#include "capture/live/levels.h"
#include "capture/live/watch_spot.h"

static unsigned levels_with(const char *text)
{
	char path[64];
	unsigned levels;
	FILE *f;

	snprintf(path, sizeof(path), "levels_test.%d", getpid());
	f = fopen(path, "we");
	assert_non_null(f);
	fputs(text, f);
	assert_int_equal(fclose(f), 0);
	levels = levels_in(path);
	unlink(path);
	return levels;
}

static void takes_no_flags_for_more_than_they_say(void **state)
{
	assert_int_equal(levels_in("levels_test.none"), 5);
	assert_int_equal(levels_with(""), 5);
	assert_int_equal(levels_with("processor\t: 0\nmodel name\t: la57\n"), 5);
	assert_int_equal(levels_with("flags"), 4);
	assert_int_equal(levels_with("flags\t\t: fpu la570 xla57\n"), 4);
}

static void finds_the_flag(void **state)
{
	assert_int_equal(levels_with("processor\t: 0\nflags\t\t: fpu vme\nflags\t\t: la57\n"), 4);
	assert_int_equal(levels_with("processor\t: 0\nflags\t\t: la57 fpu\n"), 5);
	assert_int_equal(levels_with("flags\t\t: fpu la570 la57\nbugs\t\t:\n"), 5);
}

static void refuses_what_is_of_neither_half(void **state)
{
	struct ksnap_err err;

	assert_int_equal(levels_kernel_half(4), 0xffff800000000000);
	assert_int_equal(levels_kernel_half(5), 0xff00000000000000);
	assert_int_equal(watch_spot_check(0xffff800000000000, 8, 4, "x", &err), 0);
	assert_int_equal(watch_spot_check(0xffff7ffffffffff8, 8, 4, "x", &err), KSNAP_E_ARG);
	assert_string_equal(err.text,
			    "symbol: x at 0xffff7ffffffffff8 is no address of the kernel, whose "
			    "page tables have 4 levels: those begin at 0xffff800000000000; what "
			    "processes do with their own memory cannot be watched here");
	assert_int_equal(watch_spot_check(0xff00000000000000, 8, 4, "x", &err), KSNAP_E_ARG);
	assert_int_equal(watch_spot_check(0xff00000000000000, 8, 5, "x", &err), 0);
	assert_int_equal(watch_spot_check(0xfefffffffffffff8, 8, 5, "x", &err), KSNAP_E_ARG);
	assert_int_equal(watch_spot_check(0xffff800000000004, 8, 4, "x", &err), KSNAP_E_ARG);
}

static void knows_the_kernel_it_runs_on(void **state)
{
	assert_int_equal(levels_in_use(), levels_in("/proc/cpuinfo"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(takes_no_flags_for_more_than_they_say),
		cmocka_unit_test(finds_the_flag),
		cmocka_unit_test(refuses_what_is_of_neither_half),
		cmocka_unit_test(knows_the_kernel_it_runs_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
