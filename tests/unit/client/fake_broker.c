// SPDX-License-Identifier: MIT
/* fake_broker.c - a broker in a thread that answers as a test scripts it.
 *
 * It checks itself with assert(): cmocka's own cannot fail a test from another thread. */
#include "fake_broker.h"

#undef NDEBUG
#include <assert.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

#include "base/cleanup.h"
#include "wire/handover.h"

#define RULES    16
#define CHANNELS 8

struct rule {
	char op[32];
	fake_fn fn;
	void *arg;
	unsigned count;
};

struct fake_channel {
	char name[80];
	uint64_t first, last, hole;
};

struct command {
	enum { CMD_STOP, CMD_PUBLISH, CMD_BEAT, CMD_RAW } kind;
	const char *channel, *payload;
	const void *header;
	size_t len;
	uint64_t seq;
};

struct fake {
	void *context;
	struct fake_opts o;
	_Atomic uint64_t epoch;
	char orders[64];
	void *control, *live, *ours, *theirs;
	pthread_t thread;
	pthread_mutex_t lock;
	struct rule rules[RULES];
	struct fake_channel channels[CHANNELS];
};

/* ---- answers --------------------------------------------------------------------------------- */

static void send_frames(struct fake *f, const struct fake_request *rq,
			const struct ksnap_blob *envelope, size_t nparts)
{
	_frames_ struct frames out = { 0 };

	frames_push(&out, ksnap_blob_ref(rq->frames->part[0]));
	frames_push(&out, ksnap_blob_ref((struct ksnap_blob *)envelope));
	for (size_t i = 0; i < nparts; i++) {
		char text[32];

		snprintf(text, sizeof(text), "blob%zu", i);
		frames_push_copy(&out, text, strlen(text));
	}
	assert((frames_send(f->control, &out, NULL)) == 0);
}

void fake_send(struct fake *f, const struct fake_request *rq, const void *envelope, size_t len)
{
	_blob_ struct ksnap_blob *b = ksnap_blob_copy(envelope, len);

	send_frames(f, rq, b, 0);
}

void fake_answer(struct fake *f, const struct fake_request *rq, const struct fake_answer *a)
{
	static const char nil[] = { (char)0xc0 };
	struct wire_reply rp = {
		.id = rq->rq.id, .ok = !a->code, .more = a->more, .blobs = a->blobs
	};
	struct ksnap_err e = { .code = a->code };
	_buf_ struct buf b = BUF_INIT;
	_blob_ struct ksnap_blob *envelope = NULL;

	rp.id.num += a->id_off;
	if (a->nil_id)
		rp.id = (struct wire_id){ 0 };
	rp.r = a->r ? (struct wire_slice){ a->r, a->r_len } : (struct wire_slice){ nil, 1 };
	snprintf(e.text, sizeof(e.text), "%s", a->text ? a->text : "");
	if (a->code)
		reply_encode_error(&rp.id, &e, (struct wire_slice){ 0 }, &b);
	else
		reply_encode(&rp, &b);
	envelope = buf_take_blob(&b);
	send_frames(f, rq, envelope, a->nparts);
}

static void pack_pair(msgpack_packer *pk, const char *key, uint64_t value)
{
	pack_str(pk, key);
	msgpack_pack_uint64(pk, value);
}

static void pack_live(msgpack_packer *pk, const char *url)
{
	msgpack_pack_array(pk, *url ? 2 : 0);
	if (*url) {
		pack_str(pk, "tcp://127.0.0.1:1");
		pack_str(pk, url);
	}
}

static void answer_hello(struct fake *f, const struct fake_request *rq, void *arg)
{
	_buf_ struct buf b = BUF_INIT;
	msgpack_packer pk;

	pack_init(&pk, &b);
	msgpack_pack_map(&pk, 9);
	pack_pair(&pk, "api", 1);
	pack_pair(&pk, "epoch", f->epoch);
	pack_str(&pk, "version");
	pack_str(&pk, "0.1.0");
	pack_pair(&pk, "heartbeat_ms", f->o.heartbeat_ms);
	pack_str(&pk, "live");
	pack_live(&pk, f->o.told_live);
	pack_str(&pk, "work");
	msgpack_pack_array(&pk, 0);
	pack_str(&pk, "rights");
	msgpack_pack_array(&pk, 1);
	pack_str(&pk, "observe");
	pack_str(&pk, "bridge_limits");
	msgpack_pack_map(&pk, 4);
	pack_pair(&pk, "snapshots", 64);
	pack_pair(&pk, "bytes", 1 << 28);
	pack_pair(&pk, "events", 1024);
	pack_pair(&pk, "watches", 3);
	pack_str(&pk, "limits");
	msgpack_pack_map(&pk, 2);
	pack_pair(&pk, "MAX_BLOB", f->o.max_blob);
	pack_pair(&pk, "MAX_CONTROL_FRAME", f->o.max_frame);
	fake_answer(f, rq, &(struct fake_answer){ .r = b.data, .r_len = b.len });
}

