// SPDX-License-Identifier: MIT
/* active_test.c - the active bridge of a thread: guards nest, restore, and never leak. */
#include <pthread.h>

#include "rig.h"

static int note(struct ksnap_bridge *b, void *arg)
{
	*(struct ksnap_bridge **)arg = b;
	return 41;
}

static struct ksnap_bridge *active(void)
{
	struct ksnap_bridge *b = NULL;

	ksnap_with_active_bridge(note, &b, NULL);
	return b;
}

static void with_none_nothing_is_called(void **state)
{
	struct ksnap_bridge *seen = (void *)1;
	int result = 7;

	assert_int_equal(ksnap_with_active_bridge(note, &seen, &result), KSNAP_E_STATE);
	assert_ptr_equal(seen, (void *)1);
	assert_int_equal(result, 7);
}

static void leaving_nothing_is_harmless(void **state)
{
	struct ksnap_guard empty = { 0 };

	ksnap_bridge_leave(NULL);
	ksnap_bridge_leave(&empty);
	assert_null(active());
}

static void leaving_twice_is_harmless(void **state)
{
	struct ksnap_bridge *a = rig_bridge(0, 0, 0), *b = rig_bridge(0, 0, 0);
	struct ksnap_guard ga = ksnap_bridge_enter(a), gb = ksnap_bridge_enter(b);

	ksnap_bridge_leave(&gb);
	ksnap_bridge_leave(&gb);
	assert_ptr_equal(active(), a);
	ksnap_bridge_leave(&ga);
	ksnap_bridge_leave(&ga);
	assert_null(active());
	ksnap_bridge_unref(a);
	ksnap_bridge_unref(b);
}

static void guards_nest_and_restore(void **state)
{
	struct ksnap_bridge *a = rig_bridge(0, 0, 0), *b = rig_bridge(0, 0, 0);
	struct ksnap_guard ga, gb, again;
	int result = 0;

	ga = ksnap_bridge_enter(a);
	assert_ptr_equal(active(), a);
	gb = ksnap_bridge_enter(b);
	assert_ptr_equal(active(), b);
	again = ksnap_bridge_enter(b);
	assert_ptr_equal(active(), b);
	assert_int_equal(ksnap_with_active_bridge(note, &(struct ksnap_bridge *){ 0 }, &result), 0);
	assert_int_equal(result, 41);
	ksnap_bridge_leave(&again);
	assert_ptr_equal(active(), b);
	ksnap_bridge_leave(&gb);
	assert_ptr_equal(active(), a);
	ksnap_bridge_leave(&ga);
	assert_null(active());
	ksnap_bridge_unref(a);
	ksnap_bridge_unref(b);
}

static void any_order_of_leaving_ends_with_none(void **state)
{
	static const unsigned orders[6][3] = { { 0, 1, 2 }, { 0, 2, 1 }, { 1, 0, 2 },
					       { 1, 2, 0 }, { 2, 0, 1 }, { 2, 1, 0 } };

	for (unsigned o = 0; o < 6; o++) {
		struct ksnap_bridge *b[3];
		struct ksnap_guard g[3];
		unsigned lowest = 3;

		for (unsigned i = 0; i < 3; i++) {
			b[i] = rig_bridge(0, 0, 0);
			rig_store(b[i], "t", 1);
			g[i] = ksnap_bridge_enter(b[i]);
			ksnap_bridge_unref(b[i]);
		}
		for (unsigned i = 0; i < 3; i++) {
			ksnap_bridge_leave(&g[orders[o][i]]);
			if (orders[o][i] < lowest)
				lowest = orders[o][i];
			assert_ptr_equal(active(), lowest ? b[lowest - 1] : NULL);
		}
		assert_int_equal(rig_blobs_alive, 0);
	}
}

