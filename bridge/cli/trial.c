// SPDX-License-Identifier: MIT
/* trial.c - a child runs the script; this process hosts a broker for it and ends it in time.
 *
 * The child is the head of a process group, so that what it started goes with it. It waits for the
 * endpoint on a pipe, for the broker's threads start after the fork. */
#include "cli/trial.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/loop.h"
#include "cli/accepting.h"
#include "cli/leftovers.h"
#include "cli/out.h"
#include "cli/strays.h"
#include "client/endpoint.h"
#include "lua/records.h"

/* Between SIGTERM and SIGKILL, for one who is about to end anyway. */
#define SLACK_MS (LIMITS_HURRY_MS + 400)

struct watch {
	struct trial *trial;
	pid_t pid;
	int pidfd, signals; /* descriptors */
	struct loop *loop;
	int killer;      /* loop source of a kill to come; 0: none */
	bool terminated; /* it was told to end */
	bool killed;
	int stopped_by;       /* signal this process got; 0: none */
	unsigned stops;       /* how many it got */
	uint64_t stopped_ns;  /* when it got the last one that counts */
	int status;           /* of waitpid */
	char leftovers[4096]; /* what became of what it had to undo; "" when there was nothing */
};

/* ---- the child
 * ----------------------------------------------------------------------------------- */

static void catch_stops(void)
{
	struct sigaction sa = { .sa_handler = limits_stop };

	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGTERM, &sa, NULL);
	sigaction(SIGHUP, &sa, NULL);
}

static int run_script(const struct trial *t, int go, const sigset_t *mask, pid_t parent)
{
	char endpoint[ENDPOINT_MAX] = "";
	struct lua_host_opts host = t->host;
	ssize_t n;

	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	catch_stops();
	sigprocmask(SIG_SETMASK, mask, NULL);
	if (getppid() != parent)
		return EXIT_FAILED;
	/* Records tell what is to be told; what a trusted script writes by itself is no TAP. */
	dup2(STDERR_FILENO, STDOUT_FILENO);
	n = read(go, endpoint, sizeof(endpoint) - 1);
	if (n <= 0)
		return EXIT_FAILED; // the broker did not start, which the parent says
	host.endpoint = endpoint;
	return lua_host_run(t->path, &host);
}

/* ---- the watchdog
 * -------------------------------------------------------------------------------- */

static void kill_it(void *arg)
{
	struct watch *w = arg;

	w->killer = 0;
	w->killed = true;
	kill(-w->pid, SIGKILL);
}

static void kill_later(struct watch *w, uint64_t ms)
{
	struct ksnap_err err;

	if (w->killer > 0)
		loop_remove(w->loop, w->killer);
	w->killer = loop_add_deadline(w->loop, clock_mono_ns() + ms * NS_PER_MS, kill_it, w, &err);
	if (w->killer < 0)
		kill_it(w);
}

static void end_it(void *arg)
{
	struct watch *w = arg;

	w->terminated = true;
	kill(w->pid, SIGTERM);
	kill_later(w, SLACK_MS);
}

static void on_signal(void *arg)
{
	struct watch *w = arg;
	struct signalfd_siginfo info;
	uint64_t now = clock_mono_ns(), grace_ms = w->trial->host.limits.grace_ms;

	if (read(w->signals, &info, sizeof(info)) != sizeof(info))
		return;
	/* One that several processes hand on comes several times. */
	if (w->stops && now - w->stopped_ns < LIMITS_TWICE_MS * NS_PER_MS)
		return;
	w->stopped_by = (int)info.ssi_signo;
	w->stopped_ns = now;
	w->stops++;
	kill(w->pid, w->stopped_by);
	if (w->stops > 2)
		kill_it(w);
	else
		kill_later(w, w->stops == 2 ? SLACK_MS : grace_ms + SLACK_MS);
}

