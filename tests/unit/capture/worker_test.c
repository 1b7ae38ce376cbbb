// SPDX-License-Identifier: MIT
/* worker_test.c - the worker against a broker that is a script: one ROUTER over inproc. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <ctype.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zmq.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "capture/worker.h"
#include "report/reader.h"
#include "wire/frames.h"
#include "wire/pack.h"
#include "wire/shapes.h"

#define NAME    "w1"
#define WAIT_MS 20000

struct script {
	void *context, *router;
	struct ksnap_blob *peer; /* the worker's routing id, once it was heard */
	pthread_t thread;
	bool running;
	struct worker_opts opts;
	int result;
	struct ksnap_err err;
	uint64_t jobs;
};

/* One message of the worker, decoded. */
struct message {
	struct frames f;
	struct wire_work_join join;
	struct wire_work_beat beat;
	struct wire_work_done done;
};

static void clear_message(struct message *m)
{
	frames_clear(&m->f);
}

#define _message_ __attribute__((cleanup(clear_message)))

/* ---- the broker's side ------------------------------------------------------------------------
 */

static void *run(void *arg)
{
	struct script *s = arg;

	s->result = worker_run(&s->opts, &s->err);
	return NULL;
}

static void begin(struct script *s, const char *target)
{
	int few = 1;

	*s = (struct script){ .context = zmq_ctx_new() };
	s->router = zmq_socket(s->context, ZMQ_ROUTER);
	zmq_setsockopt(s->router, ZMQ_RCVHWM, &few, sizeof(few));
	assert_int_equal(zmq_bind(s->router, "inproc://work"), 0);
	s->opts = (struct worker_opts){ .connect = "inproc://work",
					.target = target,
					.name = NAME,
					.zmq_context = s->context,
					.stop_fd = -1 };
}

static void start(struct script *s)
{
	assert_int_equal(pthread_create(&s->thread, NULL, run, s), 0);
	s->running = true;
}

static int finish(struct script *s)
{
	if (s->running)
		pthread_join(s->thread, NULL);
	s->running = false;
	return s->result;
}

static void end(struct script *s)
{
	int none = 0;

	finish(s);
	zmq_setsockopt(s->router, ZMQ_LINGER, &none, sizeof(none));
	zmq_close(s->router);
	zmq_ctx_term(s->context);
	ksnap_blob_unref(s->peer);
}

/* The worker's next message, its identity checked and taken off. */
static void receive(struct script *s, struct message *m)
{
	zmq_pollitem_t item = { .socket = s->router, .events = ZMQ_POLLIN };

	*m = (struct message){ 0 };
	if (zmq_poll(&item, 1, WAIT_MS) != 1)
		fail_msg("the worker said nothing for %d ms", WAIT_MS);
	assert_int_equal(frames_recv(s->router, &m->f, NULL), 1);
	assert_true(m->f.n >= 2);
	assert_in_range(ksnap_blob_size(m->f.part[0]), sizeof(NAME), 81);
	assert_memory_equal(ksnap_blob_data(m->f.part[0]), NAME "#", sizeof(NAME));
	ksnap_blob_unref(s->peer);
	s->peer = ksnap_blob_ref(m->f.part[0]);
}

static bool decode(const struct message *m, const struct wire_shape *shape, void *ret)
{
	struct wire_arena arena = { 0 };
	int code = wire_decode(shape, ksnap_blob_data(m->f.part[1]), ksnap_blob_size(m->f.part[1]),
			       WIRE_REFUSE_UNKNOWN, &arena, ret, NULL);

	wire_arena_fini(&arena);
	return !code;
}

static void send_bytes(struct script *s, const void *data, size_t len, struct ksnap_blob *blob)
{
	_frames_ struct frames f = { 0 };

	assert_non_null(s->peer);
	assert_int_equal(frames_push(&f, ksnap_blob_ref(s->peer)), 0);
	assert_int_equal(frames_push_copy(&f, data, len), 0);
	if (blob)
		assert_int_equal(frames_push(&f, ksnap_blob_ref(blob)), 0);
	assert_int_equal(frames_send(s->router, &f, NULL), 0);
}

