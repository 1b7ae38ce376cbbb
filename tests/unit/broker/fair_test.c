// SPDX-License-Identifier: MIT
/* fair_test.c - what one session does to another: floods, jobs without end, replies that nobody
 * reads, ids sent again too early, clocks that jump. Judged by order and by books, never by time.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <zmq.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/limits.h"
#include "broker/parts.h"
#include "rig.h"

static const char no_params[] = "\x80";

static void capture(void *c, uint64_t id, const char *tag)
{
	struct wire_capture_snapshot_params p = rig_tag(tag);

	rig_ask(c, id, OP_capture_snapshot, &p, NULL);
}

static void ping(void *c, uint64_t id)
{
	rig_send(c, id, "ping", no_params, 1, NULL);
}

/* When the broker did ping @id, by its own clock. */
static uint64_t pinged(void *c, uint64_t id)
{
	struct wire_ping_reply reply;
	struct rig_reply keep;

	rig_expect_ok(c, id, OP_ping, &keep, &reply);
	rig_reply_clear(&keep);
	return reply.mono;
}

static void expect_ok(void *c, uint64_t id, enum wire_op_id op)
{
	struct rig_reply keep;

	rig_expect_ok(c, id, op, &keep, NULL);
	rig_reply_clear(&keep);
}

/* ---- floods: read in turns ---------------------------------------------------------------------
 */

#define FLOOD 500
#define FEW   5

struct gate {
	void *flood, *few;
};

/* On the broker's thread, so that it reads nothing meanwhile: both stand before it at once. */
static void fill_queues(struct broker *b, void *arg)
{
	struct gate *g = arg;

	for (uint64_t i = 1; i <= FLOOD; i++)
		ping(g->flood, i);
	for (uint64_t i = 1; i <= FEW; i++)
		ping(g->few, i);
}

static void a_flood_is_read_in_turn_with_others(void **state)
{
	struct rig *r = rig_start((struct broker_opts){ 0 });
	struct gate g = { rig_client(r), rig_client(r) };
	uint64_t flood[FLOOD + 1];

	ping(g.flood, 9001);
	ping(g.few, 9001);
	pinged(g.flood, 9001);
	pinged(g.few, 9001);
	rig_on_broker(r, fill_queues, &g);
	for (uint64_t i = 1; i <= FLOOD; i++)
		flood[i] = pinged(g.flood, i);
	for (uint64_t i = 1; i <= FEW; i++) {
		uint64_t at = pinged(g.few, i), before = 0;

		while (before < FLOOD && flood[before + 1] <= at)
			before++;
		/* One of the other's for one of its own; one more may have begun the round. */
		assert_in_range(before, 0, i + 1);
	}
	zmq_close(g.flood);
	zmq_close(g.few);
	rig_stop(r);
}

/* ---- jobs: one a turn for each session ---------------------------------------------------------
 */

/* The tag of the next job, which is then done. */
static void next_tag(void *w, char tag[16])
{
	_blob_ struct ksnap_blob *report = rig_report(10);
	struct wire_capture_snapshot_params p;
	struct wire_arena arena = { 0 };
	struct wire_work_job job;
	struct frames f;

	rig_job(w, &f, &job);
	assert_int_equal(wire_decode(&wire_shape_capture_snapshot_params, job.p.p, job.p.len, 0,
				     &arena, &p, NULL),
			 0);
	snprintf(tag, 16, "%.*s", (int)p.tag.len, p.tag.p);
	wire_arena_fini(&arena);
	frames_clear(&f);
	rig_done_captured(w, job.job, report);
}

static void jobs_of_sessions_take_turns(void **state)
{
	/* The first turn, the second, and what is left. */
	static const char *const wanted[] = { "a0", "b0", "c0", "a1", "b1", "a2", "a3", "a4" };
	struct rig *r = rig_start((struct broker_opts){ 0 });
	void *a = rig_client(r), *b = rig_client(r), *c = rig_client(r), *w = rig_worker(r, "w1");
	char tag[16];

	for (uint64_t i = 0; i < 5; i++) {
		snprintf(tag, sizeof(tag), "a%d", (int)i);
		capture(a, 10 + i, tag);
	}
	ping(a, 1);
	pinged(a, 1); /* what stood before it is queued now */
	capture(b, 20, "b0");
	capture(b, 21, "b1");
	ping(b, 1);
	pinged(b, 1);
	capture(c, 30, "c0");
	ping(c, 1);
	pinged(c, 1);
	rig_join(w, "w1");
	for (size_t i = 0; i < ARRAY_SIZE(wanted); i++) {
		next_tag(w, tag);
		assert_string_equal(tag, wanted[i]);
	}
	zmq_close(a);
	zmq_close(b);
	zmq_close(c);
	zmq_close(w);
	rig_stop(r);
}

