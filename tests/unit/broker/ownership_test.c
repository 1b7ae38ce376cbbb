// SPDX-License-Identifier: MIT
/* ownership_test.c - attached objects have exactly one owner, or are detached: whoever is late,
 * says bye, or dies. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <string.h>
#include <unistd.h>
#include <zmq.h>

#include "base/cleanup.h"
#include "rig.h"

static const char no_params[] = "\x80";
static const char no_ids[] = "\x82\xa4maps\x90\xa5progs\x90";

#define SHORT_MS 20

static void ask_attach(void *c, uint64_t id, uint64_t deadline_ms)
{
	_blob_ struct ksnap_blob *elf = ksnap_blob_copy("ELF", 3);

	rig_send_with(c, id, "attach_object", NULL, deadline_ms, "\x81\xa4name\xa5probe", 12, elf);
}

static void ask_detach(void *c, uint64_t id, uint64_t deadline_ms)
{
	rig_send_with(c, id, "detach_object", NULL, deadline_ms, "\x81\xa4name\xa5probe", 12, NULL);
}

/* The next job is this op on "probe"; its number. */
static uint64_t take(void *w, const char *op)
{
	struct wire_work_job job;
	struct frames f;

	rig_job(w, &f, &job);
	assert_true(wire_slice_is(job.op, op));
	if (strcmp(op, "capture_snapshot"))
		assert_non_null(memmem(job.p.p, job.p.len, "probe", 5));
	frames_clear(&f);
	return job.job;
}

static void attached(void *w, uint64_t job)
{
	rig_done_raw(w, job, no_ids, sizeof(no_ids) - 1);
}

static void detached(void *w, uint64_t job)
{
	rig_done_raw(w, job, no_params, 1);
}

static void expect_ok(void *c, uint64_t id, enum wire_op_id op)
{
	struct rig_reply keep;

	rig_expect_ok(c, id, op, &keep, NULL);
	rig_reply_clear(&keep);
}

static void attach(void *c, void *w, uint64_t id)
{
	ask_attach(c, id, 30000);
	attached(w, take(w, "attach_object"));
	expect_ok(c, id, OP_attach_object);
}

static void capture(void *c, uint64_t id)
{
	struct wire_capture_snapshot_params p = rig_tag("x");

	rig_ask(c, id, OP_capture_snapshot, &p, NULL);
}

/* One broker, two clients, one worker that has joined. */
struct stage {
	struct rig *r;
	void *c, *other, *w;
};

static struct stage set_up(void)
{
	struct stage s = { .r = rig_start((struct broker_opts){ 0 }) };

	s.c = rig_client(s.r);
	s.other = rig_client(s.r);
	s.w = rig_worker(s.r, "w1");
	rig_join(s.w, "w1");
	return s;
}

static void tear_down(struct stage *s)
{
	zmq_close(s->c);
	zmq_close(s->other);
	if (s->w)
		zmq_close(s->w);
	rig_stop(s->r);
}

/* An answer that is no result must not reach the client, nor leave an object behind. */
static void a_nonsense_result_is_the_targets_fault(void **state)
{
	struct stage s = set_up();

	ask_attach(s.c, 1, 30000);
	rig_done_raw(s.w, take(s.w, "attach_object"), "\x01", 1);
	rig_expect_error(s.c, 1, "E_TARGET");
	take(s.w, "detach_object");
	tear_down(&s);
}

static void an_attach_that_is_late_is_undone(void **state)
{
	struct stage s = set_up();
	uint64_t job;

	ask_attach(s.c, 1, SHORT_MS);
	job = take(s.w, "attach_object");
	rig_expect_error(s.c, 1, "E_TIMEOUT");
	attached(s.w, job);
	take(s.w, "detach_object");
	tear_down(&s);
}

static void a_late_attach_that_failed_is_not_undone(void **state)
{
	struct stage s = set_up();
	uint64_t job;

	ask_attach(s.c, 1, SHORT_MS);
	job = take(s.w, "attach_object");
	rig_expect_error(s.c, 1, "E_TIMEOUT");
	rig_done_error(s.w, job, "E_TARGET", "the verifier says no");
	capture(s.c, 2);
	take(s.w, "capture_snapshot");
	tear_down(&s);
}

static void a_late_detach_frees_the_name(void **state)
{
	struct stage s = set_up();
	uint64_t job;

	attach(s.c, s.w, 1);
	ask_detach(s.c, 2, SHORT_MS);
	job = take(s.w, "detach_object");
	rig_expect_error(s.c, 2, "E_TIMEOUT");
	detached(s.w, job);
	while (!rig_dropped(s.c, "late_result"))
		;
	attach(s.other, s.w, 1);
	tear_down(&s);
}

static void an_attach_behind_a_bye_is_undone(void **state)
{
	struct stage s = set_up();
	uint64_t job;

	ask_attach(s.c, 1, 30000);
	job = take(s.w, "attach_object");
	rig_send(s.c, 2, "bye", no_params, 1, NULL);
	expect_ok(s.c, 2, OP_bye);
	attached(s.w, job);
	expect_ok(s.c, 1, OP_attach_object);
	take(s.w, "detach_object");
	tear_down(&s);
}