static void send_shape(struct script *s, const struct wire_shape *shape, const void *value,
		       struct ksnap_blob *blob)
{
	_buf_ struct buf b = BUF_INIT;

	assert_int_equal(wire_encode(shape, value, &b), 0);
	send_bytes(s, b.data, b.len, blob);
}

static void welcome(struct script *s, unsigned heartbeat_ms)
{
	struct wire_work_welcome w = { .k = wire_slice_of("welcome"),
				       .v = KSNAP_PROTOCOL,
				       .epoch = 7,
				       .heartbeat_ms = heartbeat_ms };

	send_shape(s, &wire_shape_work_welcome, &w, NULL);
}

static void leave(struct script *s)
{
	struct wire_work_leave m = { .k = wire_slice_of("leave") };

	send_shape(s, &wire_shape_work_leave, &m, NULL);
}

static void expect_join(struct script *s)
{
	_message_ struct message m;

	receive(s, &m);
	assert_true(decode(&m, &wire_shape_work_join, &m.join));
	assert_true(wire_slice_is(m.join.name, NAME));
	assert_true(wire_slice_is(m.join.target, s->opts.target));
	assert_int_equal(m.join.v, KSNAP_PROTOCOL);
	assert_int_equal(m.join.pid, getpid());
}

/* Up to the first beat that says the accessor is in @state. */
static void await_accessor(struct script *s, uint64_t state)
{
	for (;;) {
		_message_ struct message m;

		receive(s, &m);
		if (decode(&m, &wire_shape_work_beat, &m.beat) && m.beat.accessor == state)
			return;
	}
}

static void bring_up(struct script *s, const char *target)
{
	begin(s, target);
	start(s);
	expect_join(s);
	welcome(s, 60000);
	await_accessor(s, 1);
}

static void take_down(struct script *s)
{
	leave(s);
	assert_int_equal(finish(s), 0);
	end(s);
}

/* ---- jobs -------------------------------------------------------------------------------------
 */

/* Params as a flat map of strings; values of digits are numbers. */
static void pack_params(struct buf *b, const char *const *pairs)
{
	msgpack_packer pk;
	size_t n = 0;

	while (pairs[n])
		n++;
	pack_init(&pk, b);
	msgpack_pack_map(&pk, n / 2);
	for (size_t i = 0; i < n; i++)
		if (i % 2 && isdigit(*pairs[i]))
			msgpack_pack_uint64(&pk, strtoull(pairs[i], NULL, 10));
		else
			pack_str(&pk, pairs[i]);
}

static void send_job(struct script *s, const char *op, const char *const *params, uint64_t ms,
		     struct ksnap_blob *blob)
{
	_buf_ struct buf p = BUF_INIT;
	struct wire_work_job job = {
		.k = wire_slice_of("job"), .job = ++s->jobs, .op = wire_slice_of(op), .t = ms
	};

	pack_params(&p, params);
	job.p = (struct wire_slice){ (const char *)p.data, p.len };
	send_shape(s, &wire_shape_work_job, &job, blob);
}

/* The answer to the last job; beats between are passed over. */
static void await_done(struct script *s, struct message *m)
{
	for (;;) {
		receive(s, m);
		if (decode(m, &wire_shape_work_done, &m->done))
			break;
		clear_message(m);
	}
	assert_int_equal(m->done.job, s->jobs);
}

static void expect_failure(struct script *s, const char *code, const char *says)
{
	_message_ struct message m;

	await_done(s, &m);
	assert_false(m.done.ok);
	assert_true(m.done.has_e);
	assert_false(m.done.has_r);
	assert_true(wire_slice_is(m.done.e.code, code));
	if (!memmem(m.done.e.msg.p, m.done.e.msg.len, says, strlen(says)))
		fail_msg("'%.*s' does not say '%s'", (int)m.done.e.msg.len, m.done.e.msg.p, says);
	assert_int_equal(m.f.n, 2);
}