static void a_full_queue_has_a_place_for_others(void **state)
{
	struct rig *r = rig_start((struct broker_opts){ .max_queued_jobs = 4 });
	void *a = rig_client(r), *b = rig_client(r);

	for (uint64_t i = 0; i < 5; i++)
		capture(a, 10 + i, "x");
	rig_expect_error(a, 14, "E_BUSY");
	capture(b, 20, "y"); /* it has none waiting */
	capture(b, 21, "y");
	rig_expect_error(b, 21, "E_BUSY");
	zmq_close(a);
	zmq_close(b);
	rig_stop(r);
}

static void workers_share_by_who_is_idle_longest(void **state)
{
	struct rig *r = rig_start((struct broker_opts){ 0 });
	void *c = rig_client(r), *w[3];
	static const char *const names[] = { "w1", "w2", "w3" };
	_blob_ struct ksnap_blob *report = rig_report(10);

	for (int i = 0; i < 3; i++) {
		w[i] = rig_worker(r, names[i]);
		rig_join(w[i], names[i]);
	}
	/* One at a time, so that all are idle at each: still each has its third. */
	for (uint64_t n = 0; n < 9; n++) {
		struct wire_work_job job;
		struct frames f;
		int who = 2 - (int)(n % 3);

		capture(c, 10 + n, "x");
		rig_job(w[who], &f, &job);
		frames_clear(&f);
		rig_done_captured(w[who], job.job, report);
		expect_ok(c, 10 + n, OP_capture_snapshot);
	}
	zmq_close(c);
	for (int i = 0; i < 3; i++)
		zmq_close(w[i]);
	rig_stop(r);
}

/* ---- replies that are not read -----------------------------------------------------------------
 */

static uint64_t unread_now(void *c)
{
	return rig_dropped(c, "reply_unread");
}

static void who_does_not_read_gets_no_more_reports(void **state)
{
	struct rig *r = rig_start((struct broker_opts){ .max_unread = 10000 });
	void *c = rig_client(r), *other = rig_client(r);
	_blob_ struct ksnap_blob *report = rig_report(3000), *large = rig_report(20000);
	struct wire_store_snapshot_params p = { .tag = wire_slice_of("t0") };
	unsigned ok = 0, busy = 0;

	rig_ask(c, 1, OP_store_snapshot, &p, report);
	expect_ok(c, 1, OP_store_snapshot);
	for (uint64_t i = 0; i < 20; i++)
		rig_send(c, 10 + i, "get", "\x81\xa3tag\xa2t0", 8, NULL);
	while (unread_now(other) < 17)
		;
	for (int i = 0; i < 20; i++) {
		struct rig_reply reply;

		rig_reply(c, &reply);
		ok += !reply.code[0];
		busy += !strcmp(reply.code, "E_BUSY");
		if (reply.code[0])
			assert_non_null(memmem(reply.reply.e.msg.p, reply.reply.e.msg.len,
					       "MAX_UNREAD_BYTES", 16));
		rig_reply_clear(&reply);
	}
	assert_int_equal(ok, 3); /* 9000 bytes; the next would make it more than 10000 */
	assert_int_equal(busy, 17);
	/* All is read: it may have more, and one that is larger than the limit by itself. */
	rig_ask(c, 2, OP_store_snapshot, &p, large);
	expect_ok(c, 2, OP_store_snapshot);
	rig_send(c, 50, "get", "\x81\xa3tag\xa2t0", 8, NULL);
	expect_ok(c, 50, OP_get);
	zmq_close(c);
	zmq_close(other);
	rig_stop(r);
}

