// SPDX-License-Identifier: MIT
/* subscriber_test.c - holes are filled or told, whatever makes them. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <zmq.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "fake_broker.h"

#define CONTROL "inproc://control"
#define EV      "event/default"
#define REPORT  "report/default"
#define SOON    5000

struct rig {
	void *context;
	struct fake *fake;
	struct ksnap_client *client;
	struct ksnap_subscriber *sub;
	struct ksnap_err err;
};

static void start(struct rig *r, const struct fake_opts *fo)
{
	KSNAP_OPTS(ksnap_connect_opts, o, .kind = "monitor", .zmq_context = r->context);

	r->fake = fake_start(r->context, fo);
	r->client = ksnap_client_connect(CONTROL, &o, &r->err);
	assert_non_null(r->client);
}

static void subscribe(struct rig *r, const char *const *channels, const char *from)
{
	KSNAP_OPTS(ksnap_subscribe_opts, o, .channels = channels, .from = from);

	r->sub = ksnap_subscriber_create(r->client, &o, &r->err);
	if (!r->sub)
		fail_msg("%s", r->err.text);
}

static int idle_rig(void **state)
{
	struct rig *r = calloc(1, sizeof(*r));

	assert_non_null(r);
	r->context = zmq_ctx_new();
	*state = r;
	return 0;
}

static int rig(void **state)
{
	idle_rig(state);
	start(*state, NULL);
	return 0;
}

static int tear_down(void **state)
{
	struct rig *r = *state;

	ksnap_subscriber_destroy(r->sub);
	ksnap_client_destroy(r->client);
	fake_stop(r->fake);
	zmq_ctx_term(r->context);
	free(r);
	return 0;
}

static void publish(struct rig *r, const char *channel, int n)
{
	while (n-- > 0)
		fake_publish(r->fake, channel, NULL);
}

static void swallow(struct rig *r, const char *channel, int n)
{
	while (n-- > 0)
		fake_swallow(r->fake, channel);
}

static struct ksnap_live_msg take(struct rig *r)
{
	struct ksnap_live_msg m;
	int rc = ksnap_subscriber_next(r->sub, SOON, &m, &r->err);

	if (rc != 1)
		fail_msg("nothing came: %d %s", rc, rc < 0 ? r->err.text : "");
	return m;
}

/* Messages @first to @last of @channel are next, replayed or not. */
static void expect(struct rig *r, const char *channel, uint64_t first, uint64_t last, bool replayed)
{
	for (uint64_t seq = first; seq <= last; seq++) {
		struct ksnap_live_msg m = take(r);

		assert_int_equal(m.kind, KSNAP_LIVE_MESSAGE);
		assert_string_equal(m.channel, channel);
		assert_int_equal(m.seq, seq);
		assert_int_equal(m.replayed, replayed);
		assert_non_null(m.header);
		ksnap_live_msg_clear(&m);
	}
}

static void expect_lost(struct rig *r, const char *channel, uint64_t first, uint64_t last)
{
	struct ksnap_live_msg m = take(r);

	assert_int_equal(m.kind, KSNAP_LIVE_LOST);
	assert_string_equal(m.channel, channel);
	assert_int_equal(m.first, first);
	assert_int_equal(m.last, last);
	assert_int_equal(m.lost, last - first + 1);
	assert_null(m.header);
	ksnap_live_msg_clear(&m);
}

static void expect_epoch(struct rig *r, uint64_t epoch)
{
	struct ksnap_live_msg m = take(r);

	assert_int_equal(m.kind, KSNAP_LIVE_EPOCH);
	assert_int_equal(m.epoch, epoch);
	ksnap_live_msg_clear(&m);
}

/* Everything published is in our queue by now, so what is not there will not come. */
static void expect_nothing(struct rig *r)
{
	struct ksnap_live_msg m;

	assert_int_equal(ksnap_subscriber_next(r->sub, 0, &m, &r->err), 0);
}

static void expect_totals(struct rig *r, uint64_t delivered, uint64_t lost)
{
	uint64_t d, l;

	ksnap_subscriber_totals(r->sub, &d, &l);
	assert_int_equal(d, delivered);
	assert_int_equal(l, lost);
	ksnap_subscriber_totals(r->sub, NULL, NULL);
}

/* ---- misuse ---------------------------------------------------------------------------------- */

