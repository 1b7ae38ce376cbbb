// SPDX-License-Identifier: MIT
/* proc_stat_test.c - fields are found behind a name that looks like some, and none where none are.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/proc_stat.h"

static void what_is_no_number_is_not_given(void **state)
{
	uint64_t v = 7;

	assert_false(proc_stat(0, PROC_STAT_START, &v));
	assert_false(proc_stat(UINT64_MAX, PROC_STAT_START, &v));
	assert_false(proc_stat(getpid(), 0, &v));
	assert_false(proc_stat(getpid(), 2, &v));
	assert_false(proc_stat(getpid(), 3, &v)); /* its state, a letter */
	assert_false(proc_stat(getpid(), 1000, &v));
	assert_int_equal(v, 7);
}

static void a_name_does_not_mislead(void **state)
{
	uint64_t parent, flags, start, again;

	assert_true(proc_stat(getpid(), PROC_STAT_START, &start));
	assert_true(proc_stat(getpid(), PROC_STAT_FLAGS, &flags));
	assert_int_equal(prctl(PR_SET_NAME, ") R 1 2 (3\n) 4 "), 0);
	assert_true(proc_stat(getpid(), 4, &parent));
	assert_int_equal(parent, getppid());
	assert_true(proc_stat(getpid(), PROC_STAT_START, &again));
	assert_int_equal(again, start);
	assert_true(proc_stat(getpid(), PROC_STAT_FLAGS, &again));
	assert_int_equal(again, flags);
}

/* PF_FORKNOEXEC, of a child and not of this program, which was run. */
static void a_fork_is_known_by_its_flags(void **state)
{
	uint64_t start = 0, mine = 0, its = 0, flags = 0, own = 0;
	pid_t child = fork();
	siginfo_t info;

	if (!child)
		_exit(0);
	assert_true(child > 0);
	assert_int_equal(waitid(P_PID, child, &info, WEXITED | WNOWAIT), 0);
	assert_true(proc_stat(child, PROC_STAT_FLAGS, &flags));
	assert_true(proc_stat(child, PROC_STAT_START, &its));
	assert_true(proc_stat(1, PROC_STAT_START, &start));
	assert_true(proc_stat(getpid(), PROC_STAT_START, &mine));
	assert_true(proc_stat(getpid(), PROC_STAT_FLAGS, &own));
	assert_int_equal(waitpid(child, NULL, 0), child);
	assert_true(flags & 0x40);
	assert_false(own & 0x40);
	assert_true(start <= mine && mine <= its);
	assert_false(proc_stat(child, PROC_STAT_START, &its));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_no_number_is_not_given),
		cmocka_unit_test(a_name_does_not_mislead),
		cmocka_unit_test(a_fork_is_known_by_its_flags),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
