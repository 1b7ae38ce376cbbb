// SPDX-License-Identifier: MIT
/* publish_test.c - live channels: numbers without a hole, replay, exact losses, beats. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <string.h>
#include <zmq.h>

#include "base/cleanup.h"
#include "base/limits.h"
#include "rig.h"

static void store(void *c, uint64_t id, const char *tag, struct ksnap_blob *report)
{
	struct wire_store_snapshot_params p = { .tag = wire_slice_of(tag) };
	struct rig_reply keep;

	rig_ask(c, id, OP_store_snapshot, &p, report);
	rig_expect_ok(c, id, OP_store_snapshot, &keep, NULL);
	rig_reply_clear(&keep);
}

static void header_of(const struct frames *f, struct wire_live_header *ret)
{
	struct wire_arena arena = { 0 };

	assert_true(f->n >= 2);
	assert_int_equal(wire_decode(&wire_shape_live_header, ksnap_blob_data(f->part[1]),
				     ksnap_blob_size(f->part[1]), WIRE_SKIP_UNKNOWN, &arena, ret,
				     NULL),
			 0);
	wire_arena_fini(&arena);
}

/* Wait until the subscription is in place: a subscription is answered by a beat. */
static void first_beat(void *m)
{
	struct frames f;

	rig_recv(m, &f);
	assert_int_equal(ksnap_blob_size(f.part[0]), 4);
	frames_clear(&f);
}

static void numbers_have_no_hole(void **state)
{
	struct rig *r = rig_start((struct broker_opts){ 0 });
	void *c = rig_client(r), *m = rig_monitor(r, "beat");
	_blob_ struct ksnap_blob *report = rig_report(64);
	struct wire_live_header h;
	struct frames f;

	first_beat(m);
	zmq_setsockopt(m, ZMQ_SUBSCRIBE, "snapshot/", 9);
	first_beat(m);
	for (uint64_t i = 1; i <= 200; i++) {
		char tag[16];

		snprintf(tag, sizeof(tag), "t%d", (int)i);
		store(c, i, tag, report);
	}
	for (uint64_t seq = 1; seq <= 200;) {
		rig_recv(m, &f);
		header_of(&f, &h);
		if (wire_slice_is(h.k, "captured"))
			assert_int_equal(h.seq, seq++);
		frames_clear(&f);
	}
	zmq_close(c);
	zmq_close(m);
	rig_stop(r);
}

struct replayed {
	uint64_t headers, first_seq, last_seq;
	struct wire_replay_reply end;
};

/* An id that was answered already gets the same answer again. */
static uint64_t next_id = 1000;

static void replay(void *c, const void *from, size_t len, struct replayed *ret)
{
	uint64_t id = next_id++;
	struct wire_replay_params p = { .channel = wire_slice_of("event/default"),
					.from = { from, len } };
	struct wire_replay_reply part;
	struct wire_live_header h;
	struct rig_reply keep;
	bool more;

	memset(ret, 0, sizeof(*ret));
	rig_ask(c, id, OP_replay, &p, NULL);
	do {
		struct wire_arena arena = { 0 };

		rig_expect_ok(c, id, OP_replay, &keep, &part);
		more = keep.reply.more;
		if (more) {
			assert_int_equal(wire_decode(&wire_shape_live_header, part.header.p,
						     part.header.len, WIRE_SKIP_UNKNOWN, &arena, &h,
						     NULL),
					 0);
			ret->first_seq = ret->headers++ ? ret->first_seq : h.seq;
			if (ret->headers > 1)
				assert_int_equal(h.seq, ret->last_seq + 1);
			ret->last_seq = h.seq;
		}
		wire_arena_fini(&arena);
		ret->end = part;
		rig_reply_clear(&keep);
	} while (more);
}

static void overwrite(void *c, unsigned times)
{
	_blob_ struct ksnap_blob *report = rig_report(1);

	for (unsigned i = 0; i < times; i++)
		store(c, next_id++, "same", report);
}

