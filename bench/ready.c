// SPDX-License-Identifier: MIT
/* ready.c - answers for ids that are known, for a client that counts its requests. */
#include "bench/ready.h"

#include <zmq.h>

#include "base/buf.h"
#include "bench/bench.h"
#include "bench/raw.h"
#include "wire/envelope.h"
#include "wire/frames.h"

static int receive(void *socket, struct frames *f, size_t parts)
{
	zmq_pollitem_t item = { .socket = socket, .events = ZMQ_POLLIN };
	struct ksnap_err err = { 0 };

	f->no_users = true;
	if (zmq_poll(&item, 1, RAW_PATIENCE_MS) != 1 || frames_recv(socket, f, &err) != 1)
		return bench_wrong("nothing came: %s", err.text);
	return f->n == parts ? 0 : bench_wrong("%zu frames came, not %zu", f->n, parts);
}

static int send_frames(void *socket, const struct frames *f)
{
	struct ksnap_err err = { 0 };

	return frames_send(socket, f, &err) ? bench_wrong("%s", err.text) : 0;
}

/* ---- the client's hello, which the broker answers -------------------------------------------- */

static uint64_t id_of(const struct ksnap_blob *request)
{
	struct wire_id id = { 0 };

	request_find_id(ksnap_blob_data(request), ksnap_blob_size(request), &id);
	return id.kind == WIRE_ID_UINT ? id.num : 0;
}

static int hand_on(struct ready *r)
{
	_frames_ struct frames hello = { 0 }, to_broker = { 0 }, answer = { 0 }, back = { 0 };

	if (receive(r->front, &hello, 2))
		return -1;
	r->peer = ksnap_blob_ref(hello.part[0]);
	r->last_id = id_of(hello.part[1]);
	if (frames_push(&to_broker, ksnap_blob_ref(hello.part[1])) ||
	    send_frames(r->broker, &to_broker) || receive(r->broker, &answer, 1))
		return -1;
	if (frames_push(&back, ksnap_blob_ref(r->peer)) ||
	    frames_push(&back, ksnap_blob_ref(answer.part[0])))
		return bench_wrong("no memory");
	return send_frames(r->front, &back);
}

static void *greet(void *arg)
{
	struct ready *r = arg;

	r->failed = hand_on(r);
	return NULL;
}

int ready_open(struct ready *r, void *context, const char *url, const char *broker)
{
	*r = (struct ready){ 0 };
	r->broker = raw_connect(context, ZMQ_DEALER, broker, NULL);
	r->front = zmq_socket(context, ZMQ_ROUTER);
	if (!r->broker || !r->front || zmq_bind(r->front, url))
		return bench_wrong("%s: %s", url, zmq_strerror(zmq_errno()));
	r->is_greeting = !pthread_create(&r->greeter, NULL, greet, r);
	return r->is_greeting ? 0 : bench_wrong("no thread");
}

int ready_greeted(struct ready *r)
{
	pthread_join(r->greeter, NULL);
	r->is_greeting = false;
	return r->failed ? -1 : 0;
}

/* ---- answers --------------------------------------------------------------------------------- */

static int push_encoded(struct frames *f, struct buf *b, int rc)
{
	return rc || frames_push(f, buf_take_blob(b)) ? bench_wrong("no memory") : 0;
}

int ready_learn(struct ready *r, const char *op, const void *params, size_t params_len)
{
	_frames_ struct frames request = { 0 }, answer = { 0 };
	_buf_ struct buf b = BUF_INIT;
	struct wire_request rq = { .id = { .kind = WIRE_ID_UINT, .num = ++r->learned },
				   .op = wire_slice_of(op),
				   .bridge = wire_slice_of("default"),
				   .params = { params, params_len },
				   .deadline_ms = RAW_PATIENCE_MS };
	struct wire_reply rp = { 0 };
	struct ksnap_err err = { 0 };

	if (push_encoded(&request, &b, request_encode(&rq, &b)) ||
	    send_frames(r->broker, &request) || receive(r->broker, &answer, 1))
		return -1;
	ksnap_blob_unref(r->answer);
	r->answer = ksnap_blob_ref(answer.part[0]);
	if (reply_decode(ksnap_blob_data(r->answer), ksnap_blob_size(r->answer), &rp, &err) ||
	    !rp.ok)
		return bench_wrong("%s is not answered %s", op, err.text);
	r->r = rp.r.p;
	r->r_len = rp.r.len;
	return 0;
}

static int put_one(struct ready *r, uint64_t id)
{
	_frames_ struct frames f = { 0 };
	_buf_ struct buf b = BUF_INIT;
	struct wire_reply rp = { .id = { .kind = WIRE_ID_UINT, .num = id },
				 .ok = true,
				 .r = { r->r, r->r_len } };

	if (frames_push(&f, ksnap_blob_ref(r->peer)) || push_encoded(&f, &b, reply_encode(&rp, &b)))
		return -1;
	return send_frames(r->front, &f);
}

int ready_put(struct ready *r, unsigned n)
{
	for (unsigned i = 1; i <= n; i++)
		if (put_one(r, r->last_id + i))
			return -1;
	return 0;
}

static int take_one(struct ready *r)
{
	_frames_ struct frames f = { 0 };
	uint64_t id;

	if (receive(r->front, &f, 2))
		return -1;
	id = id_of(f.part[1]);
	if (id != r->last_id + 1)
		return bench_wrong("request %llu came after %llu", (unsigned long long)id,
				   (unsigned long long)r->last_id);
	r->last_id = id;
	return 0;
}

int ready_take(struct ready *r, unsigned n)
{
	_frames_ struct frames f = { 0 };
	struct ksnap_err err = { 0 };

	for (unsigned i = 0; i < n; i++)
		if (take_one(r))
			return -1;
	f.no_users = true;
	return frames_recv(r->front, &f, &err) ? bench_wrong("more came than %u requests", n) : 0;
}

void ready_close(struct ready *r)
{
	int linger = 0;

	if (r->is_greeting)
		ready_greeted(r);
	if (r->front)
		zmq_setsockopt(r->front, ZMQ_LINGER, &linger, sizeof(linger));
	zmq_close(r->front);
	zmq_close(r->broker);
	ksnap_blob_unref(r->peer);
	ksnap_blob_unref(r->answer);
	*r = (struct ready){ 0 };
}