/* hello after bye begins anew, even while an old request still runs. */
static void a_hello_takes_the_bye_back(void **state)
{
	struct stage s = set_up();
	static const char hello[] = "\x82\xa6"
				    "client\xa1"
				    "c\xa4kind\xa4tool";
	void *b = rig_worker(s.r, "w2");
	uint64_t job;

	capture(s.c, 1);
	job = take(s.w, "capture_snapshot");
	rig_send(s.c, 2, "bye", no_params, 1, NULL);
	expect_ok(s.c, 2, OP_bye);
	rig_send(s.c, 3, "hello", hello, sizeof(hello) - 1, NULL);
	expect_ok(s.c, 3, OP_hello);
	rig_join(b, "w2");
	attach(s.c, b, 4);
	rig_done_error(s.w, job, "E_TARGET", "no");
	rig_expect_error(s.c, 1, "E_TARGET");
	zmq_close(b);
	ask_attach(s.other, 1, 30000);
	rig_expect_error(s.other, 1, "E_STATE"); /* it is still owned */
	tear_down(&s);
}

/* The detach cannot be sent: losing the worker must not free what is being released. */
static void bye_finds_its_worker_dead(void **state)
{
	struct stage s = set_up();

	attach(s.c, s.w, 1);
	zmq_close(s.w);
	s.w = NULL;
	rig_wait_unreachable(s.r, "w1");
	rig_send(s.c, 2, "bye", no_params, 1, NULL);
	expect_ok(s.c, 2, OP_bye);
	ask_detach(s.other, 3, 30000);
	rig_expect_error(s.other, 3, "E_NOTFOUND");
	tear_down(&s);
}

static void a_name_has_one_object_on_any_worker(void **state)
{
	struct stage s = set_up();
	void *b = rig_worker(s.r, "w2");
	uint64_t ja, jb;

	rig_join(b, "w2");
	ask_attach(s.c, 1, 30000);
	ask_attach(s.other, 1, 30000);
	jb = take(b, "attach_object"); /* the last to join is asked first */
	ja = take(s.w, "attach_object");
	attached(b, jb);
	expect_ok(s.c, 1, OP_attach_object);
	attached(s.w, ja);
	rig_expect_error(s.other, 1, "E_STATE");
	take(s.w, "detach_object");
	zmq_close(b);
	tear_down(&s);
}

static void gone(struct broker *b, void *arg)
{
	broker_worker_gone(b, arg, (uint64_t)getpid(), "killed by signal 9");
}

static uint64_t queued(void *c)
{
	struct wire_status_reply status;
	struct rig_reply keep;
	uint64_t id = rig_fresh_id(), n;

	rig_send(c, id, "status", no_params, 1, NULL);
	rig_expect_ok(c, id, OP_status, &keep, &status);
	n = ((struct wire_target_row *)status.targets.items)[0].queued;
	rig_reply_clear(&keep);
	return n;
}

/* What only this worker could do is over with it, and leaves the queue. */
static void jobs_for_a_lost_worker_end_with_it(void **state)
{
	struct stage s = set_up();

	attach(s.c, s.w, 1);
	capture(s.other, 1);
	take(s.w, "capture_snapshot");
	ask_detach(s.other, 2, 2000);
	rig_send(s.c, 2, "bye", no_params, 1, NULL); /* a detach nobody waits for */
	expect_ok(s.c, 2, OP_bye);
	assert_int_equal(queued(s.c), 2);
	rig_on_broker(s.r, gone, "w1");
	rig_expect_error(s.other, 1, "E_WORKER_LOST");
	rig_expect_error(s.other, 2, "E_WORKER_LOST");
	assert_int_equal(queued(s.c), 0);
	tear_down(&s);
}

/* At the end everything that is pending is answered, whatever its session owns. */
static void the_end_finds_leaving_sessions(void **state)
{
	struct stage s = set_up();
	void *b = rig_worker(s.r, "w2");

	rig_join(b, "w2");
	ask_attach(s.c, 1, 30000);
	attached(b, take(b, "attach_object"));
	expect_ok(s.c, 1, OP_attach_object);
	capture(s.c, 2);
	take(s.w, "capture_snapshot");
	capture(s.c, 3);
	take(b, "capture_snapshot");
	capture(s.c, 4); /* waits */
	rig_send(s.c, 5, "bye", no_params, 1, NULL);
	expect_ok(s.c, 5, OP_bye);
	rig_end_broker(s.r);
	for (int i = 0; i < 3; i++) {
		struct rig_reply reply;

		rig_reply(s.c, &reply);
		assert_string_equal(reply.code, "E_STATE");
		rig_reply_clear(&reply);
	}
	zmq_close(b);
	tear_down(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_nonsense_result_is_the_targets_fault),
		cmocka_unit_test(an_attach_that_is_late_is_undone),
		cmocka_unit_test(a_late_attach_that_failed_is_not_undone),
		cmocka_unit_test(a_late_detach_frees_the_name),
		cmocka_unit_test(an_attach_behind_a_bye_is_undone),
		cmocka_unit_test(a_hello_takes_the_bye_back),
		cmocka_unit_test(bye_finds_its_worker_dead),
		cmocka_unit_test(a_name_has_one_object_on_any_worker),
		cmocka_unit_test(jobs_for_a_lost_worker_end_with_it),
		cmocka_unit_test(the_end_finds_leaving_sessions),
	};

	return cmocka_run_group_tests_name("ownership", tests, NULL, NULL);
}
