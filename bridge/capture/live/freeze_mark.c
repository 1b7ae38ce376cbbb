// SPDX-License-Identifier: MIT
/* freeze_mark.c - a line of text: version, namespaces, two processes, since when, and who asked.
 */
#include "capture/live/freeze_mark.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/proc_stat.h"
#include "capture/live/freeze_file.h"

#define TEXT_MAX 320
#define LOOKS    3

/* 0: this kernel has no such namespaces. */
static uint64_t own_ns(const char *kind)
{
	char path[64];
	struct stat st;

	snprintf(path, sizeof(path), "/proc/self/ns/%s", kind);
	return stat(path, &st) ? 0 : st.st_ino;
}

static struct freeze_mark_process identify(pid_t pid)
{
	struct freeze_mark_process p = { 0 };

	if (pid > 0 && proc_stat((uint64_t)pid, PROC_STAT_START, &p.start))
		p.pid = (uint64_t)pid;
	return p;
}

static int put(int freeze_fd, pid_t guard, uint64_t awake_us, const char *by, int flags)
{
	struct freeze_mark_process w = identify(getpid()), g = identify(guard);
	char text[TEXT_MAX];
	int n;

	if (!w.pid) {
		errno = ESRCH; /* /proc is missing, or another namespace's */
		return -1;
	}
	n = snprintf(text, sizeof(text),
		     "2 %" PRIu64 " %" PRIu64 " %" PRIu64 ":%" PRIu64 " %" PRIu64 ":%" PRIu64
		     " %" PRIu64 " %.111s",
		     own_ns("pid"), own_ns("time"), w.pid, w.start, g.pid, g.start, awake_us, by);
	return fsetxattr(freeze_fd, FREEZE_MARK, text, (size_t)n, flags);
}

int freeze_mark_set(int freeze_fd, const char *by)
{
	if (!put(freeze_fd, 0, 0, by, XATTR_CREATE))
		return 0;
	return errno == EEXIST ? 1 : -1;
}

void freeze_mark_renew(int freeze_fd, pid_t guard, uint64_t awake_us, const char *by)
{
	put(freeze_fd, guard, awake_us, by, XATTR_REPLACE);
}

bool freeze_mark_get(int freeze_fd, struct freeze_mark *ret)
{
	char text[TEXT_MAX];
	ssize_t len = fgetxattr(freeze_fd, FREEZE_MARK, text, sizeof(text) - 1);
	struct freeze_mark m = { 0 };
	int n, at = 0;

	*ret = (struct freeze_mark){ .by = "somebody" };
	if (len < 0)
		return errno == ERANGE;
	text[len] = 0;
	n = sscanf(text,
		   "2 %" SCNu64 " %" SCNu64 " %" SCNu64 ":%" SCNu64 " %" SCNu64 ":%" SCNu64
		   " %" SCNu64 " %n",
		   &m.pid_ns, &m.time_ns, &m.worker.pid, &m.worker.start, &m.guard.pid,
		   &m.guard.start, &m.awake_us, &at);
	if (n != 7 || !at)
		return true;
	snprintf(m.by, sizeof(m.by), "%s", text + at);
	*ret = m;
	return true;
}

void freeze_mark_remove(int freeze_fd)
{
	fremovexattr(freeze_fd, FREEZE_MARK);
}

/* Of that process: -1: it is dead; a descriptor that is readable when it ends; or, when the answer
 * is not known, -2. */
static int hold(const struct freeze_mark_process *p)
{
	uint64_t start;
	int fd;

	if (!p->pid)
		return -1;
	fd = (int)syscall(SYS_pidfd_open, (pid_t)p->pid, 0);
	if (fd < 0) /* EINVAL, ENOENT: the number is a thread's now */
		return errno == ESRCH || errno == EINVAL || errno == ENOENT ? -1 : -2;
	if (!proc_stat(p->pid, PROC_STAT_START, &start) || start == p->start)
		return fd;
	close(fd);
	return -1;
}

/* A zombie is dead, too. */
static bool lives(const struct freeze_mark_process *p, int timeout_ms)
{
	int fd = hold(p);
	struct pollfd ended = { .fd = fd, .events = POLLIN };
	bool ret = fd == -2 || (fd >= 0 && poll(&ended, 1, timeout_ms) <= 0);

	if (fd >= 0)
		close(fd);
	return ret;
}

bool freeze_mark_is_near(const struct freeze_mark *m)
{
	return m->worker.pid && m->pid_ns == own_ns("pid") && m->time_ns == own_ns("time");
}

bool freeze_mark_is_left(const struct freeze_mark *m)
{
	return freeze_mark_is_near(m) && !lives(&m->worker, 0) && !lives(&m->guard, 0);
}

bool freeze_mark_is_over(int freeze_fd, const struct freeze_mark *m)
{
	struct freeze_awake now;
	bool over = false;

	if (!m->awake_us || !freeze_mark_is_near(m))
		return false;
	/* What is asked while this process has to wait for its CPU tells less. */
	for (unsigned i = 0; i < LOOKS && !over && freeze_file_awake(freeze_fd, &now); i++)
		over = now.least > m->awake_us;
	return over;
}

void freeze_mark_await(const struct freeze_mark *m, uint64_t deadline_mono_ns)
{
	uint64_t now = clock_mono_ns();

	if (freeze_mark_is_near(m) && !lives(&m->worker, 0) && now < deadline_mono_ns)
		lives(&m->guard, (int)((deadline_mono_ns - now) / NS_PER_MS) + 1);
}
