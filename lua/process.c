// SPDX-License-Identifier: MIT
/* process.c - programs that a script starts, each in a process group of its own.
 *
 * A child is reaped last of all, so that its number, which is its group's too, cannot be another
 * process's when the group is ended. It gets SIGKILL when the thread that started it ends, and its
 * whole group when its box is collected: nothing outlives the script.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/error.h"
#include "lua/bind.h"

#define CHILD_MT    "ksnap.child"
#define MAX_WAITED  64
#define MAX_WAIT_NS (50 * NS_PER_MS) /* of one poll: who waits looks after other things, too */

struct child {
	pid_t pid; /* 0: none, or reaped */
	int pidfd; /* -1: none */
};

/* What keeps a child from becoming the program; written to the parent. */
struct failure {
	enum { FAIL_CGROUP = 1, FAIL_EXEC } where;
	int errnum;
};

struct plan {
	char *const *argv;
	int cgroup_procs; /* -1: stay in the parent's cgroup */
	int tell;         /* closed by exec */
	pid_t parent;
};

static struct child *child_check(lua_State *L, int idx)
{
	return luaL_checkudata(L, idx, CHILD_MT);
}

/* ---- in the child: only what is safe after a fork beside threads --------------------------------
 */

static void give_up(const struct plan *plan, int where)
{
	struct failure f = { .where = where, .errnum = errno };

	if (write(plan->tell, &f, sizeof(f)) < 0)
		_exit(126);
	_exit(127);
}

static void become_program(const struct plan *plan)
{
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	sigset_t none;

	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != plan->parent)
		_exit(127); // it ended before it could be watched
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	dup2(null, STDIN_FILENO);
	dup2(STDERR_FILENO, STDOUT_FILENO); // stdout is the TAP stream
	if (plan->cgroup_procs >= 0 && write(plan->cgroup_procs, "0", 1) < 0)
		give_up(plan, FAIL_CGROUP);
	close_range(3, ~0u, CLOSE_RANGE_CLOEXEC);
	execvp(plan->argv[0], plan->argv);
	give_up(plan, FAIL_EXEC);
}

/* ---- starting ----------------------------------------------------------------------------------
 */

static int read_failure(int fd, const struct plan *plan, struct ksnap_err *err)
{
	struct failure f;
	ssize_t n;

	do
		n = read(fd, &f, sizeof(f));
	while (n < 0 && errno == EINTR);
	if (n != sizeof(f))
		return 0;
	if (f.where == FAIL_CGROUP)
		return err_errno(err, KSNAP_E_DENIED, f.errnum, "cannot enter the cgroup");
	return err_errno(err, f.errnum == ENOENT ? KSNAP_E_NOTFOUND : KSNAP_E_DENIED, f.errnum,
			 "cannot start %s", plan->argv[0]);
}

static int start(struct child *c, struct plan *plan, struct ksnap_err *err)
{
	_close_ int mine = -1, theirs = -1;
	int fds[2];

	if (pipe2(fds, O_CLOEXEC))
		return err_errno(err, KSNAP_E_NOMEM, errno, "cannot make a pipe");
	mine = fds[0];
	theirs = fds[1];
	plan->tell = theirs;
	plan->parent = getpid();
	c->pid = fork();
	if (c->pid == 0)
		become_program(plan);
	if (c->pid < 0) {
		c->pid = 0;
		return err_errno(err, KSNAP_E_NOMEM, errno, "cannot fork");
	}
	setpgid(c->pid, c->pid); // whichever of the two is first
	close(take_fd(theirs));
	c->pidfd = (int)syscall(SYS_pidfd_open, c->pid,
				0); // without one, its end is seen a little later
	return read_failure(mine, plan, err);
}