static void create_refuses_what_is_wrong(void **state)
{
	struct rig *r = *state;
	static char longest[200];
	const char *const too_long[] = { "event/", longest, NULL };
	static const char *const from[] = { "",
					    "newest",
					    "last:",
					    "last:x",
					    "last:-1",
					    "-1",
					    "1x",
					    " 1",
					    "99999999999999999999",
					    "9223372036854775808" };
	struct ksnap_subscribe_opts unsized = { .from = "oldest" };
	KSNAP_OPTS(ksnap_subscribe_opts, prefix, .channels = too_long);
	KSNAP_OPTS(ksnap_subscribe_opts, hwm, .hwm = -1);

	memset(longest, 'x', sizeof(longest) - 1);
	assert_null(ksnap_subscriber_create(r->client, &unsized, &r->err));
	assert_int_equal(r->err.code, KSNAP_E_ARG);
	assert_null(ksnap_subscriber_create(r->client, &prefix, &r->err));
	assert_int_equal(r->err.code, KSNAP_E_ARG);
	assert_null(ksnap_subscriber_create(r->client, &hwm, &r->err));
	assert_int_equal(r->err.code, KSNAP_E_ARG);
	for (size_t i = 0; i < ARRAY_SIZE(from); i++) {
		KSNAP_OPTS(ksnap_subscribe_opts, o, .from = from[i]);

		assert_null(ksnap_subscriber_create(r->client, &o, &r->err));
		assert_int_equal(r->err.code, KSNAP_E_ARG);
		assert_non_null(strstr(r->err.text, "last:N"));
	}
	ksnap_subscriber_destroy(NULL);
	ksnap_live_msg_clear(NULL);
}

static void no_beat_no_subscriber(void **state)
{
	struct rig *r = *state;
	struct fake_opts o = { .mute_beats = true, .heartbeat_ms = 2 };

	start(r, &o);
	assert_null(ksnap_subscriber_create(r->client, NULL, &r->err));
	assert_int_equal(r->err.code, KSNAP_E_UNREACHABLE);
	assert_non_null(strstr(r->err.text, "beat"));
}

/* ---- live ------------------------------------------------------------------------------------ */

static void messages_come_in_order(void **state)
{
	struct rig *r = *state;

	publish(r, EV, 3);
	subscribe(r, NULL, NULL);
	expect_nothing(r);
	publish(r, EV, 2);
	publish(r, "worker", 1);
	expect(r, EV, 4, 5, false);
	expect(r, "worker", 1, 1, false);
	expect_nothing(r);
	assert_int_equal(fake_count(r->fake, "replay"), 0);
	expect_totals(r, 3, 0);
}

static void a_message_has_header_and_payload(void **state)
{
	struct rig *r = *state;
	struct ksnap_live_msg m;
	struct wire_slice found, header;

	subscribe(r, NULL, NULL);
	fake_publish(r->fake, REPORT, "the report");
	m = take(r);
	header = (struct wire_slice){ ksnap_blob_data(m.header), ksnap_blob_size(m.header) };
	assert_true(wire_map_find(header, "k", &found));
	assert_int_equal(m.epoch, 7);
	assert_non_null(m.payload);
	assert_int_equal(ksnap_blob_size(m.payload), 10);
	assert_memory_equal(ksnap_blob_data(m.payload), "the report", 10);
	ksnap_live_msg_clear(&m);
	assert_null(m.header);
}

static void only_what_was_asked_for(void **state)
{
	struct rig *r = *state;
	static const char *const channels[] = { "event/d", "worker", NULL };

	publish(r, "snapshot/default", 2);
	subscribe(r, channels, "oldest");
	publish(r, "event/other", 1);
	publish(r, "beatles", 1); /* comes with the beats, and is not asked for */
	publish(r, EV, 1);
	publish(r, "worker", 1);
	fake_beat(r->fake);
	expect(r, EV, 1, 1, false);
	expect(r, "worker", 1, 1, false);
	expect_nothing(r);
	assert_int_equal(fake_count(r->fake, "replay"), 0);
}

static void beats_for_those_who_name_them(void **state)
{
	struct rig *r = *state;
	static const char *const channels[] = { "beat", "event/", "bea", NULL };

	subscribe(r, channels, NULL);
	publish(r, EV, 1);
	fake_beat(r->fake);
	expect(r, EV, 1, 1, false);
	expect(r, "beat", 0, 0, false);
	expect_nothing(r);
}

