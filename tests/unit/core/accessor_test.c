// SPDX-License-Identifier: MIT
/* accessor_test.c - waits end by events, and say what a longer one would bring. */
#include "core/accessor.h"

#include <pthread.h>

#include "rig.h"

#define LONG_MS 60000

static struct ksnap_accessor *make(void)
{
	struct ksnap_accessor *a = ksnap_accessor_create(NULL);

	assert_non_null(a);
	return a;
}

struct waiter {
	pthread_t thread;
	struct ksnap_accessor *a;
	bool advance;
	uint64_t after;
	int rc;
	uint64_t seqno;
	struct ksnap_err err;
};

static void *wait_in_thread(void *arg)
{
	struct waiter *w = arg;

	if (w->advance)
		w->rc = ksnap_accessor_wait_advance(w->a, w->after, LONG_MS, &w->seqno, &w->err);
	else
		w->rc = ksnap_accessor_wait(w->a, LONG_MS, &w->seqno, &w->err);
	return NULL;
}

static void begin(struct waiter *w, struct ksnap_accessor *a, bool advance, uint64_t after)
{
	*w = (struct waiter){ .a = a, .advance = advance, .after = after };
	assert_int_equal(pthread_create(&w->thread, NULL, wait_in_thread, w), 0);
}

static void end(struct waiter *w, int rc, uint64_t seqno)
{
	pthread_join(w->thread, NULL);
	assert_int_equal(w->rc, rc);
	assert_int_equal(w->seqno, seqno);
}

static void without_an_accessor_nothing_waits(void **state)
{
	uint64_t seqno = 9;

	assert_int_equal(ksnap_accessor_wait(NULL, LONG_MS, &seqno, NULL), 0);
	assert_int_equal(seqno, 0);
	seqno = 9;
	assert_int_equal(ksnap_accessor_wait_advance(NULL, 4, LONG_MS, &seqno, NULL), 0);
	assert_int_equal(seqno, 0);
	assert_int_equal(ksnap_accessor_wait(NULL, LONG_MS, NULL, NULL), 0);
	seqno = 9;
	assert_int_equal(accessor_poll(NULL, 4, true, &seqno), ACCESSOR_READY);
	assert_int_equal(seqno, 0);
	ksnap_accessor_destroy(NULL);
}

static void a_deadline_says_it_is_still_trying(void **state)
{
	struct ksnap_accessor *a = make();
	struct ksnap_err err;
	uint64_t seqno = 9;

	assert_int_equal(ksnap_accessor_get(a, &seqno), KSNAP_ACCESSOR_TRYING);
	assert_int_equal(seqno, 0);
	seqno = 9;
	assert_int_equal(ksnap_accessor_wait(a, 0, &seqno, &err), KSNAP_E_TIMEOUT);
	rig_expect_text(&err, "still trying");
	rig_expect_text(&err, "a longer deadline may help");
	assert_int_equal(ksnap_accessor_wait_advance(a, 0, 5, &seqno, &err), KSNAP_E_TIMEOUT);
	rig_expect_text(&err, "still trying after 5 ms");
	assert_int_equal(seqno, 9);
	assert_int_equal(accessor_poll(a, 0, false, &seqno), ACCESSOR_PENDING);
	assert_int_equal(seqno, 9);
	ksnap_accessor_destroy(a);
}

static void a_failed_first_one_is_permanent(void **state)
{
	struct ksnap_accessor *a = make();
	struct ksnap_err err;

	ksnap_accessor_fail(a);
	assert_int_equal(ksnap_accessor_get(a, NULL), KSNAP_ACCESSOR_FAILED);
	assert_int_equal(ksnap_accessor_wait(a, LONG_MS, NULL, &err), KSNAP_E_STATE);
	rig_expect_text(&err, "will not help");
	ksnap_accessor_trying(a);
	ksnap_accessor_publish(a);
	assert_int_equal(ksnap_accessor_get(a, NULL), KSNAP_ACCESSOR_FAILED);
	assert_int_equal(ksnap_accessor_wait_advance(a, 0, LONG_MS, NULL, &err), KSNAP_E_STATE);
	assert_int_equal(accessor_poll(a, 0, true, NULL), ACCESSOR_GONE);
	assert_int_equal(accessor_wait_error(a, 0, true, 10, &err), KSNAP_E_STATE);
	ksnap_accessor_destroy(a);
}

