// SPDX-License-Identifier: MIT
/* torture_test.c - every allocation of every call fails, once and from then on.
 *
 * Linked with --wrap for malloc, calloc, realloc, strdup and free. For each call and each k: a
 * bridge is filled, allocation k fails (alone, or with all after it), the call runs. When it says
 * E_NOMEM the bridge must be as before; when it succeeds the books must still be right; and in
 * the end nothing may be left allocated. */
#include "base/limits.h"
#include "core/accessor.h"
#include "rig.h"

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t size);
char *__real_strdup(const char *s);
void __real_free(void *p);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t size);
char *__wrap_strdup(const char *s);
void __wrap_free(void *p);

static struct {
	bool armed;
	bool forever;   /* all from fail_at on */
	unsigned count; /* allocations since arming */
	unsigned fail_at;
	unsigned failed;
	long alive; /* allocations not yet freed */
} heap;

static bool must_fail(void)
{
	if (!heap.armed)
		return false;
	heap.count++;
	if (heap.count == heap.fail_at || (heap.forever && heap.count > heap.fail_at)) {
		heap.failed++;
		return true;
	}
	return false;
}

static void *counted(void *p)
{
	heap.alive += p != NULL;
	return p;
}

void *__wrap_malloc(size_t size)
{
	return must_fail() ? NULL : counted(__real_malloc(size));
}

void *__wrap_calloc(size_t n, size_t size)
{
	return must_fail() ? NULL : counted(__real_calloc(n, size));
}

void *__wrap_realloc(void *p, size_t size)
{
	if (must_fail())
		return NULL;
	return p ? __real_realloc(p, size) : counted(__real_realloc(p, size));
}

char *__wrap_strdup(const char *s)
{
	return must_fail() ? NULL : counted(__real_strdup(s));
}

void __wrap_free(void *p)
{
	heap.alive -= p != NULL;
	__real_free(p);
}

/* ---- the bridge under torture -----------------------------------------------------------------
 */

static struct ksnap_blob *spare[4];            /* made while memory was there */
static void *const untouched = (void *)&spare; /* where a failed call must not write */
static unsigned events_seen;
static bool refuse;

static struct ksnap_blob *capture(void *arg, const char *tag, bool *complete, bool *placeholder,
				  struct ksnap_err *err)
{
	return refuse ? NULL : ksnap_blob_ref(spare[0]);
}

static int arm(void *arg, const char *symbol, struct ksnap_err *err)
{
	return refuse ? KSNAP_E_TARGET : 0;
}

static void disarm(void *arg, const char *symbol)
{
}

static void run_op(void *arg, struct ksnap_kernel_op *op)
{
	op->success = !refuse;
	op->has_value = true;
	op->reply = ksnap_blob_ref(spare[1]);
}

static void count_event(void *arg, const struct ksnap_event *event)
{
	events_seen++;
}

static int store(struct ksnap_bridge *b, const char *tag, unsigned report)
{
	KSNAP_OPTS(ksnap_store_args, args, .tag = tag);

	args.report = spare[report];
	args.stats = spare[0];
	return ksnap_bridge_store(b, &args, NULL, NULL);
}

static struct ksnap_bridge *create(void)
{
	KSNAP_OPTS(ksnap_bridge_opts, o, .capture = capture, .watch = arm, .unwatch = disarm,
		   .kernel = run_op, .event = count_event);

	o.limits = (struct ksnap_limits){ .snapshots = 20, .bytes = 100000, .events = 4 };
	return ksnap_bridge_create(&o, NULL);
}

/* 12 snapshots: the next insert grows the tag table. Watch 1 is armed, 2 half so. */
static void fill(struct ksnap_bridge *b)
{
	const uint32_t pids[] = { 1, 2 };
	uint64_t id;
	char tag[8];

	for (unsigned i = 0; i < 12; i++) {
		snprintf(tag, sizeof(tag), "t%u", i);
		assert_int_equal(store(b, tag, 0), 0);
	}
	assert_int_equal(store(b, "t0", 0), 0);
	assert_int_equal(ksnap_bridge_watch(b, "sym", &id, NULL), 0);
	assert_int_equal(bridge_watch_reserve(b, "half", &id, NULL), 0);
	for (unsigned i = 0; i < LIMIT_MAX_KERNEL_OPS + 1; i++)
		assert_int_equal(ksnap_bridge_kernel_op(b, "op", spare[0], NULL), 0);
	for (unsigned i = 0; i < LIMIT_MAX_CGROUP_PROCS + 1; i++)
		assert_int_equal(ksnap_bridge_record_procs(b, "p", "/cg", pids, 2, NULL), 0);
}