/* A drain that does not fit takes nothing out of the store. */
static void a_drain_that_is_not_read_takes_nothing(void **state)
{
	struct rig *r = rig_start((struct broker_opts){ .max_unread = 10000 });
	void *c = rig_client(r), *other = rig_client(r);
	_blob_ struct ksnap_blob *report = rig_report(3000);
	static const char *const tags[] = { "a", "b", "c", "d", "e" };
	struct wire_list_reply rows;
	struct rig_reply reply;

	for (uint64_t i = 0; i < ARRAY_SIZE(tags); i++) {
		struct wire_store_snapshot_params p = { .tag = wire_slice_of(tags[i]) };

		rig_ask(c, i, OP_store_snapshot, &p, report);
		expect_ok(c, i, OP_store_snapshot);
	}
	rig_send(c, 10, "drain", no_params, 1, NULL);
	rig_send(c, 11, "list", no_params, 1, NULL);
	while (!unread_now(other))
		;
	for (int i = 0; i < 3; i++) {
		rig_reply(c, &reply);
		assert_true(reply.reply.ok && reply.reply.more);
		rig_reply_clear(&reply);
	}
	rig_expect_error(c, 10, "E_BUSY");
	rig_expect_ok(c, 11, OP_list, &reply, &rows);
	assert_int_equal(rows.r.n, ARRAY_SIZE(tags));
	rig_reply_clear(&reply);
	zmq_close(c);
	zmq_close(other);
	rig_stop(r);
}

/* ---- an id again, before its answer
 * -------------------------------------------------------------- */

static void an_id_in_flight_is_not_done_twice(void **state)
{
	struct rig *r = rig_start((struct broker_opts){ 0 });
	void *c = rig_client(r), *again = rig_client(r), *w = rig_worker(r, "w1");
	static const char hello[] = "\x83\xa6"
				    "client\xa1"
				    "c\xa4kind\xa4tool\xa3pid\x07";
	struct wire_capture_snapshot_reply first, second;
	struct rig_reply keep;
	char tag[16];

	rig_join(w, "w1");
	rig_send(c, 1, "hello", hello, sizeof(hello) - 1, NULL);
	expect_ok(c, 1, OP_hello);
	rig_send(again, 2, "hello", hello, sizeof(hello) - 1, NULL);
	expect_ok(again, 2, OP_hello);
	capture(c, 10, "x");
	capture(c, 10, "x");
	rig_expect_error(c, 10, "E_BUSY");
	capture(again, 10, "x"); /* the same client over another connection */
	rig_expect_error(again, 10, "E_BUSY");
	next_tag(w, tag);
	rig_expect_ok(c, 10, OP_capture_snapshot, &keep, &first);
	rig_reply_clear(&keep);
	capture(again, 10, "x");
	rig_expect_ok(again, 10, OP_capture_snapshot, &keep, &second);
	rig_reply_clear(&keep);
	assert_int_equal(first.seq, 1);
	assert_int_equal(second.seq, 1);
	zmq_close(c);
	zmq_close(again);
	zmq_close(w);
	rig_stop(r);
}

/* Names change while requests run, logs go; what was noted in them must not. */
static void a_name_taken_in_flight_loses_nothing(void **state)
{
	struct rig *r = rig_start((struct broker_opts){ 0 });
	void *c = rig_client(r), *w = rig_worker(r, "w1");
	static const char hello[] = "\x82\xa6"
				    "client\xa1"
				    "c\xa4kind\xa4tool";
	char tag[16];

	rig_join(w, "w1");
	capture(c, 10, "x");
	rig_send(c, 11, "hello", hello, sizeof(hello) - 1, NULL);
	expect_ok(c, 11, OP_hello);
	next_tag(w, tag);
	expect_ok(c, 10, OP_capture_snapshot);
	capture(c, 12, "x");
	rig_send(c, 13, "bye", no_params, 1, NULL);
	expect_ok(c, 13, OP_bye);
	next_tag(w, tag);
	expect_ok(c, 12, OP_capture_snapshot);
	zmq_close(c);
	zmq_close(w);
	rig_stop(r);
}

/* ---- clocks
 * -------------------------------------------------------------------------------------- */

static uint64_t true_mono(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * NS_PER_S + (uint64_t)ts.tv_nsec;
}

/* Years forward, years back, at each look. */
static int64_t mad_real(void)
{
	static int64_t sign = 1;

	sign = -sign;
	return sign * (int64_t)(40ull * 365 * 86400 * NS_PER_S);
}

