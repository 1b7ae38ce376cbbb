// SPDX-License-Identifier: MIT
/* rig.c - a real broker on a thread, a client and a scripted worker over inproc://. */
#include "rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include <zmq.h>

#include "base/buf.h"
#include "broker/pool.h"
#include "wire/pack.h"

struct rig {
	void *context;
	struct loop *loop;
	struct broker *broker;
	struct broker_opts opts;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	int wake; /* eventfd: look at call and stop */
	bool ready, stop;
	void (*call)(struct broker *b, void *arg);
	void *arg;
};

static const char *const control[] = { "inproc://control", NULL };
static const char *const live[] = { "inproc://live", NULL };
static const char *const work[] = { "inproc://work", NULL };
static const char *const targets[] = { "t", NULL };

static void woken(void *arg)
{
	struct rig *r = arg;
	uint64_t n;

	assert_int_equal(read(r->wake, &n, sizeof(n)), sizeof(n));
	pthread_mutex_lock(&r->lock);
	if (r->call)
		r->call(r->broker, r->arg);
	r->call = NULL;
	if (r->stop)
		loop_stop(r->loop);
	pthread_cond_broadcast(&r->changed);
	pthread_mutex_unlock(&r->lock);
}

static void *run(void *arg)
{
	struct rig *r = arg;
	struct ksnap_err err = { 0 };

	r->loop = loop_create(&err);
	r->broker = broker_create(r->loop, &r->opts, &err);
	if (!r->broker)
		fprintf(stderr, "broker_create: %s\n", err.text);
	loop_add_fd(r->loop, r->wake, woken, r, &err);
	pthread_mutex_lock(&r->lock);
	r->ready = true;
	pthread_cond_broadcast(&r->changed);
	pthread_mutex_unlock(&r->lock);
	if (r->broker)
		loop_run(r->loop, &err);
	broker_destroy(r->broker);
	loop_destroy(r->loop);
	return NULL;
}

struct rig *rig_start(struct broker_opts opts)
{
	struct rig *r = calloc(1, sizeof(*r));

	r->context = zmq_ctx_new();
	r->opts = opts;
	r->opts.size = sizeof(opts);
	r->opts.zmq_context = r->context;
	r->opts.control = opts.control ? opts.control : control;
	r->opts.live = opts.live ? opts.live : live;
	r->opts.work = opts.work ? opts.work : work;
	r->opts.targets = opts.targets ? opts.targets : targets;
	r->wake = eventfd(0, EFD_CLOEXEC);
	pthread_mutex_init(&r->lock, NULL);
	pthread_cond_init(&r->changed, NULL);
	assert_int_equal(pthread_create(&r->thread, NULL, run, r), 0);
	pthread_mutex_lock(&r->lock);
	while (!r->ready)
		pthread_cond_wait(&r->changed, &r->lock);
	pthread_mutex_unlock(&r->lock);
	assert_non_null(r->broker);
	return r;
}

static void wake(struct rig *r)
{
	uint64_t one = 1;

	assert_int_equal(write(r->wake, &one, sizeof(one)), sizeof(one));
}

void rig_on_broker(struct rig *r, void (*fn)(struct broker *b, void *arg), void *arg)
{
	pthread_mutex_lock(&r->lock);
	r->call = fn;
	r->arg = arg;
	wake(r);
	while (r->call)
		pthread_cond_wait(&r->changed, &r->lock);
	pthread_mutex_unlock(&r->lock);
}

void rig_end_broker(struct rig *r)
{
	if (r->stop)
		return;
	pthread_mutex_lock(&r->lock);
	r->stop = true;
	pthread_mutex_unlock(&r->lock);
	wake(r);
	pthread_join(r->thread, NULL);
}

void rig_stop(struct rig *r)
{
	rig_end_broker(r);
	zmq_ctx_term(r->context);
	close(r->wake);
	pthread_mutex_destroy(&r->lock);
	pthread_cond_destroy(&r->changed);
	free(r);
}

void *rig_context(struct rig *r)
{
	return r->context;
}

static void *open_socket(struct rig *r, int type, const char *id)
{
	void *s = zmq_socket(r->context, type);
	int none = 0, unlimited = 0;

	assert_non_null(s);
	zmq_setsockopt(s, ZMQ_LINGER, &none, sizeof(none));
	zmq_setsockopt(s, ZMQ_RCVHWM, &unlimited, sizeof(unlimited));
	if (id)
		zmq_setsockopt(s, ZMQ_ROUTING_ID, id, strlen(id));
	return s;
}

void *rig_client(struct rig *r)
{
	void *s = open_socket(r, ZMQ_DEALER, NULL);

	assert_int_equal(zmq_connect(s, r->opts.control[0]), 0);
	return s;
}

void *rig_worker(struct rig *r, const char *name)
{
	void *s = open_socket(r, ZMQ_DEALER, name);

	assert_int_equal(zmq_connect(s, r->opts.work[0]), 0);
	return s;
}