/* ---- calls: each returns what the call did, and takes back what it was given --------------------
 */

static int call_store(struct ksnap_bridge *b)
{
	return store(b, "new", 1);
}

static int call_overwrite(struct ksnap_bridge *b)
{
	return store(b, "t3", 1);
}

static int call_evict_all(struct ksnap_bridge *b)
{
	return store(b, "huge", 2);
}

static int call_store_refused(struct ksnap_bridge *b)
{
	int rc = store(b, "t1", 3);

	return rc == KSNAP_E_LIMIT ? 0 : rc;
}

static int call_capture(struct ksnap_bridge *b)
{
	int rc = ksnap_bridge_capture(b, "cam", 1, NULL);

	return rc == 1 ? 0 : rc;
}

static int call_capture_nothing(struct ksnap_bridge *b)
{
	int rc;

	refuse = true;
	rc = ksnap_bridge_capture(b, "cam", 1, NULL);
	refuse = false;
	return rc;
}

static int call_capture_failed(struct ksnap_bridge *b)
{
	return ksnap_bridge_capture_failed(b, "cam", "gone");
}

static int call_get(struct ksnap_bridge *b)
{
	struct ksnap_entry e;
	int rc = ksnap_bridge_get(b, "t5", &e, NULL);

	if (rc == 0)
		ksnap_entry_clear(&e);
	return rc;
}

static int call_miss(struct ksnap_bridge *b)
{
	struct ksnap_entry e;
	struct ksnap_err err;
	int rc = ksnap_bridge_get(b, "nothing", &e, &err);

	return rc == KSNAP_E_NOTFOUND ? 0 : rc;
}

static int call_list(struct ksnap_bridge *b)
{
	struct ksnap_entry *entries = untouched;
	size_t n = 77;
	int rc = ksnap_bridge_list(b, &entries, &n, NULL);

	if (rc == 0)
		ksnap_entries_free(entries, n);
	else
		assert_true(entries == untouched && n == 77);
	return rc;
}

static int call_drain(struct ksnap_bridge *b)
{
	struct ksnap_entry *entries = untouched;
	size_t n = 77;
	int rc = ksnap_bridge_drain_ordered(b, &entries, &n, NULL);

	if (rc == 0)
		ksnap_entries_free(entries, n);
	else
		assert_true(entries == untouched && n == 77);
	return rc;
}

static int call_drain_with_stray(struct ksnap_bridge *b)
{
	store_break_order(bridge_store(b), "t4");
	return call_drain(b);
}

static int call_clear_disordered(struct ksnap_bridge *b)
{
	store_break_order(bridge_store(b), NULL);
	return store(b, "huge", 2);
}

static int call_drain_events(struct ksnap_bridge *b)
{
	struct ksnap_event *events = untouched;
	size_t n = 77;
	int rc = ksnap_bridge_drain_events(b, &events, &n, NULL);

	if (rc == 0)
		ksnap_events_free(events, n);
	else
		assert_true(events == untouched && n == 77);
	return rc;
}

static int call_watch(struct ksnap_bridge *b)
{
	return ksnap_bridge_watch(b, "more", NULL, NULL);
}

static int call_watch_refused(struct ksnap_bridge *b)
{
	int rc;

	refuse = true;
	rc = ksnap_bridge_watch(b, "more", NULL, NULL);
	refuse = false;
	return rc == KSNAP_E_TARGET ? 0 : rc;
}

static int call_unwatch(struct ksnap_bridge *b)
{
	return ksnap_bridge_unwatch(b, 1, "hot", NULL);
}

static int call_commit(struct ksnap_bridge *b)
{
	return bridge_watch_commit(b, 2);
}

static int call_release(struct ksnap_bridge *b)
{
	return bridge_watch_release(b, 2, NULL);
}

static int call_kernel_op(struct ksnap_bridge *b)
{
	return ksnap_bridge_kernel_op(b, "op", spare[0], NULL);
}

