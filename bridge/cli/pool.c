// SPDX-License-Identifier: MIT
/* pool.c - start a process for each scenario, read its records, note its end. */
#include "cli/pool.h"

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

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/log.h"
#include "base/loop.h"
#include "cli/out.h"
#include "lua/records.h"

#define TICK_MS    200
#define READ_BYTES 65536

struct pool_job {
	struct pool *pool;
	size_t which; /* from 1; 0: free */
	pid_t pid;
	int pidfd, pipe;       /* descriptors */
	int end_src, pipe_src; /* loop sources; 0: none */
	struct buf in;
};

struct pool {
	const struct pool_opts *opts;
	struct loop *loop;
	int signals;
	sigset_t mask; /* before signals were blocked */
	size_t next;   /* file to start, from 0 */
	unsigned running;
	int stopped_by;
	struct ksnap_err err; /* why a scenario could not start */
	bool failed;
	struct pool_job *jobs;
};

static void take_record(void *arg, const void *data, size_t len)
{
	struct pool_job *j = arg;

	ledger_record(j->pool->opts->ledger, j->which, data, len);
}

/* Take what is in the pipe; false when there is no more, now or ever. */
static bool read_some(struct pool_job *j)
{
	struct ksnap_err err;
	void *room = buf_reserve(&j->in, READ_BYTES);
	ssize_t n = room ? read(j->pipe, room, READ_BYTES) : 0;

	if (n <= 0) {
		bool later = n < 0 && (errno == EAGAIN || errno == EINTR);

		if (!later && j->pipe_src > 0) {
			loop_remove(j->pool->loop, j->pipe_src);
			j->pipe_src = 0;
		}
		return false;
	}
	buf_commit(&j->in, (size_t)n);
	if (records_take(&j->in, take_record, j, &err) < 0) {
		log_error("%s", err.text);
		buf_clear(&j->in);
	}
	return true;
}

static void on_readable(void *arg)
{
	read_some(arg);
}

static void start_more(struct pool *p);

static void free_job(struct pool_job *j)
{
	if (j->pipe_src > 0)
		loop_remove(j->pool->loop, j->pipe_src);
	if (j->end_src > 0)
		loop_remove(j->pool->loop, j->end_src);
	cleanup_close(&j->pidfd);
	cleanup_close(&j->pipe);
	buf_fini(&j->in);
	*j = (struct pool_job){ .pool = j->pool, .pidfd = -1, .pipe = -1 };
}

static void on_end(void *arg)
{
	struct pool_job *j = arg;
	struct pool *p = j->pool;
	char why[96];
	int status;

	if (waitpid(j->pid, &status, WNOHANG) != j->pid)
		return;
	while (read_some(j))
		;
	if (WIFSIGNALED(status))
		snprintf(why, sizeof(why), "its process was killed by signal %d (%s)",
			 WTERMSIG(status), strsignal(WTERMSIG(status)));
	ledger_ended(p->opts->ledger, j->which,
		     WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_FAILED,
		     WIFSIGNALED(status) ? why : NULL);
	free_job(j);
	p->running--;
	start_more(p);
}

static void become_trial(struct pool_job *j, int records, pid_t parent)
{
	struct trial t = *j->pool->opts->trial;

	setpgid(0, 0); // signals of the terminal come through the parent, once
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	sigprocmask(SIG_SETMASK, &j->pool->mask, NULL);
	if (getppid() != parent)
		exit(EXIT_FAILED);
	t.path = j->pool->opts->files[j->which - 1];
	t.host.records = records;
	exit(trial_run(&t));
}

