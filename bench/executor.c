// SPDX-License-Identifier: MIT
/* executor.c - a raw DEALER with a window of requests in flight. */
#include "bench/executor.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <zmq.h>

#include "base/cleanup.h"
#include "bench/bench.h"
#include "wire/envelope.h"
#include "wire/shapes.h"

#define WINDOW      1024 /* a power of two, above any number in flight */
#define PATIENCE_MS 60000
#define NS_A_MS     1000000ull

struct executor {
	struct executor_opts o;
	pthread_t thread;
	atomic_bool done;
	int code;
	void *context, *socket;
	uint64_t begin, sent, got;
	uint64_t due[WINDOW]; /* of request n, at n % WINDOW */
	struct buf params, request;
	struct executor_result result;
};

/* ---- asking --------------------------------------------------------------------------------- */

static int make_params(struct executor *e)
{
	char text[KSNAP_TAG_MAX + 1];
	struct wire_slice tag = { text, 0 };
	struct wire_store_snapshot_params store = { 0 };
	struct wire_capture_snapshot_params capture = { 0 };

	tag.len = snprintf(text, sizeof(text), "tag_%u_%llu", e->o.number,
			   e->o.one_tag ? 0ull : (unsigned long long)e->sent);
	store.tag = capture.tag = tag;
	buf_clear(&e->params);
	return e->o.report ? wire_encode(&wire_shape_store_snapshot_params, &store, &e->params)
			   : wire_encode(&wire_shape_capture_snapshot_params, &capture, &e->params);
}

static int make_request(struct executor *e)
{
	struct wire_request rq = {
		.op = wire_slice_of(e->o.report ? "store_snapshot" : "capture_snapshot"),
		.bridge = wire_slice_of(e->o.bridge),
		.deadline_ms = PATIENCE_MS,
	};

	if (make_params(e))
		return -1;
	rq.id.kind = WIRE_ID_UINT;
	rq.id.num = e->sent;
	rq.params = (struct wire_slice){ (const char *)e->params.data, e->params.len };
	buf_clear(&e->request);
	return request_encode(&rq, &e->request);
}

static void release_report(void *data, void *report)
{
	ksnap_blob_unref(report);
}

static int send_report(struct executor *e)
{
	struct ksnap_blob *report = ksnap_blob_ref(e->o.report);
	zmq_msg_t m;

	if (zmq_msg_init_data(&m, (void *)ksnap_blob_data(report), ksnap_blob_size(report),
			      release_report, report)) {
		ksnap_blob_unref(report);
		return -1;
	}
	if (zmq_msg_send(&m, e->socket, 0) >= 0)
		return 0;
	zmq_msg_close(&m);
	return -1;
}

static int send_one(struct executor *e, uint64_t due)
{
	if (make_request(e) ||
	    zmq_send(e->socket, e->request.data, e->request.len, e->o.report ? ZMQ_SNDMORE : 0) < 0)
		return bench_wrong("send: %s", zmq_strerror(zmq_errno()));
	if (e->o.report && send_report(e))
		return bench_wrong("send: %s", zmq_strerror(zmq_errno()));
	e->due[e->sent++ % WINDOW] = due;
	return 0;
}

/* ---- being answered ------------------------------------------------------------------------- */

static int take_answer(struct executor *e, const struct wire_reply *rp)
{
	struct wire_slice bytes;

	if (rp->id.kind != WIRE_ID_UINT || rp->id.num >= e->sent)
		return bench_wrong("an answer to nothing that was asked");
	e->got++;
	hist_add(&e->result.latency, bench_now() - e->due[rp->id.num % WINDOW]);
	e->result.accepted += rp->ok;
	e->result.refused += !rp->ok;
	if (rp->ok && !e->result.bytes && wire_map_find(rp->r, "bytes", &bytes)) {
		struct wire_store_snapshot_reply r;
		struct ksnap_err err = { 0 };

		if (!wire_decode(&wire_shape_store_snapshot_reply, rp->r.p, rp->r.len,
				 WIRE_SKIP_UNKNOWN, NULL, &r, &err))
			e->result.bytes = r.bytes;
	}
	return 0;
}

