// SPDX-License-Identifier: MIT
/* bench_store.c - store_snapshot of 256 bytes, 64 in flight, beside a raw echo of the same frames,
 * and beside what other servers call keeping the newest 64.
 *
 * Both sides build the same requests; every tag is new, so that each store evicts. The last answer
 * of a round tells how many were stored in all, which must be how many were sent. */
#include <stdio.h>
#include <string.h>
#include <zmq.h>

#include "bench/bench.h"
#include "bench/nats.h"
#include "bench/peer.h"
#include "bench/raw.h"
#include "bench/redis.h"
#include "wire/envelope.h"
#include "wire/shapes.h"

#define BYTES     256
#define IN_FLIGHT 64

struct store {
	struct peer broker, echo;
	void *context, *to_broker, *to_echo;
	unsigned ops;
	uint64_t id;     /* of the next request */
	uint64_t stored; /* by the broker so far */
	struct raw_store encoded;
	struct ksnap_blob *report;
	struct rival redis, nats;
	unsigned long published; /* to NATS so far */
};

static int send_one(struct store *s, void *socket)
{
	char tag[32];

	snprintf(tag, sizeof(tag), "tag_%llu", (unsigned long long)++s->id);
	if (raw_store_encode(&s->encoded, NULL, tag, s->id))
		return -1;
	if (zmq_send(socket, s->encoded.request.data, s->encoded.request.len, ZMQ_SNDMORE) < 0 ||
	    zmq_send(socket, ksnap_blob_data(s->report), BYTES, 0) < 0)
		return bench_wrong("send: %s", zmq_strerror(zmq_errno()));
	return 0;
}

/* The first part, its length in *ret_len; further ones are read off. */
static int receive_one(void *socket, char *buf, size_t cap, size_t *ret_len)
{
	char rest[BYTES];
	size_t size = sizeof(int);
	int n = zmq_recv(socket, buf, cap, 0), more = 0;

	if (n < 0 || n > (int)cap)
		return bench_wrong("receive: %s", zmq_strerror(zmq_errno()));
	for (;;) {
		zmq_getsockopt(socket, ZMQ_RCVMORE, &more, &size);
		if (!more)
			break;
		zmq_recv(socket, rest, sizeof(rest), 0);
	}
	*ret_len = n;
	return 0;
}

static int pipeline(struct store *s, void *socket, char *last, size_t cap, size_t *ret_len)
{
	unsigned sent = 0, got = 0;

	while (got < s->ops) {
		while (sent < s->ops && sent - got < IN_FLIGHT) {
			if (send_one(s, socket))
				return -1;
			sent++;
		}
		if (receive_one(socket, last, cap, ret_len))
			return -1;
		got++;
	}
	return 0;
}

static int check_books(struct store *s, const char *last, size_t len)
{
	struct wire_arena arena = { 0 };
	struct wire_store_snapshot_reply r = { 0 };
	struct wire_reply rp;
	struct ksnap_err err = { 0 };
	int code = reply_decode(last, len, &rp, &err);

	if (!code)
		code = rp.ok ? wire_decode(&wire_shape_store_snapshot_reply, rp.r.p, rp.r.len,
					   WIRE_SKIP_UNKNOWN, &arena, &r, &err)
			     : reply_to_err(&rp, &err);
	wire_arena_fini(&arena);
	s->stored += s->ops;
	if (code || r.seq != s->stored)
		return bench_wrong("stored %llu, the broker says %llu: %s",
				   (unsigned long long)s->stored, (unsigned long long)r.seq,
				   err.text);
	return 0;
}

static int run_store(void *arg, double *ret)
{
	struct store *s = arg;
	uint64_t begin = bench_now();
	char last[512];
	size_t len;

	if (pipeline(s, s->to_broker, last, sizeof(last), &len))
		return -1;
	*ret = (bench_now() - begin) / 1e3 / s->ops;
	return check_books(s, last, len);
}