static int watch_job(struct pool_job *j, struct ksnap_err *err)
{
	struct loop *loop = j->pool->loop;

	j->pidfd = pidfd_open(j->pid, 0);
	if (j->pidfd < 0)
		return err_errno(err, KSNAP_E_INTERNAL, errno, "cannot watch a scenario");
	fcntl(j->pipe, F_SETFL, O_NONBLOCK);
	j->pipe_src = loop_add_fd(loop, j->pipe, on_readable, j, err);
	if (j->pipe_src < 0)
		return j->pipe_src;
	j->end_src = loop_add_fd(loop, j->pidfd, on_end, j, err);
	return j->end_src < 0 ? j->end_src : 0;
}

static int start_job(struct pool_job *j, size_t which, struct ksnap_err *err)
{
	pid_t parent = getpid();
	int pipes[2], r;

	if (pipe2(pipes, O_CLOEXEC) < 0)
		return err_errno(err, KSNAP_E_INTERNAL, errno, "cannot start a scenario");
	j->which = which;
	ledger_began(j->pool->opts->ledger, which);
	out_flush();
	j->pid = fork();
	if (j->pid == 0) {
		close(pipes[0]);
		become_trial(j, pipes[1], parent);
	}
	close(pipes[1]);
	j->pipe = pipes[0];
	if (j->pid < 0) {
		free_job(j);
		return err_errno(err, KSNAP_E_INTERNAL, errno, "cannot start a scenario");
	}
	r = watch_job(j, err);
	if (r < 0) {
		kill(j->pid, SIGTERM);
		free_job(j);
	}
	return r;
}

static void start_more(struct pool *p)
{
	const struct pool_opts *o = p->opts;

	for (unsigned i = 0; i < o->jobs && p->next < o->nfiles && !p->stopped_by && !p->failed;
	     i++) {
		if (p->jobs[i].which)
			continue;
		p->failed = start_job(&p->jobs[i], ++p->next, &p->err) < 0;
		p->running += !p->failed;
	}
	if (!p->running)
		loop_stop(p->loop);
}

static void on_signal(void *arg)
{
	struct pool *p = arg;
	struct signalfd_siginfo info;

	if (read(p->signals, &info, sizeof(info)) != sizeof(info))
		return;
	p->stopped_by = (int)info.ssi_signo;
	for (unsigned i = 0; i < p->opts->jobs; i++)
		if (p->jobs[i].which)
			kill(p->jobs[i].pid, p->stopped_by);
}

static void on_tick(void *arg)
{
	struct pool *p = arg;

	ledger_tick(p->opts->ledger);
}

static int block_signals(struct pool *p, struct ksnap_err *err)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, &p->mask);
	p->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (p->signals < 0)
		return err_errno(err, KSNAP_E_INTERNAL, errno, "cannot wait for signals");
	return loop_add_fd(p->loop, p->signals, on_signal, p, err);
}

static int run_all(struct pool *p, struct ksnap_err *err)
{
	int r = block_signals(p, err);

	if (r >= 0 && p->opts->tick)
		r = loop_add_timer(p->loop, TICK_MS, on_tick, p, err);
	if (r < 0)
		return r;
	start_more(p);
	r = p->running ? loop_run(p->loop, err) : 0;
	if (r == 0 && p->failed) {
		*err = p->err;
		r = err->code;
	}
	return r;
}

int pool_run(const struct pool_opts *opts, int *ret_signal, struct ksnap_err *err)
{
	struct pool p = { .opts = opts, .signals = -1 };
	int r;

	p.loop = loop_create(err);
	p.jobs = calloc(opts->jobs, sizeof(*p.jobs));
	if (!p.loop || !p.jobs) {
		loop_destroy(p.loop);
		free(p.jobs);
		return err_nomem(err);
	}
	for (unsigned i = 0; i < opts->jobs; i++)
		p.jobs[i] = (struct pool_job){ .pool = &p, .pidfd = -1, .pipe = -1 };
	r = run_all(&p, err);
	*ret_signal = p.stopped_by;
	for (unsigned i = 0; i < opts->jobs; i++)
		free_job(&p.jobs[i]);
	cleanup_close(&p.signals);
	loop_destroy(p.loop);
	free(p.jobs);
	return r;
}
