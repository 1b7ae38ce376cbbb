// SPDX-License-Identifier: MIT
/* frames_fuzz_test.c - random and mutated messages at all three sockets of a running broker: it
 * answers what it must, its books stay exact, and it serves on. KSNAP_SEED repeats a run. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <zmq.h>

#include "base/cleanup.h"
#include "broker/pool.h"
#include "rig.h"
#include "wire/pack.h"

#define MESSAGES 20000
#define BATCH    32

static uint64_t rng;

static uint64_t draw(uint64_t below)
{
	rng ^= rng << 13;
	rng ^= rng >> 7;
	rng ^= rng << 17;
	return rng % below;
}

static void choose_seed(void)
{
	const char *s = getenv("KSNAP_SEED");

	rng = s ? strtoull(s, NULL, 0) : (uint64_t)time(NULL) * 2654435761u + (uint64_t)clock();
	rng = rng ? rng : 1;
	print_message("# KSNAP_SEED=%" PRIu64 "\n", rng);
}

struct stage {
	struct rig *r;
	void *c, *w, *x, *live; /* client, worker, stranger at work, subscriber */
	struct ksnap_blob *report;
	uint64_t jobs[8]; /* the last ones the worker saw */
	uint64_t sent, answered, ok;
};

/* ---- values ------------------------------------------------------------------------------------
 */

static const char *const words[] = {
	"",
	"t0",
	"probe",
	"default",
	"event/default",
	"last:",
	"last:7",
	"oldest",
	"\xff\xfe",
	"a\nb",
	"tree",
	"w1",
	"t",
	"fixture",
	"E_BUSY",
	"0123456789012345678901234567890123456789012345678901234567890123"
};

static void put_any(msgpack_packer *pk, unsigned depth);

static void put_word(msgpack_packer *pk)
{
	pack_str(pk, words[draw(ARRAY_SIZE(words))]);
}

static void put_uint(msgpack_packer *pk)
{
	static const uint64_t edges[] = {
		0, 1, 2, 65535, 65536, 1ull << 32, INT64_MAX, UINT64_MAX
	};

	msgpack_pack_uint64(pk, draw(2) ? draw(10) : edges[draw(ARRAY_SIZE(edges))]);
}

static void put_map(msgpack_packer *pk, unsigned depth)
{
	size_t n = draw(4);

	msgpack_pack_map(pk, n);
	for (size_t i = 0; i < n; i++) {
		put_word(pk);
		put_any(pk, depth + 1);
	}
}

static void put_any(msgpack_packer *pk, unsigned depth)
{
	switch (draw(depth > 4 ? 5 : 7)) {
	case 0:
		msgpack_pack_nil(pk);
		break;
	case 1:
		pack_bool(pk, draw(2));
		break;
	case 2:
		put_uint(pk);
		break;
	case 3:
		put_word(pk);
		break;
	case 4:
		pack_bin(pk, words[3], draw(8));
		break;
	case 5:
		put_map(pk, depth);
		break;
	default:
		msgpack_pack_array(pk, 1);
		put_any(pk, depth + 1);
	}
}

/* A value for the field, mostly of its kind. */
static void put_field(msgpack_packer *pk, const struct wire_field *f, unsigned depth);

static void put_shape(msgpack_packer *pk, const struct wire_shape *shape, unsigned depth)
{
	bool take[WIRE_FIELDS_MAX];
	size_t n = 0;

	for (size_t i = 0; i < shape->nfields; i++)
		n += take[i] = shape->fields[i].required ? draw(50) != 0 : draw(2);
	msgpack_pack_map(pk, n);
	for (size_t i = 0; i < shape->nfields; i++) {
		if (!take[i])
			continue;
		pack_str(pk, draw(200) ? shape->fields[i].name : "nobody");
		put_field(pk, &shape->fields[i], depth + 1);
	}
}

static void put_choice(msgpack_packer *pk, const struct wire_field *f)
{
	const char *end = f->words ? strchrnul(f->words, '|') : NULL;

	if (end && draw(20))
		pack_strn(pk, f->words, (size_t)(end - f->words));
	else
		put_word(pk);
}

static void put_field(msgpack_packer *pk, const struct wire_field *f, unsigned depth)
{
	if (!draw(40)) {
		put_any(pk, depth);
		return;
	}
	switch (f->kind) {
	case WIRE_BOOL:
		pack_bool(pk, draw(2));
		break;
	case WIRE_STR:
	case WIRE_TAG:
		put_choice(pk, f);
		break;
	case WIRE_MAP:
		put_shape(pk, f->shape, depth);
		break;
	case WIRE_LIST:
		msgpack_pack_array(pk, 1);
		put_word(pk);
		break;
	case WIRE_BIN:
	case WIRE_ANY:
		put_any(pk, depth);
		break;
	default:
		put_uint(pk);
	}
}

/* Flip, cut, or leave as it is. */
static void mutate(struct buf *b)
{
	size_t flips = draw(4) ? 0 : 1 + draw(4);

	for (size_t i = 0; i < flips && b->len; i++)
		b->data[draw(b->len)] = (uint8_t)draw(256);
	if (b->len && !draw(20))
		b->len = draw(b->len + 1);
}

