// SPDX-License-Identifier: MIT
/* embed.c - a broker and its workers as threads of this process.
 *
 * The broker's thread makes, runs and destroys the broker, so that its sockets never change hands.
 * A worker that ends by itself leaves its error and pokes the broker's loop. */
#include "cli/embed.h"

#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include <zmq.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/log.h"
#include "broker/broker.h"
#include "capture/worker.h"

#define CONTROL "inproc://control"
#define LIVE    "inproc://live"
#define WORK    "inproc://work"

struct embed_worker {
	struct embed *owner;
	pthread_t thread;
	bool started;
	char name[KSNAP_TAG_MAX];
	const char *target;
	struct ksnap_err err; /* under the owner's lock, once ended */
	bool ended, told;     /* told: the broker was */
};

struct embed {
	void *context;
	struct embed_opts opts;
	int stop_broker, stop_workers; /* eventfds, readable: leave */
	int worker_ended;              /* eventfd of the broker's loop */
	pthread_mutex_t lock;
	pthread_cond_t changed;
	enum { EMBED_STARTING, EMBED_RUNNING, EMBED_FAILED } state; /* under lock */
	struct ksnap_err err;                                       /* EMBED_FAILED: why */
	bool stopping; /* under lock: workers end because they were told to */
	pthread_t thread;
	bool started;
	struct loop *loop;     /* of the broker's thread */
	struct broker *broker; /* of the broker's thread */
	size_t nworkers;
	struct embed_worker *workers;
};

static void poke(int fd)
{
	eventfd_write(fd, 1);
}

static void stop_loop(void *arg)
{
	struct embed *e = arg;

	loop_stop(e->loop);
}

static void tell_ended(void *arg)
{
	struct embed *e = arg;
	eventfd_t n;

	eventfd_read(e->worker_ended, &n);
	for (size_t i = 0; i < e->nworkers; i++) {
		struct embed_worker *w = &e->workers[i];
		bool news;

		pthread_mutex_lock(&e->lock);
		news = w->ended && !w->told && !e->stopping;
		w->told = w->told || news;
		pthread_mutex_unlock(&e->lock);
		if (news)
			broker_worker_gone(e->broker, w->name, (uint64_t)getpid(), w->err.text);
	}
}

static int make_broker(struct embed *e, struct ksnap_err *err)
{
	static const char *const live[] = { LIVE, NULL }, *const work[] = { WORK, NULL };
	const char *const control[] = { CONTROL, e->opts.control, NULL };
	struct broker_opts opts = {
		.size = sizeof(opts),
		.zmq_context = e->context,
		.control = control,
		.live = live,
		.work = work,
		.targets = e->opts.targets,
		.refused_connections = e->opts.refused_connections,
	};
	int r;

	e->loop = loop_create(err);
	if (!e->loop)
		return KSNAP_E_INTERNAL;
	loop_spins(e->loop);
	r = loop_add_fd(e->loop, e->stop_broker, stop_loop, e, err);
	if (r >= 0)
		r = loop_add_fd(e->loop, e->worker_ended, tell_ended, e, err);
	if (r < 0)
		return r;
	e->broker = broker_create(e->loop, &opts, err);
	return e->broker ? 0 : KSNAP_E_INTERNAL;
}

static void enter_state(struct embed *e, int state, const struct ksnap_err *err)
{
	pthread_mutex_lock(&e->lock);
	e->state = state;
	if (err)
		e->err = *err;
	pthread_cond_broadcast(&e->changed);
	pthread_mutex_unlock(&e->lock);
}

static void *run_broker(void *arg)
{
	struct embed *e = arg;
	struct ksnap_err err = { 0 };

	if (make_broker(e, &err) < 0) {
		enter_state(e, EMBED_FAILED, &err);
	} else {
		enter_state(e, EMBED_RUNNING, NULL);
		if (loop_run(e->loop, &err) < 0)
			log_error("the embedded broker stopped: %s", err.text);
	}
	broker_destroy(e->broker);
	loop_destroy(e->loop);
	return NULL;
}

static void *run_worker(void *arg)
{
	struct embed_worker *w = arg;
	struct embed *e = w->owner;
	struct worker_opts opts = {
		.connect = WORK,
		.target = w->target,
		.allow_writes = e->opts.allow_writes,
		.name = w->name,
		.zmq_context = e->context,
		.stop_fd = e->stop_workers,
	};
	struct ksnap_err err = { .code = KSNAP_E_WORKER_LOST, .text = "it left" };
	int r = worker_run(&opts, &err);

	pthread_mutex_lock(&e->lock);
	w->ended = true;
	w->err = err;
	pthread_mutex_unlock(&e->lock);
	if (r < 0)
		log_info("worker %s ended: %s", w->name, err.text);
	poke(e->worker_ended);
	return NULL;
}

