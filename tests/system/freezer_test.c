// SPDX-License-Identifier: MIT
/* freezer_test.c - a cgroup whose guard cannot be started is not frozen, or goes on, and has no
 * mark: whichever system call it is that fails. A mark tells one freezing from the next.
 *
 * Needs root and a v2 hierarchy; KSNAP_TEST_REQUIRE=cgroup2 makes their absence a failure.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "capture/live/cgroup_path.h"
#include "capture/live/freeze_file.h"
#include "capture/live/freeze_mark.h"
#include "capture/live/freezer.h"

#define EXIT_SKIP 77

static char group[64], folder[2 * PATH_MAX];
static struct freezer freezer;

/* ---- the kernel has no process left ---------------------------------------------------------- */

static bool forks_fail;
static unsigned forks_failed;

/* In the place of the C library's, for all of this program. */
pid_t fork(void)
{
	if (!forks_fail)
		return _Fork();
	forks_failed++;
	errno = EAGAIN;
	return -1;
}

/* ---- asking ---------------------------------------------------------------------------------- */

static int ask(struct ksnap_err *err)
{
	const struct freeze_request rq = { .cgroup = group,
					   .by = "a test",
					   .deadline_mono_ns = clock_mono_ns() + 60 * NS_PER_S };

	*err = (struct ksnap_err){ 0 };
	return freezer_freeze(&freezer, &rq, NULL, err);
}

static int open_file(const char *name)
{
	char path[sizeof(folder) + 32];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return open(path, O_RDWR | O_CLOEXEC);
}

static void expect_untouched(void)
{
	_close_ int fd = open_file("cgroup.freeze");
	struct freeze_mark mark;

	assert_true(fd >= 0);
	assert_false(freeze_file_is_set(fd));
	assert_false(freeze_mark_get(fd, &mark));
	assert_null(freezer.first);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); /* no child is left */
	assert_int_equal(errno, ECHILD);
}

static pid_t guard_of_mark(void)
{
	_close_ int fd = open_file("cgroup.freeze");
	struct freeze_mark mark;

	assert_true(freeze_file_is_set(fd));
	assert_true(freeze_mark_get(fd, &mark));
	assert_int_equal(mark.worker.pid, getpid());
	return (pid_t)mark.guard.pid;
}

static void let_go(void)
{
	struct ksnap_err err;

	assert_int_equal(freezer_thaw(&freezer, group, NULL, &err), 0);
	expect_untouched();
}

/* ---- tests ----------------------------------------------------------------------------------- */

static void no_process_is_left_for_a_guard(void **state)
{
	struct ksnap_err err;

	forks_fail = true;
	forks_failed = 0;
	assert_int_equal(ask(&err), KSNAP_E_LIMIT);
	forks_fail = false;
	assert_int_equal(forks_failed, 1);
	assert_non_null(strstr(err.text, group));
	assert_non_null(strstr(err.text, "is not frozen: the child that thaws cannot be started"));
	assert_non_null(strstr(err.text, "RLIMIT_NPROC"));
	expect_untouched();
	assert_int_equal(ask(&err), 0);
	assert_true(guard_of_mark() > 0);
	let_go();
}

static void no_process_is_left_for_the_next_guard(void **state)
{
	struct pollfd p = { .fd = freezer.epoll, .events = POLLIN };
	struct ksnap_err err;

	assert_int_equal(ask(&err), 0);
	assert_int_equal(kill(guard_of_mark(), SIGKILL), 0);
	assert_int_equal(poll(&p, 1, -1), 1);
	forks_fail = true;
	forks_failed = 0;
	freezer_look(&freezer);
	forks_fail = false;
	assert_int_equal(forks_failed, 1);
	expect_untouched();
	assert_int_equal(freezer_thaw(&freezer, group, NULL, &err), KSNAP_E_NOTFOUND);
}

/* The mark says for how long the cgroup was not to stand still; that does not grow until it is
 * thawed. */