static void answer_well(struct fake *f, const struct fake_request *rq, void *arg)
{
	fake_answer(f, rq, &(struct fake_answer){ 0 });
}

static void answer_unknown(struct fake *f, const struct fake_request *rq, void *arg)
{
	fake_answer(f, rq, &(struct fake_answer){ .code = KSNAP_E_OP, .text = "unknown op" });
}

/* ---- live ------------------------------------------------------------------------------------ */

static struct fake_channel *channel_of(struct fake *f, const char *name, size_t len)
{
	for (int i = 0; i < CHANNELS; i++) {
		struct fake_channel *c = &f->channels[i];

		if (!*c->name) {
			memcpy(c->name, name, len);
			c->first = 1;
		}
		if (strlen(c->name) == len && !memcmp(c->name, name, len))
			return c;
	}
	assert(!"room for a channel");
	return NULL;
}

static void pack_header(struct fake *f, msgpack_packer *pk, const char *channel, uint64_t seq,
			uint32_t extra)
{
	msgpack_pack_map(pk, 6 + extra);
	pack_pair(pk, "v", 1);
	pack_pair(pk, "epoch", f->epoch);
	pack_str(pk, "ch");
	pack_str(pk, channel);
	pack_pair(pk, "seq", seq);
	pack_str(pk, "ts");
	msgpack_pack_int64(pk, 1000 + (int64_t)seq);
	pack_str(pk, "k");
	pack_str(pk, strcmp(channel, "beat") ? "captured" : "beat");
}

static void send_live(struct fake *f, const char *channel, const void *header, size_t len,
		      const char *payload)
{
	_frames_ struct frames out = { 0 };

	frames_push_copy(&out, channel, strlen(channel));
	frames_push_copy(&out, header, len);
	if (payload)
		frames_push_copy(&out, payload, strlen(payload));
	assert((frames_send(f->live, &out, NULL)) == 0);
}

static void send_message(struct fake *f, const char *channel, uint64_t seq, const char *payload)
{
	_buf_ struct buf b = BUF_INIT;
	msgpack_packer pk;

	pack_init(&pk, &b);
	pack_header(f, &pk, channel, seq, 0);
	send_live(f, channel, b.data, b.len, payload);
}

static void send_beat(struct fake *f)
{
	_buf_ struct buf b = BUF_INIT;
	msgpack_packer pk;
	uint32_t n = 0;

	pthread_mutex_lock(&f->lock);
	while (n < CHANNELS && *f->channels[n].name)
		n++;
	pack_init(&pk, &b);
	pack_header(f, &pk, "beat", 0, 1);
	pack_str(&pk, "last");
	msgpack_pack_map(&pk, n);
	for (uint32_t i = 0; i < n; i++)
		pack_pair(&pk, f->channels[i].name, f->channels[i].last);
	pthread_mutex_unlock(&f->lock);
	send_live(f, "beat", b.data, b.len, NULL);
}

static void replay_part(struct fake *f, const struct fake_request *rq, const char *channel,
			uint64_t seq)
{
	_buf_ struct buf b = BUF_INIT;
	msgpack_packer pk;

	pack_init(&pk, &b);
	msgpack_pack_map(&pk, 1);
	pack_str(&pk, "header");
	pack_header(f, &pk, channel, seq, 0);
	fake_answer(f, rq, &(struct fake_answer){ .r = b.data, .r_len = b.len, .more = true });
}

static void replay_end(struct fake *f, const struct fake_request *rq, uint64_t first, uint64_t last,
		       uint64_t lost)
{
	_buf_ struct buf b = BUF_INIT;
	msgpack_packer pk;

	pack_init(&pk, &b);
	msgpack_pack_map(&pk, 3);
	pack_pair(&pk, "first", first);
	pack_pair(&pk, "last", last);
	pack_pair(&pk, "lost", lost);
	fake_answer(f, rq, &(struct fake_answer){ .r = b.data, .r_len = b.len });
}

static uint64_t first_wanted(const struct fake_channel *c, struct wire_slice from)
{
	msgpack_unpacked u;
	uint64_t n = c->first;

	msgpack_unpacked_init(&u);
	assert((msgpack_unpack_next(&u, from.p, from.len, NULL)) == MSGPACK_UNPACK_SUCCESS);
	if (u.data.type == MSGPACK_OBJECT_POSITIVE_INTEGER)
		n = u.data.via.u64;
	msgpack_unpacked_destroy(&u);
	return n;
}