static void replay_gives_what_is_kept_and_counts_the_rest(void **state)
{
	struct rig *r = rig_start((struct broker_opts){ 0 });
	void *c = rig_client(r);
	struct replayed got;

	replay(c, "\xa6oldest", 7, &got); /* nothing yet */
	assert_int_equal(got.headers, 0);
	assert_int_equal(got.end.last, 0);
	overwrite(c, 11); /* ten events */
	replay(c, "\xa6oldest", 7, &got);
	assert_int_equal(got.headers, 10);
	assert_int_equal(got.first_seq, 1);
	assert_int_equal(got.end.lost, 0);
	replay(c, "\xa6last:3", 7, &got);
	assert_int_equal(got.headers, 3);
	assert_int_equal(got.first_seq, 8);
	replay(c, "\x05", 1, &got);
	assert_int_equal(got.headers, 6);
	replay(c, "\x0b", 1, &got); /* the next one to come */
	assert_int_equal(got.headers, 0);
	assert_int_equal(got.end.lost, 0);
	assert_int_equal(got.end.first, 11);
	overwrite(c, LIMIT_MAX_RETAINED_HEADERS);
	replay(c, "\x01", 1, &got);
	assert_int_equal(got.headers, LIMIT_MAX_RETAINED_HEADERS);
	assert_int_equal(got.end.lost, 10);
	assert_int_equal(got.end.first, 11);
	assert_int_equal(got.last_seq, 10 + LIMIT_MAX_RETAINED_HEADERS);
	zmq_close(c);
	rig_stop(r);
}

static void replay_refuses_nonsense(void **state)
{
	static const struct {
		const char *from;
		size_t len;
	} cases[] = {
		{ "\xa5never", 6 }, { "\xa5last:", 6 }, { "\xa7last:-1", 8 }, { "\xa7last:1x", 8 },
		{ "\xff", 1 },      { "\xc0", 1 },      { "\xa0", 1 },        { "\x90", 1 },
	};
	struct rig *r = rig_start((struct broker_opts){ 0 });
	void *c = rig_client(r);

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct wire_replay_params p = { .channel = wire_slice_of("event/default"),
						.from = { cases[i].from, cases[i].len } };

		rig_ask(c, i, OP_replay, &p, NULL);
		rig_expect_error(c, i, "E_ARG");
	}
	zmq_close(c);
	rig_stop(r);
}

static void a_beat_names_every_channel(void **state)
{
	struct rig *r = rig_start((struct broker_opts){ 0 });
	void *c = rig_client(r), *m;
	struct frames f;

	overwrite(c, 2);
	m = rig_monitor(r, "beat");
	rig_recv(m, &f);
	assert_non_null(memmem(ksnap_blob_data(f.part[1]), ksnap_blob_size(f.part[1]),
			       "event/default\x01", 14));
	assert_non_null(memmem(ksnap_blob_data(f.part[1]), ksnap_blob_size(f.part[1]),
			       "report/default\x02", 15));
	frames_clear(&f);
	zmq_close(c);
	zmq_close(m);
	rig_stop(r);
}

#define GIANT 4096 /* libzmq recurses over it on the subscriber's side */

/* A subscription costs thirty times its bytes in memory, so nobody gets far with long ones. Over
 * inproc nothing checks sizes. */
static void a_giant_subscription_ends_its_own_peer_only(void **state)
{
	static const char *const live[] = { "ipc://@ksnap-giant", NULL };
	struct rig *r = rig_start((struct broker_opts){ .live = live });
	void *c = rig_client(r), *m, *giant = zmq_socket(rig_context(r), ZMQ_XSUB);
	void *watch = zmq_socket(rig_context(r), ZMQ_PAIR);
	char topic[GIANT];
	zmq_pollitem_t item = { .socket = watch, .events = ZMQ_POLLIN };
	int none = 0;
	struct frames f;

	memset(topic, 'a', sizeof(topic));
	topic[0] = 1;
	zmq_setsockopt(giant, ZMQ_LINGER, &none, sizeof(none));
	zmq_socket_monitor(giant, "inproc://giant", ZMQ_EVENT_DISCONNECTED);
	assert_int_equal(zmq_connect(watch, "inproc://giant"), 0);
	assert_int_equal(zmq_connect(giant, live[0]), 0);
	assert_int_equal(zmq_send(giant, topic, GIANT, 0), GIANT);
	assert_int_equal(zmq_poll(&item, 1, RIG_WAIT_MS), 1);
	zmq_socket_monitor(giant, NULL, 0);
	zmq_close(giant);
	zmq_close(watch);
	m = rig_monitor(r, "beat");
	first_beat(m);
	zmq_setsockopt(m, ZMQ_SUBSCRIBE, "event/", 6);
	first_beat(m);
	overwrite(c, 2);
	do {
		rig_recv(m, &f);
		none = !memcmp(ksnap_blob_data(f.part[0]), "even", 4);
		frames_clear(&f);
	} while (!none);
	zmq_close(m);
	zmq_close(c);
	rig_stop(r);
}

