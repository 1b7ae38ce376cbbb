// SPDX-License-Identifier: MIT
/* torture_test.c - allocation number k fails on the broker's thread, for every k: every request
 * gets exactly one answer or is counted as dropped, and the broker serves on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <errno.h>
#include <msgpack.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <zmq.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "broker/bridges.h"
#include "broker/pool.h"
#include "broker/session.h"
#include "broker/state.h"
#include "broker/store_report.h"
#include "core/bridge.h"
#include "core/events.h"
#include "rig.h"

/* ---- failing ----------------------------------------------------------------------------------
 */

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *old, size_t size);
char *__real_strdup(const char *s);
msgpack_zone *__real_msgpack_zone_new(size_t size);
void *__real_msgpack_zone_malloc_expand(msgpack_zone *zone, size_t size);
int __real_zmq_msg_init_size(zmq_msg_t *msg, size_t size);
int __real_zmq_msg_init_data(zmq_msg_t *msg, void *data, size_t size, zmq_free_fn *fn, void *hint);

static _Thread_local bool tortured; /* this thread's allocations are counted */
static _Atomic long countdown;      /* calls until the one that fails; 0 or less: none */

static bool fails(void)
{
	if (!tortured || atomic_fetch_sub(&countdown, 1) != 1)
		return false;
	errno = ENOMEM;
	return true;
}

void *__wrap_malloc(size_t size)
{
	return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t n, size_t size)
{
	return fails() ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *old, size_t size)
{
	return fails() ? NULL : __real_realloc(old, size);
}

char *__wrap_strdup(const char *s)
{
	return fails() ? NULL : __real_strdup(s);
}

msgpack_zone *__wrap_msgpack_zone_new(size_t size)
{
	return fails() ? NULL : __real_msgpack_zone_new(size);
}

void *__wrap_msgpack_zone_malloc_expand(msgpack_zone *zone, size_t size)
{
	return fails() ? NULL : __real_msgpack_zone_malloc_expand(zone, size);
}

int __wrap_zmq_msg_init_size(zmq_msg_t *msg, size_t size)
{
	return fails() ? -1 : __real_zmq_msg_init_size(msg, size);
}

int __wrap_zmq_msg_init_data(zmq_msg_t *msg, void *data, size_t size, zmq_free_fn *fn, void *hint)
{
	return fails() ? -1 : __real_zmq_msg_init_data(msg, data, size, fn, hint);
}

/* ---- the clock ---------------------------------------------------------------------------------
 */

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

static const struct clock_source skipping = { skipping_mono, real };

#define LOOKS_A_TICK 64

/* ---- the stage ---------------------------------------------------------------------------------
 */

/* A job whose message was lost is waited for so long. */
#define DEADLINE_MS 50

struct stage {
	struct rig *r;
	void *c, *w;
	struct ksnap_blob *report;
	uint64_t sent, answered;
	uint64_t lost, lost_before; /* requests that the broker counted as dropped */
	uint64_t bad_work;          /* work messages that the broker counted as dropped */
	bool welcomed;
	unsigned looks;
};

static void torture(struct broker *b, void *arg)
{
	tortured = true;
}

static void look(struct broker *b, void *arg)
{
	const uint64_t *d = b->tally.drops;
	struct stage *s = arg;

	s->lost = d[DROP_REPLY_GONE] + d[DROP_REPLY_FULL] + d[DROP_REPLY_MEMORY] +
		  d[DROP_REQUEST_MEMORY];
	/* A worker's message is lost: no memory for time to pass either, so it jumps. */
	if (d[DROP_WORK_FRAME] != s->bad_work) {
		skipped_ns += 10 * NS_PER_S;
		b->ticked_ns += 10 * NS_PER_S; /* it was there meanwhile */
	}
	s->bad_work = d[DROP_WORK_FRAME];
	if (++s->looks % LOOKS_A_TICK)
		return; /* each beat allocates, too */
	workers_tick(b->workers);
	sessions_tick(b->sessions);
	state_tick(b->state);
}