static void answer_replay(struct fake *f, const struct fake_request *rq, void *arg)
{
	struct wire_slice name, from;
	struct fake_channel c;
	uint64_t wanted, seq;

	assert(wire_map_find(rq->rq.params, "channel", &name));
	assert(wire_map_find(rq->rq.params, "from", &from));
	pthread_mutex_lock(&f->lock);
	c = *channel_of(f, name.p + ((uint8_t)name.p[0] == 0xd9 ? 2 : 1),
			name.len - ((uint8_t)name.p[0] == 0xd9 ? 2 : 1));
	pthread_mutex_unlock(&f->lock);
	wanted = first_wanted(&c, from);
	for (seq = wanted > c.first ? wanted : c.first; seq <= c.last; seq++)
		if (seq != c.hole)
			replay_part(f, rq, c.name, seq);
	replay_end(f, rq, wanted > c.first ? wanted : c.first, c.last,
		   wanted < c.first ? c.first - wanted : 0);
}

/* ---- the thread ------------------------------------------------------------------------------ */

static struct rule *rule_of(struct fake *f, const char *op, size_t len)
{
	for (int i = 0; i < RULES; i++) {
		struct rule *r = &f->rules[i];

		if (!*r->op) {
			memcpy(r->op, op, len);
			r->fn = answer_unknown;
		}
		if (strlen(r->op) == len && !memcmp(r->op, op, len))
			return r;
	}
	assert(!"room for an op");
	return NULL;
}

static void serve_request(struct fake *f)
{
	_frames_ struct frames in = { 0 };
	struct fake_request rq = { .frames = &in };
	struct rule *r, copy;

	if (frames_recv(f->control, &in, NULL) <= 0)
		return;
	assert((request_decode(ksnap_blob_data(in.part[1]), ksnap_blob_size(in.part[1]), &rq.rq,
			       NULL)) == 0);
	pthread_mutex_lock(&f->lock);
	r = rule_of(f, rq.rq.op.p, rq.rq.op.len);
	r->count++;
	copy = *r;
	pthread_mutex_unlock(&f->lock);
	copy.fn(f, &rq, copy.arg);
}

static void serve_subscription(struct fake *f)
{
	_frames_ struct frames in = { 0 };
	size_t len;

	if (frames_recv(f->live, &in, NULL) <= 0)
		return;
	len = ksnap_blob_size(in.part[0]);
	if (!f->o.mute_beats && len <= 5 && !memcmp(ksnap_blob_data(in.part[0]), "\1beat", len))
		send_beat(f);
}

static bool serve_order(struct fake *f)
{
	struct command c;
	bool go_on;

	assert((zmq_recv(f->theirs, &c, sizeof(c), 0)) == sizeof(c));
	handover_after_recv();
	go_on = c.kind != CMD_STOP;
	if (c.kind == CMD_PUBLISH)
		send_message(f, c.channel, c.seq, c.payload);
	else if (c.kind == CMD_BEAT)
		send_beat(f);
	else if (c.kind == CMD_RAW)
		send_live(f, c.channel, c.header, c.len, NULL);
	handover_before_send();
	zmq_send(f->theirs, "", 0, 0);
	return go_on;
}

void fake_hang_up(struct fake *f)
{
	zmq_close(f->control);
	f->control = NULL;
}

static void *run(void *arg)
{
	struct fake *f = arg;
	bool go_on = true;
	sigset_t all;

	/* Signals are for the thread under test. */
	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, NULL);
	while (go_on) {
		zmq_pollitem_t items[] = {
			{ f->theirs, 0, ZMQ_POLLIN, 0 },
			{ f->live, 0, ZMQ_POLLIN, 0 },
			{ f->control, 0, ZMQ_POLLIN, 0 },
		};

		if (zmq_poll(items, f->control ? 3 : 2, -1) < 0)
			continue;
		if (items[1].revents)
			serve_subscription(f);
		if (f->control && items[2].revents)
			serve_request(f);
		if (items[0].revents)
			go_on = serve_order(f);
	}
	return NULL;
}

static void order(struct fake *f, const struct command *c)
{
	char ack;

	handover_before_send();
	assert((zmq_send(f->ours, c, sizeof(*c), 0)) == sizeof(*c));
	assert((zmq_recv(f->ours, &ack, sizeof(ack), 0)) == 0);
	handover_after_recv();
}

static void *bound(struct fake *f, int type, const char *url)
{
	void *s = zmq_socket(f->context, type);
	const int zero = 0, one = 1;

	assert(s);
	zmq_setsockopt(s, ZMQ_LINGER, &zero, sizeof(zero));
	if (type == ZMQ_ROUTER)
		zmq_setsockopt(s, ZMQ_SNDHWM, &zero, sizeof(zero));
	if (type == ZMQ_XPUB) {
		zmq_setsockopt(s, ZMQ_XPUB_VERBOSE, &one, sizeof(one));
		if (f->o.live_hwm)
			zmq_setsockopt(s, ZMQ_SNDHWM, &f->o.live_hwm, sizeof(int));
	}
	assert((zmq_bind(s, url)) == 0);
	return s;
}

