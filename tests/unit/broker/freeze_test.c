// SPDX-License-Identifier: MIT
/* freeze_test.c - a frozen cgroup has one owner, and is thawed when that has gone or was late. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <string.h>
#include <unistd.h>
#include <zmq.h>

#include "rig.h"

#define SHORT_MS 20

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
	zmq_close(s->w);
	rig_stop(s->r);
}

static void ask_freeze(void *c, uint64_t id, const char *cgroup)
{
	struct wire_freeze_params p = { .cgroup = wire_slice_of(cgroup) };

	rig_ask(c, id, OP_freeze, &p, NULL);
}

static void ask_thaw(void *c, uint64_t id, const char *cgroup, bool force)
{
	struct wire_thaw_params p = { .cgroup = wire_slice_of(cgroup),
				      .has_force = force,
				      .force = force };

	rig_ask(c, id, OP_thaw, &p, NULL);
}

/* The next job is this op on a cgroup that @part is in; its number. */
static uint64_t take(void *w, const char *op, const char *part)
{
	struct wire_work_job job;
	struct frames f;

	rig_job(w, &f, &job);
	assert_true(wire_slice_is(job.op, op));
	assert_non_null(memmem(job.p.p, job.p.len, part, strlen(part)));
	frames_clear(&f);
	return job.job;
}

/* The worker answers that it froze "/a". */
static void frozen(void *w, uint64_t job)
{
	rig_done_raw(w, job,
		     "\x81\xa6"
		     "cgroup\xa2/a",
		     11);
}

static void expect_ok(void *c, uint64_t id, enum wire_op_id op)
{
	struct rig_reply keep;

	rig_expect_ok(c, id, op, &keep, NULL);
	rig_reply_clear(&keep);
}

static void freeze(struct stage *s, uint64_t id)
{
	ask_freeze(s->c, id, "/a");
	frozen(s->w, take(s->w, "freeze", "/a"));
	expect_ok(s->c, id, OP_freeze);
}

static void what_nobody_froze_is_not_thawed(void **state)
{
	struct stage s = set_up();

	ask_thaw(s.c, 1, "/a", false);
	rig_expect_error(s.c, 1, "E_NOTFOUND");
	ask_thaw(s.c, 2, "/a", true);
	rig_done_error(s.w, take(s.w, "thaw", "/a"), "E_NOTFOUND", "no");
	rig_expect_error(s.c, 2, "E_NOTFOUND");
	tear_down(&s);
}

/* By a ksnap that was killed: a worker can tell. */
static void force_thaws_what_is_left(void **state)
{
	struct wire_thaw_params p = { .cgroup = wire_slice_of("/a"),
				      .has_force = true,
				      .force = true,
				      .has_target = true,
				      .target = wire_slice_of("nowhere") };
	struct stage s = set_up();

	ask_thaw(s.c, 1, "/a", true);
	rig_done_raw(s.w, take(s.w, "thaw", "/a"), "\x80", 1);
	expect_ok(s.c, 1, OP_thaw);
	rig_ask(s.c, 2, OP_thaw, &p, NULL);
	rig_expect_error(s.c, 2, "E_NOTFOUND");
	tear_down(&s);
}

static void a_nonsense_answer_is_undone(void **state)
{
	struct stage s = set_up();

	ask_freeze(s.c, 1, "/a");
	rig_done_raw(s.w, take(s.w, "freeze", "/a"), "\x01", 1);
	rig_expect_error(s.c, 1, "E_TARGET");
	take(s.w, "thaw", "/a");
	tear_down(&s);
}

static void a_freeze_that_is_late_is_undone(void **state)
{
	static const char params[] = "\x81\xa6"
				     "cgroup\xa2/a";
	struct stage s = set_up();
	uint64_t job;

	rig_send_with(s.c, 1, "freeze", NULL, SHORT_MS, params, sizeof(params) - 1, NULL);
	job = take(s.w, "freeze", "/a");
	rig_expect_error(s.c, 1, "E_TIMEOUT");
	frozen(s.w, job);
	take(s.w, "thaw", "/a");
	tear_down(&s);
}

static void the_worker_is_told_whom_to_spare(void **state)
{
	struct wire_hello_params hello = { .client = wire_slice_of("exec"),
					   .kind = wire_slice_of("executor"),
					   .has_pid = true,
					   .pid = 4711 };
	struct stage s = set_up();
	struct wire_arena arena = { 0 };
	const struct wire_spared *rows;
	struct wire_freezing w;
	struct wire_work_job job;
	struct frames f;

	rig_ask(s.c, 1, OP_hello, &hello, NULL);
	expect_ok(s.c, 1, OP_hello);
	ask_freeze(s.c, 2, "/a");
	rig_job(s.w, &f, &job);
	assert_int_equal(wire_decode(&wire_shape_freezing, job.p.p, job.p.len, WIRE_SKIP_UNKNOWN,
				     &arena, &w, NULL),
			 0);
	rows = w.spared.items;
	assert_int_equal(w.spared.n, 2);
	assert_int_equal(rows[0].pid, getpid());
	assert_int_equal(rows[1].pid, 4711);
	assert_true(wire_slice_is(rows[1].who, "session exec"));
	assert_true(wire_slice_is(w.by, "session exec (process 4711)"));
	wire_arena_fini(&arena);
	frames_clear(&f);
	tear_down(&s);
}

