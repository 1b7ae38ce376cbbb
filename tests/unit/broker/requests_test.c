// SPDX-License-Identifier: MIT
/* requests_test.c - how requests are refused, answered, and never answered twice. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <msgpack.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zmq.h>

#include "base/limits.h"
#include "rig.h"

static const char no_params[] = "\x80";

static void ping_works(void *client, uint64_t id)
{
	struct wire_ping_reply ping;
	struct rig_reply keep;

	rig_send(client, id, "ping", no_params, 1, NULL);
	rig_expect_ok(client, id, OP_ping, &keep, &ping);
	assert_true(ping.mono > 0);
	rig_reply_clear(&keep);
}

static void nonsense_is_answered(void **state)
{
	struct rig *r = rig_start((struct broker_opts){ 0 });
	void *c = rig_client(r);
	struct rig_reply reply;

	zmq_send(c, "\xc1", 1, 0);
	rig_reply(c, &reply);
	assert_string_equal(reply.code, "E_PROTO");
	assert_int_equal(reply.reply.id.kind, WIRE_ID_NONE);
	rig_reply_clear(&reply);
	rig_send(c, 7, "no_such_op", no_params, 1, NULL);
	rig_expect_error(c, 7, "E_OP");
	rig_send(c, 8, "has", "\x81\xa3tga\xa1x", 7, NULL);
	rig_expect_error(c, 8, "E_ARG");
	rig_send(c, 9, "has", no_params, 1, NULL);
	rig_expect_error(c, 9, "E_ARG");
	rig_send(c, 10, "store_snapshot", "\x81\xa3tag\xa1x", 7, NULL); /* and no blob */
	rig_expect_error(c, 10, "E_PROTO");
	ping_works(c, 11);
	zmq_close(c);
	rig_stop(r);
}

static void too_many_frames_are_answered(void **state)
{
	struct rig *r = rig_start((struct broker_opts){ 0 });
	void *c = rig_client(r);
	struct rig_reply reply;

	for (int i = 0; i < 3 * FRAMES_MAX; i++)
		zmq_send(c, "x", 1, ZMQ_SNDMORE);
	zmq_send(c, "x", 1, 0);
	rig_reply(c, &reply);
	assert_string_equal(reply.code, "E_PROTO");
	rig_reply_clear(&reply);
	ping_works(c, 1);
	zmq_close(c);
	rig_stop(r);
}

static void a_large_envelope_is_refused(void **state)
{
	struct rig *r = rig_start((struct broker_opts){ .max_frame = 1000 });
	void *c = rig_client(r);
	char *big = calloc(1, 2000);
	struct rig_reply reply;

	zmq_send(c, big, 2000, 0);
	rig_reply(c, &reply);
	assert_string_equal(reply.code, "E_PROTO");
	assert_non_null(
		memmem(reply.reply.e.msg.p, reply.reply.e.msg.len, "MAX_CONTROL_FRAME", 17));
	rig_reply_clear(&reply);
	free(big);
	zmq_close(c);
	rig_stop(r);
}

/* The right is refused before the params are looked at: these would be E_ARG. */
static void a_role_is_checked_first(void **state)
{
	struct rig *r = rig_start((struct broker_opts){ .role = "observe" });
	void *c = rig_client(r);

	rig_send(c, 1, "capture_snapshot", "\x81\xa3tga\xa1x", 7, NULL);
	rig_expect_error(c, 1, "E_DENIED");
	rig_send(c, 2, "close_bridge", no_params, 1, NULL);
	rig_expect_error(c, 2, "E_DENIED");
	ping_works(c, 3);
	zmq_close(c);
	rig_stop(r);
}

static void req_sockets_get_their_delimiter(void **state)
{
	struct rig *r = rig_start((struct broker_opts){ 0 });
	void *req = zmq_socket(rig_context(r), ZMQ_REQ);

	zmq_connect(req, "inproc://control");
	ping_works(req, 1);
	ping_works(req, 2);
	zmq_close(req);
	rig_stop(r);
}

static void in_flight_is_bounded(void **state)
{
	struct rig *r = rig_start((struct broker_opts){ .max_queued_jobs = 100000 });
	void *c = rig_client(r), *other = rig_client(r);
	struct wire_capture_snapshot_params p = rig_tag("x");

	for (uint64_t i = 0; i < LIMIT_MAX_IN_FLIGHT; i++)
		rig_ask(c, i, OP_capture_snapshot, &p, NULL);
	rig_ask(c, 999, OP_capture_snapshot, &p, NULL);
	rig_expect_error(c, 999, "E_BUSY");
	ping_works(other, 1); /* one session's flood is its own */
	zmq_close(c);
	zmq_close(other);
	rig_stop(r);
}