static void end(struct child *c)
{
	if (c->pid > 0) {
		kill(-c->pid, SIGKILL);
		kill(c->pid, SIGKILL); // when it left its group
		while (waitpid(c->pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
	if (c->pidfd >= 0)
		close(c->pidfd);
	*c = (struct child){ .pidfd = -1 };
}

/* The list at @idx as argv; it lives in a userdata that is pushed. */
static char *const *push_argv(lua_State *L, int idx)
{
	lua_Integer n = luaL_len(L, idx);
	const char **argv;

	luaL_argcheck(L, n >= 1, idx, "a program and its arguments");
	argv = lua_newuserdatauv(L, ((size_t)n + 1) * sizeof(*argv), 0);
	for (lua_Integer i = 1; i <= n; i++) {
		size_t len;

		lua_geti(L, idx, i);
		argv[i - 1] = luaL_checklstring(L, -1, &len);
		luaL_argcheck(L, strlen(argv[i - 1]) == len, idx, "a NUL in an argument");
		lua_pop(L, 1); // the list still holds it
	}
	argv[n] = NULL;
	return (char *const *)argv;
}

/* process.spawn(argv [, path of a cgroup.procs]) -> child | nil, err */
static int spawn(lua_State *L)
{
	const char *procs = luaL_optstring(L, 2, NULL);
	struct plan plan = { .argv = push_argv(L, 1), .cgroup_procs = -1 };
	struct child *c = lua_newuserdatauv(L, sizeof(*c), 0);
	struct ksnap_err err;
	int rc;

	*c = (struct child){ .pidfd = -1 };
	luaL_setmetatable(L, CHILD_MT);
	if (procs) {
		plan.cgroup_procs = open(procs, O_WRONLY | O_CLOEXEC);
		if (plan.cgroup_procs < 0) {
			err_errno(&err, errno == ENOENT ? KSNAP_E_NOTFOUND : KSNAP_E_DENIED, errno,
				  "cannot open %s", procs);
			return errors_return(L, &err, "spawn");
		}
	}
	rc = start(c, &plan, &err);
	if (plan.cgroup_procs >= 0)
		close(plan.cgroup_procs);
	if (!rc)
		return 1;
	end(c);
	return errors_return(L, &err, "spawn");
}

/* ---- what becomes of it ------------------------------------------------------------------------
 */

/* Its end, without reaping it. */
static bool has_ended(const struct child *c, siginfo_t *info)
{
	int rc;

	info->si_pid = 0;
	do
		rc = waitid(P_PID, (id_t)c->pid, info, WEXITED | WNOHANG | WNOWAIT);
	while (rc < 0 && errno == EINTR);
	return rc < 0 || info->si_pid == c->pid;
}

/* c:pid() -> its number, its group's too; nil after c:close() */
static int child_pid(lua_State *L)
{
	const struct child *c = child_check(L, 1);

	if (c->pid <= 0)
		return 0;
	lua_pushinteger(L, c->pid);
	return 1;
}

/* c:has_ended() -> whether it is over */
static int child_has_ended(lua_State *L)
{
	const struct child *c = child_check(L, 1);
	siginfo_t info;

	lua_pushboolean(L, c->pid <= 0 || has_ended(c, &info));
	return 1;
}

/* c:outcome() -> {code = n} or {signal = n}; nil while it runs */
static int child_outcome(lua_State *L)
{
	const struct child *c = child_check(L, 1);
	siginfo_t info;

	if (c->pid <= 0 || !has_ended(c, &info))
		return 0;
	lua_createtable(L, 0, 1);
	lua_pushinteger(L, info.si_status);
	lua_setfield(L, -2, info.si_code == CLD_EXITED ? "code" : "signal");
	return 1;
}

/* c:signal(n): to its whole group */
static int child_signal(lua_State *L)
{
	const struct child *c = child_check(L, 1);
	int signal = (int)luaL_checkinteger(L, 2);

	if (c->pid > 0 && kill(-c->pid, signal) < 0)
		kill(c->pid, signal); // it made a group of its own
	return 0;
}

/* c:close(): end all that is left of it */
static int child_close(lua_State *L)
{
	end(child_check(L, 1));
	return 0;
}

/* process.wait(list of children, mono_ns): until one of them is over, or the time is there; never
 * much longer than MAX_WAIT_NS */
static int wait_for_any(lua_State *L)
{
	uint64_t until = (uint64_t)luaL_checkinteger(L, 2), now = clock_mono_ns();
	uint64_t wait_ns = until <= now ? 0 : until - now < MAX_WAIT_NS ? until - now : MAX_WAIT_NS;
	struct timespec ts = { 0, (long)wait_ns };
	struct pollfd fds[MAX_WAITED];
	lua_Integer n = luaL_len(L, 1);

	n = n < MAX_WAITED ? n : MAX_WAITED; // the wait is short, the rest is looked at after it
	for (lua_Integer i = 0; i < n; i++) {
		lua_geti(L, 1, i + 1);
		fds[i] = (struct pollfd){ .fd = child_check(L, -1)->pidfd, .events = POLLIN };
		lua_pop(L, 1);
	}
	ppoll(fds, (nfds_t)n, &ts, NULL);
	return 0;
}

static const struct {
	const char *name;
	int number;
} signals[] = {
	{ "HUP", SIGHUP },   { "INT", SIGINT },   { "QUIT", SIGQUIT },
	{ "KILL", SIGKILL }, { "USR1", SIGUSR1 }, { "USR2", SIGUSR2 },
	{ "TERM", SIGTERM }, { "CONT", SIGCONT }, { "STOP", SIGSTOP },
};

static const luaL_Reg child_methods[] = {
	{ "pid", child_pid },         { "has_ended", child_has_ended },
	{ "outcome", child_outcome }, { "signal", child_signal },
	{ "close", child_close },     { "__gc", child_close },
	{ "__close", child_close },   { NULL, NULL },
};

static const luaL_Reg process_functions[] = { { "spawn", spawn },
					      { "wait", wait_for_any },
					      { NULL, NULL } };

int luaopen_ksnap_process(lua_State *L)
{
	if (luaL_newmetatable(L, CHILD_MT)) {
		luaL_setfuncs(L, child_methods, 0);
		lua_pushvalue(L, -1);
		lua_setfield(L, -2, "__index");
	}
	luaL_newlib(L, process_functions);
	lua_createtable(L, 0, ARRAY_SIZE(signals));
	for (size_t i = 0; i < ARRAY_SIZE(signals); i++) {
		lua_pushinteger(L, signals[i].number);
		lua_setfield(L, -2, signals[i].name);
	}
	lua_setfield(L, -2, "signals");
	return 1;
}