static void broken_messages_are_skipped(void **state)
{
	struct rig *r = *state;
	static const char huge[] =
		"\x86\xa1v\x01\xa5"
		"epoch\x07\xa2"
		"ch\xa1x\xa3seq\xcf\xff\xff\xff\xff\xff\xff\xff\xff\xa2ts\x01\xa1k\xa1k";

	subscribe(r, NULL, NULL);
	fake_publish_raw(r->fake, EV, "\xc1", 1);
	fake_publish_raw(r->fake, EV, "\x80", 1);
	fake_publish_raw(r->fake, "x", huge, sizeof(huge) - 1);
	fake_publish_raw(r->fake, "y", huge, sizeof(huge) - 1);
	publish(r, EV, 1);
	expect(r, EV, 1, 1, false);
	expect_nothing(r);
}

static void the_deadline_of_next_is_kept(void **state)
{
	struct rig *r = *state;
	struct ksnap_live_msg m = { .seq = 77 };

	subscribe(r, NULL, NULL);
	assert_int_equal(ksnap_subscriber_next(r->sub, 1, &m, &r->err), 0);
	assert_int_equal(m.seq, 77);
}

static void on_alarm(int number)
{
}

/* Again and again, so that one that comes before the wait does not matter. */
static void ring(long every_us)
{
	struct itimerval t = { { 0, every_us }, { 0, every_us } };
	struct sigaction a = { .sa_handler = on_alarm };

	sigaction(SIGALRM, &a, NULL);
	setitimer(ITIMER_REAL, &t, NULL);
}

static void a_signal_ends_the_wait_for_messages(void **state)
{
	struct rig *r = *state;
	struct ksnap_live_msg m;

	subscribe(r, NULL, NULL);
	ring(2000);
	assert_int_equal(ksnap_subscriber_next(r->sub, -1, &m, &r->err), 0);
	ring(0);
}

static void signals_do_not_end_a_call(void **state)
{
	struct rig *r = *state;
	KSNAP_OPTS(ksnap_call, call, .op = "ping");
	struct ksnap_reply reply;

	ring(100);
	for (int i = 0; i < 500; i++) {
		assert_int_equal(ksnap_client_call(r->client, &call, &reply, &r->err), 0);
		ksnap_reply_clear(&reply);
	}
	ring(0);
}

/* ---- holes ----------------------------------------------------------------------------------- */

static void a_hole_is_filled(void **state)
{
	struct rig *r = *state;
	struct ksnap_live_msg m;

	subscribe(r, NULL, NULL);
	publish(r, REPORT, 1);
	swallow(r, REPORT, 3);
	fake_publish(r->fake, REPORT, "whole");
	expect(r, REPORT, 1, 1, false);
	expect(r, REPORT, 2, 4, true);
	m = take(r);
	assert_int_equal(m.seq, 5);
	assert_non_null(m.payload);
	ksnap_live_msg_clear(&m);
	expect_nothing(r);
	expect_totals(r, 5, 0);
	assert_int_equal(fake_count(r->fake, "replay"), 1);
}

static void what_is_gone_is_told(void **state)
{
	struct rig *r = *state;

	subscribe(r, NULL, NULL);
	publish(r, EV, 1);
	swallow(r, EV, 5);
	fake_forget(r->fake, EV, 4);
	publish(r, EV, 1);
	expect(r, EV, 1, 1, false);
	expect_lost(r, EV, 2, 4);
	expect(r, EV, 5, 6, true);
	expect(r, EV, 7, 7, false);
	expect_nothing(r);
	expect_totals(r, 4, 3);
}

static void a_hole_in_the_memory_is_told(void **state)
{
	struct rig *r = *state;

	subscribe(r, NULL, NULL);
	swallow(r, EV, 4);
	fake_pierce(r->fake, EV, 2);
	publish(r, EV, 1);
	expect(r, EV, 1, 1, true);
	expect_lost(r, EV, 2, 2);
	expect(r, EV, 3, 4, true);
	expect(r, EV, 5, 5, false);
}

static void all_of_it_is_gone(void **state)
{
	struct rig *r = *state;

	subscribe(r, NULL, NULL);
	swallow(r, EV, 3);
	fake_forget(r->fake, EV, 3);
	publish(r, EV, 1);
	expect_lost(r, EV, 1, 3);
	expect(r, EV, 4, 4, false);
}