static void a_mark_is_over_once_it_was_thawed(void **state)
{
	_close_ int fd = open_file("cgroup.freeze");
	struct freeze_mark mark;
	struct freeze_awake awake;
	struct ksnap_err err;

	if (!freeze_file_awake(fd, &awake))
		skip();
	assert_int_equal(ask(&err), 0);
	assert_true(freeze_mark_get(fd, &mark));
	assert_true(mark.awake_us >= awake.least);
	for (unsigned i = 0; i < 1000; i++)
		assert_false(freeze_mark_is_over(fd, &mark));
	assert_true(freeze_file_write(fd, '0'));
	while (!freeze_mark_is_over(fd, &mark))
		assert_true(freeze_file_awake(fd, &awake));
	assert_true(freeze_file_write(fd, '1'));
	/* What it ran may be less than one look is exact to. */
	while (!freeze_mark_is_over(fd, &mark))
		assert_true(freeze_file_is_set(fd));
	let_go();
}

static unsigned count_descriptors(pid_t pid)
{
	char path[64];
	unsigned n = 0;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
	dir = opendir(path);
	while (dir && readdir(dir))
		n++;
	if (dir)
		closedir(dir);
	return n > 2 ? n - 2 : 0;
}

/* It has what it needs, a pipe and a file, or it has ended for lack of that. */
static void await_guard(pid_t pid)
{
	struct pollfd p = { .fd = freezer.epoll, .events = POLLIN };

	while (count_descriptors(pid) != 2)
		assert_int_equal(poll(&p, 1, 0), 0);
}

/* One descriptor more each time, so that each call that needs one is the one that fails. */
static void no_descriptor_is_left(void **state)
{
	struct rlimit was, now;
	bool was_guard = false;
	struct ksnap_err err;
	unsigned refusals = 0;
	int code;

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &was), 0);
	now = (struct rlimit){ 0, was.rlim_max };
	do {
		assert_int_equal(setrlimit(RLIMIT_NOFILE, &now), 0);
		code = ask(&err);
		assert_int_equal(setrlimit(RLIMIT_NOFILE, &was), 0);
		if (code) {
			refusals++;
			assert_true(code < 0 && err.text[0]);
			was_guard |= code == KSNAP_E_LIMIT && strstr(err.text, "is not frozen") &&
				     strstr(err.text, "RLIMIT_NOFILE");
			expect_untouched();
		}
		now.rlim_cur++;
	} while (code && now.rlim_cur < 256);
	assert_int_equal(code, 0);
	assert_true(refusals > 3);
	assert_true(was_guard);
	await_guard(guard_of_mark());
	let_go();
}

static int set_up(void **state)
{
	struct ksnap_err err;
	uint64_t one;

	if (freezer_init(&freezer, &err))
		fail_msg("%s", err.text);
	/* What the dead have left is not this test's: as after the first look. */
	assert_int_equal(read(freezer.fresh, &one, sizeof(one)), sizeof(one));
	cleanup_close(&freezer.fresh);
	freezer.fresh = -1;
	return 0;
}

static int tear_down(void **state)
{
	freezer_fini(&freezer);
	return 0;
}

static bool make_group(void)
{
	struct cgroup_place place;
	struct ksnap_err err;
	int fd;

	snprintf(group, sizeof(group), "/ksnap-freezer-%d", (int)getpid());
	if (geteuid() || cgroup_find("/proc/self/mounts", group, &place, &err))
		return false;
	snprintf(folder, sizeof(folder), "%s%s", place.root, place.path);
	if (mkdir(folder, 0755))
		return false;
	fd = open_file("cgroup.freeze");
	if (fd >= 0)
		return !close(fd);
	rmdir(folder);
	return false;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_process_is_left_for_a_guard),
		cmocka_unit_test(no_process_is_left_for_the_next_guard),
		cmocka_unit_test(a_mark_is_over_once_it_was_thawed),
		cmocka_unit_test(no_descriptor_is_left),
	};
	const char *must = getenv("KSNAP_TEST_REQUIRE");
	int ret;

	if (!make_group())
		return must && strstr(must, "cgroup2") ? 1 : EXIT_SKIP;
	ret = cmocka_run_group_tests(tests, set_up, tear_down);
	rmdir(folder);
	return ret;
}