static void a_wall_clock_that_jumps_changes_nothing(void **state)
{
	static const struct clock_source mad = { true_mono, mad_real };
	struct rig *r;
	void *c, *w;
	char tag[16];

	clock_replace(&mad);
	r = rig_start((struct broker_opts){ 0 });
	c = rig_client(r);
	w = rig_worker(r, "w1");
	rig_join(w, "w1");
	for (uint64_t i = 0; i < 20; i++) {
		capture(c, 10 + i, "x");
		next_tag(w, tag);
		expect_ok(c, 10 + i, OP_capture_snapshot);
		capture(c, 10 + i, "x"); /* kept answers are not older, nor younger */
		expect_ok(c, 10 + i, OP_capture_snapshot);
	}
	assert_int_equal(rig_dropped(c, "late_result"), 0);
	zmq_close(c);
	zmq_close(w);
	rig_stop(r);
	clock_replace(NULL);
}

/* ---- long replays: a slice a turn, a session after the other
 * ---------------------------------------------------------------
 */

#define KEPT  150 /* headers to replay: three slices */
#define LOOKS 100

static void store_snapshots(void *c)
{
	_blob_ struct ksnap_blob *report = rig_report(10);

	for (uint64_t i = 0; i < KEPT; i++) {
		struct wire_store_snapshot_params p = { .tag = wire_slice_of("x") };

		rig_ask(c, 50000 + i, OP_store_snapshot, &p, report);
		expect_ok(c, 50000 + i, OP_store_snapshot);
	}
}

static void replay(void *c, uint64_t id)
{
	struct wire_replay_params p = { .channel = wire_slice_of("snapshot/default"),
					.from = { "\xa6oldest", 7 } };

	rig_ask(c, id, OP_replay, &p, NULL);
}

/* Read one to its end: true when it is whole, its headers in order, false when it ends with @code.
 */
static bool replayed(void *c, uint64_t id, const char *code)
{
	for (uint64_t seq = 1;; seq++) {
		struct wire_replay_reply part = { 0 };
		struct wire_live_header header;
		struct rig_reply keep;
		bool ok, more;

		rig_reply(c, &keep);
		assert_int_equal(keep.reply.id.num, id);
		ok = keep.reply.ok;
		more = keep.reply.more;
		if (!ok)
			assert_string_equal(keep.code, code);
		else
			assert_int_equal(wire_decode(&wire_shape_replay_reply, keep.reply.r.p,
						     keep.reply.r.len, 0, NULL, &part, NULL),
					 0);
		if (more)
			assert_int_equal(wire_decode(&wire_shape_live_header, part.header.p,
						     part.header.len, WIRE_SKIP_UNKNOWN, NULL,
						     &header, NULL),
					 0);
		if (more)
			assert_int_equal(header.seq, seq);
		else if (ok)
			assert_true(seq == KEPT + 1 && part.last == KEPT && !part.lost);
		rig_reply_clear(&keep);
		if (!more)
			return ok;
	}
}

/* Requests not yet answered, the status' own among them. */
static uint64_t in_flight(void *c, uint64_t id)
{
	struct wire_status_reply status;
	struct rig_reply keep;
	uint64_t n = 0;

	rig_expect_ok(c, id, OP_status, &keep, &status);
	for (size_t i = 0; i < status.sessions.n; i++)
		n += ((struct wire_session_row *)status.sessions.items)[i].in_flight;
	rig_reply_clear(&keep);
	return n;
}

/* Read in turns: the last of the few is read after the replay. */
static void replay_and_look(struct broker *b, void *arg)
{
	struct gate *g = arg;

	replay(g->flood, 1);
	for (uint64_t i = 1; i <= FEW; i++)
		rig_send(g->few, i, "status", no_params, 1, NULL);
}

static void a_long_replay_lets_others_in_between(void **state)
{
	struct rig *r = rig_start((struct broker_opts){ 0 });
	struct gate g = { rig_client(r), rig_client(r) };
	uint64_t n = 0;

	store_snapshots(g.few);
	ping(g.flood, 9001);
	pinged(g.flood, 9001);
	rig_on_broker(r, replay_and_look, &g);
	for (uint64_t i = 1; i <= FEW; i++)
		n = in_flight(g.few, i);
	assert_int_equal(n, 2); /* it was read, and has not ended */
	assert_true(replayed(g.flood, 1, ""));
	zmq_close(g.flood);
	zmq_close(g.few);
	rig_stop(r);
}

/* More than the router reads in a turn. */
static void replay_and_look_long(struct broker *b, void *arg)
{
	struct gate *g = arg;

	replay(g->flood, 1);
	for (uint64_t i = 1; i <= LOOKS; i++)
		rig_send(g->few, i, "status", no_params, 1, NULL);
}