static void a_beat_shows_the_lost_tail(void **state)
{
	struct rig *r = *state;

	subscribe(r, NULL, NULL);
	publish(r, EV, 2);
	swallow(r, EV, 3);
	fake_forget(r->fake, EV, 3);
	fake_beat(r->fake);
	expect(r, EV, 1, 2, false);
	expect_lost(r, EV, 3, 3);
	expect(r, EV, 4, 5, true);
	expect_nothing(r);
	fake_beat(r->fake);
	expect_nothing(r);
	publish(r, EV, 1);
	expect(r, EV, 6, 6, false);
}

static void a_beat_shows_a_channel_never_seen(void **state)
{
	struct rig *r = *state;

	subscribe(r, NULL, NULL);
	swallow(r, "log/default", 2);
	fake_beat(r->fake);
	expect(r, "log/default", 1, 2, true);
	publish(r, "log/default", 1);
	expect(r, "log/default", 3, 3, false);
}

static void what_came_twice_is_given_once(void **state)
{
	struct rig *r = *state;

	subscribe(r, NULL, NULL);
	swallow(r, EV, 2);
	publish(r, EV, 1);
	/* Late copies of what the replay will give, and of what was live. */
	fake_repeat(r->fake, EV, 1);
	fake_repeat(r->fake, EV, 2);
	fake_repeat(r->fake, EV, 3);
	publish(r, EV, 1);
	expect(r, EV, 1, 2, true);
	expect(r, EV, 3, 4, false);
	expect_nothing(r);
	expect_totals(r, 4, 0);
}

static void a_full_queue_loses_nothing(void **state)
{
	struct rig *r = *state;
	struct fake_opts o = { .live_hwm = 1 };
	KSNAP_OPTS(ksnap_subscribe_opts, so, .hwm = 5);
	uint64_t seq = 0, replayed = 0;

	start(r, &o);
	r->sub = ksnap_subscriber_create(r->client, &so, &r->err);
	assert_non_null(r->sub);
	for (int round = 0; round < 3; round++) {
		publish(r, EV, 100);
		/* What was dropped at the tail shows with the next beat that finds room. */
		while (seq < 100u * (round + 1)) {
			struct ksnap_live_msg m;
			int rc = ksnap_subscriber_next(r->sub, 0, &m, &r->err);

			assert_true(rc >= 0);
			if (!rc) {
				fake_beat(r->fake);
				continue;
			}
			assert_int_equal(m.kind, KSNAP_LIVE_MESSAGE);
			assert_int_equal(m.seq, ++seq);
			replayed += m.replayed;
			ksnap_live_msg_clear(&m);
		}
	}
	assert_true(replayed > 0);
	expect_totals(r, 300, 0);
}

/* ---- replays that fail ----------------------------------------------------------------------- */

static void refuse(struct fake *f, const struct fake_request *rq, void *arg)
{
	fake_answer(f, rq, arg);
}

struct then {
	struct fake_answer now;
	unsigned parts; /* given before */
};

static void replay_some(struct fake *f, const struct fake_request *rq, void *arg)
{
	const struct then *t = arg;

	for (unsigned i = 1; i <= t->parts; i++) {
		_buf_ struct buf b = BUF_INIT;
		msgpack_packer pk;

		pack_init(&pk, &b);
		msgpack_pack_map(&pk, 1);
		pack_str(&pk, "header");
		msgpack_pack_map(&pk, 6);
		pack_str(&pk, "v");
		msgpack_pack_uint64(&pk, 1);
		pack_str(&pk, "epoch");
		msgpack_pack_uint64(&pk, 7);
		pack_str(&pk, "ch");
		pack_str(&pk, EV);
		pack_str(&pk, "seq");
		msgpack_pack_uint64(&pk, i);
		pack_str(&pk, "ts");
		msgpack_pack_uint64(&pk, i);
		pack_str(&pk, "k");
		pack_str(&pk, "x");
		fake_answer(f, rq,
			    &(struct fake_answer){ .r = b.data, .r_len = b.len, .more = true });
	}
	fake_answer(f, rq, &t->now);
}