void *rig_monitor(struct rig *r, const char *prefix)
{
	void *s = open_socket(r, ZMQ_SUB, NULL);

	assert_int_equal(zmq_connect(s, r->opts.live[0]), 0);
	assert_int_equal(zmq_setsockopt(s, ZMQ_SUBSCRIBE, prefix, strlen(prefix)), 0);
	return s;
}

void rig_recv(void *socket, struct frames *f)
{
	zmq_pollitem_t item = { .socket = socket, .events = ZMQ_POLLIN };
	struct ksnap_err err = { 0 };

	assert_int_equal(zmq_poll(&item, 1, RIG_WAIT_MS), 1);
	memset(f, 0, sizeof(*f));
	assert_int_equal(frames_recv(socket, f, &err), 1);
}

static void send_frames(void *socket, struct buf *envelope, struct ksnap_blob *blob)
{
	_frames_ struct frames f = { 0 };
	struct ksnap_err err = { 0 };

	assert_int_equal(frames_push(&f, buf_take_blob(envelope)), 0);
	if (blob)
		assert_int_equal(frames_push(&f, ksnap_blob_ref(blob)), 0);
	assert_int_equal(frames_send(socket, &f, &err), 0);
}

void rig_send_with(void *client, uint64_t id, const char *op, const char *bridge,
		   uint64_t deadline_ms, const void *params, size_t len, struct ksnap_blob *blob)
{
	_buf_ struct buf b = BUF_INIT;
	struct wire_request rq = { .id = { .kind = WIRE_ID_UINT, .num = id },
				   .op = wire_slice_of(op),
				   .params = { params, len },
				   .deadline_ms = deadline_ms };

	if (bridge)
		rq.bridge = wire_slice_of(bridge);
	assert_int_equal(request_encode(&rq, &b), 0);
	send_frames(client, &b, blob);
}

void rig_send(void *client, uint64_t id, const char *op, const void *params, size_t len,
	      struct ksnap_blob *blob)
{
	rig_send_with(client, id, op, NULL, 30000, params, len, blob);
}

void rig_ask(void *client, uint64_t id, enum wire_op_id op, const void *params,
	     struct ksnap_blob *blob)
{
	_buf_ struct buf b = BUF_INIT;

	assert_int_equal(wire_encode(wire_ops[op].params, params, &b), 0);
	rig_send(client, id, wire_ops[op].name, b.data, b.len, blob);
}

void rig_reply(void *client, struct rig_reply *ret)
{
	struct ksnap_err err = { 0 };
	struct wire_slice code;

	memset(ret, 0, sizeof(*ret));
	rig_recv(client, &ret->frames);
	assert_int_equal(reply_decode(ksnap_blob_data(ret->frames.part[0]),
				      ksnap_blob_size(ret->frames.part[0]), &ret->reply, &err),
			 0);
	code = ret->reply.e.code;
	if (!ret->reply.ok)
		snprintf(ret->code, sizeof(ret->code), "%.*s", (int)code.len, code.p);
}

void rig_reply_clear(struct rig_reply *r)
{
	frames_clear(&r->frames);
}

void rig_expect_ok(void *client, uint64_t id, enum wire_op_id op, struct rig_reply *keep, void *ret)
{
	static struct wire_arena arena; /* lists live until the next call */
	struct ksnap_err err = { 0 };

	rig_reply(client, keep);
	if (!keep->reply.ok)
		print_error("%s: %s %.*s\n", wire_ops[op].name, keep->code,
			    (int)keep->reply.e.msg.len, keep->reply.e.msg.p);
	assert_true(keep->reply.ok);
	assert_int_equal(keep->reply.id.num, id);
	if (!ret)
		return;
	wire_arena_fini(&arena);
	assert_int_equal(wire_decode(wire_ops[op].reply, keep->reply.r.p, keep->reply.r.len,
				     WIRE_SKIP_UNKNOWN, &arena, ret, &err),
			 0);
}

void rig_expect_error(void *client, uint64_t id, const char *code)
{
	struct rig_reply r;

	rig_reply(client, &r);
	assert_false(r.reply.ok);
	assert_int_equal(r.reply.id.num, id);
	assert_string_equal(r.code, code);
	assert_true(r.reply.e.msg.len > 0);
	rig_reply_clear(&r);
}

void rig_work(void *worker, const struct wire_shape *shape, const void *m, struct ksnap_blob *blob)
{
	_buf_ struct buf b = BUF_INIT;

	assert_int_equal(wire_encode(shape, m, &b), 0);
	send_frames(worker, &b, blob);
}

struct wire_work_join rig_join_of(const char *name)
{
	return (struct wire_work_join){ .k = wire_slice_of("join"),
					.v = 1,
					.name = wire_slice_of(name),
					.target = wire_slice_of("t"),
					.kind = wire_slice_of("scripted"),
					.pid = (uint64_t)getpid(),
					.host = wire_slice_of("here") };
}

void rig_join(void *worker, const char *name)
{
	struct wire_work_join m = rig_join_of(name);
	char k[16];

	rig_work(worker, &wire_shape_work_join, &m, NULL);
	rig_work_next(worker, k);
	assert_string_equal(k, "welcome");
}

