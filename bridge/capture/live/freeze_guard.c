// SPDX-License-Identifier: MIT
/* freeze_guard.c - fork, keep two descriptors, wait for the end of the pipe. */
#include "capture/live/freeze_guard.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "capture/live/freeze_mark.h"

#define ANSWER_MS 2000  /* of silence that are waited for an answer, while somebody waits for us */
#define ORPHAN_MS 60000 /* the same, when the other side is all that is left to wait for */

#define AGAIN_MS 500 /* the same, for what may come once more; the door is shut meanwhile */

#define THAW_NAME "ksnap-thaw"
#define THAWS     "thaws"

enum { GUARD_PIPE, GUARD_FREEZE, GUARD_FIRST_FREE };

/* From here to _exit only what is safe in a child of a process with threads. */
static void close_from(int first)
{
	struct rlimit most = { 0, 65536 };

	if (!syscall(SYS_close_range, first, ~0u, 0))
		return;
	getrlimit(RLIMIT_NOFILE, &most);
	for (rlim_t fd = first; fd < most.rlim_cur; fd++)
		close(fd);
}

static void ignore_signals(void)
{
	static const int numbers[] = { SIGHUP,  SIGINT,  SIGQUIT, SIGTERM, SIGPIPE,
				       SIGTSTP, SIGTTIN, SIGTTOU, SIGUSR1, SIGUSR2 };
	struct sigaction ignore = { .sa_handler = SIG_IGN };
	sigset_t none;

	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
		sigaction(numbers[i], &ignore, NULL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/* What a guard does. */
struct duty {
	const char *name, *does; /* of the process; and in "the child that ..." */
	const struct freeze_word *thaw;
	void (*then)(int fd); /* what no words do; or NULL */
};

/* @parent: who may wait for us, for what must come; 0: it need not come. */
static bool await_more(int fd, pid_t parent)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	int got = poll(&p, 1, parent ? ANSWER_MS : AGAIN_MS);

	if (!got && parent && getppid() != parent)
		got = poll(&p, 1, ORPHAN_MS);
	return got > 0;
}

/* True: @answer was read. Until it was, the other side ended, or it is silent. */
static bool read_answer(int fd, const char *answer, pid_t parent)
{
	const char *at = answer;
	char c;

	while (*at && await_more(fd, parent) && read(fd, &c, 1) == 1)
		at = c == *at ? at + 1 : answer + (c == *answer);
	return !*at;
}

static void say(int fd, const struct freeze_word *w, pid_t parent)
{
	do {
		while (write(fd, w->says, strlen(w->says)) < 0 && errno == EINTR)
			;
	} while (w->again && read_answer(fd, w->again, 0));
	if (w->answer)
		read_answer(fd, w->answer, parent);
}

static void be_guard(pid_t parent, const int ends[2], int freeze_fd, const struct duty *duty)
{
	int pipe;
	const struct freeze_word *thaw = duty->thaw;
	char none;
	ssize_t n;

	ignore_signals();
	setsid();
	prctl(PR_SET_NAME, duty->name);
	close(ends[1]); /* so that there is room where this process had as many as it may */
	/* Out of the way of the two numbers first. */
	pipe = fcntl(ends[0], F_DUPFD, GUARD_FIRST_FREE);
	freeze_fd = fcntl(freeze_fd, F_DUPFD, GUARD_FIRST_FREE);
	if (pipe < 0 || freeze_fd < 0 || dup2(pipe, GUARD_PIPE) < 0 ||
	    dup2(freeze_fd, GUARD_FREEZE) < 0)
		_exit(1);
	close_from(GUARD_FIRST_FREE);
	do
		n = read(GUARD_PIPE, &none, 1);
	while (n > 0 || (n < 0 && errno == EINTR));
	for (; thaw->says; thaw++)
		say(GUARD_FREEZE, thaw, parent);
	if (duty->then)
		duty->then(GUARD_FREEZE);
	_exit(0);
}

/* Which limit it was, as far as the kernel's number tells. */
static int refuse_start(const struct duty *duty, int num, const char *step, struct ksnap_err *err)
{
	struct rlimit files = { 0 }, tasks = { 0 };

	getrlimit(RLIMIT_NOFILE, &files);
	getrlimit(RLIMIT_NPROC, &tasks);
	if (num == EMFILE)
		return err_set(err, KSNAP_E_LIMIT,
			       "the child that %s cannot be started: %s: this process has all the "
			       "descriptors open that it may (%" PRIu64 ": RLIMIT_NOFILE, "
			       "ulimit -n)",
			       duty->does, step, (uint64_t)files.rlim_cur);
	if (num == EAGAIN)
		return err_set(err, KSNAP_E_LIMIT,
			       "the child that %s cannot be started: %s: there are as many "
			       "processes as there may be: of this user (%" PRId64
			       ": RLIMIT_NPROC, ulimit -u; -1: any), in this cgroup (pids.max), or "
			       "on this machine (kernel.threads-max, kernel.pid_max)",
			       duty->does, step, (int64_t)tasks.rlim_cur);
	return err_errno(err, KSNAP_E_TARGET, num, "the child that %s cannot be started: %s",
			 duty->does, step);
}

static int start(int fd, const struct duty *duty, const int ends[2], struct freeze_guard *ret,
		 struct ksnap_err *err)
{
	pid_t parent = getpid(), pid = fork();
	int code;

	if (pid < 0)
		return refuse_start(duty, errno, "fork", err);
	if (pid == 0)
		be_guard(parent, ends, fd, duty);
	ret->pidfd = syscall(SYS_pidfd_open, pid, 0);
	ret->pid = pid;
	if (ret->pidfd >= 0)
		return 0;
	code = refuse_start(duty, errno, "pidfd_open", err);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	return code;
}

static int start_guard(int fd, const struct duty *duty, struct freeze_guard *ret,
		       struct ksnap_err *err)
{
	int ends[2], code;

	*ret = FREEZE_GUARD_NONE;
	if (fd < 0)
		return err_set(
			err, KSNAP_E_TARGET,
			"the child that %s cannot be started: what it would write to is closed",
			duty->does);
	if (pipe2(ends, O_CLOEXEC))
		return refuse_start(duty, errno, "pipe", err);
	code = start(fd, duty, ends, ret, err);
	close(ends[0]);
	if (code)
		close(ends[1]);
	else
		ret->pipe = ends[1];
	return code;
}

int freeze_guard_start(int fd, const struct freeze_word *thaw, struct freeze_guard *ret,
		       struct ksnap_err *err)
{
	return start_guard(fd, &(struct duty){ THAW_NAME, THAWS, thaw, NULL }, ret, err);
}

int freeze_guard_start_cgroup(int freeze_fd, struct freeze_guard *ret, struct ksnap_err *err)
{
	static const struct freeze_word thaw[] = { { "0", NULL, NULL }, { 0 } };
	static const struct duty duty = { THAW_NAME, THAWS, thaw, freeze_mark_remove };

	return start_guard(freeze_fd, &duty, ret, err);
}

static void take_out(int map_fd)
{
	uint32_t key = 0;

	bpf_map_delete_elem(map_fd, &key);
}

int freeze_guard_start_ops(int map_fd, struct freeze_guard *ret, struct ksnap_err *err)
{
	static const struct freeze_word none[] = { { 0 } };
	static const struct duty duty = { "ksnap-ops", "takes a struct_ops out", none, take_out };

	return start_guard(map_fd, &duty, ret, err);
}

static void reap(struct freeze_guard *g)
{
	siginfo_t info;

	while (waitid(P_PIDFD, g->pidfd, &info, WEXITED) < 0 && errno == EINTR)
		;
	cleanup_close(&g->pidfd);
	cleanup_close(&g->pipe);
	*g = FREEZE_GUARD_NONE;
}

bool freeze_guard_is_gone(struct freeze_guard *g)
{
	struct pollfd p = { .fd = g->pidfd, .events = POLLIN };

	if (g->pidfd < 0 || poll(&p, 1, 0) <= 0)
		return false;
	reap(g);
	return true;
}

void freeze_guard_stop(struct freeze_guard *g)
{
	if (g->pidfd < 0)
		return;
	syscall(SYS_pidfd_send_signal, g->pidfd, SIGKILL, NULL, 0);
	reap(g);
}

void freeze_guard_release(struct freeze_guard *g)
{
	if (g->pidfd < 0)
		return;
	cleanup_close(&g->pipe);
	g->pipe = -1;
	reap(g);
}

void freeze_guard_thaw(int fd, const struct freeze_word *thaw)
{
	for (; thaw->says; thaw++)
		say(fd, thaw, getppid());
}