static void settle(struct fake *f)
{
	f->o.control = f->o.control ? f->o.control : "inproc://control";
	f->o.live = f->o.live ? f->o.live : "inproc://live";
	f->o.told_live = f->o.told_live ? f->o.told_live : f->o.live;
	f->epoch = f->o.epoch ? f->o.epoch : 7;
	f->o.heartbeat_ms = f->o.heartbeat_ms ? f->o.heartbeat_ms : 1000;
	f->o.max_blob = f->o.max_blob ? f->o.max_blob : 1 << 20;
	f->o.max_frame = f->o.max_frame ? f->o.max_frame : 1 << 20;
}

struct fake *fake_start(void *context, const struct fake_opts *opts)
{
	struct fake *f = calloc(1, sizeof(*f));

	assert(f);
	f->context = context;
	if (opts)
		f->o = *opts;
	settle(f);
	pthread_mutex_init(&f->lock, NULL);
	fake_on(f, "hello", answer_hello, NULL);
	fake_on(f, "bye", answer_well, NULL);
	fake_on(f, "ping", answer_well, NULL);
	fake_on(f, "replay", answer_replay, NULL);
	f->control = bound(f, ZMQ_ROUTER, f->o.control);
	f->live = bound(f, ZMQ_XPUB, f->o.live);
	snprintf(f->orders, sizeof(f->orders), "inproc://orders-%p", (void *)f);
	f->theirs = bound(f, ZMQ_PAIR, f->orders);
	f->ours = zmq_socket(context, ZMQ_PAIR);
	assert((zmq_connect(f->ours, f->orders)) == 0);
	assert((pthread_create(&f->thread, NULL, run, f)) == 0);
	return f;
}

void fake_stop(struct fake *f)
{
	if (!f)
		return;
	order(f, &(struct command){ .kind = CMD_STOP });
	pthread_join(f->thread, NULL);
	if (f->control)
		zmq_close(f->control);
	zmq_close(f->live);
	zmq_close(f->theirs);
	zmq_close(f->ours);
	pthread_mutex_destroy(&f->lock);
	free(f);
}

/* ---- for the test ---------------------------------------------------------------------------- */

void fake_on(struct fake *f, const char *op, fake_fn fn, void *arg)
{
	struct rule *r;

	pthread_mutex_lock(&f->lock);
	r = rule_of(f, op, strlen(op));
	r->fn = fn;
	r->arg = arg;
	pthread_mutex_unlock(&f->lock);
}

unsigned fake_count(struct fake *f, const char *op)
{
	unsigned n;

	pthread_mutex_lock(&f->lock);
	n = rule_of(f, op, strlen(op))->count;
	pthread_mutex_unlock(&f->lock);
	return n;
}

static uint64_t number(struct fake *f, const char *channel)
{
	uint64_t seq;

	pthread_mutex_lock(&f->lock);
	seq = ++channel_of(f, channel, strlen(channel))->last;
	pthread_mutex_unlock(&f->lock);
	return seq;
}

void fake_publish(struct fake *f, const char *channel, const char *payload)
{
	order(f, &(struct command){ CMD_PUBLISH, channel, payload, NULL, 0, number(f, channel) });
}

void fake_swallow(struct fake *f, const char *channel)
{
	number(f, channel);
}

void fake_repeat(struct fake *f, const char *channel, uint64_t seq)
{
	order(f, &(struct command){ CMD_PUBLISH, channel, NULL, NULL, 0, seq });
}

void fake_forget(struct fake *f, const char *channel, uint64_t seq)
{
	pthread_mutex_lock(&f->lock);
	channel_of(f, channel, strlen(channel))->first = seq + 1;
	pthread_mutex_unlock(&f->lock);
}

void fake_pierce(struct fake *f, const char *channel, uint64_t seq)
{
	pthread_mutex_lock(&f->lock);
	channel_of(f, channel, strlen(channel))->hole = seq;
	pthread_mutex_unlock(&f->lock);
}

void fake_beat(struct fake *f)
{
	order(f, &(struct command){ .kind = CMD_BEAT });
}

void fake_restart(struct fake *f, uint64_t epoch)
{
	pthread_mutex_lock(&f->lock);
	memset(f->channels, 0, sizeof(f->channels));
	f->epoch = epoch;
	pthread_mutex_unlock(&f->lock);
}

void fake_publish_raw(struct fake *f, const char *channel, const void *header, size_t len)
{
	order(f, &(struct command){ CMD_RAW, channel, NULL, header, len, 0 });
}