void rig_work_next(void *worker, char k[16])
{
	do {
		struct wire_work_kind kind;
		struct frames f;

		rig_recv(worker, &f);
		assert_int_equal(wire_decode(&wire_shape_work_kind, ksnap_blob_data(f.part[0]),
					     ksnap_blob_size(f.part[0]), WIRE_SKIP_UNKNOWN, NULL,
					     &kind, NULL),
				 0);
		snprintf(k, 16, "%.*s", (int)kind.k.len, kind.k.p);
		frames_clear(&f);
	} while (!strcmp(k, "beat"));
}

struct reach {
	const char *worker;
	int rc;
};

static void try_reach(struct broker *b, void *arg)
{
	struct wire_work_beat_broker m = { .k = wire_slice_of("beat") };
	struct reach *reach = arg;
	struct worker *w = b->workers->first;

	while (w && strcmp(w->name, reach->worker))
		w = w->next;
	reach->rc =
		w ? worker_send(w, &wire_shape_work_beat_broker, &m, NULL) : KSNAP_E_UNREACHABLE;
}

void rig_wait_unreachable(struct rig *r, const char *worker)
{
	struct reach reach = { worker, 0 };

	while (!reach.rc)
		rig_on_broker(r, try_reach, &reach);
	assert_int_equal(reach.rc, KSNAP_E_UNREACHABLE);
}

uint64_t rig_fresh_id(void)
{
	static uint64_t last = 1ull << 40;

	return ++last;
}

uint64_t rig_dropped(void *client, const char *what)
{
	struct wire_status_reply status;
	struct rig_reply keep;
	uint64_t id = rig_fresh_id(), n = 0;

	rig_send(client, id, "status", "\x80", 1, NULL);
	rig_expect_ok(client, id, OP_status, &keep, &status);
	for (size_t i = 0; i < status.dropped.n; i++) {
		struct wire_dropped_count *row =
			(struct wire_dropped_count *)status.dropped.items + i;

		if (wire_slice_is(row->what, what))
			n = row->n;
	}
	rig_reply_clear(&keep);
	return n;
}

void rig_send_join(void *worker, const char *name, uint64_t life)
{
	struct wire_work_join m = rig_join_of(name);

	m.life = life;
	m.has_life = life != 0;
	rig_work(worker, &wire_shape_work_join, &m, NULL);
}

void rig_job(void *worker, struct frames *keep, struct wire_work_job *ret)
{
	struct wire_arena arena = { 0 };

	for (;;) {
		rig_recv(worker, keep);
		if (!wire_decode(&wire_shape_work_job, ksnap_blob_data(keep->part[0]),
				 ksnap_blob_size(keep->part[0]), WIRE_SKIP_UNKNOWN, &arena, ret,
				 NULL))
			break;
		frames_clear(keep);
	}
	wire_arena_fini(&arena);
}

static void send_done(void *worker, uint64_t job, struct wire_slice r, struct ksnap_blob *blob)
{
	struct wire_work_done m = {
		.k = wire_slice_of("done"), .job = job, .ok = true, .r = r, .has_r = true
	};

	rig_work(worker, &wire_shape_work_done, &m, blob);
}

void rig_done_raw(void *worker, uint64_t job, const void *r, size_t len)
{
	send_done(worker, job, (struct wire_slice){ r, len }, NULL);
}

void rig_done_captured(void *worker, uint64_t job, struct ksnap_blob *report)
{
	static const char none[] = "\x90";
	struct wire_captured c = { .maps = 3, .complete = true, .reasons = { none, 1 } };
	_buf_ struct buf b = BUF_INIT;

	assert_int_equal(wire_encode(&wire_shape_captured, &c, &b), 0);
	send_done(worker, job, (struct wire_slice){ (char *)b.data, b.len }, report);
}

void rig_done_error(void *worker, uint64_t job, const char *code, const char *msg)
{
	struct wire_work_done m = {
		.k = wire_slice_of("done"), .job = job, .ok = false, .has_e = true
	};

	m.e.code = wire_slice_of(code);
	m.e.class = wire_slice_of("target");
	m.e.msg = wire_slice_of(msg);
	rig_work(worker, &wire_shape_work_done, &m, NULL);
}

struct ksnap_blob *rig_report(size_t size)
{
	_buf_ struct buf b = BUF_INIT;
	msgpack_packer pk;

	pack_init(&pk, &b);
	msgpack_pack_map(&pk, 4);
	pack_str(&pk, "schema");
	pack_str(&pk, "ksnap.report/1");
	pack_str(&pk, "placeholder");
	pack_bool(&pk, false);
	pack_str(&pk, "complete");
	pack_bool(&pk, true);
	pack_str(&pk, "pad");
	msgpack_pack_bin(&pk, size);
	memset(buf_reserve(&b, size), 0x5a, size);
	buf_commit(&b, size);
	return buf_take_blob(&b);
}

struct wire_capture_snapshot_params rig_tag(const char *tag)
{
	return (struct wire_capture_snapshot_params){ .tag = wire_slice_of(tag), .has_tag = true };
}