/* ---- messages -----------------------------------------------------------------------------------
 */

static void send_parts(void *socket, struct buf *b, const struct stage *s, unsigned blobs)
{
	_frames_ struct frames f = { 0 };

	if (!draw(10))
		frames_push_copy(&f, "", 0);
	frames_push_copy(&f, b->data ? (char *)b->data : "", b->len);
	for (unsigned i = 0; i < blobs; i++)
		frames_push(&f, ksnap_blob_ref(s->report));
	frames_send(socket, &f, NULL);
}

static void put_request(struct buf *b, const struct wire_op *op)
{
	msgpack_packer pk;

	pack_init(&pk, b);
	msgpack_pack_map(&pk, 6);
	pack_str(&pk, "v");
	msgpack_pack_uint64(&pk, draw(50) ? 1 : draw(300));
	pack_str(&pk, "id");
	draw(10) ? (void)msgpack_pack_uint64(&pk, rig_fresh_id()) : put_any(&pk, 0);
	pack_str(&pk, "op");
	draw(50) ? pack_str(&pk, op->name) : put_word(&pk);
	pack_str(&pk, "b");
	draw(5) ? pack_str(&pk, "default") : put_word(&pk);
	pack_str(&pk, "t");
	msgpack_pack_uint64(&pk, draw(20) ? 1 + draw(20) : draw(1ull << 40));
	pack_str(&pk, "p");
	put_shape(&pk, op->params, 0);
}

static void send_request(struct stage *s)
{
	_buf_ struct buf b = BUF_INIT;
	const struct wire_op *op = &wire_ops[draw(OP_COUNT)];

	put_request(&b, op);
	mutate(&b);
	send_parts(s->c, &b, s, draw(20) ? op->blobs : (unsigned)draw(30));
	s->sent++;
}

static void send_noise(struct stage *s)
{
	_buf_ struct buf b = BUF_INIT;
	size_t len = 1 + draw(300);
	uint8_t *room = buf_reserve(&b, len);

	for (size_t i = 0; i < len; i++)
		room[i] = (uint8_t)draw(256);
	buf_commit(&b, len);
	send_parts(s->c, &b, s, 0);
	s->sent++;
}

static uint64_t a_job(const struct stage *s)
{
	return draw(4) ? s->jobs[draw(8)] : draw(1000);
}

static void put_done(msgpack_packer *pk, const struct stage *s)
{
	static const struct wire_shape *const results[] = { &wire_shape_captured,
							    &wire_shape_attach_object_reply,
							    &wire_shape_capture_cgroup_procs_reply,
							    &wire_shape_get_reply,
							    &wire_shape_armed,
							    &wire_shape_watch_totals };
	bool ok = draw(5);

	msgpack_pack_map(pk, 4);
	pack_str(pk, "k");
	pack_str(pk, "done");
	pack_str(pk, "job");
	msgpack_pack_uint64(pk, a_job(s));
	pack_str(pk, "ok");
	pack_bool(pk, ok);
	pack_str(pk, ok ? "r" : "e");
	put_shape(pk, ok ? results[draw(ARRAY_SIZE(results))] : &wire_shape_error, 0);
}

/* As the worker, or as a stranger; now and then a proper join, so that there is one. */
static void send_work(struct stage *s)
{
	void *socket = draw(5) ? s->w : s->x;
	_buf_ struct buf b = BUF_INIT;
	struct wire_work_join join = rig_join_of("w1");
	msgpack_packer pk;

	pack_init(&pk, &b);
	switch (draw(8)) {
	case 0:
		wire_encode(&wire_shape_work_join, &join, &b);
		break;
	case 1:
		put_shape(&pk, &wire_shape_work_join, 0);
		break;
	case 2:
		put_shape(&pk, &wire_shape_work_beat, 0);
		break;
	case 3:
		put_request(&b, &wire_ops[draw(OP_COUNT)]);
		break;
	case 4:
		put_shape(&pk, &wire_shape_work_fired, 0);
		break;
	case 5:
		put_shape(&pk, &wire_shape_work_watched, 0);
		break;
	default:
		put_done(&pk, s);
	}
	mutate(&b);
	send_parts(socket, &b, s, (unsigned)draw(3));
}

static void send_live(struct stage *s)
{
	uint8_t topic[64];
	size_t len = 1 + draw(sizeof(topic) - 1);

	topic[0] = (uint8_t)draw(3);
	for (size_t i = 1; i < len; i++)
		topic[i] = (uint8_t)draw(256);
	zmq_send(s->live, topic, len, ZMQ_DONTWAIT);
}

/* ---- reading -----------------------------------------------------------------------------------
 */