static void on_end(void *arg)
{
	struct watch *w = arg;

	if (waitpid(w->pid, &w->status, WNOHANG) != w->pid)
		return;
	kill(-w->pid, SIGKILL); // what it started and left
	strays_end();
	leftovers_undo(w->trial->host.notes, w->leftovers, sizeof(w->leftovers));
	loop_stop(w->loop);
}

static int watch_it(struct watch *w, struct ksnap_err *err)
{
	const struct limits_opts *o = &w->trial->host.limits;
	uint64_t most_ms = o->deadline_ms + o->grace_ms;
	int r = loop_add_fd(w->loop, w->signals, on_signal, w, err);

	if (r >= 0)
		r = loop_add_fd(w->loop, w->pidfd, on_end, w, err);
	if (r >= 0 && o->deadline_ms)
		r = loop_add_deadline(w->loop, clock_mono_ns() + most_ms * NS_PER_MS, end_it, w,
				      err);
	return r < 0 ? r : loop_run(w->loop, err);
}

/* ---- how it ended
 * ------------------------------------------------------------------------------ */

static void describe_end(const struct watch *w, char *text, size_t cap)
{
	const struct limits_opts *o = &w->trial->host.limits;
	int signal = WTERMSIG(w->status);

	if (w->killed && w->stops > 2)
		snprintf(text, cap, "killed by the third signal, %d", w->stopped_by);
	else if (w->killed && w->stopped_by)
		snprintf(text, cap, "killed: it did not end within %llu ms of signal %d",
			 w->stops == 2 ? (unsigned long long)SLACK_MS
				       : (unsigned long long)o->grace_ms,
			 w->stopped_by);
	else if (w->terminated)
		snprintf(text, cap,
			 "killed: it did not end within its deadline of %llu ms and %llu ms more; "
			 "--deadline and --grace change that",
			 (unsigned long long)o->deadline_ms, (unsigned long long)o->grace_ms);
	else
		snprintf(text, cap, "killed by signal %d (%s)", signal, strsignal(signal));
}

static int code_of(const struct watch *w)
{
	char text[sizeof(w->leftovers) + 256];
	size_t len;
	int code;

	if (WIFEXITED(w->status)) {
		if (w->leftovers[0])
			say_error("%s: it ended without its teardown%s", w->trial->path,
				  w->leftovers);
		return WEXITSTATUS(w->status);
	}
	describe_end(w, text, sizeof(text));
	len = strlen(text);
	snprintf(text + len, sizeof(text) - len, "%s", w->leftovers);
	code = w->terminated ? EXIT_DEADLINE : EXIT_FAILED;
	records_send_failure(w->trial->host.records, w->trial->path, text, code);
	say_error("%s: %s", w->trial->path, text);
	return code;
}

/* ---- its broker
 * ---------------------------------------------------------------------------------- */

struct place {
	char folder[72], url[96];
};

/* TMPDIR, unless its name is too long for a socket's. */
static int make_place(struct place *p, struct ksnap_err *err)
{
	const char *tmp = getenv("TMPDIR");
	bool fits = tmp && tmp[0] == '/' && strlen(tmp) + 18 < sizeof(p->folder);

	snprintf(p->folder, sizeof(p->folder), "%s/ksnap-run-XXXXXX", fits ? tmp : "/tmp");
	if (!mkdtemp(p->folder))
		return err_errno(err, KSNAP_E_INTERNAL, errno, "cannot make %s", p->folder);
	snprintf(p->url, sizeof(p->url), "ipc://%s/control", p->folder);
	return 0;
}

static int tell_go(int fd, const char *endpoint, struct ksnap_err *err)
{
	ssize_t n = write(fd, endpoint, strlen(endpoint));

	return n < 0 ? err_errno(err, KSNAP_E_INTERNAL, errno, "cannot start the script") : 0;
}

/* A worker may be busy for long with what was asked of it. Whoever stops the run does not wait for
 * that; what the worker holds goes with this process. */