static int call_record_kernel_op(struct ksnap_bridge *b)
{
	struct ksnap_kernel_op op = { .tag = "op", .request = spare[0], .reply = spare[1] };

	return bridge_record_kernel_op(b, &op, NULL);
}

static int call_drain_kernel_ops(struct ksnap_bridge *b)
{
	struct ksnap_kernel_op *ops = untouched;
	size_t n = 77;
	int rc = ksnap_bridge_drain_kernel_ops(b, &ops, &n, NULL);

	if (rc == 0)
		ksnap_kernel_ops_free(ops, n);
	else
		assert_true(ops == untouched && n == 77);
	return rc;
}

static int call_record_procs(struct ksnap_bridge *b)
{
	const uint32_t pid = 1;

	return ksnap_bridge_record_procs(b, "p", "/cg", &pid, 1, NULL);
}

static int call_procs_by_tag(struct ksnap_bridge *b)
{
	struct ksnap_procs p;
	int rc = ksnap_bridge_procs_by_tag(b, "p", &p, NULL);

	if (rc == 0)
		ksnap_procs_clear(&p);
	return rc;
}

static int call_drain_procs(struct ksnap_bridge *b)
{
	struct ksnap_procs *all = untouched;
	size_t n = 77;
	int rc = ksnap_bridge_drain_procs(b, &all, &n, NULL);

	if (rc == 0)
		ksnap_procs_free(all, n);
	else
		assert_true(all == untouched && n == 77);
	return rc;
}

static int call_raise(struct ksnap_bridge *b)
{
	const struct ksnap_event_field f = EVENT_STR("worker", "live-1");

	return bridge_raise(b, KSNAP_EV_WORKER_LOST, &f, 1);
}

static int call_enter(struct ksnap_bridge *b)
{
	struct ksnap_guard guard = ksnap_bridge_enter(b);

	ksnap_bridge_leave(&guard);
	return 0;
}

static int call_create(struct ksnap_bridge *b)
{
	struct ksnap_bridge *other = create();

	ksnap_bridge_unref(other);
	return other ? 0 : KSNAP_E_NOMEM;
}

static int call_accessor(struct ksnap_bridge *b)
{
	struct ksnap_accessor *a = ksnap_accessor_create(NULL);

	if (!a)
		return KSNAP_E_NOMEM;
	ksnap_accessor_publish(a);
	ksnap_accessor_destroy(a);
	return 0;
}

#define CALL(name, least)                 \
	{                                 \
#name, call_##name, least \
	}

static const struct call {
	const char *name;
	int (*run)(struct ksnap_bridge *b);
	unsigned least; /* allocations it is known to make; the loop must have met them */
} calls[] = {
	CALL(store, 2),
	CALL(overwrite, 2),
	CALL(evict_all, 13),
	CALL(store_refused, 2),
	CALL(capture, 2),
	CALL(capture_nothing, 1),
	CALL(capture_failed, 1),
	CALL(get, 0),
	CALL(miss, 0),
	CALL(list, 1),
	CALL(drain, 1),
	CALL(drain_with_stray, 2),
	CALL(clear_disordered, 2),
	CALL(drain_events, 1),
	CALL(watch, 2),
	CALL(watch_refused, 1),
	CALL(unwatch, 1),
	CALL(commit, 1),
	CALL(release, 0),
	CALL(kernel_op, 1),
	CALL(record_kernel_op, 1),
	CALL(drain_kernel_ops, 2),
	CALL(record_procs, 3),
	CALL(procs_by_tag, 2),
	CALL(drain_procs, 2),
	CALL(raise, 1),
	CALL(enter, 0),
	CALL(create, 2),
	CALL(accessor, 1),
};

/* ---- looking at a bridge from outside
 * ------------------------------------------------------------ */

struct look {
	struct ksnap_bridge_stats stats;
	char text[RIG_TEXT]; /* order, bytes and metadata */
};

static void look_at(struct ksnap_bridge *b, struct look *ret)
{
	struct ksnap_entry *entries;
	size_t n, len = 0;

	memset(ret, 0, sizeof(*ret));
	ksnap_bridge_stats(b, &ret->stats);
	assert_int_equal(ksnap_bridge_list(b, &entries, &n, NULL), 0);
	for (size_t i = 0; i < n; i++)
		len += snprintf(ret->text + len, sizeof(ret->text) - len, "%s/%llu/%zu ",
				entries[i].tag, (unsigned long long)entries[i].seq,
				ksnap_blob_size(entries[i].report));
	ksnap_entries_free(entries, n);
}