/* It is armed, and written to twice at once. */
static void arm(struct stage *s, const struct wire_work_job *job)
{
	static const char armed[] = "\x83\xa4"
				    "addr\x01\xa3len\x08\xa4slot\x01";
	struct wire_work_fired m = { .k = wire_slice_of("fired"), .hit = { "\x80", 1 } };
	struct wire_work_watched told = { .k = wire_slice_of("watched"),
					  .state = wire_slice_of("throttled"),
					  .hits = 9,
					  .suppressed = 7 };
	struct wire_watching w;

	assert_int_equal(wire_decode(&wire_shape_watching, job->p.p, job->p.len, WIRE_SKIP_UNKNOWN,
				     NULL, &w, NULL),
			 0);
	rig_done_raw(s->w, job->job, armed, sizeof(armed) - 1);
	told.watch = m.watch = w.id;
	for (m.n = 1; m.n <= 2; m.n++)
		rig_work(s->w, &wire_shape_work_fired, &m, NULL);
	rig_work(s->w, &wire_shape_work_watched, &told, NULL);
}

static void answer_job(struct stage *s, const struct wire_work_job *job)
{
	static const char totals[] = "\x82\xa4hits\x09\xaasuppressed\x07";
	static const char ids[] = "\x82\xa4maps\x91\x01\xa5progs\x90";
	static const char pids[] = "\x81\xa4pids\x92\x01\x02";

	if (wire_slice_is(job->op, "capture_snapshot"))
		rig_done_captured(s->w, job->job, s->report);
	else if (wire_slice_is(job->op, "attach_object"))
		rig_done_raw(s->w, job->job, ids, sizeof(ids) - 1);
	else if (wire_slice_is(job->op, "watch_snapshot"))
		arm(s, job);
	else if (wire_slice_is(job->op, "unwatch"))
		rig_done_raw(s->w, job->job, totals, sizeof(totals) - 1);
	else if (wire_slice_is(job->op, "capture_cgroup_procs"))
		rig_done_raw(s->w, job->job, pids, sizeof(pids) - 1);
	else
		rig_done_raw(s->w, job->job, "\x80", 1);
}

static void beat(struct stage *s)
{
	struct wire_work_beat m = { .k = wire_slice_of("beat"), .accessor = 1, .seqno = 1 };

	rig_work(s->w, &wire_shape_work_beat, &m, NULL);
}

static bool play_worker(struct stage *s)
{
	_frames_ struct frames f = { 0 };
	struct wire_work_kind kind;
	struct wire_work_job job;

	if (frames_recv(s->w, &f, NULL) != 1)
		return false;
	assert_int_equal(wire_decode(&wire_shape_work_kind, ksnap_blob_data(f.part[0]),
				     ksnap_blob_size(f.part[0]), WIRE_SKIP_UNKNOWN, NULL, &kind,
				     NULL),
			 0);
	if (wire_slice_is(kind.k, "welcome")) {
		s->welcomed = true;
		beat(s);
	} else if (wire_slice_is(kind.k, "leave") || wire_slice_is(kind.k, "refused")) {
		s->welcomed = false;
	} else if (wire_slice_is(kind.k, "job")) {
		assert_int_equal(wire_decode(&wire_shape_work_job, ksnap_blob_data(f.part[0]),
					     ksnap_blob_size(f.part[0]), WIRE_SKIP_UNKNOWN, NULL,
					     &job, NULL),
				 0);
		answer_job(s, &job);
	}
	return true;
}

/* Everybody else's turn, while somebody waits. */
static void turn(struct stage *s)
{
	rig_on_broker(s->r, look, s);
	while (play_worker(s))
		;
	if (!s->welcomed) {
		struct wire_work_join m = rig_join_of("w1");

		rig_work(s->w, &wire_shape_work_join, &m, NULL);
	}
}