static void a_passing_failure_is_tried_again(void **state)
{
	struct rig *r = *state;
	struct then busy = { { .code = KSNAP_E_BUSY, .text = "busy" }, 2 };
	struct then whole = { { .r = "\x80", .r_len = 1 }, 4 };
	struct ksnap_live_msg m;

	subscribe(r, NULL, NULL);
	swallow(r, EV, 4);
	publish(r, EV, 1);
	fake_on(r->fake, "replay", replay_some, &busy);
	assert_int_equal(ksnap_subscriber_next(r->sub, SOON, &m, &r->err), KSNAP_E_BUSY);
	assert_non_null(strstr(r->err.text, EV));
	/* What came before the failure is not asked for again. */
	expect(r, EV, 1, 2, true);
	assert_int_equal(ksnap_subscriber_next(r->sub, SOON, &m, &r->err), KSNAP_E_BUSY);
	fake_on(r->fake, "replay", replay_some, &whole);
	expect(r, EV, 3, 4, true);
	expect(r, EV, 5, 5, false);
	expect_totals(r, 5, 0);
}

static void a_lasting_refusal_is_a_loss(void **state)
{
	struct rig *r = *state;
	struct fake_answer no = { .code = KSNAP_E_DENIED, .text = "no right" };

	subscribe(r, NULL, NULL);
	fake_on(r->fake, "replay", refuse, &no);
	swallow(r, EV, 4);
	publish(r, EV, 1);
	expect_lost(r, EV, 1, 4);
	expect(r, EV, 5, 5, false);
	expect_totals(r, 1, 4);
}

static void a_replay_that_never_ends_is_ended(void **state)
{
	struct rig *r = *state;
	static struct then flood = { { .r = "\x80", .r_len = 1 }, 6000 };

	subscribe(r, NULL, NULL);
	publish(r, EV, 3);
	expect(r, EV, 1, 3, false);
	/* Thousands of parts of another channel's numbers, none of which is wanted. */
	fake_on(r->fake, "replay", replay_some, &flood);
	swallow(r, "worker", 1);
	publish(r, "worker", 1);
	expect_lost(r, "worker", 1, 1);
	expect(r, "worker", 2, 2, false);
}

static void nothing_of_the_call_under_way_is_taken(void **state)
{
	struct rig *r = *state;
	KSNAP_OPTS(ksnap_call, call, .op = "replay",
		   .params = "\x82\xa7"
			     "channel\xad"
			     "event/default\xa4"
			     "from\x01",
		   .params_len = 29);
	struct ksnap_reply reply;

	subscribe(r, NULL, NULL);
	swallow(r, EV, 3);
	publish(r, EV, 1);
	assert_int_equal(ksnap_client_call(r->client, &call, &reply, &r->err), 0);
	assert_true(reply.more);
	ksnap_reply_clear(&reply);
	expect(r, EV, 1, 3, true);
	expect(r, EV, 4, 4, false);
	assert_int_equal(ksnap_client_next(r->client, &reply, &r->err), KSNAP_E_STATE);
}

/* ---- where to begin -------------------------------------------------------------------------- */

static void from_oldest(void **state)
{
	struct rig *r = *state;

	publish(r, EV, 6);
	fake_forget(r->fake, EV, 2);
	subscribe(r, NULL, "oldest");
	publish(r, EV, 1);
	expect(r, EV, 3, 6, true);
	expect(r, EV, 7, 7, false);
	expect_totals(r, 5, 0);
}

static void from_oldest_when_all_is_forgotten(void **state)
{
	struct rig *r = *state;

	publish(r, EV, 6);
	fake_forget(r->fake, EV, 6);
	subscribe(r, NULL, "oldest");
	expect_nothing(r);
	publish(r, EV, 1);
	expect(r, EV, 7, 7, false);
}

static void from_the_last_n(void **state)
{
	struct rig *r = *state;

	publish(r, EV, 6);
	publish(r, "worker", 1);
	subscribe(r, NULL, "last:2");
	publish(r, EV, 1);
	expect(r, EV, 5, 6, true);
	expect(r, "worker", 1, 1, true);
	expect(r, EV, 7, 7, false);
}

static void from_the_last_0(void **state)
{
	struct rig *r = *state;

	publish(r, EV, 6);
	subscribe(r, NULL, "last:0");
	expect_nothing(r);
	publish(r, EV, 1);
	expect(r, EV, 7, 7, false);
}

static void from_a_number(void **state)
{
	struct rig *r = *state;

	publish(r, EV, 6);
	subscribe(r, NULL, "4");
	expect(r, EV, 4, 6, true);
	publish(r, EV, 1);
	expect(r, EV, 7, 7, false);
}

