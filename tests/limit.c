// SPDX-License-Identifier: MIT
/* limit.c - run a test program, and end it when it never does: limit PROGRAM [ARGUMENT]...
 *
 * After $KSNAP_TEST_LIMIT_S seconds (0: no limit) it tells which processes are still there and what
 * each thread of them waits for, in lines that start with '#', asks the program to end, and kills
 * all that is left. Processes are known by a variable in their environment. The exit code is the
 * program's, 128 and its signal, or 99 when it had to be ended. */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define LIMIT_S     900     /* when not said */
#define LIMIT_S_MAX 2000000 /* fits as milliseconds */
#define GRACE_S     10      /* for its own last words, or as long as it had */
#define MARK        "KSNAP_TEST_RUN"
#define HARD_ERROR  99

static char mark[64]; /* "KSNAP_TEST_RUN=123" */

static int fail(const char *what)
{
	printf("Bail out! limit: %s: %s\n", what, strerror(errno));
	return HARD_ERROR;
}

/* Seconds, or -1. */
static long limit_s(void)
{
	const char *text = getenv("KSNAP_TEST_LIMIT_S");
	char *end;
	long s;

	if (!text || !*text)
		return LIMIT_S;
	s = strtol(text, &end, 10);
	return *end || s < 0 || s > LIMIT_S_MAX ? -1 : s;
}

/* ---- what is there --------------------------------------------------------------------------- */

/* The begin of a file of a process, NULs as spaces but the last. */
static size_t slurp(int pid, const char *name, char *to, size_t room)
{
	char path[128];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? 0 : read(fd, to, room - 1);
	if (fd >= 0)
		close(fd);
	n = n < 0 ? 0 : n;
	to[n] = 0;
	return n;
}

static void as_text(char *s, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (!isprint((unsigned char)s[i]))
			s[i] = ' ';
	while (len && s[len - 1] == ' ')
		s[--len] = 0;
}

static bool is_marked(int pid)
{
	static char environment[256 << 10];
	size_t len = slurp(pid, "environ", environment, sizeof(environment));

	for (char *at = environment; at < environment + len; at += strlen(at) + 1)
		if (!strcmp(at, mark))
			return true;
	return false;
}

static void each_number(const char *folder, void (*call)(int number, void *arg), void *arg)
{
	DIR *all = opendir(folder);
	struct dirent *e;

	while (all && (e = readdir(all)))
		if (isdigit((unsigned char)e->d_name[0]))
			call(atoi(e->d_name), arg);
	if (all)
		closedir(all);
}

static void tell_thread(int tid, void *arg)
{
	char name[64], waits[128], call[256], path[64];
	int pid = *(int *)arg;

	snprintf(path, sizeof(path), "task/%d/comm", tid);
	as_text(name, slurp(pid, path, name, sizeof(name)));
	snprintf(path, sizeof(path), "task/%d/wchan", tid);
	as_text(waits, slurp(pid, path, waits, sizeof(waits)));
	snprintf(path, sizeof(path), "task/%d/syscall", tid);
	as_text(call, slurp(pid, path, call, sizeof(call)));
	printf("#     thread %d %s: in %s, system call %s\n", tid, name, waits, call);
}

static void tell_process(int pid, void *unused)
{
	char line[1024], path[64];

	(void)unused;
	if (!is_marked(pid))
		return;
	as_text(line, slurp(pid, "cmdline", line, sizeof(line)));
	printf("#   process %d: %s\n", pid, line);
	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	each_number(path, tell_thread, &pid);
}

static void kill_process(int pid, void *ret_killed)
{
	if (is_marked(pid) && !kill(pid, SIGKILL))
		*(bool *)ret_killed = true;
}

/* Until none is left: one may have had a child meanwhile. */
static void kill_all(void)
{
	bool killed = true;

	for (int i = 0; killed && i < 100; i++) {
		killed = false;
		each_number("/proc", kill_process, &killed);
	}
}

/* ---- the program ----------------------------------------------------------------------------- */

static bool ends_within(int pidfd, int ms)
{
	struct pollfd p = { .fd = pidfd, .events = POLLIN };
	int n;

	do
		n = poll(&p, 1, ms);
	while (n < 0 && errno == EINTR);
	return n > 0;
}

static int await(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return fail("waitpid");
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static int end_it(const char *name, pid_t pid, int pidfd, long s)
{
	printf("# %s has not ended within %ld s. What is still there:\n", name, s);
	each_number("/proc", tell_process, NULL);
	fflush(stdout);
	kill(pid, SIGTERM);
	ends_within(pidfd, (s < GRACE_S ? s : GRACE_S) * 1000);
	kill_all();
	await(pid);
	printf("\nBail out! %s has not ended within %ld s; KSNAP_TEST_LIMIT_S=N gives it more, 0 "
	       "all it wants\n",
	       name, s);
	return HARD_ERROR;
}

static void be_program(char **argv)
{
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	putenv(mark);
	execvp(argv[0], argv);
	fail(argv[0]);
	fflush(stdout);
	_exit(HARD_ERROR);
}

int main(int argc, char **argv)
{
	long s = limit_s();
	int pidfd;
	pid_t pid;

	if (argc < 2 || s < 0) {
		printf("Bail out! limit: takes a program, and a KSNAP_TEST_LIMIT_S from 0 to %d, "
		       "not '%s'\n",
		       LIMIT_S_MAX, argc < 2 ? "" : getenv("KSNAP_TEST_LIMIT_S"));
		return HARD_ERROR;
	}
	snprintf(mark, sizeof(mark), MARK "=%d", (int)getpid());
	fflush(stdout);
	pid = fork();
	if (pid < 0)
		return fail("fork");
	if (!pid)
		be_program(argv + 1);
	pidfd = syscall(SYS_pidfd_open, pid, 0);
	if (pidfd < 0 || !s || ends_within(pidfd, s * 1000))
		return await(pid);
	return end_it(argv[argc - 1], pid, pidfd, s);
}