/* Was the final reply among what the client could read? */
static bool read_final(struct stage *s)
{
	for (;;) {
		_frames_ struct frames f = { 0 };
		struct wire_reply reply;
		size_t envelope;

		if (frames_recv(s->c, &f, NULL) != 1)
			return false;
		envelope = ksnap_blob_size(f.part[0]) == 0; /* a REQ's delimiter */
		assert_int_equal(reply_decode(ksnap_blob_data(f.part[envelope]),
					      ksnap_blob_size(f.part[envelope]), &reply, NULL),
				 0);
		if (!reply.more || envelope)
			return true;
	}
}

static void settle(struct stage *s)
{
	s->sent++;
	for (;;) {
		turn(s);
		if (read_final(s)) {
			s->answered++;
			return;
		}
		if (s->lost != s->lost_before) {
			s->lost_before = s->lost;
			return;
		}
	}
}

static void ask(struct stage *s, enum wire_op_id op, const void *params, struct ksnap_blob *blob)
{
	_buf_ struct buf p = BUF_INIT;

	assert_int_equal(wire_encode(wire_ops[op].params, params, &p), 0);
	rig_send_with(s->c, rig_fresh_id(), wire_ops[op].name, "tortured", DEADLINE_MS, p.data,
		      p.len, blob);
	settle(s);
}

/* As a REQ socket asks. */
static void ask_req(struct stage *s, enum wire_op_id op)
{
	zmq_send(s->c, "", 0, ZMQ_SNDMORE);
	rig_send_with(s->c, rig_fresh_id(), wire_ops[op].name, "tortured", DEADLINE_MS, "\x80", 1,
		      NULL);
	settle(s);
}

static void ask_plain(struct stage *s, enum wire_op_id op)
{
	struct ksnap_limits none = { 0 };

	ask(s, op, &none, NULL);
}

/* ---- the script --------------------------------------------------------------------------------
 */

static void store(struct stage *s, const char *tag)
{
	struct wire_store_snapshot_params p = { .tag = wire_slice_of(tag),
						.stats = { "\x01", 1 },
						.has_stats = true };

	ask(s, OP_store_snapshot, &p, s->report);
}

static void read_store(struct stage *s)
{
	struct wire_get_params get = { .tag = wire_slice_of("a") };
	struct wire_replay_params replay = { .channel = wire_slice_of("event/tortured"),
					     .from = { "\xa6last:5", 7 } };
	struct wire_has_params has = { .tag = wire_slice_of("a") };

	ask(s, OP_has, &has, NULL);
	ask_plain(s, OP_list);
	ask(s, OP_get, &get, NULL);
	get.as = wire_slice_of("tree");
	get.has_as = true;
	ask(s, OP_get, &get, NULL);
	ask(s, OP_replay, &replay, NULL);
	ask_req(s, OP_drain);
	ask_plain(s, OP_drain);
}

static void use_worker(struct stage *s)
{
	struct wire_capture_snapshot_params capture = rig_tag("b");
	struct wire_capture_cgroup_procs_params procs = { .tag = wire_slice_of("p"),
							  .cgroup = wire_slice_of("/x") };
	struct wire_attach_object_params object = { .name = wire_slice_of("probe") };
	struct wire_detach_object_params away = { .name = wire_slice_of("probe") };
	struct wire_cgroup_procs_by_tag_params by_tag = { .tag = wire_slice_of("p") };
	struct wire_wait_accessor_params wait = { 0 };

	ask(s, OP_wait_accessor, &wait, NULL);
	ask(s, OP_capture_snapshot, &capture, NULL);
	ask(s, OP_capture_cgroup_procs, &procs, NULL);
	ask(s, OP_cgroup_procs_by_tag, &by_tag, NULL);
	ask_plain(s, OP_drain_cgroup_procs);
	ask(s, OP_attach_object, &object, s->report);
	ask(s, OP_detach_object, &away, NULL);
	ask(s, OP_attach_object, &object, s->report);
}