static void open_and_close(void *c, unsigned i)
{
	_blob_ struct ksnap_blob *report = rig_report(1);
	struct rig_reply keep;
	uint64_t id = rig_fresh_id(), next = rig_fresh_id();
	char name[16];

	snprintf(name, sizeof(name), "b%u", i);
	rig_send_with(c, id, "store_snapshot", name, 1000, "\x81\xa3tag\xa1x", 7, report);
	rig_expect_ok(c, id, OP_store_snapshot, &keep, NULL);
	rig_reply_clear(&keep);
	rig_send_with(c, next, "close_bridge", name, 1000, "\x80", 1, NULL);
	rig_expect_ok(c, next, OP_close_bridge, &keep, NULL);
	rig_reply_clear(&keep);
}

/* The numbers of a channel never begin anew, but what is kept of closed bridges has an end. */
static void channels_of_closed_bridges_are_bounded(void **state)
{
	struct rig *r = rig_start((struct broker_opts){ 0 });
	void *c = rig_client(r);
	struct wire_replay_params p = { .channel = wire_slice_of("snapshot/b0"),
					.from = { "\xa6last:0", 7 } };
	struct wire_status_reply status;
	struct wire_replay_reply end;
	struct rig_reply keep;

	for (unsigned i = 0; i < 300; i++)
		open_and_close(c, i);
	rig_send(c, 3, "status", "\x80", 1, NULL);
	rig_expect_ok(c, 3, OP_status, &keep, &status);
	assert_true(status.channels.n < 3 * LIMIT_MAX_BRIDGES);
	rig_reply_clear(&keep);
	open_and_close(c, 0);
	rig_ask(c, 4, OP_replay, &p, NULL);
	rig_expect_ok(c, 4, OP_replay, &keep, &end);
	assert_true(end.last >= 2); /* 1 was given out long ago */
	rig_reply_clear(&keep);
	zmq_close(c);
	rig_stop(r);
}

/* A peer that asks and does not read: each answer that is not complete counts once. What it has not
 * read says `more`, and the request's own deadline ends it. */
static void replays_that_nobody_reads_are_counted(void **state)
{
	struct rig *r = rig_start((struct broker_opts){ 0 });
	void *c = rig_client(r), *deaf = zmq_socket(rig_context(r), ZMQ_DEALER);
	struct wire_replay_params p = { .channel = wire_slice_of("event/default"),
					.from = { "\xa6oldest", 7 } };
	struct wire_ping_reply ping;
	struct rig_reply keep;
	int one = 1, none = 0;

	zmq_setsockopt(deaf, ZMQ_RCVHWM, &one, sizeof(one));
	zmq_setsockopt(deaf, ZMQ_LINGER, &none, sizeof(none));
	assert_int_equal(zmq_connect(deaf, "inproc://control"), 0);
	overwrite(c, LIMIT_MAX_RETAINED_HEADERS + 1);
	for (uint64_t i = 0; i < 6; i++) /* room is for less than four */
		rig_ask(deaf, i, OP_replay, &p, NULL);
	while (rig_dropped(c, "reply_full") < 3) /* they end in turns of the loop */
		;
	rig_send(c, 1, "ping", "\x80", 1, NULL);
	rig_expect_ok(c, 1, OP_ping, &keep, &ping);
	rig_reply_clear(&keep);
	assert_int_equal(rig_dropped(c, "reply_full"), 3);
	zmq_close(deaf);
	zmq_close(c);
	rig_stop(r);
}

/* ---- who is behind keeps no more than MAX_BEHIND_BYTES
 * -------------------------------------------- */

#define LARGE  (1 << 20)
#define LARGES 60

/* One that takes nothing before it is told to: libzmq reads one message ahead. */
static void *late_reader(struct rig *r, const char *url)
{
	void *s = zmq_socket(rig_context(r), ZMQ_SUB);
	int one = 1, none = 0, wait = RIG_WAIT_MS;

	zmq_setsockopt(s, ZMQ_RCVHWM, &one, sizeof(one));
	zmq_setsockopt(s, ZMQ_LINGER, &none, sizeof(none));
	zmq_setsockopt(s, ZMQ_RCVTIMEO, &wait, sizeof(wait));
	zmq_setsockopt(s, ZMQ_SUBSCRIBE, "report/", 7);
	zmq_setsockopt(s, ZMQ_SUBSCRIBE, "beat", 4);
	assert_int_equal(zmq_connect(s, url), 0);
	first_beat(s);
	zmq_setsockopt(s, ZMQ_UNSUBSCRIBE, "beat", 4);
	return s;
}

