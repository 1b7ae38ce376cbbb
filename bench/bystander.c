// SPDX-License-Identifier: MIT
/* bystander.c - one thing each period, by the clock and not by the end of the one before. */
#include "bench/bystander.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <zmq.h>

#include "bench/bench.h"
#include "bench/raw.h"
#include "bench/waits.h"
#include "wire/shapes.h"

#define NS_A_S     1000000000ull
#define PING_BYTES 48

struct bystander {
	int (*act)(struct bystander *b);
	const char *bridge;
	pid_t peer; /* who answers; 0: whoever, and nobody looks at what it waits for */
	struct waits waits;
	uint64_t period_ns;
	pthread_t thread;
	atomic_bool stop;
	int code;
	uint64_t turns, last_seq;
	struct ksnap_client *client;
	void *context, *raw; /* of one that has no client */
	struct bystander_result result;
};

static int ping(struct bystander *b)
{
	KSNAP_OPTS(ksnap_call, call, .op = "ping");
	struct ksnap_reply reply;
	struct ksnap_err err = { 0 };

	if (ksnap_client_call(b->client, &call, &reply, &err))
		return bench_wrong("ping: %s", err.text);
	ksnap_reply_clear(&reply);
	return 0;
}

static int echo(struct bystander *b)
{
	char buf[PING_BYTES] = { 0 };

	if (zmq_send(b->raw, buf, sizeof(buf), 0) < 0 || zmq_recv(b->raw, buf, sizeof(buf), 0) < 0)
		return bench_wrong("echo: %s", zmq_strerror(zmq_errno()));
	return 0;
}

/* A part with a tag is a snapshot; they come by their numbers. */
static int take_part(struct bystander *b, const struct ksnap_reply *part)
{
	struct wire_drain_reply r;
	struct ksnap_err err = { 0 };

	if (wire_decode(&wire_shape_drain_reply, part->r, part->r_len, WIRE_SKIP_UNKNOWN, NULL, &r,
			&err))
		return bench_wrong("drain: %s", err.text);
	if (!r.has_tag)
		return 0;
	if (r.seq <= b->last_seq || part->nblobs != 1 || ksnap_blob_size(part->blobs[0]) != r.bytes)
		return bench_wrong("drained number %llu after %llu, or without its report",
				   (unsigned long long)r.seq, (unsigned long long)b->last_seq);
	b->last_seq = r.seq;
	b->result.drained++;
	return 0;
}

static int drain_snapshots(struct bystander *b)
{
	KSNAP_OPTS(ksnap_call, call, .op = "drain", .bridge = b->bridge);
	struct ksnap_err err = { 0 };
	struct ksnap_reply part;
	int code = ksnap_client_call(b->client, &call, &part, &err);

	while (!code) {
		bool more = part.more;

		code = take_part(b, &part);
		ksnap_reply_clear(&part);
		if (code || !more)
			return code;
		code = ksnap_client_next(b->client, &part, &err);
	}
	return bench_wrong("drain: %s", err.text);
}

static int drain(struct bystander *b)
{
	return b->turns % 2 ? books_take_events(b->client, b->bridge, &b->result.events)
			    : drain_snapshots(b);
}

static void wait_until(uint64_t ns)
{
	struct timespec ts = { ns / NS_A_S, ns % NS_A_S };

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL))
		;
}

/* One round trip; *ret_own is what of it was not a wait for a CPU. */
static int act(struct bystander *b, uint64_t *ret_own)
{
	uint64_t begin, took, waited;
	int code;

	waits_longest(&b->waits);
	begin = bench_now();
	code = b->act(b);
	took = bench_now() - begin;
	waited = waits_longest(&b->waits);
	*ret_own = took > waited ? took - waited : 0;
	return code;
}

static void *run(void *arg)
{
	struct bystander *b = arg;
	uint64_t due = bench_now(), own;
	uint64_t done = due; /* with the one before, had nobody waited */

	if (b->peer)
		waits_add_thread(&b->waits, getpid(), gettid());
	for (; !atomic_load(&b->stop); due += b->period_ns, b->turns++) {
		wait_until(due);
		b->code = act(b, &own);
		if (b->code)
			break;
		hist_add(&b->result.latency, bench_now() - due);
		done = (done > due ? done : due) + own;
		hist_add(&b->result.own, done - due);
	}
	return NULL;
}

static void destroy(struct bystander *b)
{
	waits_fini(&b->waits);
	ksnap_client_destroy(b->client);
	if (b->raw)
		zmq_close(b->raw);
	if (b->context)
		zmq_ctx_term(b->context);
	free(b);
}

static int connect_client(struct bystander *b, const char *url)
{
	struct ksnap_err err = { 0 };

	b->client = ksnap_client_connect(url, NULL, &err);
	return b->client ? 0 : bench_wrong("connect: %s", err.text);
}

static int connect_echo(struct bystander *b, const char *url)
{
	b->context = zmq_ctx_new();
	b->raw = raw_connect(b->context, ZMQ_DEALER, url, NULL);
	return b->raw ? 0 : -1;
}

/* What a message passes: the threads of the peer, and those that the connection has begun here. */
static int connect_to(struct bystander *b, const char *url)
{
	struct waits_known known;
	int code;

	waits_know(&known);
	code = b->act == echo ? connect_echo(b, url) : connect_client(b, url);
	if (code || !b->peer)
		return code;
	waits_add(&b->waits, b->peer, NULL);
	waits_add(&b->waits, getpid(), &known);
	return 0;
}

static struct bystander *start(const char *url, const struct bystander *like)
{
	struct bystander *b = malloc(sizeof(*b));

	if (!b)
		return NULL;
	*b = *like;
	if (!connect_to(b, url) && !pthread_create(&b->thread, NULL, run, b))
		return b;
	destroy(b);
	return NULL;
}

struct bystander *bystander_ping(const char *url, pid_t pid, uint64_t period_ns)
{
	return start(url, &(struct bystander){ .act = ping, .peer = pid, .period_ns = period_ns });
}

struct bystander *bystander_echo(const char *url, pid_t pid, uint64_t period_ns)
{
	return start(url, &(struct bystander){ .act = echo, .peer = pid, .period_ns = period_ns });
}

struct bystander *bystander_drain(const char *url, const char *bridge, uint64_t period_ns)
{
	return start(url,
		     &(struct bystander){ .act = drain, .bridge = bridge, .period_ns = period_ns });
}

int bystander_finish(struct bystander *b, struct bystander_result *ret)
{
	int code;

	memset(ret, 0, sizeof(*ret));
	if (!b)
		return 0;
	atomic_store(&b->stop, true);
	pthread_join(b->thread, NULL);
	code = b->code;
	*ret = b->result;
	destroy(b);
	return code;
}
