// SPDX-License-Identifier: MIT
/* bench_ping.c - the round trip of an op beside that of a raw echo of the same size.
 *
 * Two paths: what a C program has (libksnap), and the broker's part alone (a raw DEALER that sends
 * the same bytes). A round's cost is the median of its round trips. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

#include "bench/bench.h"
#include "bench/peer.h"
#include "bench/raw.h"
#include "wire/envelope.h"

#define TRIPS_MAX 4000

struct ping {
	struct peer broker, echo;
	struct ksnap_client *client;
	void *context, *raw_broker, *raw_echo;
	unsigned trips;
	uint64_t id;
	double times[TRIPS_MAX];
	struct buf request;
};

/* Ids as libksnap makes them: nine bytes each. */
static int make_request(struct ping *p)
{
	struct wire_request rq = { .id = { .kind = WIRE_ID_UINT, .num = p->id++ },
				   .op = wire_slice_of("ping"),
				   .bridge = wire_slice_of("default"),
				   .deadline_ms = 30000 };

	buf_clear(&p->request);
	return request_encode(&rq, &p->request);
}

static int trip_client(struct ping *p)
{
	KSNAP_OPTS(ksnap_call, call, .op = "ping");
	struct ksnap_err err = { 0 };
	struct ksnap_reply reply;

	if (ksnap_client_call(p->client, &call, &reply, &err))
		return bench_wrong("ping: %s", err.text);
	ksnap_reply_clear(&reply);
	return 0;
}

static int trip_raw(struct ping *p, void *socket, size_t least)
{
	char buf[512];
	int n;

	if (zmq_send(socket, p->request.data, p->request.len, 0) < 0)
		return bench_wrong("send: %s", zmq_strerror(zmq_errno()));
	n = zmq_recv(socket, buf, sizeof(buf), 0);
	return n >= (int)least ? 0 : bench_wrong("an answer of %d bytes", n);
}

static int trip_broker(struct ping *p)
{
	return make_request(p) ? -1 : trip_raw(p, p->raw_broker, 40);
}

static int trip_echo(struct ping *p)
{
	return make_request(p) ? -1 : trip_raw(p, p->raw_echo, p->request.len);
}

static int run_trips(struct ping *p, int (*trip)(struct ping *p), double *ret)
{
	for (unsigned i = 0; i < p->trips; i++) {
		uint64_t begin = bench_now();

		if (trip(p))
			return -1;
		p->times[i] = (bench_now() - begin) / 1e3;
	}
	*ret = bench_quantile(p->times, p->trips, 0.5);
	return 0;
}

static int run_client(void *arg, double *ret)
{
	return run_trips(arg, trip_client, ret);
}

static int run_broker(void *arg, double *ret)
{
	return run_trips(arg, trip_broker, ret);
}

static int run_echo(void *arg, double *ret)
{
	return run_trips(arg, trip_echo, ret);
}

static int open_all(struct ping *p, const char *const urls[4])
{
	struct ksnap_err err = { 0 };

	if (peer_broker(&p->broker, urls[0], urls[1], urls[2]) || peer_echo(&p->echo, urls[3]))
		return -1;
	p->id = 1ull << 60;
	p->context = zmq_ctx_new();
	p->raw_broker = raw_connect(p->context, ZMQ_DEALER, p->broker.endpoint, NULL);
	p->raw_echo = raw_connect(p->context, ZMQ_DEALER, p->echo.endpoint, NULL);
	p->client = ksnap_client_connect(p->broker.endpoint, NULL, &err);
	return p->client && p->raw_broker && p->raw_echo ? 0 : bench_wrong("connect: %s", err.text);
}

static void close_all(struct ping *p)
{
	ksnap_client_destroy(p->client);
	zmq_close(p->raw_broker);
	zmq_close(p->raw_echo);
	zmq_ctx_term(p->context);
	peer_stop(&p->broker);
	peer_stop(&p->echo);
	buf_fini(&p->request);
}

static void measure(struct bench *b, const char *transport, struct ping *p)
{
	char whole[64], part[64];
	struct bench_case c = {
		.path = whole,
		.floor = "ROUTER-DEALER echo",
		.unit = "us",
		.goal = 1.15,
		.run = run_client,
		.run_floor = run_echo,
		.arg = p,
	};

	snprintf(whole, sizeof(whole), "ping, %s, libksnap", transport);
	snprintf(part, sizeof(part), "ping, %s, broker alone", transport);
	bench_run(b, &c);
	c.path = part;
	c.run = run_broker;
	bench_run(b, &c);
}

static int measure_over(struct bench *b, const char *transport, const char *const urls[4])
{
	static struct ping p;

	p = (struct ping){ .trips = bench_is_quick(b) ? 50 : 500 };
	if (open_all(&p, urls))
		return -1;
	measure(b, transport, &p);
	close_all(&p);
	return 0;
}

int main(int argc, char **argv)
{
	struct bench *b = bench_begin(argc, argv, "bench_ping");
	const char *dir = b ? peer_folder() : NULL;
	char ipc[4][128];
	const char *const over_ipc[] = { ipc[0], ipc[1], ipc[2], ipc[3] };
	const char *const over_tcp[] = { "tcp://127.0.0.1:*", "tcp://127.0.0.1:*",
					 "tcp://127.0.0.1:*", "tcp://127.0.0.1:*" };
	static const char *const names[] = { "control", "live", "work", "echo" };

	if (!dir)
		return 2;
	for (int i = 0; i < 4; i++)
		snprintf(ipc[i], sizeof(ipc[i]), "ipc://%s/%s", dir, names[i]);
	bench_params(b, "median of %d round trips a round, one at a time",
		     bench_is_quick(b) ? 50 : 500);
	if (measure_over(b, "ipc", over_ipc) || measure_over(b, "tcp", over_tcp))
		return 1;
	return bench_end(b);
}