static int prepare_workers(struct embed *e, struct ksnap_err *err)
{
	size_t n = 0;

	while (e->opts.targets[n])
		n++;
	e->workers = calloc(n, sizeof(*e->workers));
	if (!e->workers)
		return err_nomem(err);
	e->nworkers = n;
	for (size_t i = 0; i < n; i++) {
		struct embed_worker *w = &e->workers[i];
		const char *target = e->opts.targets[i];

		w->owner = e;
		w->target = target;
		snprintf(w->name, sizeof(w->name), "%.*s-%zu", (int)strcspn(target, ":"), target,
			 i + 1);
	}
	return 0;
}

static int start_thread(pthread_t *thread, bool *started, void *(*fn)(void *), void *arg,
			struct ksnap_err *err)
{
	int r = pthread_create(thread, NULL, fn, arg);

	*started = r == 0;
	return r == 0 ? 0 : err_errno(err, KSNAP_E_INTERNAL, r, "cannot start a thread");
}

static int await_broker(struct embed *e, struct ksnap_err *err)
{
	int r = 0;

	pthread_mutex_lock(&e->lock);
	while (e->state == EMBED_STARTING)
		pthread_cond_wait(&e->changed, &e->lock);
	if (e->state == EMBED_FAILED)
		r = err_set(err, e->err.code, "the embedded broker did not start: %s", e->err.text);
	pthread_mutex_unlock(&e->lock);
	return r;
}

static int start_all(struct embed *e, struct ksnap_err *err)
{
	int r = prepare_workers(e, err);

	if (r == 0)
		r = start_thread(&e->thread, &e->started, run_broker, e, err);
	if (r == 0)
		r = await_broker(e, err);
	for (size_t i = 0; r == 0 && i < e->nworkers; i++)
		r = start_thread(&e->workers[i].thread, &e->workers[i].started, run_worker,
				 &e->workers[i], err);
	return r;
}

struct embed *embed_create(const struct embed_opts *opts, struct ksnap_err *err)
{
	struct embed *e = calloc(1, sizeof(*e));

	if (!e) {
		err_nomem(err);
		return NULL;
	}
	pthread_mutex_init(&e->lock, NULL);
	pthread_cond_init(&e->changed, NULL);
	e->opts = *opts;
	e->stop_broker = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	e->stop_workers = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	e->worker_ended = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	e->context = zmq_ctx_new();
	if (e->stop_broker < 0 || e->stop_workers < 0 || e->worker_ended < 0 || !e->context) {
		err_errno(err, KSNAP_E_INTERNAL, errno, "cannot start an embedded broker");
		embed_destroy(e);
		return NULL;
	}
	if (start_all(e, err) < 0) {
		embed_destroy(e);
		return NULL;
	}
	return e;
}

static void stop_threads(struct embed *e)
{
	pthread_mutex_lock(&e->lock);
	e->stopping = true;
	pthread_mutex_unlock(&e->lock);
	poke(e->stop_workers);
	for (size_t i = 0; i < e->nworkers; i++)
		if (e->workers[i].started)
			pthread_join(e->workers[i].thread, NULL);
	poke(e->stop_broker);
	if (e->started)
		pthread_join(e->thread, NULL);
}

void embed_destroy(struct embed *e)
{
	int saved = errno;

	if (!e)
		return;
	stop_threads(e);
	if (e->context)
		zmq_ctx_term(e->context);
	cleanup_close(&e->stop_broker);
	cleanup_close(&e->stop_workers);
	cleanup_close(&e->worker_ended);
	pthread_cond_destroy(&e->changed);
	pthread_mutex_destroy(&e->lock);
	free(e->workers);
	free(e);
	errno = saved;
}

const char *embed_endpoint(const struct embed *e)
{
	(void)e;
	return CONTROL;
}

void *embed_context(const struct embed *e)
{
	return e->context;
}

int embed_worker_error(struct embed *e, struct ksnap_err *ret)
{
	int r = 0;

	pthread_mutex_lock(&e->lock);
	for (size_t i = 0; i < e->nworkers && r == 0; i++)
		if (e->workers[i].ended) {
			*ret = e->workers[i].err;
			r = ret->code;
		}
	pthread_mutex_unlock(&e->lock);
	return r;
}