/* One is ended, one is left for bye, one for the bridge's end. */
static void use_watches(struct stage *s)
{
	struct wire_watch_snapshot_params x = { .symbol = wire_slice_of("x"),
						.each = true,
						.has_each = true };
	struct wire_unwatch_params away = { .symbol = x.symbol, .has_symbol = true };

	ask(s, OP_watch_snapshot, &x, NULL);
	ask_plain(s, OP_list_watches);
	ask(s, OP_unwatch, &away, NULL);
	ask(s, OP_watch_snapshot, &x, NULL);
	ask(s, OP_watch_snapshot, &x, NULL);
}

static void gone(struct broker *b, void *arg)
{
	broker_worker_gone(b, "w1", (uint64_t)getpid(), "tortured");
}

static void play(struct stage *s)
{
	struct wire_hello_params hello = { .client = wire_slice_of("t"),
					   .kind = wire_slice_of("tool") };
	struct wire_open_bridge_params open = { 0 };

	rig_on_broker(s->r, gone, NULL);
	s->welcomed = false;
	ask(s, OP_hello, &hello, NULL);
	ask(s, OP_open_bridge, &open, NULL);
	store(s, "a");
	store(s, "a");
	ask_plain(s, OP_status);
	ask_plain(s, OP_describe);
	use_worker(s);
	use_watches(s);
	read_store(s);
	ask_plain(s, OP_event_count);
	ask_plain(s, OP_drain_events);
	rig_send(s->c, rig_fresh_id(), "no_such_op", "\x80", 1, NULL);
	settle(s);
	ask_plain(s, OP_bye);
	ask_plain(s, OP_close_bridge);
}

/* One more, and it must do what it always does. */
static void serves_on(struct stage *s)
{
	void *c = rig_client(s->r);
	struct wire_ping_reply ping;
	struct rig_reply keep;

	rig_send(c, 9, "ping", "\x80", 1, NULL);
	rig_expect_ok(c, 9, OP_ping, &keep, &ping);
	rig_reply_clear(&keep);
	zmq_close(c);
}

/* What changes the files of a state, and no more: each allocation takes a run of it. */
static void play_kept(struct stage *s)
{
	store(s, "a");
	store(s, "a");
	store(s, "b");
	ask_plain(s, OP_drain_events);
	store(s, "c");
	ask_plain(s, OP_drain);
	store(s, "d");
	ask_plain(s, OP_close_bridge);
}

static void torture_all(void (*script)(struct stage *s), const char *folder, long least)
{
	/* What a run leaves behind must not make the next one allocate more. */
	struct broker_opts o = { .max_sessions = 4, .state = folder };
	struct stage s = { .r = rig_start(o), .report = rig_report(100) };
	long k = 0, left;

	s.w = rig_worker(s.r, "w1");
	rig_on_broker(s.r, torture, NULL);
	do {
		s.c = rig_client(s.r);
		atomic_store(&countdown, ++k);
		script(&s);
		left = atomic_exchange(&countdown, 0);
		rig_on_broker(s.r, look, &s);
		assert_int_equal(s.sent, s.answered + s.lost);
		serves_on(&s);
		zmq_close(s.c);
	} while (left <= 0);
	print_message("# %ld allocations, %lu requests, %lu dropped and counted\n", k,
		      (unsigned long)s.sent, (unsigned long)s.lost);
	assert_true(k > least);
	zmq_close(s.w);
	ksnap_blob_unref(s.report);
	rig_stop(s.r);
}

static void every_request_is_answered_or_counted(void **state)
{
	torture_all(play, NULL, 300);
}

/* ---- what is kept ------------------------------------------------------------------------------
 */

static char folder[64];

static int make_folder(void **state)
{
	strcpy(folder, "/tmp/ksnap-torture-XXXXXX");
	return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
	char command[256];

	snprintf(command, sizeof(command), "rm -rf %s %s.as-left", folder, folder);
	return system(command);
}

/* ---- beginning --------------------------------------------------------------------------------
 */

