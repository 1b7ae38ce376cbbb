// SPDX-License-Identifier: MIT
/* bench_fanout.c - reports of 256 KiB to 1, 8 and 32 monitors, from the store_snapshot of each to
 * its last byte at the last monitor.
 *
 * The floor is the same without a broker: a raw ROUTER takes the same requests and hands the report
 * to a raw PUB. The monitors are raw SUB sockets on both sides. Few enough reports are under way
 * that no queue is full: each monitor has to get every one of them. */
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <zmq.h>

#include "base/cleanup.h"
#include "bench/bench.h"
#include "bench/peer.h"
#include "bench/raw.h"
#include "bench/redis.h"

#define BYTES        (256 * 1024)
#define IN_FLIGHT    4
#define MONITORS_MAX 32
#define TOPIC        "report/default"

/* One way from a DEALER to its monitors. */
struct way {
	struct peer peer;
	void *dealer;
	void *monitors[MONITORS_MAX];
};

struct fanout {
	void *context;
	unsigned monitors, ops;
	uint64_t id;
	struct ksnap_blob *report;
	struct raw_store encoded;
	struct way broker, relay;
	struct rival redis, readers[MONITORS_MAX];
};

/* ---- requests ------------------------------------------------------------------------------- */

static int send_one(struct fanout *f, void *dealer)
{
	char tag[32];

	snprintf(tag, sizeof(tag), "tag_%llu", (unsigned long long)++f->id);
	if (raw_store_encode(&f->encoded, NULL, tag, f->id))
		return -1;
	if (zmq_send(dealer, f->encoded.request.data, f->encoded.request.len, ZMQ_SNDMORE) < 0 ||
	    zmq_send_const(dealer, ksnap_blob_data(f->report), BYTES, 0) < 0)
		return bench_wrong("send: %s", zmq_strerror(zmq_errno()));
	return 0;
}

/* Reads a message; the size of its last part, or -1. *ret_found, when not NULL: whether the part
 * before that has @text in it. */
static int receive_with(void *socket, const char *text, bool *ret_found)
{
	int n = 0, more = 1;
	bool found = false;

	while (more) {
		zmq_msg_t m;

		zmq_msg_init(&m);
		n = zmq_msg_recv(&m, socket, 0);
		more = n >= 0 && zmq_msg_more(&m);
		if (text && more)
			found = memmem(zmq_msg_data(&m), n, text, strlen(text));
		zmq_msg_close(&m);
	}
	if (ret_found)
		*ret_found = found;
	return n;
}

static int receive(void *socket)
{
	return receive_with(socket, NULL, NULL);
}

/* ---- the two ways --------------------------------------------------------------------------- */

/* Each report is read at all monitors before the window moves on. */
static int pass_one(struct fanout *f, struct way *w)
{
	if (receive(w->dealer) < 0)
		return bench_wrong("no answer");
	for (unsigned i = 0; i < f->monitors; i++) {
		if (receive(w->monitors[i]) != BYTES)
			return bench_wrong("monitor %u did not get its report", i);
	}
	return 0;
}

static int run_way(struct fanout *f, struct way *w, double *ret)
{
	uint64_t begin = bench_now();
	unsigned sent = 0;

	for (unsigned got = 0; got < f->ops; got++) {
		for (; sent < f->ops && sent - got < IN_FLIGHT; sent++) {
			if (send_one(f, w->dealer))
				return -1;
		}
		if (pass_one(f, w))
			return -1;
	}
	*ret = (bench_now() - begin) / 1e3 / f->ops;
	return 0;
}

static int run_broker(void *arg, double *ret)
{
	struct fanout *f = arg;

	return run_way(f, &f->broker, ret);
}

static int run_relay(void *arg, double *ret)
{
	struct fanout *f = arg;

	return run_way(f, &f->relay, ret);
}

/* Up to the newest report. */
static int read_off(struct fanout *f, void *monitor)
{
	char tag[32];
	bool found = false;

	snprintf(tag, sizeof(tag), "tag_%llu", (unsigned long long)f->id);
	while (!found) {
		if (receive_with(monitor, tag, &found) < 0)
			return bench_wrong("a monitor does not get the newest report");
	}
	return 0;
}

/* A subscription is there when a report has come; all of them are read off. */
static int settle(struct fanout *f, struct way *w)
{
	zmq_pollitem_t items[MONITORS_MAX];
	unsigned waiting = f->monitors;

	for (unsigned i = 0; i < f->monitors; i++)
		items[i] = (zmq_pollitem_t){ .socket = w->monitors[i], .events = ZMQ_POLLIN };
	for (int tries = 0; waiting && tries < 1000; tries++) {
		if (send_one(f, w->dealer) || receive(w->dealer) < 0)
			return bench_wrong("no answer");
		zmq_poll(items, f->monitors, 20);
		waiting = 0;
		for (unsigned i = 0; i < f->monitors; i++)
			waiting += !(items[i].revents & ZMQ_POLLIN);
	}
	for (unsigned i = 0; i < f->monitors; i++) {
		if (waiting || read_off(f, w->monitors[i]))
			return bench_wrong("%u monitors get nothing", waiting);
	}
	return 0;
}