#define PARAMS(...) ((const char *const[]){ __VA_ARGS__, NULL })
#define NO_PARAMS   ((const char *const[]){ NULL })

static struct ksnap_blob *expect_report(struct script *s, struct wire_captured *ret)
{
	_message_ struct message m;
	struct wire_arena arena = { 0 };

	await_done(s, &m);
	if (!m.done.ok)
		fail_msg("%.*s", (int)m.done.e.msg.len, m.done.e.msg.p);
	assert_int_equal(m.f.n, 3);
	assert_int_equal(wire_decode(&wire_shape_captured, m.done.r.p, m.done.r.len,
				     WIRE_REFUSE_UNKNOWN, &arena, ret, NULL),
			 0);
	ret->reasons.p = NULL;
	wire_arena_fini(&arena);
	return ksnap_blob_ref(m.f.part[2]);
}

/* ---- misuse -----------------------------------------------------------------------------------
 */

static void refuses_bad_options(void **state)
{
	static const struct worker_opts cases[] = {
		{ .connect = "inproc://x", .target = "fixture", .name = "" },
		{ .connect = "inproc://x", .target = "fixture" },
		{ .connect = "", .target = "fixture", .name = NAME },
		{ .connect = "inproc://x", .target = "", .name = NAME },
		{ .connect = "inproc://x", .target = "unicorn", .name = NAME },
		{ .connect = "inproc://x", .target = "fixture:maps=x", .name = NAME },
		{ .connect = "inproc://x", .target = "live:now", .name = NAME },
	};
	struct ksnap_err err;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct worker_opts o = cases[i];

		o.stop_fd = -1;
		assert_int_equal(worker_run(&o, &err), KSNAP_E_ARG);
		assert_true(strlen(err.text) > 10);
		assert_int_equal(worker_run(&o, NULL), KSNAP_E_ARG);
	}
}

static void refuses_bad_endpoints(void **state)
{
	struct worker_opts o = {
		.connect = "carrier-pigeon://roof", .target = "fixture", .name = NAME, .stop_fd = -1
	};
	struct ksnap_err err;

	assert_int_equal(worker_run(&o, &err), KSNAP_E_UNREACHABLE);
	assert_non_null(strstr(err.text, "carrier-pigeon"));
}

static void survives_what_is_no_message(void **state)
{
	static const char *const junk[] = { "",
					    "\xc1",
					    "\x80",
					    "\x81\xa1k\x01",
					    "\x93\x01\x02\x03",
					    "\xdf\xff\xff\xff\xff",
					    "\x81\xa1k\xa7unheard" };
	struct wire_captured c;
	struct script s;

	bring_up(&s, "fixture");
	for (size_t i = 0; i < ARRAY_SIZE(junk); i++)
		send_bytes(&s, junk[i], strlen(junk[i]), NULL);
	send_job(&s, "capture_snapshot", PARAMS("tag", "t0"), 1000, NULL);
	ksnap_blob_unref(expect_report(&s, &c));
	take_down(&s);
}

static void answers_jobs_it_cannot_read(void **state)
{
	struct script s;
	_buf_ struct buf b = BUF_INIT;
	msgpack_packer pk;

	bring_up(&s, "fixture");
	pack_init(&pk, &b);
	msgpack_pack_map(&pk, 2);
	pack_str(&pk, "k");
	pack_str(&pk, "job");
	pack_str(&pk, "job");
	msgpack_pack_uint64(&pk, ++s.jobs);
	send_bytes(&s, b.data, b.len, NULL);
	expect_failure(&s, "E_ARG", "op");
	take_down(&s);
}

