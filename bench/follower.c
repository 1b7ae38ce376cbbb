// SPDX-License-Identifier: MIT
/* follower.c - what came and what was told as lost, channel by channel. */
#include "bench/follower.h"

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>
#include <zmq.h>

#include "bench/bench.h"

/* Monitors are on other machines; here they must not take the CPU from the broker. */
#define NICE        10
#define TURN_MS     20
#define PATIENCE_NS 60000000000ull

struct heard {
	char name[KSNAP_TAG_MAX + 16];
	uint64_t last, received, lost;
};

struct follower {
	const char *url;
	void *context;
	pthread_t thread;
	sem_t ready;
	_Atomic(const struct books *) goal; /* when not NULL: go on until it is reached */
	int code;
	unsigned n;
	struct heard heard[BOOKS_CHANNELS];
};

static struct heard *heard_on(struct follower *f, const char *channel)
{
	for (unsigned i = 0; i < f->n; i++) {
		if (!strcmp(f->heard[i].name, channel))
			return &f->heard[i];
	}
	if (f->n == BOOKS_CHANNELS)
		return NULL;
	snprintf(f->heard[f->n].name, sizeof(f->heard[f->n].name), "%s", channel);
	return &f->heard[f->n++];
}

static int take(struct follower *f, const struct ksnap_live_msg *m)
{
	struct heard *h = m->kind == KSNAP_LIVE_EPOCH ? NULL : heard_on(f, m->channel);
	uint64_t first = m->kind == KSNAP_LIVE_LOST ? m->first : m->seq;

	if (!h)
		return bench_wrong("a new epoch, or too many channels");
	if (first != h->last + 1)
		return bench_wrong("%s: %llu came after %llu, and nothing told of a loss",
				   m->channel, (unsigned long long)first,
				   (unsigned long long)h->last);
	h->last = m->kind == KSNAP_LIVE_LOST ? m->last : m->seq;
	h->lost += m->lost;
	h->received += m->kind == KSNAP_LIVE_MESSAGE;
	return 0;
}

static bool is_reached(struct follower *f, const struct books *goal)
{
	for (unsigned i = 0; i < goal->nchannels; i++) {
		const struct books_channel *c = &goal->channels[i];
		const struct heard *h = c->published ? heard_on(f, c->name) : NULL;

		if (c->published && (!h || h->last < c->published))
			return false;
	}
	return true;
}

static int follow(struct follower *f, struct ksnap_subscriber *s)
{
	uint64_t end = UINT64_MAX;

	for (;;) {
		const struct books *goal = atomic_load(&f->goal);
		struct ksnap_live_msg m;
		struct ksnap_err err = { 0 };
		int n = ksnap_subscriber_next(s, TURN_MS, &m, &err);

		if (n < 0 && !ksnap_err_retry(n))
			return bench_wrong("following: %s", err.text);
		if (n > 0) {
			n = take(f, &m);
			ksnap_live_msg_clear(&m);
			if (n)
				return n;
		}
		if (goal && is_reached(f, goal))
			return 0;
		if (goal && end == UINT64_MAX)
			end = bench_now() + PATIENCE_NS;
		if (bench_now() > end)
			return bench_wrong("a monitor does not come to the end");
	}
}

static void *run(void *arg)
{
	struct follower *f = arg;
	KSNAP_OPTS(ksnap_connect_opts, co, .name = "bench", .kind = "monitor",
		   .zmq_context = f->context);
	KSNAP_OPTS(ksnap_subscribe_opts, so, .from = "oldest");
	struct ksnap_err err = { 0 };
	struct ksnap_subscriber *s;
	struct ksnap_client *c;

	setpriority(PRIO_PROCESS, gettid(), NICE);
	c = ksnap_client_connect(f->url, &co, &err);
	s = c ? ksnap_subscriber_create(c, &so, &err) : NULL;

	f->code = s ? 0 : bench_wrong("no subscription: %s", err.text);
	sem_post(&f->ready);
	if (s)
		f->code = follow(f, s);
	ksnap_subscriber_destroy(s);
	ksnap_client_destroy(c);
	return NULL;
}

struct follower *follower_start(const char *url, void *zmq_context)
{
	struct follower *f = calloc(1, sizeof(*f));

	if (!f)
		return NULL;
	f->url = url;
	f->context = zmq_context;
	sem_init(&f->ready, 0, 0);
	if (pthread_create(&f->thread, NULL, run, f)) {
		free(f);
		return NULL;
	}
	while (sem_wait(&f->ready))
		;
	return f;
}

static int check_channel(struct follower *f, const struct books_channel *c)
{
	const struct heard *h = c->published ? heard_on(f, c->name) : NULL;

	if (h && h->received + h->lost != h->last)
		return bench_wrong("%s: %llu published, %llu received, %llu told as lost", c->name,
				   (unsigned long long)c->published,
				   (unsigned long long)h->received, (unsigned long long)h->lost);
	return 0;
}

int follower_finish(struct follower *f, const struct books *b, uint64_t *received, uint64_t *lost)
{
	int code;

	atomic_store(&f->goal, b);
	pthread_join(f->thread, NULL);
	code = f->code;
	for (unsigned i = 0; i < b->nchannels && !code; i++)
		code = check_channel(f, &b->channels[i]);
	for (unsigned i = 0; i < f->n; i++) {
		*received += f->heard[i].received;
		*lost += f->heard[i].lost;
	}
	sem_destroy(&f->ready);
	free(f);
	return code;
}

void *stuck_subscriber(const char *live_url, void *zmq_context)
{
	void *s = zmq_socket(zmq_context, ZMQ_SUB);
	int linger = 0, hwm = 1;

	zmq_setsockopt(s, ZMQ_LINGER, &linger, sizeof(linger));
	zmq_setsockopt(s, ZMQ_RCVHWM, &hwm, sizeof(hwm));
	zmq_setsockopt(s, ZMQ_SUBSCRIBE, "", 0);
	if (!zmq_connect(s, live_url))
		return s;
	zmq_close(s);
	bench_wrong("connect to %s", live_url);
	return NULL;
}