static void what_is_pending_is_answered_at_the_end(void **state)
{
	struct rig *r = rig_start((struct broker_opts){ 0 });
	void *c = rig_client(r);
	struct wire_capture_snapshot_params p = rig_tag("x");
	struct wire_wait_accessor_params w = { 0 };

	rig_ask(c, 1, OP_capture_snapshot, &p, NULL);
	rig_ask(c, 2, OP_wait_accessor, &w, NULL);
	ping_works(c, 3);
	/* The context ends only when all sockets are closed, so stop in two halves: the replies
	 * are in our queue when the broker's thread has ended. */
	rig_end_broker(r);
	for (int i = 0; i < 2; i++) {
		struct rig_reply reply;

		rig_reply(c, &reply);
		assert_string_equal(reply.code, "E_STATE");
		rig_reply_clear(&reply);
	}
	zmq_close(c);
	rig_stop(r);
}

static void bridges_have_limits(void **state)
{
	struct rig *r = rig_start((struct broker_opts){ .max_bridges = 2 });
	void *c = rig_client(r);
	struct wire_open_bridge_reply reply;
	struct rig_reply keep;

	rig_send_with(c, 1, "open_bridge", "a", 1000, "\x81\xa6limits\x81\xa9snapshots\x05", 20,
		      NULL);
	rig_expect_ok(c, 1, OP_open_bridge, &keep, &reply);
	assert_int_equal(reply.limits.snapshots, 5);
	rig_reply_clear(&keep);
	rig_send_with(c, 2, "open_bridge", "a", 1000, "\x81\xa6limits\x81\xa9snapshots\x06", 20,
		      NULL);
	rig_expect_error(c, 2, "E_STATE");
	rig_send_with(c, 3, "open_bridge", "b", 1000, "\x81\xa6limits\x81\xa9snapshots\xcc\xff", 21,
		      NULL);
	rig_expect_error(c, 3, "E_LIMIT"); /* above the broker's own 64 */
	rig_send_with(c, 4, "event_count", "b", 1000, no_params, 1, NULL);
	rig_expect_ok(c, 4, OP_event_count, &keep, NULL);
	rig_reply_clear(&keep);
	rig_send_with(c, 5, "event_count", "c", 1000, no_params, 1, NULL);
	rig_expect_error(c, 5, "E_LIMIT");
	rig_send_with(c, 6, "close_bridge", "b", 1000, no_params, 1, NULL);
	rig_expect_ok(c, 6, OP_close_bridge, &keep, NULL);
	rig_reply_clear(&keep);
	rig_send_with(c, 7, "close_bridge", "b", 1000, no_params, 1, NULL);
	rig_expect_error(c, 7, "E_NOTFOUND");
	zmq_close(c);
	rig_stop(r);
}

static void sessions_are_bounded(void **state)
{
	struct rig *r = rig_start((struct broker_opts){ .max_sessions = 2 });
	void *a = rig_client(r), *b = rig_client(r), *c = rig_client(r);
	struct wire_capture_snapshot_params p = rig_tag("x");

	ping_works(a, 1);
	ping_works(b, 1);
	ping_works(c, 1); /* a, silent for longest, is forgotten and simply begins anew */
	ping_works(a, 2);
	rig_ask(a, 3, OP_capture_snapshot, &p, NULL); /* both now wait for a worker */
	rig_ask(c, 3, OP_capture_snapshot, &p, NULL);
	ping_works(a, 4);
	ping_works(c, 4);
	rig_send(b, 2, "ping", no_params, 1, NULL);
	rig_expect_error(b, 2, "E_LIMIT");
	zmq_close(a);
	zmq_close(b);
	zmq_close(c);
	rig_stop(r);
}

static uint64_t limit_told(struct wire_slice limits, const char *name)
{
	struct wire_slice found;
	msgpack_unpacked u;
	uint64_t n = 0;

	assert_true(wire_map_find(limits, name, &found));
	msgpack_unpacked_init(&u);
	if (msgpack_unpack_next(&u, found.p, found.len, NULL) == MSGPACK_UNPACK_SUCCESS)
		n = u.data.via.u64;
	msgpack_unpacked_destroy(&u);
	return n;
}

