// SPDX-License-Identifier: MIT
/* workers_test.c - the work socket: strangers, joins sent twice, names that are no text, workers
 * that live and do not answer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <zmq.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/utf8.h"
#include "broker/pool.h"
#include "rig.h"

static const char no_params[] = "\x80";

static void capture(void *c, uint64_t id)
{
	struct wire_capture_snapshot_params p = rig_tag("x");

	rig_ask(c, id, OP_capture_snapshot, &p, NULL);
}

static uint64_t take_job(void *w)
{
	struct wire_work_job job;
	struct frames f;

	rig_job(w, &f, &job);
	frames_clear(&f);
	return job.job;
}

static void finish(void *w, void *c, uint64_t job, uint64_t id)
{
	_blob_ struct ksnap_blob *report = rig_report(10);
	struct rig_reply keep;

	rig_done_captured(w, job, report);
	rig_expect_ok(c, id, OP_capture_snapshot, &keep, NULL);
	rig_reply_clear(&keep);
}

static void beat(void *w, uint64_t accessor, const char *error)
{
	struct wire_work_beat m = { .k = wire_slice_of("beat"), .accessor = accessor };

	m.has_error = error != NULL;
	m.error = wire_slice_of(error ? error : "");
	rig_work(w, &wire_shape_work_beat, &m, NULL);
}

static void *raw_worker(struct rig *r, const void *id, size_t len)
{
	void *s = zmq_socket(rig_context(r), ZMQ_DEALER);
	int none = 0;

	zmq_setsockopt(s, ZMQ_LINGER, &none, sizeof(none));
	zmq_setsockopt(s, ZMQ_ROUTING_ID, id, len);
	assert_int_equal(zmq_connect(s, "inproc://work"), 0);
	return s;
}

/* "w1" and a NUL and more is not "w1". */
static void a_stranger_cannot_answer_for_a_worker(void **state)
{
	struct rig *r = rig_start((struct broker_opts){ 0 });
	void *c = rig_client(r), *w = rig_worker(r, "w1"), *x = raw_worker(r, "w1\0x", 4);
	uint64_t job;
	char k[16];

	rig_join(w, "w1");
	capture(c, 1);
	job = take_job(w);
	rig_done_error(x, job, "E_DENIED", "said a stranger");
	rig_work_next(x, k);
	assert_string_equal(k, "leave");
	finish(w, c, job, 1);
	zmq_close(x);
	zmq_close(c);
	zmq_close(w);
	rig_stop(r);
}

/* Joins wait in a worker's socket until it is connected, so that several arrive at once. */
static void a_repeated_join_is_one_worker(void **state)
{
	struct rig *r = rig_start((struct broker_opts){ 0 });
	void *c = rig_client(r), *w = rig_worker(r, "w1");
	struct wire_work_join m = rig_join_of("w1");

	capture(c, 1);
	for (int i = 0; i < 3; i++)
		rig_work(w, &wire_shape_work_join, &m, NULL);
	finish(w, c, take_job(w), 1);
	zmq_close(c);
	zmq_close(w);
	rig_stop(r);
}

/* In a container every worker may be process 1. */
static void a_new_life_with_the_old_pid_is_welcome(void **state)
{
	struct rig *r = rig_start((struct broker_opts){ 0 });
	void *c = rig_client(r), *w = rig_worker(r, "w1");

	rig_join(w, "w1");
	beat(w, 1, NULL);
	zmq_close(w);
	w = rig_worker(r, "w1");
	rig_join(w, "w1");
	beat(w, 1, NULL);
	capture(c, 1);
	take_job(w);
	zmq_close(w);
	w = rig_worker(r, "w1");
	rig_join(w, "w1");
	rig_expect_error(c, 1, "E_WORKER_LOST");
	capture(c, 2);
	finish(w, c, take_job(w), 2);
	zmq_close(c);
	zmq_close(w);
	rig_stop(r);
}

static void a_welcome_is_given_again(void **state)
{
	struct rig *r = rig_start((struct broker_opts){ 0 });
	void *w = rig_worker(r, "w1");

	rig_join(w, "w1");
	rig_join(w, "w1");
	zmq_close(w);
	rig_stop(r);
}

