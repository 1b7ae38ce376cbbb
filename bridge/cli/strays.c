// SPDX-License-Identifier: MIT
/* strays.c - a subreaper, which asks /proc who its children are. */
#include "cli/strays.h"

#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/cleanup.h"
#include "base/proc_stat.h"

#define ROUNDS_MAX 1000 /* of them, each of which may leave others behind */
#define END_MS     1000 /* a killed one that is not gone by then cannot be waited for */
#define FORKNOEXEC \
	0x40 /* of the flags in /proc/PID/stat: it is a fork, and runs no other program */

void strays_adopt(void)
{
	prctl(PR_SET_CHILD_SUBREAPER, 1);
}

static bool is_fork(pid_t pid)
{
	uint64_t flags;

	return proc_stat(pid, PROC_STAT_FLAGS, &flags) && flags & FORKNOEXEC;
}

/* A child that thaws a cgroup, should this process be killed, is a fork of it. */
static bool is_ours(pid_t pid)
{
	struct stat own, its;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/exe", pid);
	return is_fork(pid) && !stat("/proc/self/exe", &own) && !stat(path, &its) &&
	       own.st_dev == its.st_dev && own.st_ino == its.st_ino;
}

static void end(pid_t pid)
{
	_close_ int fd = pidfd_open(pid, 0);
	struct pollfd p = { .fd = fd, .events = POLLIN };

	kill(pid, SIGKILL);
	if (fd >= 0)
		poll(&p, 1, END_MS);
	waitpid(pid, NULL, WNOHANG);
}

/* The strays among the children of one thread; their number. */
static unsigned end_of_thread(const char *tid)
{
	char path[300];
	unsigned n = 0;
	int pid;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/task/%s/children", tid);
	f = fopen(path, "re");
	if (!f)
		return 0;
	while (fscanf(f, "%d", &pid) == 1) {
		if (is_ours(pid))
			continue;
		end(pid);
		n++;
	}
	fclose(f);
	return n;
}

static unsigned end_once(void)
{
	const struct dirent *d;
	unsigned n = 0;
	DIR *dir = opendir("/proc/self/task");

	if (!dir)
		return 0;
	while ((d = readdir(dir)))
		if (d->d_name[0] != '.')
			n += end_of_thread(d->d_name);
	closedir(dir);
	return n;
}

void strays_end(void)
{
	for (int i = 0; i < ROUNDS_MAX && end_once() > 0; i++)
		;
}