static void expect_unchanged(const struct call *call, const struct look *before,
			     const struct look *after)
{
	if (memcmp(&before->stats, &after->stats, sizeof(before->stats)) != 0)
		fail_msg("%s: counters changed though memory was out at %u", call->name,
			 heap.fail_at);
	assert_string_equal(before->text, after->text);
}

static uint64_t drained_events(const struct look *l)
{
	return l->stats.events_raised - l->stats.events_kept - l->stats.events_dropped;
}

/* Every event raised was seen by the sink, and is kept, drained, or counted as dropped. */
static void expect_facts(struct ksnap_bridge *b, const struct look *before,
			 const struct look *after, uint64_t taken)
{
	rig_expect_books(b);
	assert_int_equal(events_seen, after->stats.events_raised);
	assert_int_equal(drained_events(after), drained_events(before) + taken);
}

/* One failure; true when the call got through without meeting it. */
static bool torture_once(const struct call *call, unsigned k, bool forever)
{
	struct ksnap_bridge *b;
	struct look before, after;
	bool breaks = strstr(call->name, "stray") || strstr(call->name, "disordered");
	int rc;

	events_seen = 0;
	b = create();
	fill(b);
	look_at(b, &before);
	heap.count = heap.failed = 0;
	heap.fail_at = k;
	heap.forever = forever;
	heap.armed = true;
	rc = call->run(b);
	heap.armed = false;
	if (call->run == call_create)
		events_seen = before.stats.events_raised;
	if (rc != 0 && rc != KSNAP_E_NOMEM)
		fail_msg("%s: %d when allocation %u failed", call->name, rc, k);
	if (rc != 0 && !heap.failed)
		fail_msg("%s: no memory though there was", call->name);
	look_at(b, &after);
	if (rc != 0 && !breaks)
		expect_unchanged(call, &before, &after);
	expect_facts(b, &before, &after,
		     rc == 0 && call->run == call_drain_events ? before.stats.events_kept : 0);
	ksnap_bridge_unref(b);
	return !heap.failed;
}

static void torture(const struct call *call, bool forever)
{
	long alive = heap.alive;
	unsigned k = 1;

	while (!torture_once(call, k, forever)) {
		if (heap.alive != alive)
			fail_msg("%s: %ld blocks leaked at allocation %u", call->name,
				 heap.alive - alive, k);
		k++;
	}
	assert_int_equal(heap.alive, alive);
	if (k - 1 < call->least)
		fail_msg("%s: only %u allocations met, %u expected", call->name, k - 1,
			 call->least);
}

static void each_allocation_fails_once(void **state)
{
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
		torture(&calls[i], false);
}

static void all_fail_from_one_on(void **state)
{
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
		torture(&calls[i], true);
}

static void a_lost_event_is_told_by_the_mark(void **state)
{
	struct ksnap_bridge *b = create();

	heap.count = 0;
	heap.fail_at = 1;
	heap.forever = true;
	heap.armed = true;
	ksnap_bridge_capture_failed(b, "a", "a reason that needs room");
	ksnap_bridge_capture_failed(b, "b", NULL);
	heap.armed = false;
	ksnap_bridge_capture_failed(b, "c", NULL);
	rig_expect_events(b, "capture_unavailable tag=c\nevent_log_truncated dropped_count=2\n");
	ksnap_bridge_unref(b);
}

static int make_spares(void **state)
{
	static char zeroes[100001];
	static const size_t lens[] = { 1, 100, 99999, 100000 };

	for (unsigned i = 0; i < 4; i++)
		spare[i] = ksnap_blob_copy(zeroes, lens[i]);
	return 0;
}

static int free_spares(void **state)
{
	for (unsigned i = 0; i < 4; i++)
		ksnap_blob_unref(spare[i]);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_allocation_fails_once),
		cmocka_unit_test(all_fail_from_one_on),
		cmocka_unit_test(a_lost_event_is_told_by_the_mark),
	};

	return cmocka_run_group_tests(tests, make_spares, free_spares);
}