/* Names go to the live bus and to status as strings, which must be UTF-8. */
static void names_that_are_no_text_are_refused(void **state)
{
	struct rig *r = rig_start((struct broker_opts){ 0 });
	struct wire_work_join joins[8];
	char k[16];

	for (int i = 0; i < 8; i++)
		joins[i] = rig_join_of("w1");
	joins[0].name = wire_slice_of("w\xff");
	joins[1].target = wire_slice_of("t\xc3");
	joins[2].kind = (struct wire_slice){ "k\0k", 3 };
	joins[3].host = wire_slice_of("h\x80");
	joins[4].name = wire_slice_of("w\n1");
	joins[5].target = wire_slice_of("t\n1");
	joins[6].kind = wire_slice_of("k\x1b[2J");
	joins[7].host = wire_slice_of("h\x7f");
	for (int i = 0; i < 8; i++) {
		void *w = raw_worker(r, joins[i].name.p, joins[i].name.len);

		rig_work(w, &wire_shape_work_join, &joins[i], NULL);
		rig_work_next(w, k);
		assert_string_equal(k, "refused");
		zmq_close(w);
	}
	rig_stop(r);
}

static void status_of(void *c, struct rig_reply *keep, struct wire_status_reply *status)
{
	rig_send(c, 99, "status", no_params, 1, NULL);
	rig_expect_ok(c, 99, OP_status, keep, status);
}

static void an_accessors_error_becomes_text(void **state)
{
	struct rig *r = rig_start((struct broker_opts){ 0 });
	void *c = rig_client(r), *w = rig_worker(r, "w1");
	struct wire_wait_accessor_params p = { 0 };
	struct wire_status_reply status;
	struct wire_worker_row *row;
	struct rig_reply keep;

	rig_join(w, "w1");
	rig_ask(c, 1, OP_wait_accessor, &p, NULL);
	beat(w, 2, "no \xff symbols\n");
	rig_expect_error(c, 1, "E_STATE");
	status_of(c, &keep, &status);
	row = status.workers.items;
	assert_true(row->has_error);
	assert_int_equal(utf8_sound(row->error.p, row->error.len), row->error.len);
	rig_reply_clear(&keep);
	zmq_close(c);
	zmq_close(w);
	rig_stop(r);
}

static void gone(struct broker *b, void *arg)
{
	broker_worker_gone(b, arg, (uint64_t)getpid(), "left");
}

static void tick(struct broker *b, void *arg)
{
	workers_tick(b->workers);
}

static _Atomic uint64_t skipped_ns;

static uint64_t skipping_mono(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * NS_PER_S + (uint64_t)ts.tv_nsec + skipped_ns;
}

static int64_t real(void)
{
	return 1;
}

/* Time passes, and the broker is there. */
static void pass(struct broker *b, void *arg)
{
	uint64_t ns = *(const unsigned *)arg * NS_PER_S;

	skipped_ns += ns;
	b->ticked_ns += ns;
}

/* A target that serve did not name goes a minute after its last worker, once nobody waits for it.
 */
static void targets_of_lost_workers_are_forgotten(void **state)
{
	static const struct clock_source source = { skipping_mono, real };
	void *c;
	struct rig *r;
	struct wire_status_reply status;
	struct rig_reply keep;

	clock_replace(&source);
	r = rig_start((struct broker_opts){ 0 });
	c = rig_client(r);
	for (int i = 0; i < 50; i++) {
		char name[16];
		struct wire_work_join m;
		void *w;
		char k[16];

		snprintf(name, sizeof(name), "w%d", i);
		w = rig_worker(r, name);
		m = rig_join_of(name);
		m.target = wire_slice_of(name);
		rig_work(w, &wire_shape_work_join, &m, NULL);
		rig_work_next(w, k);
		rig_on_broker(r, gone, name);
		zmq_close(w);
	}
	rig_send_with(c, 1, "capture_snapshot", NULL, 100, "\x82\xa3tag\xa1x\xa6target\xa2w7", 17,
		      NULL);
	rig_on_broker(r, tick, NULL);
	rig_expect_error(c, 1, "E_TIMEOUT");
	rig_on_broker(r, tick, NULL);
	status_of(c, &keep, &status);
	assert_int_equal(status.targets.n, 51); /* they may come back */
	rig_reply_clear(&keep);
	rig_on_broker(r, pass, &(unsigned){ 61 });
	rig_on_broker(r, tick, NULL);
	status_of(c, &keep, &status);
	assert_int_equal(status.targets.n, 1);
	assert_true(wire_slice_is(((struct wire_target_row *)status.targets.items)[0].name, "t"));
	rig_reply_clear(&keep);
	zmq_close(c);
	rig_stop(r);
	clock_replace(NULL);
}

