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
#include "bench/raw.h"
#include "wire/envelope.h"
#include "wire/shapes.h"

#define WINDOW  1024 /* a power of two, above any number in flight */
#define NS_A_MS 1000000ull

struct executor {
	struct executor_opts o;
	pthread_t thread;
	atomic_bool done;
	int code;
	void *context, *socket;
	uint64_t begin, sent, got;
	uint64_t due[WINDOW];     /* of request n, at n % WINDOW */
	struct raw_store encoded; /* a request, of whichever op */
	struct executor_result result;
};

/* ---- asking --------------------------------------------------------------------------------- */

static int make_capture(struct executor *e, const char *tag)
{
	struct wire_capture_snapshot_params p = { .tag = wire_slice_of(tag) };
	struct wire_request rq = { .id = { .kind = WIRE_ID_UINT, .num = e->sent },
				   .op = wire_slice_of("capture_snapshot"),
				   .bridge = wire_slice_of(e->o.bridge),
				   .deadline_ms = RAW_PATIENCE_MS };
	struct raw_store *s = &e->encoded;

	buf_clear(&s->params);
	buf_clear(&s->request);
	if (wire_encode(&wire_shape_capture_snapshot_params, &p, &s->params))
		return -1;
	rq.params = (struct wire_slice){ (const char *)s->params.data, s->params.len };
	return request_encode(&rq, &s->request);
}

static int make_request(struct executor *e)
{
	char tag[KSNAP_TAG_MAX + 1];

	snprintf(tag, sizeof(tag), "tag_%u_%llu", e->o.number,
		 e->o.one_tag ? 0ull : (unsigned long long)e->sent);
	return e->o.report ? raw_store_encode(&e->encoded, e->o.bridge, tag, e->sent)
			   : make_capture(e, tag);
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
	if (make_request(e) || zmq_send(e->socket, e->encoded.request.data, e->encoded.request.len,
					e->o.report ? ZMQ_SNDMORE : 0) < 0)
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
	long ms = !open ? RAW_PATIENCE_MS : due > now ? (long)((due - now) / NS_A_MS + 1) : 0;
	int n = zmq_poll(&item, 1, ms);

	return n == 0 && !open ? bench_wrong("no answer within %d ms", RAW_PATIENCE_MS) : 0;
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

static int open_socket(struct executor *e)
{
	e->context = zmq_ctx_new();
	e->socket = raw_connect(e->context, ZMQ_DEALER, e->o.url, NULL);
	return e->socket ? 0 : -1;
}

static void destroy(struct executor *e)
{
	if (e->socket)
		zmq_close(e->socket);
	zmq_ctx_term(e->context);
	ksnap_blob_unref(e->o.report);
	raw_store_fini(&e->encoded);
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
	if (open_socket(e) || pthread_create(&e->thread, NULL, run, e)) {
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