static void read_client(struct stage *s)
{
	for (;;) {
		_frames_ struct frames f = { 0 };
		struct ksnap_err err = { 0 };
		struct wire_reply reply;
		size_t at;
		int rc = frames_recv(s->c, &f, &err);

		if (rc == 0)
			return;
		assert_true(f.n > 0);
		at = ksnap_blob_size(f.part[0]) == 0;
		assert_int_equal(reply_decode(ksnap_blob_data(f.part[at]),
					      ksnap_blob_size(f.part[at]), &reply, &err),
				 0);
		s->answered += at || !reply.more;
		s->ok += reply.ok && !reply.more;
	}
}

static void read_worker(struct stage *s)
{
	for (;;) {
		_frames_ struct frames f = { 0 };
		struct wire_work_job job;

		if (frames_recv(s->w, &f, NULL) == 0)
			return;
		if (!wire_decode(&wire_shape_work_job, ksnap_blob_data(f.part[0]),
				 ksnap_blob_size(f.part[0]), WIRE_SKIP_UNKNOWN, NULL, &job, NULL))
			s->jobs[draw(8)] = job.job;
	}
}

static void read_rest(void *socket)
{
	for (;;) {
		_frames_ struct frames f = { 0 };

		if (frames_recv(socket, &f, NULL) == 0)
			return;
	}
}

static void read_all(struct stage *s)
{
	read_client(s);
	read_worker(s);
	read_rest(s->x);
	read_rest(s->live);
}

/* ---- books -------------------------------------------------------------------------------------
 */

static uint64_t lost(struct stage *s, void *c)
{
	static const char *const names[] = { "reply_gone", "reply_full", "reply_memory",
					     "request_memory" };
	uint64_t n = 0;

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		n += rig_dropped(c, names[i]);
	return n;
}

static void check_bridges(void *c)
{
	struct wire_status_reply status;
	const struct wire_bridge_row *row;
	struct rig_reply keep;

	rig_send(c, 1, "status", "\x80", 1, NULL);
	rig_expect_ok(c, 1, OP_status, &keep, &status);
	row = status.bridges.items;
	for (size_t i = 0; i < status.bridges.n; i++, row++) {
		assert_int_equal(row->accepted,
				 row->stored + row->evicted + row->overwritten + row->drained);
		assert_true(row->stored <= row->limits.snapshots);
		assert_true(row->events_kept + row->events_dropped <= row->events_raised);
	}
	rig_reply_clear(&keep);
}

static void tick(struct broker *b, void *arg)
{
	workers_tick(b->workers);
}

/* Deadlines are a second or less, or longer than any sane one: those are refused. */
static void wait_for_answers(struct stage *s, void *c)
{
	time_t end = time(NULL) + 60;

	do {
		rig_on_broker(s->r, tick, NULL);
		read_all(s);
	} while (s->sent != s->answered + lost(s, c) && time(NULL) < end);
	assert_int_equal(s->sent, s->answered + lost(s, c));
}

static void *connect_to(struct rig *r, int type, const char *url, const char *id)
{
	void *s = zmq_socket(rig_context(r), type);
	int none = 0;

	zmq_setsockopt(s, ZMQ_LINGER, &none, sizeof(none));
	zmq_setsockopt(s, ZMQ_RCVHWM, &none, sizeof(none));
	if (id)
		zmq_setsockopt(s, ZMQ_ROUTING_ID, id, strlen(id));
	assert_int_equal(zmq_connect(s, url), 0);
	return s;
}

static void any_frames_leave_the_broker_sound(void **state)
{
	struct stage s = { .r = rig_start((struct broker_opts){ 0 }), .report = rig_report(30) };
	void *c = rig_client(s.r);
	struct wire_ping_reply ping;
	struct rig_reply keep;

	choose_seed();
	s.c = rig_client(s.r);
	s.w = rig_worker(s.r, "w1");
	s.x = connect_to(s.r, ZMQ_DEALER, "inproc://work", "x");
	s.live = connect_to(s.r, ZMQ_XSUB, "inproc://live", NULL);
	for (int i = 0; i < MESSAGES; i++) {
		static void (*const kinds[])(struct stage * s) = { send_request, send_request,
								   send_request, send_noise,
								   send_work,    send_live };

		kinds[draw(ARRAY_SIZE(kinds))](&s);
		if (i % BATCH)
			continue;
		rig_on_broker(s.r, tick, NULL);
		read_all(&s);
	}
	wait_for_answers(&s, c);
	check_bridges(c);
	rig_send(c, 2, "ping", "\x80", 1, NULL);
	rig_expect_ok(c, 2, OP_ping, &keep, &ping);
	rig_reply_clear(&keep);
	print_message("# %" PRIu64 " requests, %" PRIu64 " answers, %" PRIu64 " of them good\n",
		      s.sent, s.answered, s.ok);
	assert_true(s.ok > s.answered / 20); /* or nothing behind the first checks is reached */
	zmq_close(s.c);
	zmq_close(s.w);
	zmq_close(s.x);
	zmq_close(s.live);
	zmq_close(c);
	ksnap_blob_unref(s.report);
	rig_stop(s.r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_frames_leave_the_broker_sound),
	};

	return cmocka_run_group_tests_name("frames_fuzz", tests, NULL, NULL);
}
