// SPDX-License-Identifier: MIT
/* state_lock.c - a lock that ends with its process, whatever ends that. */
#include "broker/state_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/log.h"
#include "base/replace.h"

#define LOCK_NAME "lock"

static int fail(const char *what, const char *path, struct ksnap_err *err)
{
	int errnum = errno;

	return err_errno(err, file_error_code(errnum), errnum, "cannot %s %.256s", what, path);
}

static int open_folder(const char *path, int *ret, struct ksnap_err *err)
{
	struct stat st;

	if (mkdir(path, 0700) < 0 && errno != EEXIST)
		return fail("make the folder", path, err);
	*ret = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (*ret < 0)
		return fail("open the folder", path, err);
	if (fstat(*ret, &st) == 0 && (st.st_mode & 077))
		log_warn("others than its owner may look into %s, and reports tell of the kernel's "
			 "memory: chmod 700 it",
			 path);
	return 0;
}

/* The process that holds the lock, by its own word; 0: it does not say. */
static long holder(int fd)
{
	char pid[24] = "";
	ssize_t n = pread(fd, pid, sizeof(pid) - 1, 0);

	return n > 0 ? strtol(pid, NULL, 10) : 0;
}

static int tell_holder(int fd, const char *path, struct ksnap_err *err)
{
	return err_set(err, KSNAP_E_STATE,
		       "%.256s is in use by another broker (process %ld): end that one, or name "
		       "another folder with --state",
		       path, holder(fd));
}

static bool holder_is_dead(int fd)
{
	long pid = holder(fd);

	return pid > 0 && kill((pid_t)pid, 0) && errno == ESRCH;
}

/* A broker that is dead may have left a child that has not become a worker yet, and keeps the lock
 * for a moment. 0, or -1 with errno. */
static int lock_patiently(int fd)
{
	const struct timespec moment = { .tv_nsec = STATE_LOCK_MOMENT_MS * 1000000L };

	for (int tries = 1; flock(fd, LOCK_EX | LOCK_NB) < 0; tries++) {
		if (errno != EWOULDBLOCK)
			return -1;
		if (tries == STATE_LOCK_TRIES || !holder_is_dead(fd)) {
			errno = EWOULDBLOCK;
			return -1;
		}
		nanosleep(&moment, NULL);
	}
	return 0;
}

static int leave_pid(int fd, const char *path)
{
	/* Only for the text above: a full disk is no reason not to serve. */
	if (ftruncate(fd, 0) == 0 && dprintf(fd, "%d\n", (int)getpid()) < 0)
		log_debug("%s/" LOCK_NAME " does not say who holds it", path);
	return 0;
}

int state_lock(const char *path, int *ret_folder, int *ret_lock, struct ksnap_err *err)
{
	int rc = open_folder(path, ret_folder, err);

	if (rc)
		return rc;
	*ret_lock = openat(*ret_folder, LOCK_NAME, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (*ret_lock < 0)
		return fail("make a lock in", path, err);
	if (lock_patiently(*ret_lock) < 0)
		return errno == EWOULDBLOCK ? tell_holder(*ret_lock, path, err)
					    : fail("lock", path, err);
	return leave_pid(*ret_lock, path);
}