static void refuses_bad_jobs(void **state)
{
	static const struct {
		const char *op, *params[3], *code, *says;
	} cases[] = {
		{ "make_coffee", { NULL }, "E_UNSUPPORTED", "make_coffee" },
		{ "capture_snapshot", { NULL }, "E_ARG", "tag" },
		{ "capture_snapshot", { "tag", "" }, "E_ARG", "tag" },
		{ "capture_cgroup_procs", { "tag", "t" }, "E_ARG", "cgroup" },
		{ "attach_object", { "name", "x" }, "E_UNSUPPORTED", "no kernel" },
		{ "detach_object", { "name", "x" }, "E_UNSUPPORTED", "no kernel" },
		{ "render", { NULL }, "E_ARG", "exactly one blob" },
	};
	struct script s;

	bring_up(&s, "fixture");
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		send_job(&s, cases[i].op, cases[i].params, 1000, NULL);
		expect_failure(&s, cases[i].code, cases[i].says);
	}
	take_down(&s);
}

/* ---- the link ---------------------------------------------------------------------------------
 */

static void joins_until_welcomed(void **state)
{
	struct script s;

	begin(&s, "fixture:maps=1");
	start(&s);
	expect_join(&s);
	expect_join(&s);
	welcome(&s, 60000);
	await_accessor(&s, 1);
	take_down(&s);
}

static void a_refusal_ends_it(void **state)
{
	struct wire_work_refused no = { .k = wire_slice_of("refused"),
					.msg = wire_slice_of("name in use") };
	struct script s;

	begin(&s, "fixture");
	start(&s);
	expect_join(&s);
	send_shape(&s, &wire_shape_work_refused, &no, NULL);
	assert_int_equal(finish(&s), KSNAP_E_STATE);
	assert_non_null(strstr(s.err.text, "name in use"));
	end(&s);
}

static void another_version_ends_it(void **state)
{
	struct wire_work_welcome w = { .k = wire_slice_of("welcome"),
				       .v = KSNAP_PROTOCOL + 1,
				       .heartbeat_ms = 1000 };
	struct script s;

	begin(&s, "fixture");
	start(&s);
	expect_join(&s);
	send_shape(&s, &wire_shape_work_welcome, &w, NULL);
	assert_int_equal(finish(&s), KSNAP_E_PROTO);
	end(&s);
}

static void a_stop_descriptor_ends_it(void **state)
{
	struct script s;
	int pipes[2];

	assert_int_equal(pipe(pipes), 0);
	begin(&s, "fixture");
	s.opts.stop_fd = pipes[0];
	start(&s);
	expect_join(&s);
	assert_int_equal(write(pipes[1], "x", 1), 1);
	assert_int_equal(finish(&s), 0);
	end(&s);
	close(pipes[0]);
	close(pipes[1]);
}

static void a_silent_broker_is_noticed(void **state)
{
	struct script s;

	begin(&s, "fixture");
	start(&s);
	expect_join(&s);
	welcome(&s, 2);
	assert_int_equal(finish(&s), KSNAP_E_UNREACHABLE);
	assert_non_null(strstr(s.err.text, "5 heartbeats"));
	end(&s);
}

static void beats_keep_it_going(void **state)
{
	struct wire_work_beat_broker beat = { .k = wire_slice_of("beat") };
	struct script s;

	begin(&s, "fixture");
	start(&s);
	expect_join(&s);
	welcome(&s, 200);
	await_accessor(&s, 1);
	for (int i = 0; i < 8; i++) {
		_message_ struct message m;

		receive(&s, &m);
		assert_true(decode(&m, &wire_shape_work_beat, &m.beat));
		assert_int_equal(m.beat.accessor, 1);
		assert_int_equal(m.beat.seqno, 0);
		assert_false(m.beat.has_error);
		send_shape(&s, &wire_shape_work_beat_broker, &beat, NULL);
	}
	take_down(&s);
}

/* ---- what jobs give ---------------------------------------------------------------------------
 */