/* Its answer was lost, or never came: it must not stay busy for ever because it beats. */
static void a_worker_that_beats_and_does_not_answer_is_lost(void **state)
{
	static const struct clock_source source = { skipping_mono, real };
	struct rig *r;
	void *c, *w;
	char k[16];

	clock_replace(&source);
	r = rig_start((struct broker_opts){ 0 });
	c = rig_client(r);
	w = rig_worker(r, "w1");
	rig_join(w, "w1");
	rig_send_with(c, 1, "capture_snapshot", NULL, 10, "\x81\xa3tag\xa1x", 7, NULL);
	take_job(w);
	rig_expect_error(c, 1, "E_TIMEOUT");
	rig_on_broker(r, pass, &(unsigned){ 6 });
	beat(w, 0, NULL);
	rig_on_broker(r, tick, NULL);
	rig_on_broker(r, tick, NULL);
	beat(w, 0, NULL);
	rig_work_next(w, k);
	assert_string_equal(k, "leave");
	zmq_close(c);
	zmq_close(w);
	rig_stop(r);
	clock_replace(NULL);
}

#define MANY 400

/* Each is found dead only when it is handed the job: the next one gets it. */
static void many_dead_workers_are_lost_at_once(void **state)
{
	struct rig *r = rig_start((struct broker_opts){ 0 });
	void *c = rig_client(r), *w;

	for (int i = 0; i < MANY; i++) {
		char name[16];

		snprintf(name, sizeof(name), "w%d", i);
		w = rig_worker(r, name);
		rig_join(w, name);
		zmq_close(w);
	}
	for (int i = 0; i < MANY; i++) {
		char name[16];

		snprintf(name, sizeof(name), "w%d", i);
		rig_wait_unreachable(r, name);
	}
	capture(c, 1);
	w = rig_worker(r, "last");
	rig_join(w, "last");
	finish(w, c, take_job(w), 1);
	zmq_close(c);
	zmq_close(w);
	rig_stop(r);
}

static void expect(void *w, const char *kind)
{
	char k[16];

	rig_work_next(w, k);
	assert_string_equal(k, kind);
}

struct asker {
	const char *peer;
	bool waits;
};

static void look_for_asker(struct broker *b, void *arg)
{
	struct asker *a = arg;

	for (const struct worker *w = b->workers->first; w; w = w->next)
		a->waits |= w->rival && !strcmp(w->rival->becomes->peer, a->peer);
}

/* As the worker "w1", until the broker has read it. */
static void ask_for_name(struct rig *r, void *w, const char *peer, uint64_t life)
{
	struct asker a = { .peer = peer };

	rig_send_join(w, "w1", life);
	while (!a.waits)
		rig_on_broker(r, look_for_asker, &a);
}

/* Who waits for the name is not told to leave when it beats. */
static void who_is_alive_keeps_its_name(void **state)
{
	struct rig *r = rig_start((struct broker_opts){ 0 });
	void *c = rig_client(r), *w = rig_worker(r, "w1"), *x = rig_worker(r, "w1#2");
	void *y = rig_worker(r, "w1#3");
	struct wire_work_join bad = rig_join_of("w1");
	uint64_t job;

	bad.v = 2;
	rig_join(w, "w1");
	ask_for_name(r, x, "w1#2", 2);
	beat(x, 1, NULL);
	rig_send_join(x, "w1", 2);
	rig_work(x, &wire_shape_work_join, &bad, NULL);
	expect(x, "refused");
	rig_send_join(y, "w1", 3);
	expect(x, "refused"); /* for there is another one now */
	beat(w, 1, NULL);
	expect(y, "refused");
	capture(c, 1);
	job = take_job(w);
	ask_for_name(r, x, "w1#2", 2);
	for (int i = 0; i < 5; i++)
		rig_on_broker(r, tick, NULL);
	expect(x, "refused");
	finish(w, c, job, 1);
	zmq_close(c);
	zmq_close(w);
	zmq_close(x);
	zmq_close(y);
	rig_stop(r);
}