static void a_turn_has_a_slice_of_it(void **state)
{
	struct rig *r = rig_start((struct broker_opts){ 0 });
	struct gate g = { rig_client(r), rig_client(r) };
	uint64_t n = 0;

	store_snapshots(g.few);
	ping(g.flood, 9001);
	pinged(g.flood, 9001);
	rig_on_broker(r, replay_and_look_long, &g);
	for (uint64_t i = 1; i <= LOOKS; i++)
		n = in_flight(g.few, i);
	assert_int_equal(n, 2); /* a turn later it has not ended either */
	assert_true(replayed(g.flood, 1, ""));
	zmq_close(g.flood);
	zmq_close(g.few);
	rig_stop(r);
}

static void replay_thrice(struct broker *b, void *arg)
{
	for (uint64_t i = 1; i <= 3; i++)
		replay(arg, i);
}

static void replays_of_a_session_follow_each_other(void **state)
{
	struct rig *r = rig_start((struct broker_opts){ 0 });
	void *c = rig_client(r);

	store_snapshots(c);
	rig_on_broker(r, replay_thrice, c);
	for (uint64_t i = 1; i <= 3; i++)
		assert_true(replayed(c, i, ""));
	zmq_close(c);
	rig_stop(r);
}

#define EACH 200 /* of one session; two of them are above MAX_REPLAYS */

static void replay_too_often(struct broker *b, void *arg)
{
	struct gate *g = arg;

	for (uint64_t i = 1; i <= EACH; i++) {
		replay(g->flood, i);
		replay(g->few, i);
	}
}

/* Parts of one replay come between those of others: by id. */
static void count_ends(void *c, unsigned *ok, unsigned *busy, unsigned *parts)
{
	for (unsigned ends = 0; ends < EACH;) {
		struct rig_reply keep;

		rig_reply(c, &keep);
		*parts += keep.reply.more;
		*ok += keep.reply.ok && !keep.reply.more;
		*busy += !keep.reply.ok && !strcmp(keep.code, "E_BUSY");
		ends += !keep.reply.more;
		rig_reply_clear(&keep);
	}
}

static void replays_have_a_limit(void **state)
{
	struct rig *r = rig_start((struct broker_opts){ 0 });
	struct gate g = { rig_client(r), rig_client(r) };
	unsigned ok = 0, busy = 0, parts = 0;

	store_snapshots(g.few);
	ping(g.flood, 9001);
	pinged(g.flood, 9001);
	rig_on_broker(r, replay_too_often, &g);
	count_ends(g.flood, &ok, &busy, &parts);
	count_ends(g.few, &ok, &busy, &parts);
	assert_int_equal(ok + busy, 2 * EACH);
	assert_in_range(busy, 1, 2 * EACH - LIMIT_MAX_REPLAYS);
	assert_int_equal(parts, ok * KEPT);
	replay(g.few, 9001);
	assert_true(replayed(g.few, 9001, ""));
	zmq_close(g.flood);
	zmq_close(g.few);
	rig_stop(r);
}

static void replay_once(struct broker *b, void *arg)
{
	replay(arg, 1);
}

static void a_broker_that_ends_answers_its_replays(void **state)
{
	struct rig *r = rig_start((struct broker_opts){ 0 });
	void *c = rig_client(r);

	store_snapshots(c);
	rig_on_broker(r, replay_once, c);
	rig_end_broker(r);
	replayed(c, 1, "E_STATE");
	zmq_close(c);
	rig_stop(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_flood_is_read_in_turn_with_others),
		cmocka_unit_test(a_long_replay_lets_others_in_between),
		cmocka_unit_test(a_turn_has_a_slice_of_it),
		cmocka_unit_test(replays_of_a_session_follow_each_other),
		cmocka_unit_test(replays_have_a_limit),
		cmocka_unit_test(a_broker_that_ends_answers_its_replays),
		cmocka_unit_test(jobs_of_sessions_take_turns),
		cmocka_unit_test(a_full_queue_has_a_place_for_others),
		cmocka_unit_test(workers_share_by_who_is_idle_longest),
		cmocka_unit_test(who_does_not_read_gets_no_more_reports),
		cmocka_unit_test(a_drain_that_is_not_read_takes_nothing),
		cmocka_unit_test(an_id_in_flight_is_not_done_twice),
		cmocka_unit_test(a_name_taken_in_flight_loses_nothing),
		cmocka_unit_test(a_wall_clock_that_jumps_changes_nothing),
	};

	return cmocka_run_group_tests_name("fair", tests, NULL, NULL);
}