static void captures(void **state)
{
	struct wire_captured c;
	struct ksnap_snapshot *snap;
	struct ksnap_blob *blob;
	struct script s;

	bring_up(&s, "fixture:maps=3,entries=4");
	send_job(&s, "capture_snapshot", PARAMS("tag", "t0"), 1000, NULL);
	blob = expect_report(&s, &c);
	assert_int_equal(c.maps, 3);
	assert_true(c.complete);
	assert_false(c.placeholder);
	snap = ksnap_snapshot_open(blob, NULL);
	assert_non_null(snap);
	assert_string_equal(ksnap_snapshot_tag(snap), "t0");
	assert_int_equal(ksnap_snapshot_map_count(snap), 3);
	ksnap_snapshot_close(snap);
	ksnap_blob_unref(blob);
	take_down(&s);
}

static void the_targets_failure_is_the_jobs(void **state)
{
	struct wire_captured c;
	struct script s;

	bring_up(&s, "fixture:fail_every=2");
	send_job(&s, "capture_snapshot", PARAMS("tag", "t0"), 1000, NULL);
	ksnap_blob_unref(expect_report(&s, &c));
	send_job(&s, "capture_snapshot", PARAMS("tag", "t1"), 1000, NULL);
	expect_failure(&s, "E_TARGET", "told to fail");
	send_job(&s, "capture_snapshot", PARAMS("tag", "t2"), 1000, NULL);
	ksnap_blob_unref(expect_report(&s, &c));
	take_down(&s);
}

/* A latency of an hour, a millisecond of time: only the deadline ends it. */
static void the_deadline_makes_it_incomplete(void **state)
{
	struct wire_captured c;
	struct script s;

	bring_up(&s, "fixture:latency_ms=3600000");
	send_job(&s, "capture_snapshot", PARAMS("tag", "t0"), 1, NULL);
	ksnap_blob_unref(expect_report(&s, &c));
	assert_false(c.complete);
	take_down(&s);
}

static void a_freeze_needs_the_brokers_words(void **state)
{
	struct script s;

	bring_up(&s, "fixture");
	send_job(&s, "capture_snapshot", PARAMS("tag", "t0", "freeze", "/a"), 1000, NULL);
	expect_failure(&s, "E_ARG", "by");
	take_down(&s);
}

static void lists_processes(void **state)
{
	struct wire_capture_cgroup_procs_reply r;
	struct wire_arena arena = { 0 };
	_message_ struct message m;
	struct script s;

	bring_up(&s, "fixture");
	send_job(&s, "capture_cgroup_procs", PARAMS("tag", "p", "cgroup", "/gone"), 1000, NULL);
	expect_failure(&s, "E_NOTFOUND", "/gone");
	send_job(&s, "capture_cgroup_procs", PARAMS("tag", "p", "cgroup", "/fixture"), 1000, NULL);
	await_done(&s, &m);
	assert_true(m.done.ok);
	assert_int_equal(wire_decode(&wire_shape_capture_cgroup_procs_reply, m.done.r.p,
				     m.done.r.len, WIRE_REFUSE_UNKNOWN, &arena, &r, NULL),
			 0);
	assert_int_equal(r.pids.n, 3);
	wire_arena_fini(&arena);
	take_down(&s);
}

static void renders_values_and_reports(void **state)
{
	struct wire_captured c;
	struct ksnap_blob *report, *junk = ksnap_blob_copy("junk", 4);
	struct script s;

	bring_up(&s, "fixture");
	send_job(&s, "capture_snapshot", PARAMS("tag", "t0"), 1000, NULL);
	report = expect_report(&s, &c);
	send_job(&s, "render", PARAMS("path", "map1[3].comm"), 1000, report);
	{
		_message_ struct message m;

		await_done(&s, &m);
		assert_true(m.done.ok);
		assert_int_equal(m.done.r.len, 7);
		assert_memory_equal(m.done.r.p, "\xa6task-3", 7);
	}
	send_job(&s, "render", NO_PARAMS, 1000, report);
	{
		_message_ struct message m;

		await_done(&s, &m);
		assert_true(m.done.ok);
		assert_true(m.done.r.len > 500);
		assert_int_equal(m.f.n, 2);
	}
	send_job(&s, "render", PARAMS("path", "map1[99]"), 1000, report);
	expect_failure(&s, "E_NOTFOUND", "map1");
	send_job(&s, "render", NO_PARAMS, 1000, junk);
	{
		_message_ struct message m;

		await_done(&s, &m);
		assert_false(m.done.ok);
	}
	ksnap_blob_unref(report);
	ksnap_blob_unref(junk);
	take_down(&s);
}