static struct broker *begin(void *context, struct loop *l, const char *state, struct ksnap_err *err)
{
	static const char *const control[] = { "inproc://control", NULL };
	static const char *const live[] = { "inproc://live", NULL };
	static const char *const work[] = { "inproc://work", NULL };
	static const char *const targets[] = { "a", "b", NULL };
	struct broker_opts o = { .size = sizeof(o),
				 .zmq_context = context,
				 .control = control,
				 .live = live,
				 .work = work,
				 .targets = targets,
				 .state = state };

	return broker_create(l, &o, err);
}

static void a_broker_that_cannot_begin_leaves_nothing(void **state)
{
	struct broker *b = NULL;
	long k;

	for (k = 1; !b; k++) {
		struct ksnap_err err = { 0 };
		struct loop *l = loop_create(&err);
		void *context = zmq_ctx_new(); /* a closed socket's inproc name is free later */

		tortured = true;
		atomic_store(&countdown, k);
		b = begin(context, l, NULL, &err);
		tortured = false;
		if (!b)
			assert_int_equal(err.code, KSNAP_E_NOMEM);
		broker_destroy(b);
		loop_destroy(l);
		zmq_ctx_term(context);
	}
	assert_true(k > 20);
}

static uint64_t stored(struct broker *b)
{
	struct ksnap_bridge_stats s = { 0 };
	struct hosted *h = bridges_find(b->bridges, wire_slice_of("kept"));

	if (h)
		ksnap_bridge_stats(h->core, &s);
	return 1000 * s.stored + s.events_kept;
}

static uint64_t fill(struct broker *b)
{
	struct hosted *h = bridges_open(b->bridges, wire_slice_of("kept"), NULL);
	_blob_ struct ksnap_blob *report = rig_report(100);
	struct ksnap_store_args args = { .size = sizeof(args), .report = report };
	static const char *const tags[] = { "a", "b", "c", "b" };

	for (size_t i = 0; i < ARRAY_SIZE(tags); i++)
		assert_int_equal(store_report(h, wire_slice_of(tags[i]), &args, NULL, NULL, NULL),
				 0);
	return stored(b);
}

/* As the first life left it: each life adds a file, and there are some hundreds of them. */
static void restore_folder(bool first)
{
	char command[256];

	snprintf(command, sizeof(command),
		 first ? "cp -r %s %s.as-left" : "rm -r %s && cp -r %s.as-left %s", folder, folder,
		 folder);
	assert_int_equal(system(command), 0);
}

/* What begins has all that was kept, whatever it could not allocate. */
static void what_is_kept_is_read_whole_or_refused(void **state)
{
	uint64_t want = 0;
	long left = 0, k;

	/* the first life fills it */
	for (k = 0; k == 0 || left <= 0; k++) {
		struct ksnap_err err = { 0 };
		struct loop *l = loop_create(&err);
		void *context = zmq_ctx_new();
		struct broker *b;

		if (k)
			restore_folder(k == 1);
		tortured = k > 0;
		atomic_store(&countdown, k);
		b = begin(context, l, folder, &err);
		tortured = false;
		left = atomic_exchange(&countdown, 0);
		if (k == 0)
			want = fill(b);
		else if (b)
			assert_true(stored(b) >= want); /* more events when it is behind */
		else
			assert_int_equal(err.code, KSNAP_E_NOMEM);
		broker_destroy(b);
		loop_destroy(l);
		zmq_ctx_term(context);
	}
	print_message("# %ld allocations\n", k - 1);
	assert_true(k > 40);
}

static void every_request_is_answered_with_a_state(void **state)
{
	struct rig *r;

	torture_all(play_kept, folder, 100);
	r = rig_start((struct broker_opts){ .state = folder });
	rig_stop(r);
}

/* ---- taking -----------------------------------------------------------------------------------
 */

static const enum wire_op_id takers[] = { OP_drain, OP_drain_events, OP_drain_kernel_ops,
					  OP_drain_cgroup_procs };

