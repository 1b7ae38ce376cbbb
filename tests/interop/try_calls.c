// SPDX-License-Identifier: MIT
/* try_calls.c - a library to be preloaded into a worker: on SIGUSR1 it tries what no capture does,
 * as code that got into the worker would, and writes the errno of each into the file
 * KSNAP_TRIED_CALLS. Each would do nothing, or fail with another error than EPERM, if it was let
 * through by somebody privileged; but for execve, which would leave no file. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static const struct {
	const char *name;
	long number, a, b;
} calls[] = {
	{ "execveat", SYS_execveat, -1, (long)"" },
	{ "mount", SYS_mount, 0, 0 },
	{ "chroot", SYS_chroot, 0, 0 },
	{ "setns", SYS_setns, -1, 0 },
	{ "unshare", SYS_unshare, 0, 0 },
	{ "ptrace", SYS_ptrace, PTRACE_TRACEME, 0 },
	{ "process_vm_writev", SYS_process_vm_writev, 0, 0 },
	{ "clock_settime", SYS_clock_settime, CLOCK_REALTIME, 0 },
	{ "userfaultfd", SYS_userfaultfd, -1, 0 },
	{ "keyctl", SYS_keyctl, -1, 0 },
};

static void try_them(int sig)
{
	const char *path = getenv("KSNAP_TRIED_CALLS");
	char *const argv[] = { "true", NULL };
	char text[1024];
	int n = 0, fd;

	(void)sig;
	for (size_t i = 0; i < sizeof(calls) / sizeof(*calls); i++) {
		errno = 0;
		syscall(calls[i].number, calls[i].a, calls[i].b, 0, 0, 0, 0);
		n += snprintf(text + n, sizeof(text) - n, "%s %d\n", calls[i].name, errno);
	}
	errno = 0;
	execv("/bin/true", argv);
	n += snprintf(text + n, sizeof(text) - n, "execve %d\n", errno);
	fd = path ? open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600) : -1;
	if (fd < 0 || write(fd, text, n) != n)
		_exit(1);
	close(fd);
}

__attribute__((constructor)) static void begin(void)
{
	struct sigaction sa = { .sa_handler = try_them, .sa_flags = SA_RESTART };

	if (getenv("KSNAP_TRIED_CALLS"))
		sigaction(SIGUSR1, &sa, NULL);
}