static void a_closed_guard_does_not_disturb_new_ones(void **state)
{
	struct ksnap_bridge *a = rig_bridge(0, 0, 0), *b = rig_bridge(0, 0, 0);
	struct ksnap_bridge *c = rig_bridge(0, 0, 0), *d = rig_bridge(0, 0, 0);
	struct ksnap_guard ga = ksnap_bridge_enter(a), gb = ksnap_bridge_enter(b), gc, gd;

	ksnap_bridge_leave(&ga);
	assert_null(active());
	gc = ksnap_bridge_enter(c);
	gd = ksnap_bridge_enter(d); /* as deep as gb was */
	ksnap_bridge_leave(&gb);
	assert_ptr_equal(active(), d);
	ksnap_bridge_leave(&gd);
	assert_ptr_equal(active(), c);
	ksnap_bridge_leave(&gc);
	assert_null(active());
	ksnap_bridge_unref(a);
	ksnap_bridge_unref(b);
	ksnap_bridge_unref(c);
	ksnap_bridge_unref(d);
}

static void deep_nesting_restores(void **state)
{
	struct ksnap_bridge *b[2] = { rig_bridge(0, 0, 0), rig_bridge(0, 0, 0) };
	struct ksnap_guard g[200];

	for (unsigned i = 0; i < 200; i++)
		g[i] = ksnap_bridge_enter(b[i % 2]);
	for (unsigned i = 200; i-- > 0;) {
		assert_ptr_equal(active(), b[i % 2]);
		ksnap_bridge_leave(&g[i]);
	}
	assert_null(active());
	ksnap_bridge_unref(b[0]);
	ksnap_bridge_unref(b[1]);
}

static int leave_inside(struct ksnap_bridge *b, void *arg)
{
	ksnap_bridge_leave(arg);
	return (int)ksnap_bridge_len(b);
}

static void a_bridge_lives_while_it_is_used(void **state)
{
	struct ksnap_bridge *b = rig_bridge(0, 0, 0);
	struct ksnap_guard g = ksnap_bridge_enter(b);
	int len = 0;

	rig_store(b, "t", 1);
	ksnap_bridge_unref(b);
	assert_int_equal(ksnap_with_active_bridge(leave_inside, &g, &len), 0);
	assert_int_equal(len, 1);
	assert_int_equal(rig_blobs_alive, 0);
}

struct visit {
	struct ksnap_bridge *own, *seen_first, *seen_inside;
	struct ksnap_guard *foreign;
};

static void *visit(void *arg)
{
	struct visit *v = arg;
	struct ksnap_guard g;

	v->seen_first = active();
	g = ksnap_bridge_enter(v->own);
	ksnap_bridge_leave(v->foreign);
	v->seen_inside = active();
	ksnap_bridge_leave(&g);
	return NULL;
}

static void each_thread_has_its_own(void **state)
{
	struct ksnap_bridge *a = rig_bridge(0, 0, 0), *b = rig_bridge(0, 0, 0);
	struct ksnap_guard ga = ksnap_bridge_enter(a), inner = ksnap_bridge_enter(a);
	struct visit v = { .own = b, .foreign = &inner };
	pthread_t thread;

	assert_int_equal(pthread_create(&thread, NULL, visit, &v), 0);
	pthread_join(thread, NULL);
	assert_null(v.seen_first);
	assert_ptr_equal(v.seen_inside, b);
	assert_ptr_equal(active(), a);
	ksnap_bridge_leave(&ga);
	assert_null(active());
	ksnap_bridge_unref(a);
	ksnap_bridge_unref(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(with_none_nothing_is_called),
		cmocka_unit_test(leaving_nothing_is_harmless),
		cmocka_unit_test(leaving_twice_is_harmless),
		cmocka_unit_test(guards_nest_and_restore),
		cmocka_unit_test(any_order_of_leaving_ends_with_none),
		cmocka_unit_test(a_closed_guard_does_not_disturb_new_ones),
		cmocka_unit_test(deep_nesting_restores),
		cmocka_unit_test(a_bridge_lives_while_it_is_used),
		cmocka_unit_test(each_thread_has_its_own),
	};

	return cmocka_run_group_tests(tests, NULL, rig_done);
}
