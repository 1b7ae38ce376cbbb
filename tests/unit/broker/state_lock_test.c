// SPDX-License-Identifier: MIT
/* state_lock_test.c - a folder that is in use is refused, and a lock that a dead broker's child
 * still holds is waited for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "broker/state_lock.h"

static char folder[] = "/tmp/ksnap-lock-XXXXXX";
static int release = -1; /* closed when the lock is waited for: its holder ends */
static pid_t child;
static unsigned waited;

int __wrap_nanosleep(const struct timespec *t, struct timespec *left);

/* Whoever waits sees the holder end meanwhile, if it is to. */
int __wrap_nanosleep(const struct timespec *t, struct timespec *left)
{
	waited++;
	if (release >= 0) {
		close(release);
		release = -1;
		waitpid(child, NULL, 0);
	}
	return 0;
}

static int make(void **state)
{
	return mkdtemp(folder) ? 0 : -1;
}

static int removed(void **state)
{
	char path[64];

	snprintf(path, sizeof(path), "%s/lock", folder);
	return unlink(path) || rmdir(folder);
}

static pid_t dead_pid(void)
{
	pid_t pid = fork();

	if (!pid)
		_exit(0);
	waitpid(pid, NULL, 0);
	return pid;
}

/* A child locks the folder as process @pid (0: its own) until its end. Returns what ends it when it
 * is closed. */
static int hold(pid_t pid)
{
	int end[2], locked[2];
	char path[64], byte;

	snprintf(path, sizeof(path), "%s/lock", folder);
	assert_int_equal(pipe2(end, O_CLOEXEC) | pipe2(locked, O_CLOEXEC), 0);
	child = fork();
	if (!child) {
		int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);

		close(end[1]);
		flock(fd, LOCK_EX);
		dprintf(fd, "%d\n", (int)(pid ? pid : getpid()));
		close(locked[1]);
		while (read(end[0], &byte, 1) > 0)
			;
		_exit(0);
	}
	close(end[0]);
	close(locked[1]);
	assert_int_equal(read(locked[0], &byte, 1), 0);
	close(locked[0]);
	waited = 0;
	return end[1];
}

static int lock(struct ksnap_err *err)
{
	int at = -1, fd = -1, rc = state_lock(folder, &at, &fd, err);

	close(at);
	if (fd >= 0)
		close(fd);
	return rc;
}

static void test_in_use(void **state)
{
	struct ksnap_err err = { 0 };
	int end = hold(0);
	char words[32];

	assert_int_equal(lock(&err), KSNAP_E_STATE);
	snprintf(words, sizeof(words), "(process %d)", (int)child);
	assert_non_null(strstr(err.text, words));
	assert_int_equal(waited, 0);
	close(end);
	waitpid(child, NULL, 0);
	assert_int_equal(lock(&err), 0);
}

static void test_left_by_the_dead(void **state)
{
	struct ksnap_err err = { 0 };

	release = hold(dead_pid());
	assert_int_equal(lock(&err), 0);
	assert_int_equal(waited, 1);
}

static void test_never_given_back(void **state)
{
	struct ksnap_err err = { 0 };
	int end = hold(dead_pid());

	assert_int_equal(lock(&err), KSNAP_E_STATE);
	assert_int_equal(waited, STATE_LOCK_TRIES - 1);
	close(end);
	waitpid(child, NULL, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_in_use),
		cmocka_unit_test(test_left_by_the_dead),
		cmocka_unit_test(test_never_given_back),
	};

	return cmocka_run_group_tests(tests, make, removed);
}