static int run_echo(void *arg, double *ret)
{
	struct store *s = arg;
	uint64_t begin = bench_now();
	char last[512];
	size_t len;

	if (pipeline(s, s->to_echo, last, sizeof(last), &len))
		return -1;
	*ret = (bench_now() - begin) / 1e3 / s->ops;
	return len == s->encoded.request.len ? 0 : bench_wrong("an echo of %zu bytes", len);
}

static int run_redis(void *arg, double *ret)
{
	struct store *s = arg;
	uint64_t begin = bench_now();
	int code = redis_store(&s->redis, ksnap_blob_data(s->report), BYTES, s->ops, IN_FLIGHT);

	*ret = (bench_now() - begin) / 1e3 / s->ops;
	return code;
}

static int run_nats(void *arg, double *ret)
{
	struct store *s = arg;
	uint64_t begin = bench_now();
	int code = nats_store(&s->nats, ksnap_blob_data(s->report), BYTES, s->ops, IN_FLIGHT,
			      s->published);

	s->published += s->ops;
	*ret = (bench_now() - begin) / 1e3 / s->ops;
	return code;
}

static int open_all(struct store *s)
{
	static const char *const names[] = { "control", "live", "work", "echo" };
	const char *dir = peer_folder();
	char urls[4][128];

	for (int i = 0; i < 4; i++)
		snprintf(urls[i], sizeof(urls[i]), "ipc://%s/%s", dir, names[i]);
	if (!dir || !(s->report = raw_report(BYTES)) ||
	    peer_broker(&s->broker, urls[0], urls[1], urls[2]) || peer_echo(&s->echo, urls[3]))
		return -1;
	s->context = zmq_ctx_new();
	s->to_broker = raw_connect(s->context, ZMQ_DEALER, s->broker.endpoint, NULL);
	s->to_echo = raw_connect(s->context, ZMQ_DEALER, s->echo.endpoint, NULL);
	return s->to_broker && s->to_echo ? 0 : -1;
}

static void close_all(struct store *s)
{
	zmq_close(s->to_broker);
	zmq_close(s->to_echo);
	zmq_ctx_term(s->context);
	peer_stop(&s->broker);
	peer_stop(&s->echo);
	raw_store_fini(&s->encoded);
	ksnap_blob_unref(s->report);
}

static void beside_rivals(struct bench *b, struct bench_case c)
{
	struct store *s = c.arg;

	c.goal = 1.5;
	c.floor = "Redis XADD MAXLEN 64, pipelined";
	c.run_floor = run_redis;
	if (!rival_is_there(REDIS_PROGRAM))
		bench_skip(b, "no %s is installed", REDIS_PROGRAM);
	else if (!redis_start(&s->redis))
		bench_run(b, &c);
	else
		bench_count(b, false);
	rival_stop(&s->redis);
	c.goal = 1;
	c.floor = "JetStream max_msgs 64, pipelined";
	c.run_floor = run_nats;
	if (!rival_is_there(NATS_PROGRAM))
		bench_skip(b, "no %s is installed", NATS_PROGRAM);
	else if (!nats_start(&s->nats))
		bench_run(b, &c);
	else
		bench_count(b, false);
	rival_stop(&s->nats);
}

int main(int argc, char **argv)
{
	struct bench *b = bench_begin(argc, argv, "bench_store");
	static struct store s;
	struct bench_case c = { .path = "store_snapshot, ipc, pipelined",
				.floor = "ROUTER-DEALER echo, pipelined",
				.unit = "us",
				.goal = 0.7,
				.is_factor = true,
				.run = run_store,
				.run_floor = run_echo,
				.arg = &s };

	if (!b)
		return 2;
	s.ops = bench_is_quick(b) ? 500 : 20000;
	if (open_all(&s))
		return 1;
	bench_params(b, "bytes=%d in_flight=%d ops=%u a round", BYTES, IN_FLIGHT, s.ops);
	bench_run(b, &c);
	beside_rivals(b, c);
	close_all(&s);
	return bench_end(b);
}