static void a_failure_wakes_all_waiters(void **state)
{
	struct ksnap_accessor *a = make();
	struct waiter w[4];

	for (unsigned i = 0; i < 4; i++)
		begin(&w[i], a, i % 2, 0);
	ksnap_accessor_fail(a);
	for (unsigned i = 0; i < 4; i++)
		end(&w[i], KSNAP_E_STATE, 0);
	ksnap_accessor_destroy(a);
}

static void a_publish_wakes_all_waiters(void **state)
{
	struct ksnap_accessor *a = make();
	struct waiter w[4];

	for (unsigned i = 0; i < 4; i++)
		begin(&w[i], a, i % 2, 0);
	ksnap_accessor_publish(a);
	for (unsigned i = 0; i < 4; i++)
		end(&w[i], 0, 1);
	ksnap_accessor_destroy(a);
}

static void a_stale_publish_does_not_satisfy(void **state)
{
	struct ksnap_accessor *a = make();
	struct waiter w;
	struct ksnap_err err;
	uint64_t seqno;

	ksnap_accessor_publish(a);
	ksnap_accessor_trying(a);
	assert_int_equal(ksnap_accessor_wait(a, 0, NULL, &err), KSNAP_E_TIMEOUT);
	ksnap_accessor_publish(a);
	/* The number is taken after the worker left TRYING: 2, and 2 is not enough. */
	assert_int_equal(ksnap_accessor_wait(a, LONG_MS, &seqno, NULL), 0);
	assert_int_equal(seqno, 2);
	assert_int_equal(ksnap_accessor_wait_advance(a, seqno, 0, NULL, &err), KSNAP_E_TIMEOUT);
	rig_expect_text(&err, "nothing newer than seqno 2");
	rig_expect_text(&err, "no initialisation is running");
	assert_int_equal(accessor_poll(a, seqno, true, NULL), ACCESSOR_PENDING);
	assert_int_equal(accessor_poll(a, seqno - 1, true, &seqno), ACCESSOR_READY);
	begin(&w, a, true, 2);
	ksnap_accessor_trying(a);
	ksnap_accessor_publish(a);
	end(&w, 0, 3);
	ksnap_accessor_destroy(a);
}

static void a_later_failure_keeps_the_old_one(void **state)
{
	struct ksnap_accessor *a = make();
	struct waiter w;
	uint64_t seqno;

	ksnap_accessor_publish(a);
	ksnap_accessor_trying(a);
	assert_int_equal(ksnap_accessor_get(a, &seqno), KSNAP_ACCESSOR_TRYING);
	assert_int_equal(seqno, 1);
	begin(&w, a, false, 0);
	ksnap_accessor_fail(a);
	end(&w, 0, 1);
	assert_int_equal(ksnap_accessor_get(a, &seqno), KSNAP_ACCESSOR_SUCCEEDED);
	assert_int_equal(seqno, 1);
	ksnap_accessor_fail(a);
	assert_int_equal(ksnap_accessor_get(a, &seqno), KSNAP_ACCESSOR_SUCCEEDED);
	ksnap_accessor_trying(a);
	ksnap_accessor_publish(a);
	assert_int_equal(ksnap_accessor_get(a, &seqno), KSNAP_ACCESSOR_SUCCEEDED);
	assert_int_equal(seqno, 2);
	ksnap_accessor_destroy(a);
}

static void the_first_initialisation_has_more_time(void **state)
{
	struct ksnap_accessor *a = make();

	assert_int_equal(accessor_init_ms(a), 60000);
	ksnap_accessor_publish(a);
	assert_int_equal(accessor_init_ms(a), 30000);
	ksnap_accessor_destroy(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_an_accessor_nothing_waits),
		cmocka_unit_test(a_deadline_says_it_is_still_trying),
		cmocka_unit_test(a_failed_first_one_is_permanent),
		cmocka_unit_test(a_failure_wakes_all_waiters),
		cmocka_unit_test(a_publish_wakes_all_waiters),
		cmocka_unit_test(a_stale_publish_does_not_satisfy),
		cmocka_unit_test(a_later_failure_keeps_the_old_one),
		cmocka_unit_test(the_first_initialisation_has_more_time),
	};

	return cmocka_run_group_tests(tests, NULL, rig_done);
}