static void from_a_number_that_is_gone(void **state)
{
	struct rig *r = *state;

	publish(r, EV, 6);
	fake_forget(r->fake, EV, 4);
	subscribe(r, NULL, "2");
	expect_lost(r, EV, 2, 4);
	expect(r, EV, 5, 6, true);
}

static void from_a_number_that_is_to_come(void **state)
{
	struct rig *r = *state;

	publish(r, EV, 6);
	subscribe(r, NULL, "100");
	expect_nothing(r);
	publish(r, EV, 1);
	expect(r, EV, 7, 7, false);
}

static void more_than_one_replay_holds(void **state)
{
	struct rig *r = *state;

	swallow(r, EV, 9000);
	subscribe(r, NULL, "1");
	publish(r, EV, 1);
	expect(r, EV, 1, 9000, true);
	expect(r, EV, 9001, 9001, false);
	expect_nothing(r);
	assert_int_equal(fake_count(r->fake, "replay"), 3);
}

/* ---- epochs ---------------------------------------------------------------------------------- */

static void a_message_shows_a_new_epoch(void **state)
{
	struct rig *r = *state;

	subscribe(r, NULL, NULL);
	publish(r, EV, 2);
	expect(r, EV, 1, 2, false);
	fake_restart(r->fake, 8);
	swallow(r, EV, 1);
	publish(r, EV, 1);
	expect_epoch(r, 8);
	expect(r, EV, 1, 1, true);
	expect(r, EV, 2, 2, false);
	expect_nothing(r);
	expect_totals(r, 4, 0);
}

static void a_beat_shows_a_new_epoch(void **state)
{
	struct rig *r = *state;

	publish(r, EV, 5);
	subscribe(r, NULL, NULL);
	fake_restart(r->fake, 8);
	swallow(r, EV, 3);
	fake_forget(r->fake, EV, 1);
	fake_beat(r->fake);
	expect_epoch(r, 8);
	expect_lost(r, EV, 1, 1);
	expect(r, EV, 2, 3, true);
}

static void headers_of_another_epoch_fill_no_hole(void **state)
{
	struct rig *r = *state;

	subscribe(r, NULL, NULL);
	publish(r, EV, 1);
	swallow(r, EV, 2);
	publish(r, EV, 1);
	fake_restart(r->fake, 8);
	swallow(r, EV, 9);
	fake_beat(r->fake);
	expect(r, EV, 1, 1, false);
	expect_lost(r, EV, 2, 3);
	expect(r, EV, 4, 4, false);
	expect_epoch(r, 8);
	expect(r, EV, 1, 9, true);
}

#define with(name, rig) cmocka_unit_test_setup_teardown(name, rig, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		with(create_refuses_what_is_wrong, rig),
		with(no_beat_no_subscriber, idle_rig),
		with(messages_come_in_order, rig),
		with(a_message_has_header_and_payload, rig),
		with(only_what_was_asked_for, rig),
		with(beats_for_those_who_name_them, rig),
		with(broken_messages_are_skipped, rig),
		with(the_deadline_of_next_is_kept, rig),
		with(a_signal_ends_the_wait_for_messages, rig),
		with(signals_do_not_end_a_call, rig),
		with(a_hole_is_filled, rig),
		with(what_is_gone_is_told, rig),
		with(a_hole_in_the_memory_is_told, rig),
		with(all_of_it_is_gone, rig),
		with(a_beat_shows_the_lost_tail, rig),
		with(a_beat_shows_a_channel_never_seen, rig),
		with(what_came_twice_is_given_once, rig),
		with(a_full_queue_loses_nothing, idle_rig),
		with(a_passing_failure_is_tried_again, rig),
		with(a_lasting_refusal_is_a_loss, rig),
		with(a_replay_that_never_ends_is_ended, rig),
		with(nothing_of_the_call_under_way_is_taken, rig),
		with(from_oldest, rig),
		with(from_oldest_when_all_is_forgotten, rig),
		with(from_the_last_n, rig),
		with(from_the_last_0, rig),
		with(from_a_number, rig),
		with(from_a_number_that_is_gone, rig),
		with(from_a_number_that_is_to_come, rig),
		with(more_than_one_replay_holds, rig),
		with(a_message_shows_a_new_epoch, rig),
		with(a_beat_shows_a_new_epoch, rig),
		with(headers_of_another_epoch_fill_no_hole, rig),
	};

	return cmocka_run_group_tests_name("client/subscriber", tests, NULL, NULL);
}