/* How many reports come before the first beat that is asked for now, and, in @ret_all, messages. */
static unsigned reports_that_wait(void *s, unsigned *ret_all)
{
	unsigned reports = 0, all = 0;

	zmq_setsockopt(s, ZMQ_SUBSCRIBE, "beat", 4);
	for (bool is_beat = false; !is_beat;) {
		struct frames f;

		rig_recv(s, &f);
		is_beat = ksnap_blob_size(f.part[0]) == 4;
		reports += f.n == 3;
		all += !is_beat;
		frames_clear(&f);
	}
	zmq_setsockopt(s, ZMQ_UNSUBSCRIBE, "beat", 4);
	*ret_all = all;
	return reports;
}

static void store_many(void *c, uint64_t id, unsigned n, size_t bytes)
{
	_blob_ struct ksnap_blob *report = rig_report(bytes);

	for (unsigned i = 0; i < n; i++)
		store(c, id + i, "same", report);
}

static const char *const behind_live[] = { "ipc://@ksnap-behind", NULL };

static struct rig *start_behind(void)
{
	return rig_start((struct broker_opts){ .live = behind_live, .max_behind = 10 * LARGE });
}

static void large_reports_wait_in_small_numbers(void **state)
{
	struct rig *r = start_behind();
	void *c = rig_client(r), *slow = late_reader(r, behind_live[0]);
	unsigned reports, all;

	store_many(c, 1, LARGES, LARGE);
	/* What the kernel and libzmq hold comes on top. */
	reports = reports_that_wait(slow, &all);
	assert_in_range(reports, 5, 20);
	assert_int_equal(all, LARGES); /* no number is missing for it */
	assert_int_equal(rig_dropped(c, "live_report"), LARGES - reports);
	zmq_close(slow);
	zmq_close(c);
	rig_stop(r);
}

static void small_reports_wait_in_large_numbers(void **state)
{
	struct rig *r = start_behind();
	void *c = rig_client(r), *stuck = late_reader(r, behind_live[0]), *slow;
	unsigned all;

	store_many(c, 1, 1, LARGE);
	slow = late_reader(r, behind_live[0]);
	store_many(c, 5001, 800, 64);
	assert_int_equal(reports_that_wait(slow, &all), 800);
	assert_int_equal(all, 800);
	zmq_close(slow);
	zmq_close(stuck);
	zmq_close(c);
	rig_stop(r);
}

/* Store one and read it, @n times; how many came with the report. */
static unsigned follow(void *c, void *reader, uint64_t id, unsigned n, size_t bytes)
{
	unsigned reports = 0;

	for (unsigned i = 0; i < n; i++) {
		struct frames f;

		store_many(c, id + i, 1, bytes);
		rig_recv(reader, &f);
		reports += f.n == 3;
		frames_clear(&f);
	}
	return reports;
}

/* What waits for somebody else, and how large it is, keeps nobody from the next message: whatever
 * was read before. */
static void who_reads_hears_on(void **state)
{
	struct rig *r = start_behind();
	void *c = rig_client(r), *reader = late_reader(r, behind_live[0]), *stuck;

	assert_int_equal(follow(c, reader, 1, 300, 64), 300);
	stuck = late_reader(r, behind_live[0]);
	follow(c, reader, 1001, 30, LARGE);
	assert_int_equal(follow(c, reader, 2001, 5, 64), 5);
	zmq_close(stuck);
	zmq_close(reader);
	zmq_close(c);
	rig_stop(r);
}

static void one_that_is_stuck_is_not_waited_for(void **state)
{
	struct rig *r = start_behind();
	void *c = rig_client(r), *stuck = late_reader(r, behind_live[0]);
	void *reader = late_reader(r, behind_live[0]);

	assert_in_range(follow(c, reader, 1, LARGES, LARGE), 5, 20);
	/* its queue is filled up by what takes no room, and it gets no more */
	follow(c, reader, 1001, 1500, 64);
	assert_int_equal(follow(c, reader, 3001, LARGES, LARGE), LARGES);
	zmq_close(stuck);
	zmq_close(reader);
	zmq_close(c);
	rig_stop(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(replay_refuses_nonsense),
		cmocka_unit_test(replay_gives_what_is_kept_and_counts_the_rest),
		cmocka_unit_test(numbers_have_no_hole),
		cmocka_unit_test(a_beat_names_every_channel),
		cmocka_unit_test(a_giant_subscription_ends_its_own_peer_only),
		cmocka_unit_test(replays_that_nobody_reads_are_counted),
		cmocka_unit_test(channels_of_closed_bridges_are_bounded),
		cmocka_unit_test(large_reports_wait_in_small_numbers),
		cmocka_unit_test(small_reports_wait_in_large_numbers),
		cmocka_unit_test(who_reads_hears_on),
		cmocka_unit_test(one_that_is_stuck_is_not_waited_for),
	};

	return cmocka_run_group_tests_name("publish", tests, NULL, NULL);
}