/* Five beats have gone by since it was asked for, but it is not silent for as long yet. */
static void the_name_of_a_silent_idle_one_is_given_on(void **state)
{
	static const struct clock_source source = { skipping_mono, real };
	struct rig *r;
	void *w, *x;

	clock_replace(&source);
	r = rig_start((struct broker_opts){ 0 });
	w = rig_worker(r, "w1");
	x = rig_worker(r, "w1#2");
	rig_join(w, "w1");
	ask_for_name(r, x, "w1#2", 2);
	for (int i = 0; i < 5; i++)
		rig_on_broker(r, tick, NULL);
	rig_on_broker(r, pass, &(unsigned){ 6 });
	rig_on_broker(r, tick, NULL);
	expect(x, "welcome");
	zmq_close(w);
	zmq_close(x);
	rig_stop(r);
	clock_replace(NULL);
}

static void another_process_ends(struct broker *b, void *arg)
{
	broker_worker_gone(b, arg, (uint64_t)getpid() + 1, "killed by signal 9");
}

/* Whose own worker lost its name to it, and ends then. */
static void who_has_a_name_outlives_others_of_it(void **state)
{
	struct rig *r = rig_start((struct broker_opts){ 0 });
	void *c = rig_client(r), *w = rig_worker(r, "w1");

	rig_join(w, "w1");
	rig_on_broker(r, another_process_ends, "w1");
	capture(c, 1);
	finish(w, c, take_job(w), 1);
	zmq_close(c);
	zmq_close(w);
	rig_stop(r);
}

static void the_name_of_a_dead_one_is_given_on(void **state)
{
	struct rig *r = rig_start((struct broker_opts){ 0 });
	void *c = rig_client(r), *w = rig_worker(r, "w1"), *x = rig_worker(r, "w1#2");
	struct rig_reply keep;
	struct wire_status_reply status;

	rig_join(w, "w1");
	capture(c, 1);
	take_job(w);
	ask_for_name(r, x, "w1#2", 2);
	zmq_close(w);
	rig_wait_unreachable(r, "w1");
	rig_on_broker(r, tick, NULL);
	rig_expect_error(c, 1, "E_WORKER_LOST");
	expect(x, "welcome");
	capture(c, 2);
	finish(x, c, take_job(x), 2);
	status_of(c, &keep, &status);
	assert_int_equal(status.workers.n, 1);
	rig_reply_clear(&keep);
	zmq_close(c);
	zmq_close(x);
	rig_stop(r);
}

/* It hears of the broker's end like a worker. */
static void who_waits_for_a_name_is_told_to_leave(void **state)
{
	struct rig *r = rig_start((struct broker_opts){ 0 });
	void *w = rig_worker(r, "w1"), *x = rig_worker(r, "w1#2");

	rig_join(w, "w1");
	ask_for_name(r, x, "w1#2", 2);
	rig_end_broker(r);
	expect(w, "leave");
	expect(x, "leave");
	zmq_close(w);
	zmq_close(x);
	rig_stop(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_stranger_cannot_answer_for_a_worker),
		cmocka_unit_test(names_that_are_no_text_are_refused),
		cmocka_unit_test(an_accessors_error_becomes_text),
		cmocka_unit_test(a_repeated_join_is_one_worker),
		cmocka_unit_test(a_new_life_with_the_old_pid_is_welcome),
		cmocka_unit_test(a_welcome_is_given_again),
		cmocka_unit_test(targets_of_lost_workers_are_forgotten),
		cmocka_unit_test(a_worker_that_beats_and_does_not_answer_is_lost),
		cmocka_unit_test(many_dead_workers_are_lost_at_once),
		cmocka_unit_test(who_is_alive_keeps_its_name),
		cmocka_unit_test(the_name_of_a_silent_idle_one_is_given_on),
		cmocka_unit_test(who_has_a_name_outlives_others_of_it),
		cmocka_unit_test(the_name_of_a_dead_one_is_given_on),
		cmocka_unit_test(who_waits_for_a_name_is_told_to_leave),
	};

	return cmocka_run_group_tests_name("workers", tests, NULL, NULL);
}