static void one_session_holds_a_cgroup(void **state)
{
	struct stage s = set_up();

	freeze(&s, 1);
	ask_freeze(s.other, 2, "/a");
	rig_done_error(s.w, take(s.w, "freeze", "/a"), "E_STATE", "frozen already");
	rig_expect_error(s.other, 2, "E_STATE");
	ask_thaw(s.other, 3, "/a", false);
	rig_expect_error(s.other, 3, "E_STATE");
	ask_thaw(s.c, 4, "/mnt/a", false);
	rig_done_raw(s.w, take(s.w, "thaw", "/mnt/a"), "\x80", 1);
	expect_ok(s.c, 4, OP_thaw);
	ask_thaw(s.c, 5, "/a", false);
	rig_expect_error(s.c, 5, "E_NOTFOUND");
	tear_down(&s);
}

/* The worker that holds it is asked, and no other; when it can freeze again, that is another
 * cgroup. */
static void one_made_again_has_another_owner(void **state)
{
	struct stage s = set_up();
	void *second = rig_worker(s.r, "w2");

	freeze(&s, 1);
	rig_join(second, "w2");
	for (uint64_t i = 2; i < 6; i++) {
		ask_freeze(s.other, i, "/a");
		rig_done_error(s.w, take(s.w, "freeze", "/a"), "E_STATE", "frozen already");
		rig_expect_error(s.other, i, "E_STATE");
	}
	ask_freeze(s.other, 6, "/a");
	frozen(s.w, take(s.w, "freeze", "/a"));
	expect_ok(s.other, 6, OP_freeze);
	ask_thaw(s.c, 7, "/a", false);
	rig_expect_error(s.c, 7, "E_STATE");
	ask_thaw(s.other, 8, "/a", false);
	rig_done_raw(s.w, take(s.w, "thaw", "/a"), "\x80", 1);
	expect_ok(s.other, 8, OP_thaw);
	ask_thaw(s.c, 9, "/a", false);
	rig_expect_error(s.c, 9, "E_NOTFOUND");
	zmq_close(second);
	tear_down(&s);
}

static void force_thaws_for_another_session(void **state)
{
	struct stage s = set_up();

	freeze(&s, 1);
	ask_thaw(s.other, 2, "/a", true);
	rig_done_raw(s.w, take(s.w, "thaw", "/a"), "\x80", 1);
	expect_ok(s.other, 2, OP_thaw);
	freeze(&s, 3);
	tear_down(&s);
}

static void bye_thaws(void **state)
{
	struct stage s = set_up();

	freeze(&s, 1);
	rig_send(s.c, 2, "bye", "\x80", 1, NULL);
	expect_ok(s.c, 2, OP_bye);
	take(s.w, "thaw", "/a");
	tear_down(&s);
}

/* Only the worker that froze it knows that it may read under it. */
static void a_capture_goes_to_the_worker_that_holds(void **state)
{
	struct wire_capture_snapshot_params p = rig_tag("x");
	struct stage s = set_up();
	void *second = rig_worker(s.r, "w2");

	freeze(&s, 1);
	rig_join(second, "w2");
	p.has_freeze = true;
	p.freeze = wire_slice_of("/a");
	for (uint64_t i = 0; i < 4; i++)
		rig_ask(s.other, 10 + i, OP_capture_snapshot, &p, NULL);
	for (uint64_t i = 0; i < 4; i++) {
		rig_done_error(s.w, take(s.w, "capture_snapshot", "/a"), "E_TARGET", "no");
		rig_expect_error(s.other, 10 + i, "E_TARGET");
	}
	zmq_close(second);
	tear_down(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_nobody_froze_is_not_thawed),
		cmocka_unit_test(force_thaws_what_is_left),
		cmocka_unit_test(a_nonsense_answer_is_undone),
		cmocka_unit_test(a_freeze_that_is_late_is_undone),
		cmocka_unit_test(the_worker_is_told_whom_to_spare),
		cmocka_unit_test(one_session_holds_a_cgroup),
		cmocka_unit_test(one_made_again_has_another_owner),
		cmocka_unit_test(force_thaws_for_another_session),
		cmocka_unit_test(bye_thaws),
		cmocka_unit_test(a_capture_goes_to_the_worker_that_holds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