/* ---- with the kernel --------------------------------------------------------------------------
 */

/* Skips, or fails when KSNAP_TEST_REQUIRE names BPF. */
static void lack_bpf(void)
{
	if (strstr(getenv("KSNAP_TEST_REQUIRE") ?: "", "bpf"))
		fail_msg("BPF cannot be used here");
	print_message("# BPF cannot be used here\n");
	skip();
}

static struct ksnap_blob *read_object(const char *name)
{
	char path[4096];
	static char data[1 << 20];
	struct ksnap_blob *blob;
	size_t len;
	FILE *f;

	snprintf(path, sizeof(path), "%s/tests/bpf/%s", getenv("KSNAP_TOP_BUILDDIR") ?: ".", name);
	f = fopen(path, "re");
	if (!f)
		fail_msg("cannot open %s", path);
	len = fread(data, 1, sizeof(data), f);
	fclose(f);
	blob = ksnap_blob_copy(data, len);
	assert_non_null(blob);
	return blob;
}

/* The accessor's new number is told before the job is done: who waits for it cannot miss it. */
static void expect_renewal(struct script *s, uint64_t seqno)
{
	_message_ struct message beat, answer;

	receive(s, &beat);
	receive(s, &answer);
	if (!decode(&beat, &wire_shape_work_beat, &beat.beat))
		fail_msg("the answer came before the beat");
	assert_int_equal(beat.beat.seqno, seqno);
	assert_true(decode(&answer, &wire_shape_work_done, &answer.done));
	assert_true(answer.done.ok);
	assert_int_equal(answer.done.job, s->jobs);
}

#define TOLD 1000ull

static void send_watch(struct script *s, const char *id, const char *max_hits)
{
	send_job(s, "watch_snapshot",
		 PARAMS("symbol", "map0", "id", id, "rate", "1000", "burst", "1000",
			max_hits ? "max_hits" : NULL, max_hits),
		 WAIT_MS, NULL);
}

/* Answers have to wait as well, and are not lost: one capture after the other, so that some end
 * while the queue is full. */
static void take_done(struct script *s, struct message *m, uint64_t *done, bool more)
{
	assert_true(decode(m, &wire_shape_work_done, &m->done));
	assert_true(m->done.ok);
	assert_int_equal(m->done.job, ++*done);
	if (more)
		send_job(s, "capture_snapshot", PARAMS("tag", "t0"), WAIT_MS, NULL);
}

/* More than its queue has room for, and no heartbeat within the test's patience. */
static void overwhelm(void)
{
	struct wire_work_watched end = { 0 }, news;
	struct wire_work_fired hit;
	struct script s;
	uint64_t n = 0, done = 0;

	bring_up(&s, "fixture:maps=1,entries=1,hits=5000");
	send_watch(&s, "7", NULL);
	while (!end.hits || done < s.jobs) {
		_message_ struct message m;

		receive(&s, &m);
		if (decode(&m, &wire_shape_work_fired, &hit))
			assert_int_equal(hit.n, ++n);
		else if (decode(&m, &wire_shape_work_watched, &news))
			end = news;
		else
			take_done(&s, &m, &done, !end.hits);
	}
	assert_int_equal(n, TOLD);
	assert_int_equal(end.hits, 5000);
	assert_int_equal(end.suppressed, 5000 - TOLD);
	take_down(&s);
}