/* What each of them would take. */
struct takeable {
	uint64_t n[ARRAY_SIZE(takers)];
	uint64_t lost;
};

static void count_takeable(struct broker *b, void *arg)
{
	struct ksnap_bridge *core = bridges_open(b->bridges, wire_slice_of("tortured"), NULL)->core;
	const uint64_t *d = b->tally.drops;
	struct takeable *t = arg;

	*t = (struct takeable){ .n = { bridge_store(core)->table.count, bridge_events(core)->kept,
				       bridge_oplog(core)->kept, bridge_procs(core)->kept },
				.lost = d[DROP_REPLY_MEMORY] + d[DROP_REQUEST_MEMORY] };
}

static void fill_takeable(struct broker *b, void *arg)
{
	struct hosted *h = bridges_open(b->bridges, wire_slice_of("tortured"), NULL);
	struct ksnap_store_args args = { .size = sizeof(args), .report = arg };
	struct ksnap_kernel_op op = { .tag = "k", .success = true, .request = arg };

	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(store_report(h, wire_slice_of("a"), &args, NULL, NULL, NULL), 0);
	assert_int_equal(bridge_record_kernel_op(h->core, &op, NULL), 0);
	assert_int_equal(
		ksnap_bridge_record_procs(h->core, "p", "/x", (uint32_t[]){ 1, 2 }, 2, NULL), 0);
}

/* One request in which allocation @k fails; false when it made fewer. */
static bool take_with(struct rig *r, void *c, unsigned which, long k)
{
	const char *name = wire_ops[takers[which]].name;
	struct takeable before, after;
	bool granted = false, lost = false;
	uint64_t id = rig_fresh_id();
	long left;

	rig_on_broker(r, count_takeable, &before);
	assert_true(before.n[which] > 0);
	atomic_store(&countdown, k);
	rig_send_with(c, id, name, "tortured", DEADLINE_MS, "\x80", 1, NULL);
	for (bool done = false; !done && !lost;) {
		_frames_ struct frames f = { 0 };
		struct wire_reply reply;

		rig_on_broker(r, count_takeable, &after);
		lost = after.lost > before.lost;
		if (frames_recv(c, &f, NULL) != 1)
			continue;
		assert_int_equal(reply_decode(ksnap_blob_data(f.part[0]),
					      ksnap_blob_size(f.part[0]), &reply, NULL),
				 0);
		done = !reply.more;
		granted = reply.ok;
	}
	left = atomic_exchange(&countdown, 0);
	rig_on_broker(r, count_takeable, &after);
	if (granted)
		assert_int_equal(after.n[which], 0);
	else if (!lost)
		assert_int_equal(after.n[which], before.n[which]);
	return left <= 0;
}

static void who_is_refused_has_taken_nothing(void **state)
{
	struct rig *r = rig_start((struct broker_opts){ 0 });
	struct ksnap_blob *report = rig_report(100);
	void *c = rig_client(r);

	rig_on_broker(r, torture, NULL);
	for (unsigned which = 0; which < ARRAY_SIZE(takers); which++) {
		long k = 0;

		do {
			rig_on_broker(r, fill_takeable, report);
			k++;
		} while (take_with(r, c, which, k));
		assert_true(k > 5);
	}
	zmq_close(c);
	ksnap_blob_unref(report);
	rig_stop(r);
}

static int set_up(void **state)
{
	clock_replace(&skipping);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_broker_that_cannot_begin_leaves_nothing),
		cmocka_unit_test(every_request_is_answered_or_counted),
		cmocka_unit_test(who_is_refused_has_taken_nothing),
		cmocka_unit_test_setup_teardown(what_is_kept_is_read_whole_or_refused, make_folder,
						remove_folder),
		cmocka_unit_test_setup_teardown(every_request_is_answered_with_a_state, make_folder,
						remove_folder),
	};

	return cmocka_run_group_tests_name("torture", tests, set_up, NULL);
}
