// SPDX-License-Identifier: MIT
/* threads_test.c - eight threads on one bridge; nothing is lost, no slot is taken twice. */
#include <pthread.h>

#include "rig.h"

#define THREADS 8
#define ROUNDS  3000
#define WATCHES 3

static struct {
	struct ksnap_bridge *b;
	_Atomic long stored, drained, armed, most_armed, events, watches_made, ops, ops_drained;
} shared;

static int arm(void *arg, const char *symbol, struct ksnap_err *err)
{
	long now = atomic_fetch_add(&shared.armed, 1) + 1;
	long most = atomic_load(&shared.most_armed);

	while (now > most && !atomic_compare_exchange_weak(&shared.most_armed, &most, now))
		;
	if (symbol[0] == 'x') {
		atomic_fetch_sub(&shared.armed, 1);
		return KSNAP_E_TARGET;
	}
	return 0;
}

static void disarm(void *arg, const char *symbol)
{
	atomic_fetch_sub(&shared.armed, 1);
}

static void run_op(void *arg, struct ksnap_kernel_op *op)
{
	op->success = op->has_value = true;
	op->reply = rig_blob(2);
}

static void count_event(void *arg, const struct ksnap_event *event)
{
	/* Called under the bridge's lock: plain arithmetic is enough. */
	shared.events++;
}

static struct ksnap_blob *shoot(void *arg, const char *tag, bool *complete, bool *placeholder,
				struct ksnap_err *err)
{
	return rig_blob(8);
}

static void store_some(unsigned who, unsigned round)
{
	char tag[24];

	snprintf(tag, sizeof(tag), "t%u_%u", who % 3, round % 50);
	if (round % 3 == 0)
		atomic_fetch_add(&shared.stored, ksnap_bridge_capture(shared.b, tag, 1, NULL) == 1);
	else
		atomic_fetch_add(&shared.stored, rig_store_err(shared.b, tag, 8, NULL) == 0);
}

static void read_some(unsigned round)
{
	struct ksnap_entry *entries, e;
	size_t n;

	if (ksnap_bridge_get(shared.b, "t0_7", &e, NULL) == 0)
		ksnap_entry_clear(&e);
	if (round % 16)
		return;
	if (ksnap_bridge_list(shared.b, &entries, &n, NULL) == 0)
		ksnap_entries_free(entries, n);
}

static void drain_some(unsigned round)
{
	struct ksnap_entry *entries;
	struct ksnap_event *events;
	size_t n;

	if (round % 20 == 0 && ksnap_bridge_drain_ordered(shared.b, &entries, &n, NULL) == 0) {
		atomic_fetch_add(&shared.drained, (long)n);
		ksnap_entries_free(entries, n);
	}
	if (round % 7 == 0 && ksnap_bridge_drain_events(shared.b, &events, &n, NULL) == 0)
		ksnap_events_free(events, n);
}

static void watch_some(unsigned round)
{
	uint64_t id;

	if (ksnap_bridge_watch(shared.b, round % 5 ? "sym" : "xyz", &id, NULL) < 0)
		return;
	atomic_fetch_add(&shared.watches_made, 1);
	ksnap_bridge_unwatch(shared.b, id, NULL, NULL);
}

static void log_some(unsigned round)
{
	struct ksnap_blob *request = rig_blob(1), *value;
	struct ksnap_kernel_op *ops;
	const uint32_t pid = round;
	struct ksnap_procs p;
	size_t n;

	atomic_fetch_add(&shared.ops, ksnap_bridge_kernel_op(shared.b, "k", request, NULL) == 0);
	ksnap_blob_unref(request);
	value = ksnap_bridge_kernel_op_value(shared.b, "k");
	ksnap_blob_unref(value);
	if (round % 50 == 0 && ksnap_bridge_drain_kernel_ops(shared.b, &ops, &n, NULL) == 0) {
		atomic_fetch_add(&shared.ops_drained, (long)n);
		ksnap_kernel_ops_free(ops, n);
	}
	ksnap_bridge_record_procs(shared.b, "p", "/cg", &pid, 1, NULL);
	if (round % 16 == 0 && ksnap_bridge_procs_by_tag(shared.b, "p", &p, NULL) == 0)
		ksnap_procs_clear(&p);
}

static void *work(void *arg)
{
	unsigned who = (unsigned)(uintptr_t)arg;
	struct ksnap_bridge *mine = ksnap_bridge_ref(shared.b);
	struct ksnap_guard guard = ksnap_bridge_enter(mine);

	for (unsigned round = 0; round < ROUNDS; round++) {
		switch (who % 4) {
		case 0:
			store_some(who, round);
			break;
		case 1:
			store_some(who, round);
			drain_some(round);
			break;
		case 2:
			watch_some(round);
			break;
		default:
			log_some(round);
			read_some(round);
		}
	}
	ksnap_bridge_leave(&guard);
	ksnap_bridge_unref(mine);
	return NULL;
}

static void eight_threads_lose_nothing(void **state)
{
	KSNAP_OPTS(ksnap_bridge_opts, o, .capture = shoot, .watch = arm, .unwatch = disarm,
		   .kernel = run_op, .event = count_event);
	struct ksnap_bridge_stats s;
	pthread_t threads[THREADS];

	o.limits = (struct ksnap_limits){ .snapshots = 40, .watches = WATCHES, .events = 16 };
	shared.b = ksnap_bridge_create(&o, NULL);
	for (uintptr_t i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, work, (void *)i), 0);
	for (unsigned i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	rig_expect_books(shared.b);
	ksnap_bridge_stats(shared.b, &s);
	assert_int_equal(s.accepted, shared.stored);
	assert_int_equal(s.drained, shared.drained);
	assert_int_equal(s.events_raised, shared.events);
	assert_int_equal(s.watches, 0);
	assert_int_equal(shared.armed, 0);
	assert_true(shared.most_armed >= 1 && shared.most_armed <= WATCHES);
	assert_true(shared.watches_made > 0);
	assert_int_equal(shared.ops, 2 * ROUNDS);
	ksnap_bridge_unref(shared.b);
}

struct crossing {
	struct ksnap_accessor *a;
	uint64_t seen;
};

static void *follow(void *arg)
{
	struct crossing *c = arg;

	while (c->seen < 500 &&
	       ksnap_accessor_wait_advance(c->a, c->seen, 60000, &c->seen, NULL) == 0)
		;
	return NULL;
}

static void waits_and_publishes_cross(void **state)
{
	struct ksnap_accessor *a = ksnap_accessor_create(NULL);
	struct crossing c[3] = { { a, 0 }, { a, 0 }, { a, 0 } };
	pthread_t threads[3];

	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, follow, &c[i]), 0);
	for (unsigned i = 0; i < 500; i++) {
		ksnap_accessor_trying(a);
		ksnap_accessor_publish(a);
	}
	for (unsigned i = 0; i < 3; i++) {
		pthread_join(threads[i], NULL);
		assert_int_equal(c[i].seen, 500);
	}
	ksnap_accessor_destroy(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(eight_threads_lose_nothing),
		cmocka_unit_test(waits_and_publishes_cross),
	};

	return cmocka_run_group_tests(tests, NULL, rig_done);
}