static int open_way(struct fanout *f, struct way *w, const char *live)
{
	w->dealer = raw_connect(f->context, ZMQ_DEALER, w->peer.endpoint, NULL);
	if (!w->dealer)
		return -1;
	for (unsigned i = 0; i < f->monitors; i++) {
		w->monitors[i] = raw_connect(f->context, ZMQ_SUB, live, TOPIC);
		if (!w->monitors[i])
			return -1;
	}
	return settle(f, w);
}

static void close_way(struct way *w)
{
	for (unsigned i = 0; i < MONITORS_MAX && w->monitors[i]; i++)
		zmq_close(w->monitors[i]);
	if (w->dealer)
		zmq_close(w->dealer);
	peer_stop(&w->peer);
	memset(w, 0, sizeof(*w));
}

/* ---- Redis: PUBLISH to as many subscribers ----------------------------------------------------
 */

static void *publish_all(void *arg)
{
	struct fanout *f = arg;

	return redis_publish(&f->redis, ksnap_blob_data(f->report), BYTES, f->ops, f->monitors)
		       ? f
		       : NULL;
}

static int run_redis(void *arg, double *ret)
{
	struct fanout *f = arg;
	uint64_t begin = bench_now();
	pthread_t thread;
	void *failed;
	int code = 0;

	if (pthread_create(&thread, NULL, publish_all, f))
		return bench_wrong("no thread");
	for (unsigned done = 0; done < f->ops && !code; done++) {
		for (unsigned i = 0; i < f->monitors && !code; i++)
			code = redis_read_messages(&f->readers[i], BYTES, 1);
	}
	pthread_join(thread, &failed);
	*ret = (bench_now() - begin) / 1e3 / f->ops;
	return failed || code ? -1 : 0;
}

static int open_redis(struct fanout *f)
{
	if (redis_start(&f->redis))
		return -1;
	for (unsigned i = 0; i < f->monitors; i++) {
		if (redis_subscribe(&f->redis, &f->readers[i]))
			return -1;
	}
	return 0;
}

static void close_redis(struct fanout *f)
{
	for (unsigned i = 0; i < f->monitors; i++)
		rival_close(&f->readers[i]);
	rival_stop(&f->redis);
}

static void beside_redis(struct bench *b, struct bench_case c)
{
	struct fanout *f = c.arg;

	c.floor = "Redis PUBLISH";
	c.goal = 1;
	c.run_floor = run_redis;
	if (!rival_is_there(REDIS_PROGRAM)) {
		bench_skip(b, "no %s is installed", REDIS_PROGRAM);
		return;
	}
	if (open_redis(f))
		bench_count(b, false);
	else
		bench_run(b, &c);
	close_redis(f);
}

/* ---- all of it --------------------------------------------------------------------------------
 */

static int open_both(struct fanout *f)
{
	static const char *const names[] = { "control", "live", "work", "relay", "pub" };
	const char *dir = peer_folder();
	char urls[5][128];

	for (int i = 0; i < 5; i++)
		snprintf(urls[i], sizeof(urls[i]), "ipc://%s/%s", dir, names[i]);
	if (!dir || peer_broker(&f->broker.peer, urls[0], urls[1], urls[2]) ||
	    peer_relay(&f->relay.peer, urls[3], urls[4], TOPIC))
		return -1;
	f->context = zmq_ctx_new();
	return open_way(f, &f->broker, urls[1]) || open_way(f, &f->relay, urls[4]) ? -1 : 0;
}

static void fan_out(struct bench *b, struct fanout *f, unsigned monitors)
{
	char path[64];
	struct bench_case c = { .path = path,
				.floor = "raw ROUTER, then raw PUB",
				.unit = "us",
				.goal = 0.9,
				.is_factor = true,
				.run = run_broker,
				.run_floor = run_relay,
				.arg = f };

	snprintf(path, sizeof(path), "256 KiB to %u monitor%s", monitors, monitors > 1 ? "s" : "");
	if (!bench_wants(b, path))
		return;
	f->monitors = monitors;
	f->ops = bench_is_quick(b) ? 10 : 400 / monitors;
	bench_params(b, "bytes=%d in_flight=%d monitors=%u ops=%u a round", BYTES, IN_FLIGHT,
		     monitors, f->ops);
	if (open_both(f)) {
		bench_count(b, false);
	} else {
		bench_run(b, &c);
		beside_redis(b, c);
	}
	close_way(&f->broker);
	close_way(&f->relay);
	if (f->context)
		zmq_ctx_term(f->context);
	f->context = NULL;
}

int main(int argc, char **argv)
{
	static const unsigned counts[] = { 1, 8, 32 };
	static struct fanout f;
	struct bench *b = bench_begin(argc, argv, "bench_fanout");

	f.report = b ? raw_report(BYTES) : NULL;
	if (!f.report)
		return 2;
	for (size_t i = 0; i < ARRAY_SIZE(counts); i++)
		fan_out(b, &f, counts[i]);
	ksnap_blob_unref(f.report);
	raw_store_fini(&f.encoded);
	return bench_end(b);
}
