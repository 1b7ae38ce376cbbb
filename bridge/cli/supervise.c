// SPDX-License-Identifier: MIT
/* supervise.c - keep a broker's capture workers alive. */
#include "cli/supervise.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "capture/worker.h"

#define BACKOFF_FIRST_MS 100
#define BACKOFF_MOST_MS  5000
#define LONG_LIFE_NS     (10 * NS_PER_S)
#define LEAVE_MS         2000

struct worker_slot {
	struct supervisor *owner;
	char name[KSNAP_TAG_MAX];
	const char *target;
	uint64_t started_ns;
	unsigned backoff_ms; /* before the next start; 0: at once */
	uint64_t restarts;
	int timer; /* loop source of a start to come, 0: none */

	pid_t pid;  /* 0: no process */
	int pidfd;  /* -1: none */
	int source; /* loop source of pidfd */

	pthread_t thread;
	bool has_thread;
	int ended; /* eventfd, written by the thread at its end */
	struct ksnap_err err;
};

struct supervisor {
	struct supervisor_opts opts;
	bool retired;
	int stop; /* eventfd: threads leave */
	size_t n;
	struct worker_slot *slots;
};

static int start_worker(struct worker_slot *w, struct ksnap_err *err);
static void worker_ended(struct worker_slot *w, pid_t pid, const char *why);

static void start_again(void *arg)
{
	struct worker_slot *w = arg;
	struct ksnap_err err;

	w->timer = 0;
	if (start_worker(w, &err) < 0)
		worker_ended(w, 0, err.text);
}

static void schedule_start(struct worker_slot *w)
{
	uint64_t at = clock_mono_ns() + w->backoff_ms * NS_PER_MS;
	struct ksnap_err err;
	int id = loop_add_deadline(w->owner->opts.loop, at, start_again, w, &err);

	if (id < 0)
		log_error("worker %s stays away: %s", w->name, err.text);
	w->timer = id > 0 ? id : 0;
}

/* Common end of a process and of a thread; @pid 0: of one that did not begin. */
static void worker_ended(struct worker_slot *w, pid_t pid, const char *why)
{
	bool lived_long = clock_mono_ns() - w->started_ns >= LONG_LIFE_NS;

	if (w->owner->retired)
		return;
	if (lived_long)
		w->backoff_ms = 0;
	if (pid)
		broker_worker_gone(w->owner->opts.broker, w->name, (uint64_t)pid, why);
	w->restarts++;
	log_warn("worker %s ended: %s; start %llu follows in %u ms", w->name, why,
		 (unsigned long long)w->restarts + 1, w->backoff_ms);
	schedule_start(w);
	w->backoff_ms = w->backoff_ms ? 2 * w->backoff_ms : BACKOFF_FIRST_MS;
	if (w->backoff_ms > BACKOFF_MOST_MS)
		w->backoff_ms = BACKOFF_MOST_MS;
}

static void describe_end(const siginfo_t *info, char *buf, size_t cap)
{
	if (info->si_code == CLD_EXITED)
		snprintf(buf, cap, "exit status %d", info->si_status);
	else
		snprintf(buf, cap, "killed by signal %d (%s)", info->si_status,
			 strsignal(info->si_status));
}

static void forget_process(struct worker_slot *w)
{
	if (w->source > 0)
		loop_remove(w->owner->opts.loop, w->source);
	close(w->pidfd);
	w->source = 0;
	w->pidfd = -1;
	w->pid = 0;
}

static void process_ended(void *arg)
{
	struct worker_slot *w = arg;
	siginfo_t info = { 0 };
	char why[96];

	if (waitid(P_PIDFD, w->pidfd, &info, WEXITED | WNOHANG) < 0 || info.si_pid == 0)
		return;
	describe_end(&info, why, sizeof(why));
	forget_process(w);
	worker_ended(w, info.si_pid, why);
}

static void become_worker(const struct worker_slot *w, pid_t parent)
{
	const struct supervisor_opts *o = &w->owner->opts;
	const char *argv[13] = { "ksnap",    "worker",  "--connect", o->connect,
				 "--target", w->target, "--name",    w->name };
	unsigned n = 8;
	sigset_t none;

	if (o->allow_writes)
		argv[n++] = "--allow-writes";
	if (o->quiet)
		argv[n++] = "-q";
	for (unsigned i = 0; i < o->verbose && i < 2; i++)
		argv[n++] = "-v";
	argv[n] = NULL;
	/* A terminal's ^C is for the broker, which then tells its workers. */
	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != parent)
		_exit(EXIT_FAILURE);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	execv("/proc/self/exe", (char **)argv);
	_exit(127);
}

static int start_process(struct worker_slot *w, struct ksnap_err *err)
{
	pid_t parent = getpid(), pid = fork();
	int r;

	if (pid < 0)
		return err_errno(err, KSNAP_E_INTERNAL, errno, "cannot fork");
	if (pid == 0)
		become_worker(w, parent);
	w->pid = pid;
	w->pidfd = syscall(SYS_pidfd_open, pid, 0);
	if (w->pidfd < 0) {
		r = err_errno(err, KSNAP_E_UNSUPPORTED, errno, "cannot watch a worker by pidfd");
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		w->pid = 0;
		return r;
	}
	w->source = loop_add_fd(w->owner->opts.loop, w->pidfd, process_ended, w, err);
	return w->source < 0 ? w->source : 0;
}