static void hello_tells_the_limits_in_force(void **state)
{
	struct rig *r = rig_start((struct broker_opts){
		.max_bridges = 3, .max_sessions = 5, .max_queued_jobs = 7, .max_blob = 1 << 20 });
	void *c = rig_client(r);
	static const char params[] = "\x82\xa6"
				     "client\xa1"
				     "c\xa4kind\xa4tool";
	struct wire_hello_reply hello;
	struct rig_reply keep;

	rig_send(c, 1, "hello", params, sizeof(params) - 1, NULL);
	rig_expect_ok(c, 1, OP_hello, &keep, &hello);
	assert_int_equal(limit_told(hello.limits, "MAX_BRIDGES"), 3);
	assert_int_equal(limit_told(hello.limits, "MAX_SESSIONS"), 5);
	assert_int_equal(limit_told(hello.limits, "MAX_QUEUED_JOBS"), 7);
	assert_int_equal(limit_told(hello.limits, "MAX_BLOB"), 1 << 20);
	assert_int_equal(limit_told(hello.limits, "MAX_DEPTH"), LIMIT_MAX_DEPTH);
	rig_reply_clear(&keep);
	zmq_close(c);
	rig_stop(r);
}

static uint64_t bridges_open_now(void *c)
{
	struct wire_status_reply status;
	struct rig_reply keep;
	uint64_t id = rig_fresh_id(), n;

	rig_send(c, id, "status", no_params, 1, NULL);
	rig_expect_ok(c, id, OP_status, &keep, &status);
	n = status.bridges.n;
	rig_reply_clear(&keep);
	return n;
}

static void gone(struct broker *b, void *arg)
{
	broker_worker_gone(b, arg, (uint64_t)getpid(), "killed by signal 9");
}

/* Whatever a worker still brings, and however it fails, must not open a closed bridge again. */
static void a_closed_bridge_stays_closed(void **state)
{
	struct rig *r = rig_start((struct broker_opts){ 0 });
	void *c = rig_client(r), *w = rig_worker(r, "w1");
	struct ksnap_blob *report = rig_report(10);
	struct wire_capture_snapshot_params p = rig_tag("x");
	struct wire_work_job job;
	struct rig_reply keep;
	struct frames f;

	rig_join(w, "w1");
	for (uint64_t i = 0; i < 3; i++) {
		rig_ask(c, 10 + i, OP_capture_snapshot, &p, NULL);
		rig_job(w, &f, &job);
		rig_send(c, 20 + i, "close_bridge", no_params, 1, NULL);
		rig_expect_ok(c, 20 + i, OP_close_bridge, &keep, NULL);
		rig_reply_clear(&keep);
		if (i == 0)
			rig_done_captured(w, job.job, report);
		else if (i == 1)
			rig_done_error(w, job.job, "E_TARGET", "no");
		else
			rig_on_broker(r, gone, "w1");
		frames_clear(&f);
		rig_expect_error(c, 10 + i,
				 i == 0   ? "E_NOTFOUND"
				 : i == 1 ? "E_TARGET"
					  : "E_WORKER_LOST");
		assert_int_equal(bridges_open_now(c), 0);
	}
	ksnap_blob_unref(report);
	zmq_close(c);
	zmq_close(w);
	rig_stop(r);
}

/* Whether they wait for each other or not: most are short, some have parts or a report. */
static void answers_come_in_the_order_of_requests(void **state)
{
	struct rig *r = rig_start((struct broker_opts){ 0 });
	void *c = rig_client(r);
	struct ksnap_blob *report = rig_report(1000);
	struct rig_reply reply;

	for (uint64_t id = 1; id <= 200; id++) {
		if (id % 10 == 8)
			rig_send(c, id, "store_snapshot", "\x81\xa3tag\xa1x", 7, report);
		else if (id % 10 == 9)
			rig_send(c, id, "get", "\x81\xa3tag\xa1x", 7, NULL);
		else
			rig_send(c, id, id % 10 ? "ping" : "drain", no_params, 1, NULL);
	}
	for (uint64_t id = 1; id <= 200; id++) {
		for (unsigned parts = id % 10 ? 1 : 2; parts; parts--) {
			rig_reply(c, &reply);
			assert_true(reply.reply.ok);
			assert_int_equal(reply.reply.id.num, id);
			assert_int_equal(reply.reply.more, parts > 1);
			rig_reply_clear(&reply);
		}
	}
	ksnap_blob_unref(report);
	zmq_close(c);
	rig_stop(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_come_in_the_order_of_requests),
		cmocka_unit_test(nonsense_is_answered),
		cmocka_unit_test(too_many_frames_are_answered),
		cmocka_unit_test(a_large_envelope_is_refused),
		cmocka_unit_test(a_role_is_checked_first),
		cmocka_unit_test(req_sockets_get_their_delimiter),
		cmocka_unit_test(in_flight_is_bounded),
		cmocka_unit_test(what_is_pending_is_answered_at_the_end),
		cmocka_unit_test(bridges_have_limits),
		cmocka_unit_test(hello_tells_the_limits_in_force),
		cmocka_unit_test(a_closed_bridge_stays_closed),
		cmocka_unit_test(sessions_are_bounded),
	};

	return cmocka_run_group_tests_name("requests", tests, NULL, NULL);
}