/* 1: took one; 0: none is there. */
static int receive_one(struct executor *e)
{
	struct ksnap_err err = { 0 };
	struct wire_reply rp;
	zmq_msg_t m;
	int code;

	zmq_msg_init(&m);
	if (zmq_msg_recv(&m, e->socket, ZMQ_DONTWAIT) < 0) {
		zmq_msg_close(&m);
		return zmq_errno() == EAGAIN ? 0 : bench_wrong("receive");
	}
	code = reply_decode(zmq_msg_data(&m), zmq_msg_size(&m), &rp, &err);
	code = code ? bench_wrong("an answer: %s", err.text) : take_answer(e, &rp);
	zmq_msg_close(&m);
	return code ? code : 1;
}

/* ---- the loop ------------------------------------------------------------------------------- */

static uint64_t due_of(const struct executor *e, uint64_t n)
{
	return e->o.period_ns ? e->begin + n * e->o.period_ns : bench_now();
}

static bool may_send(const struct executor *e)
{
	return e->sent < e->o.ops && e->sent - e->got < e->o.in_flight &&
	       due_of(e, e->sent) <= bench_now();
}

static int wait_some(struct executor *e)
{
	zmq_pollitem_t item = { .socket = e->socket, .events = ZMQ_POLLIN };
	bool open = e->sent < e->o.ops && e->sent - e->got < e->o.in_flight;
	uint64_t due = open ? due_of(e, e->sent) : 0, now = bench_now();
	long ms = !open ? PATIENCE_MS : due > now ? (long)((due - now) / NS_A_MS + 1) : 0;
	int n = zmq_poll(&item, 1, ms);

	return n == 0 && !open ? bench_wrong("no answer within %d ms", PATIENCE_MS) : 0;
}

static int loop_through(struct executor *e)
{
	int n = 0;

	e->begin = bench_now();
	while (e->got < e->o.ops) {
		while (may_send(e)) {
			if (send_one(e, due_of(e, e->sent)))
				return -1;
		}
		if (wait_some(e))
			return -1;
		while ((n = receive_one(e)) > 0)
			;
		if (n < 0)
			return -1;
	}
	return 0;
}

static void *run(void *arg)
{
	struct executor *e = arg;

	e->code = loop_through(e);
	atomic_store(&e->done, true);
	return NULL;
}

static int connect_raw(struct executor *e)
{
	int linger = 0, patience = PATIENCE_MS;

	e->context = zmq_ctx_new();
	e->socket = zmq_socket(e->context, ZMQ_DEALER);
	zmq_setsockopt(e->socket, ZMQ_LINGER, &linger, sizeof(linger));
	zmq_setsockopt(e->socket, ZMQ_SNDTIMEO, &patience, sizeof(patience));
	return zmq_connect(e->socket, e->o.url) ? bench_wrong("connect to %s", e->o.url) : 0;
}

static void destroy(struct executor *e)
{
	zmq_close(e->socket);
	zmq_ctx_term(e->context);
	ksnap_blob_unref(e->o.report);
	buf_fini(&e->params);
	buf_fini(&e->request);
	free(e);
}

struct executor *executor_start(const struct executor_opts *opts)
{
	struct executor *e = calloc(1, sizeof(*e));

	if (!e)
		return NULL;
	e->o = *opts;
	if (e->o.report)
		ksnap_blob_ref(e->o.report);
	if (connect_raw(e) || pthread_create(&e->thread, NULL, run, e)) {
		destroy(e);
		return NULL;
	}
	return e;
}

bool executor_is_done(const struct executor *e)
{
	return atomic_load(&e->done);
}

int executor_join(struct executor *e, struct executor_result *ret)
{
	int code;

	pthread_join(e->thread, NULL);
	code = e->code;
	*ret = e->result;
	destroy(e);
	return code;
}