static void *run_thread(void *arg)
{
	struct worker_slot *w = arg;
	struct worker_opts opts = {
		.connect = w->owner->opts.connect,
		.target = w->target,
		.name = w->name,
		.allow_writes = w->owner->opts.allow_writes,
		.zmq_context = w->owner->opts.zmq_context,
		.stop_fd = w->owner->stop,
	};

	w->err = (struct ksnap_err){ .text = "it was told to leave" };
	worker_run(&opts, &w->err);
	eventfd_write(w->ended, 1);
	return NULL;
}

static void thread_ended(void *arg)
{
	struct worker_slot *w = arg;
	eventfd_t n;

	if (eventfd_read(w->ended, &n) < 0)
		return;
	pthread_join(w->thread, NULL);
	w->has_thread = false;
	worker_ended(w, getpid(), w->err.text);
}

static int start_thread(struct worker_slot *w, struct ksnap_err *err)
{
	int r;

	if (w->ended < 0) {
		w->ended = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		r = w->ended < 0 ? err_errno(err, KSNAP_E_INTERNAL, errno, "cannot make an eventfd")
				 : loop_add_fd(w->owner->opts.loop, w->ended, thread_ended, w, err);
		if (r < 0)
			return r;
		w->source = r;
	}
	r = pthread_create(&w->thread, NULL, run_thread, w);
	if (r)
		return err_errno(err, KSNAP_E_INTERNAL, r, "cannot start a thread");
	w->has_thread = true;
	return 0;
}

static int start_worker(struct worker_slot *w, struct ksnap_err *err)
{
	w->started_ns = clock_mono_ns();
	return w->owner->opts.threads ? start_thread(w, err) : start_process(w, err);
}

static void name_slots(struct supervisor *s)
{
	const struct supervisor_opts *o = &s->opts;

	for (size_t i = 0; i < s->n; i++) {
		struct worker_slot *w = &s->slots[i];
		const char *target = o->targets[i / o->per_target];
		int kind = strcspn(target, ":");

		*w = (struct worker_slot){ .owner = s, .target = target, .pidfd = -1, .ended = -1 };
		snprintf(w->name, sizeof(w->name), "%.*s-%zu", kind < 40 ? kind : 40, target,
			 i + 1);
	}
}

static int start_all(struct supervisor *s, struct ksnap_err *err)
{
	size_t ntargets = 0;
	int r = 0;

	while (s->opts.targets[ntargets])
		ntargets++;
	s->n = ntargets * s->opts.per_target;
	s->slots = calloc(s->n, sizeof(*s->slots));
	if (!s->slots) {
		s->n = 0;
		return err_nomem(err);
	}
	name_slots(s);
	s->stop = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (s->stop < 0)
		return err_errno(err, KSNAP_E_INTERNAL, errno, "cannot make an eventfd");
	for (size_t i = 0; i < s->n && r == 0; i++)
		r = start_worker(&s->slots[i], err);
	return r;
}

struct supervisor *supervisor_create(const struct supervisor_opts *opts, struct ksnap_err *err)
{
	struct supervisor *s = calloc(1, sizeof(*s));

	if (!s) {
		err_nomem(err);
		return NULL;
	}
	s->opts = *opts;
	s->stop = -1;
	if (start_all(s, err) < 0) {
		supervisor_retire(s);
		supervisor_destroy(s);
		return NULL;
	}
	return s;
}

void supervisor_worker_silent(struct supervisor *s, const char *name, uint64_t pid)
{
	for (size_t i = 0; i < s->n; i++) {
		const struct worker_slot *w = &s->slots[i];

		if (w->pid > 0 && (uint64_t)w->pid == pid && strcmp(w->name, name) == 0)
			kill(w->pid, SIGKILL);
	}
}

void supervisor_retire(struct supervisor *s)
{
	if (!s)
		return;
	s->retired = true;
	for (size_t i = 0; i < s->n; i++) {
		struct worker_slot *w = &s->slots[i];

		if (w->timer > 0)
			loop_remove(s->opts.loop, w->timer);
		w->timer = 0;
	}
}

static int remaining_ms(uint64_t deadline_ns)
{
	uint64_t now = clock_mono_ns();

	return now >= deadline_ns ? 0 : (int)((deadline_ns - now) / NS_PER_MS) + 1;
}

static void end_process(struct worker_slot *w, uint64_t deadline_ns)
{
	struct pollfd p = { .fd = w->pidfd, .events = POLLIN };

	if (w->pid == 0)
		return;
	if (poll(&p, 1, remaining_ms(deadline_ns)) == 0) {
		log_warn("worker %s does not leave and is killed", w->name);
		kill(w->pid, SIGKILL);
	}
	waitpid(w->pid, NULL, 0);
	forget_process(w);
}

static void end_thread(struct worker_slot *w)
{
	if (w->has_thread)
		pthread_join(w->thread, NULL);
	w->has_thread = false;
	if (w->ended >= 0) {
		loop_remove(w->owner->opts.loop, w->source);
		close(w->ended);
	}
}

void supervisor_destroy(struct supervisor *s)
{
	uint64_t deadline = clock_mono_ns() + LEAVE_MS * NS_PER_MS;
	int saved = errno;

	if (!s)
		return;
	if (s->stop >= 0)
		eventfd_write(s->stop, 1);
	for (size_t i = 0; i < s->n; i++)
		if (s->slots[i].pid > 0)
			kill(s->slots[i].pid, SIGTERM);
	for (size_t i = 0; i < s->n; i++) {
		if (s->opts.threads)
			end_thread(&s->slots[i]);
		else
			end_process(&s->slots[i], deadline);
	}
	cleanup_close(&s->stop);
	free(s->slots);
	free(s);
	errno = saved;
}
