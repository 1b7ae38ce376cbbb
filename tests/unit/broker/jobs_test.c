// SPDX-License-Identifier: MIT
/* jobs_test.c - jobs and workers: each job ends once, whatever dies; a report is never copied. */
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
#include "base/limits.h"
#include "broker/parts.h"
#include "rig.h"
#include "wire/pack.h"

static const char no_params[] = "\x80";

static void capture(void *c, uint64_t id, const char *tag)
{
	struct wire_capture_snapshot_params p = rig_tag(tag);

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

/* The bytes that the worker wrote are the bytes that the reader gets: same address, over inproc. */
static void a_report_is_never_copied(void **state)
{
	struct rig *r = rig_start((struct broker_opts){ 0 });
	void *c = rig_client(r), *w = rig_worker(r, "w1"), *m = rig_monitor(r, "report/");
	_blob_ struct ksnap_blob *report = rig_report(1 << 20);
	struct wire_capture_snapshot_reply reply;
	struct rig_reply keep;
	struct frames f;

	rig_join(w, "w1");
	capture(c, 1, "t0");
	rig_done_captured(w, take_job(w), report);
	rig_expect_ok(c, 1, OP_capture_snapshot, &keep, &reply);
	assert_int_equal(reply.bytes, ksnap_blob_size(report));
	assert_int_equal(reply.maps, 3);
	assert_int_equal(reply.seq, 1);
	rig_reply_clear(&keep);
	rig_send(c, 2, "get", "\x81\xa3tag\xa2t0", 8, NULL);
	rig_expect_ok(c, 2, OP_get, &keep, NULL);
	assert_int_equal(keep.frames.n, 2);
	assert_ptr_equal(ksnap_blob_data(keep.frames.part[1]), ksnap_blob_data(report));
	rig_reply_clear(&keep);
	rig_recv(m, &f);
	assert_int_equal(f.n, 3);
	assert_ptr_equal(ksnap_blob_data(f.part[2]), ksnap_blob_data(report));
	frames_clear(&f);
	rig_send(c, 3, "drain", no_params, 1, NULL);
	rig_expect_ok(c, 3, OP_drain, &keep, NULL);
	assert_true(keep.reply.more);
	assert_ptr_equal(ksnap_blob_data(keep.frames.part[1]), ksnap_blob_data(report));
	rig_reply_clear(&keep);
	rig_expect_ok(c, 3, OP_drain, &keep, NULL);
	assert_false(keep.reply.more);
	rig_reply_clear(&keep);
	zmq_close(c);
	zmq_close(w);
	zmq_close(m);
	rig_stop(r);
}

static void worker_errors_are_handed_on(void **state)
{
	struct rig *r = rig_start((struct broker_opts){ 0 });
	void *c = rig_client(r), *w = rig_worker(r, "w1");
	struct rig_reply keep;
	struct wire_event_count_reply events;

	rig_join(w, "w1");
	capture(c, 1, "t0");
	rig_done_error(w, take_job(w), "E_DENIED", "CAP_BPF is missing");
	rig_expect_error(c, 1, "E_DENIED");
	rig_send(c, 2, "event_count", no_params, 1, NULL);
	rig_expect_ok(c, 2, OP_event_count, &keep, &events);
	assert_int_equal(events.r, 1); /* capture_unavailable */
	rig_reply_clear(&keep);
	capture(c, 3, "t1"); /* done, but without its report */
	rig_done_captured(w, take_job(w), NULL);
	rig_expect_error(c, 3, "E_TARGET");
	capture(c, 4, "t2"); /* done with something that is no result */
	rig_done_raw(w, take_job(w), "\x01", 1);
	rig_expect_error(c, 4, "E_TARGET");
	zmq_close(c);
	zmq_close(w);
	rig_stop(r);
}

static void gone(struct broker *b, void *arg)
{
	broker_worker_gone(b, arg, (uint64_t)getpid(), "killed by signal 9");
}

static void a_lost_worker_fails_its_job_only(void **state)
{
	struct rig *r = rig_start((struct broker_opts){ 0 });
	void *c = rig_client(r), *w = rig_worker(r, "w1"), *m = rig_monitor(r, "event/");
	_blob_ struct ksnap_blob *report = rig_report(100);
	struct rig_reply keep;
	struct frames f;

	rig_join(w, "w1");
	capture(c, 1, "t0");
	capture(c, 2, "t1"); /* waits behind it */
	take_job(w);
	rig_on_broker(r, gone, "w1");
	rig_expect_error(c, 1, "E_WORKER_LOST");
	rig_recv(m, &f);
	assert_non_null(
		memmem(ksnap_blob_data(f.part[1]), ksnap_blob_size(f.part[1]), "worker_lost", 11));
	frames_clear(&f);
	zmq_close(w);
	w = rig_worker(r, "w1"); /* restarted under its name */
	rig_join(w, "w1");
	rig_done_captured(w, take_job(w), report);
	rig_expect_ok(c, 2, OP_capture_snapshot, &keep, NULL);
	rig_reply_clear(&keep);
	zmq_close(c);
	zmq_close(w);
	zmq_close(m);
	rig_stop(r);
}

/* A join that was repeated before its welcome came is not another worker. */
static void a_repeated_join_keeps_the_job(void **state)
{
	struct rig *r = rig_start((struct broker_opts){ 0 });
	void *c = rig_client(r), *w = rig_worker(r, "w1");
	_blob_ struct ksnap_blob *report = rig_report(10);
	struct rig_reply keep;
	uint64_t job;

	rig_join(w, "w1");
	capture(c, 1, "t0");
	job = take_job(w);
	rig_send_join(w, "w1", 0);
	rig_done_captured(w, job, report);
	rig_expect_ok(c, 1, OP_capture_snapshot, &keep, NULL);
	rig_reply_clear(&keep);
	capture(c, 2, "t1");
	take_job(w);
	rig_send_join(w, "w1", 99); /* the same pid, as in a container, but another life */
	rig_expect_error(c, 2, "E_WORKER_LOST");
	zmq_close(c);
	zmq_close(w);
	rig_stop(r);
}

static void the_queue_is_bounded(void **state)
{
	struct rig *r = rig_start((struct broker_opts){ .max_queued_jobs = 2 });
	void *c = rig_client(r), *w = rig_worker(r, "w1");

	rig_join(w, "w1");
	for (uint64_t i = 1; i <= 4; i++)
		capture(c, i, "x"); /* one runs, two wait */
	rig_expect_error(c, 4, "E_BUSY");
	zmq_close(c);
	zmq_close(w);
	rig_stop(r);
}

static void jobs_go_out_in_order_to_idle_workers(void **state)
{
	struct rig *r = rig_start((struct broker_opts){ 0 });
	void *c = rig_client(r), *a = rig_worker(r, "a"), *b = rig_worker(r, "b");
	_blob_ struct ksnap_blob *report = rig_report(10);
	uint64_t ja, jb, first;

	rig_join(a, "a");
	rig_join(b, "b");
	for (uint64_t i = 1; i <= 4; i++)
		capture(c, i, "x");
	ja = take_job(a);
	jb = take_job(b);
	first = ja < jb ? ja : jb; /* a life's numbers begin at random */
	assert_int_equal(ja + jb, first + first + 1);
	rig_done_captured(a, ja, report);
	assert_int_equal(take_job(a), first + 2);
	rig_done_captured(b, jb, report);
	assert_int_equal(take_job(b), first + 3);
	zmq_close(a);
	zmq_close(b);
	zmq_close(c);
	rig_stop(r);
}

static void a_deadline_ends_the_request_and_a_late_result_counts(void **state)
{
	struct rig *r = rig_start((struct broker_opts){ 0 });
	void *c = rig_client(r), *w = rig_worker(r, "w1");
	_blob_ struct ksnap_blob *report = rig_report(10);
	struct wire_has_reply has;
	struct rig_reply keep;
	uint64_t job;

	rig_join(w, "w1");
	rig_send_with(c, 1, "capture_snapshot", NULL, 20, "\x81\xa3tag\xa2t0", 8, NULL);
	job = take_job(w);
	rig_send_with(c, 2, "capture_snapshot", NULL, 20, "\x81\xa3tag\xa2t1", 8, NULL);
	rig_expect_error(c, 1, "E_TIMEOUT");
	rig_expect_error(c, 2, "E_TIMEOUT"); /* in the queue */
	rig_done_captured(w, job, report);
	rig_done_captured(w, job, report); /* and a job nobody knows */
	capture(c, 3, "t3");
	rig_done_captured(w, take_job(w), report);
	rig_expect_ok(c, 3, OP_capture_snapshot, &keep, NULL);
	rig_reply_clear(&keep);
	assert_int_equal(rig_dropped(c, "late_result"), 2);
	rig_send(c, 5, "has", "\x81\xa3tag\xa2t0", 8, NULL);
	rig_expect_ok(c, 5, OP_has, &keep, &has);
	assert_false(has.r);
	rig_reply_clear(&keep);
	zmq_close(c);
	zmq_close(w);
	rig_stop(r);
}

static void attach(void *c, void *w, uint64_t id)
{
	_blob_ struct ksnap_blob *elf = ksnap_blob_copy("ELF", 3);
	static const char reply[] = "\x82\xa4maps\x90\xa5progs\x90";
	struct wire_attach_object_params p = { .name = wire_slice_of("probe") };
	struct wire_work_job job;
	struct rig_reply keep;
	struct frames f;

	rig_ask(c, id, OP_attach_object, &p, elf);
	rig_job(w, &f, &job);
	assert_true(wire_slice_is(job.op, "attach_object"));
	assert_int_equal(f.n, 2);
	rig_done_raw(w, job.job, reply, sizeof(reply) - 1);
	frames_clear(&f);
	rig_expect_ok(c, id, OP_attach_object, &keep, NULL);
	rig_reply_clear(&keep);
}

static void expect_detach(void *w)
{
	struct wire_work_job job;
	struct frames f;

	rig_job(w, &f, &job);
	assert_true(wire_slice_is(job.op, "detach_object"));
	assert_non_null(memmem(job.p.p, job.p.len, "probe", 5));
	frames_clear(&f);
}

static void bye_releases_what_the_session_owns(void **state)
{
	struct rig *r = rig_start((struct broker_opts){ 0 });
	void *c = rig_client(r), *other = rig_client(r), *w = rig_worker(r, "w1");
	_blob_ struct ksnap_blob *elf = ksnap_blob_copy("ELF", 3);
	struct wire_attach_object_params p = { .name = wire_slice_of("probe") };
	struct rig_reply keep;
	struct wire_bye_reply bye;

	rig_join(w, "w1");
	attach(c, w, 1);
	rig_ask(other, 1, OP_attach_object, &p, elf);
	rig_expect_error(other, 1, "E_STATE"); /* the name is taken */
	rig_send(c, 2, "bye", no_params, 1, NULL);
	rig_expect_ok(c, 2, OP_bye, &keep, &bye);
	assert_int_equal(bye.released.n, 1);
	rig_reply_clear(&keep);
	expect_detach(w);
	zmq_close(c);
	zmq_close(other);
	zmq_close(w);
	rig_stop(r);
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
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return ts.tv_sec * (int64_t)NS_PER_S + ts.tv_nsec;
}

static void tell_accessor(void *w, uint64_t state, uint64_t seqno)
{
	struct wire_work_beat m = { .k = wire_slice_of("beat"), .accessor = state, .seqno = seqno };
	_buf_ struct buf b = BUF_INIT;

	assert_int_equal(wire_encode(&wire_shape_work_beat, &m, &b), 0);
	assert_int_equal(zmq_send(w, b.data, b.len, 0), b.len);
}

/* The broker has read a beat of the worker when this returns. */
static void worker_is_heard(struct rig *r, void *w)
{
	struct wire_wait_accessor_params p = { 0 };
	void *c = rig_client(r);
	struct rig_reply keep;

	rig_ask(c, 1, OP_wait_accessor, &p, NULL);
	tell_accessor(w, 1, 1);
	rig_expect_ok(c, 1, OP_wait_accessor, &keep, NULL);
	rig_reply_clear(&keep);
	zmq_close(c);
}

static void nothing(struct broker *b, void *arg)
{
}

/* Silence is time, so the test lets time jump: here, the broker was there meanwhile. */
static void pass(struct broker *b, void *arg)
{
	uint64_t ns = *(const unsigned *)arg * NS_PER_S;

	skipped_ns += ns;
	b->ticked_ns += ns;
}

static void pass_seconds(struct rig *r, unsigned s)
{
	rig_on_broker(r, pass, &s);
}

static void a_silent_session_is_lost(void **state)
{
	static const struct clock_source source = { skipping_mono, real };
	struct rig *r;
	void *c, *w, *m;
	struct frames f;

	clock_replace(&source);
	r = rig_start((struct broker_opts){ 0 });
	c = rig_client(r);
	w = rig_worker(r, "w1");
	m = rig_monitor(r, "event/");
	rig_join(w, "w1");
	attach(c, w, 1);
	rig_on_broker(r, nothing, NULL); /* the request has ended, not only its reply arrived */
	pass_seconds(r, 3);
	worker_is_heard(r, w);
	pass_seconds(r, 3);
	rig_recv(m, &f);
	assert_non_null(
		memmem(ksnap_blob_data(f.part[1]), ksnap_blob_size(f.part[1]), "session_lost", 12));
	assert_non_null(memmem(ksnap_blob_data(f.part[1]), ksnap_blob_size(f.part[1]), "probe", 5));
	frames_clear(&f);
	zmq_close(c);
	zmq_close(w);
	zmq_close(m);
	rig_stop(r);
	clock_replace(NULL);
}

static void a_silent_worker_is_lost(void **state)
{
	static const struct clock_source source = { skipping_mono, real };
	struct rig *r;
	void *w, *m;
	struct frames f;

	clock_replace(&source);
	r = rig_start((struct broker_opts){ 0 });
	m = rig_monitor(r, "worker");
	w = rig_worker(r, "w1");
	rig_join(w, "w1");
	rig_recv(m, &f); /* joined */
	frames_clear(&f);
	pass_seconds(r, 6);
	rig_recv(m, &f);
	assert_non_null(
		memmem(ksnap_blob_data(f.part[1]), ksnap_blob_size(f.part[1]), "silent", 6));
	frames_clear(&f);
	zmq_close(w);
	zmq_close(m);
	rig_stop(r);
	clock_replace(NULL);
}

/* One that was stopped, or whose machine was, has heard nobody: that is not their silence. */
static void a_broker_that_was_away_loses_nobody(void **state)
{
	static const struct clock_source source = { skipping_mono, real };
	struct rig *r;
	void *w[2], *m;
	struct frames f;

	clock_replace(&source);
	r = rig_start((struct broker_opts){ 0 });
	m = rig_monitor(r, "worker");
	w[0] = rig_worker(r, "w1");
	rig_join(w[0], "w1");
	rig_recv(m, &f); /* joined */
	frames_clear(&f);
	skipped_ns += 60 * NS_PER_S;
	rig_on_broker(r, nothing, NULL); /* and its beat is due */
	rig_on_broker(r, nothing, NULL);
	w[1] = rig_worker(r, "w2");
	rig_join(w[1], "w2");
	rig_recv(m, &f);
	assert_non_null(memmem(ksnap_blob_data(f.part[1]), ksnap_blob_size(f.part[1]), "w2", 2));
	frames_clear(&f);
	pass_seconds(r, 6);
	rig_recv(m, &f);
	assert_non_null(
		memmem(ksnap_blob_data(f.part[1]), ksnap_blob_size(f.part[1]), "silent", 6));
	frames_clear(&f);
	zmq_close(w[0]);
	zmq_close(w[1]);
	zmq_close(m);
	rig_stop(r);
	clock_replace(NULL);
}

static void accessor_waits_end_by_event(void **state)
{
	struct rig *r = rig_start((struct broker_opts){ 0 });
	void *c = rig_client(r), *w = rig_worker(r, "w1");
	struct wire_wait_accessor_params first = { 0 }, next = { .after = 1, .has_after = true };
	struct wire_wait_accessor_reply reply;
	struct rig_reply keep;

	rig_join(w, "w1");
	rig_ask(c, 1, OP_wait_accessor, &first, NULL);
	tell_accessor(w, 1, 1);
	rig_expect_ok(c, 1, OP_wait_accessor, &keep, &reply);
	assert_int_equal(reply.seqno, 1);
	rig_reply_clear(&keep);
	rig_ask(c, 2, OP_wait_accessor, &next, NULL); /* the old publish does not satisfy it */
	tell_accessor(w, 0, 1);
	tell_accessor(w, 1, 2);
	rig_expect_ok(c, 2, OP_wait_accessor, &keep, &reply);
	assert_int_equal(reply.seqno, 2);
	rig_reply_clear(&keep);
	rig_send_with(c, 3, "wait_accessor", NULL, 10,
		      "\x81\xa5"
		      "after\x02",
		      8, NULL);
	rig_expect_error(c, 3, "E_TIMEOUT");
	rig_send_with(c, 4, "wait_accessor", NULL, 10, "\x81\xa6target\xa1x", 10, NULL);
	rig_expect_error(c, 4, "E_NOTFOUND");
	zmq_close(c);
	zmq_close(w);
	rig_stop(r);
}

static void a_failed_accessor_wakes_waiters(void **state)
{
	struct rig *r = rig_start((struct broker_opts){ 0 });
	void *c = rig_client(r), *w = rig_worker(r, "w1");
	struct wire_wait_accessor_params p = { 0 };

	rig_join(w, "w1");
	rig_ask(c, 1, OP_wait_accessor, &p, NULL);
	tell_accessor(w, 2, 0);
	rig_expect_error(c, 1, "E_STATE");
	zmq_close(c);
	zmq_close(w);
	rig_stop(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(worker_errors_are_handed_on),
		cmocka_unit_test(a_lost_worker_fails_its_job_only),
		cmocka_unit_test(a_repeated_join_keeps_the_job),
		cmocka_unit_test(the_queue_is_bounded),
		cmocka_unit_test(a_deadline_ends_the_request_and_a_late_result_counts),
		cmocka_unit_test(jobs_go_out_in_order_to_idle_workers),
		cmocka_unit_test(a_report_is_never_copied),
		cmocka_unit_test(bye_releases_what_the_session_owns),
		cmocka_unit_test(a_silent_session_is_lost),
		cmocka_unit_test(a_silent_worker_is_lost),
		cmocka_unit_test(a_broker_that_was_away_loses_nobody),
		cmocka_unit_test(accessor_waits_end_by_event),
		cmocka_unit_test(a_failed_accessor_wakes_waiters),
	};

	return cmocka_run_group_tests_name("jobs", tests, NULL, NULL);
}