static void hits_that_had_to_wait_are_told_soon(void **state)
{
	for (int i = 0; i < 5; i++)
		overwhelm();
}

#define AT_ONCE 32 /* news that are told before a worker looks at anything else */

/* How many hits are told of watch 8. The end of watch 7, if there is one, waits before them, and is
 * told as of the moment in which it is told. */
static uint64_t unwatch_behind(bool another)
{
	struct wire_watch_totals totals = { 0 };
	struct wire_work_watched news;
	struct wire_work_fired hit;
	uint64_t n = 0, done = 0;
	struct script s;

	bring_up(&s, "fixture:maps=1,entries=1,hits=32");
	if (another)
		send_watch(&s, "7", "32");
	send_watch(&s, "8", NULL);
	send_job(&s, "unwatch", PARAMS("id", "8"), WAIT_MS, NULL);
	while (done < s.jobs) {
		_message_ struct message m;

		receive(&s, &m);
		if (decode(&m, &wire_shape_work_fired, &hit))
			assert_true(hit.watch == 7 || hit.n == ++n);
		else if (!decode(&m, &wire_shape_work_watched, &news))
			take_done(&s, &m, &done, false);
		if (done == s.jobs)
			wire_decode(&wire_shape_watch_totals, m.done.r.p, m.done.r.len,
				    WIRE_SKIP_UNKNOWN, NULL, &totals, NULL);
	}
	assert_int_equal(totals.hits, AT_ONCE);
	assert_int_equal(totals.suppressed, AT_ONCE - n);
	take_down(&s);
	return n;
}

static void hits_before_an_unwatch_are_told(void **state)
{
	assert_int_equal(unwatch_behind(false), AT_ONCE);
	assert_in_range(unwatch_behind(true), 1, AT_ONCE); /* for as many there is room */
}

static void attaching_renews_before_it_is_done(void **state)
{
	struct wire_captured c;
	struct ksnap_blob *elf = read_object("counter.bpf.o");
	struct script s;

	if (geteuid())
		lack_bpf();
	bring_up(&s, "live");
	send_job(&s, "attach_object", PARAMS("name", "seen"), 10000, elf);
	expect_renewal(&s, 2);
	send_job(&s, "attach_object", PARAMS("name", "seen"), 10000, elf);
	expect_failure(&s, "E_STATE", "seen");
	send_job(&s, "capture_snapshot", PARAMS("tag", "t"), 10000, NULL);
	ksnap_blob_unref(expect_report(&s, &c));
	assert_true(c.maps >= 2);
	send_job(&s, "detach_object", PARAMS("name", "seen"), 10000, NULL);
	expect_renewal(&s, 3);
	ksnap_blob_unref(elf);
	take_down(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_bad_options),
		cmocka_unit_test(refuses_bad_endpoints),
		cmocka_unit_test(survives_what_is_no_message),
		cmocka_unit_test(answers_jobs_it_cannot_read),
		cmocka_unit_test(refuses_bad_jobs),
		cmocka_unit_test(joins_until_welcomed),
		cmocka_unit_test(a_refusal_ends_it),
		cmocka_unit_test(another_version_ends_it),
		cmocka_unit_test(a_stop_descriptor_ends_it),
		cmocka_unit_test(a_silent_broker_is_noticed),
		cmocka_unit_test(beats_keep_it_going),
		cmocka_unit_test(captures),
		cmocka_unit_test(the_targets_failure_is_the_jobs),
		cmocka_unit_test(the_deadline_makes_it_incomplete),
		cmocka_unit_test(a_freeze_needs_the_brokers_words),
		cmocka_unit_test(lists_processes),
		cmocka_unit_test(renders_values_and_reports),
		cmocka_unit_test(hits_that_had_to_wait_are_told_soon),
		cmocka_unit_test(hits_before_an_unwatch_are_told),
		cmocka_unit_test(attaching_renews_before_it_is_done),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