static void leave_at_once(struct watch *w, const struct place *p)
{
	static const char *const sockets[] = { "control", "live", "work" };
	char path[sizeof(p->folder) + 16];
	int code = code_of(w);

	for (size_t i = 0; i < ARRAY_SIZE(sockets); i++) {
		snprintf(path, sizeof(path), "%s/%s", p->folder, sockets[i]);
		unlink(path);
	}
	rmdir(p->folder);
	out_flush();
	_exit(code);
}

static int watch_with_broker(struct watch *w, int go, struct ksnap_err *err)
{
	struct place place;
	struct embed_opts opts = w->trial->embed;
	struct embed *embed;
	int r = make_place(&place, err);

	if (r < 0)
		return r;
	opts.control = place.url;
	opts.refused_connections = accepting_refused;
	embed = embed_create(&opts, err);
	r = embed ? tell_go(go, place.url, err) : KSNAP_E_INTERNAL;
	if (r >= 0)
		r = watch_it(w, err);
	if (r >= 0 && w->stopped_by)
		leave_at_once(w, &place);
	embed_destroy(embed);
	rmdir(place.folder);
	return r;
}

static int watch_all(struct watch *w, int go, struct ksnap_err *err)
{
	const char *endpoint = w->trial->host.endpoint;
	int r;

	w->loop = loop_create(err);
	if (!w->loop)
		return KSNAP_E_INTERNAL;
	w->pidfd = pidfd_open(w->pid, 0);
	if (w->pidfd < 0 || w->signals < 0)
		return err_errno(err, KSNAP_E_INTERNAL, errno, "cannot watch the script");
	if (!endpoint[0])
		return watch_with_broker(w, go, err);
	r = tell_go(go, endpoint, err);
	return r < 0 ? r : watch_it(w, err);
}

/* ---- both
 * ---------------------------------------------------------------------------------------- */

static int watch_end(struct watch *w, int go)
{
	struct ksnap_err err;
	int r = watch_all(w, go, &err);

	if (r < 0) {
		kill(-w->pid, SIGKILL);
		waitpid(w->pid, &w->status, 0);
		strays_end();
		leftovers_undo(w->trial->host.notes, w->leftovers, sizeof(w->leftovers));
	}
	loop_destroy(w->loop);
	cleanup_close(&w->pidfd);
	if (r == 0)
		return code_of(w);
	records_send_failure(w->trial->host.records, w->trial->path, err.text,
			     exit_code_of(err.code));
	return say_err(&err);
}

static void stop_signals(sigset_t *set)
{
	sigemptyset(set);
	sigaddset(set, SIGINT);
	sigaddset(set, SIGTERM);
	sigaddset(set, SIGHUP);
}

int trial_run(struct trial *t)
{
	struct watch w = { .trial = t, .pidfd = -1, .signals = -1 };
	pid_t parent = getpid();
	struct ksnap_err err;
	sigset_t stops, before;
	int go[2], code;

	t->host.notes = notes_create(&err);
	if (!t->host.notes)
		return say_err(&err);
	if (pipe2(go, O_CLOEXEC) < 0) {
		err_errno(&err, KSNAP_E_INTERNAL, errno, "cannot start the script");
		notes_destroy(t->host.notes);
		return say_err(&err);
	}
	strays_adopt();
	stop_signals(&stops);
	sigprocmask(SIG_BLOCK, &stops, &before);
	out_flush();
	w.pid = fork();
	if (w.pid == 0) {
		close(go[1]);
		exit(run_script(t, go[0], &before, parent));
	}
	close(go[0]);
	w.signals = signalfd(-1, &stops, SFD_CLOEXEC | SFD_NONBLOCK);
	if (w.pid > 0) {
		setpgid(w.pid, w.pid); // whichever of the two is first: it is ended by its group
		code = watch_end(&w, go[1]);
	} else {
		code = say_err((err_errno(&err, KSNAP_E_INTERNAL, errno, "cannot fork"), &err));
	}
	close(go[1]);
	cleanup_close(&w.signals);
	notes_destroy(t->host.notes);
	return code;
}
