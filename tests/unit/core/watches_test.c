// SPDX-License-Identifier: MIT
/* watches_test.c - slots: never above the cap, given back on every way out. */
#include "core/watches.h"
#include "rig.h"

struct world {
	struct ksnap_bridge *b;
	int rc; /* what the next arming says */
	const char *why;
	unsigned armed, disarmed;
	size_t held_inside; /* slots held while the callback ran */
	int unwatch_inside; /* result of unwatching the watch that is being armed */
};

static int arm(void *arg, const char *symbol, struct ksnap_err *err)
{
	struct world *w = arg;

	w->held_inside = ksnap_bridge_watch_count(w->b);
	if (w->held_inside == 1 && !w->armed)
		w->unwatch_inside = ksnap_bridge_unwatch(w->b, 1, NULL, NULL);
	if (w->rc < 0) {
		err->code = w->rc;
		snprintf(err->text, sizeof(err->text), "%s", w->why);
		return w->rc;
	}
	w->armed++;
	return 0;
}

static void disarm(void *arg, const char *symbol)
{
	struct world *w = arg;

	w->disarmed++;
}

static void make(struct world *w, uint64_t watches)
{
	KSNAP_OPTS(ksnap_bridge_opts, o, .watch = arm, .unwatch = disarm, .arg = w);

	*w = (struct world){ 0 };
	o.limits.watches = watches;
	w->b = ksnap_bridge_create(&o, NULL);
	assert_non_null(w->b);
}

static void bad_symbols_hold_nothing(void **state)
{
	char long_symbol[WATCH_SYMBOL_MAX + 2];
	const char *const bad[] = { NULL, "", "a\tb", long_symbol };
	struct world w;
	struct ksnap_err err;
	uint64_t id = 5;

	make(&w, 0);
	memset(long_symbol, 'x', sizeof(long_symbol));
	long_symbol[WATCH_SYMBOL_MAX + 1] = '\0';
	for (unsigned i = 0; i < 4; i++) {
		assert_int_equal(ksnap_bridge_watch(w.b, bad[i], &id, &err), KSNAP_E_ARG);
		rig_expect_text(&err, "symbol: ");
	}
	assert_int_equal(id, 5);
	assert_int_equal(w.armed, 0);
	assert_int_equal(ksnap_bridge_watch_count(w.b), 0);
	ksnap_bridge_unref(w.b);
}

static void without_a_callback_it_is_unsupported(void **state)
{
	struct ksnap_bridge *b = rig_bridge(0, 0, 0);
	uint64_t id;

	assert_int_equal(ksnap_bridge_watch(b, "jiffies", &id, NULL), KSNAP_E_UNSUPPORTED);
	assert_int_equal(ksnap_bridge_watch_count(b), 0);
	ksnap_bridge_unref(b);
}

static void an_unknown_id_names_the_held(void **state)
{
	struct world w;
	struct ksnap_err err;

	make(&w, 0);
	assert_int_equal(ksnap_bridge_unwatch(w.b, 1, NULL, &err), KSNAP_E_NOTFOUND);
	rig_expect_text(&err, "no watch 1; held: nothing");
	assert_int_equal(ksnap_bridge_watch(w.b, "jiffies", NULL, NULL), 0);
	assert_int_equal(ksnap_bridge_unwatch(w.b, 0, NULL, &err), KSNAP_E_NOTFOUND);
	rig_expect_text(&err, "held: jiffies (1)");
	assert_int_equal(bridge_watch_commit(w.b, 9), KSNAP_E_NOTFOUND);
	assert_int_equal(bridge_watch_release(w.b, 9, NULL), KSNAP_E_NOTFOUND);
	assert_int_equal(ksnap_bridge_watch_count(w.b), 1);
	ksnap_bridge_unref(w.b);
}

static void the_fourth_is_refused_and_told_why(void **state)
{
	struct world w;
	struct ksnap_err err;
	uint64_t id = 0;

	make(&w, 0);
	assert_int_equal(ksnap_bridge_watch(w.b, "jiffies_64", &id, NULL), 0);
	assert_int_equal(ksnap_bridge_watch(w.b, "nr_a", &id, NULL), 0);
	assert_int_equal(ksnap_bridge_watch(w.b, "nr_b", &id, NULL), 0);
	assert_int_equal(ksnap_bridge_watch(w.b, "nr_c", &id, &err), KSNAP_E_LIMIT);
	assert_int_equal(id, 3);
	assert_int_equal(ksnap_bridge_watch_count(w.b), 3);
	assert_int_equal(w.armed, 3);
	rig_expect_text(&err, "MAX_WATCH_SNAPSHOTS of this bridge is 3");
	rig_expect_text(&err, "jiffies_64 (1), nr_a (2), nr_b (3)");
	rig_expect_text(&err, "slot 0 is kept for the error trigger");
	rig_expect_text(&err, "drop a watch or capture by time instead");
	rig_expect_text(&err, "--max-watches N");
	assert_int_equal(ksnap_bridge_unwatch(w.b, 2, NULL, NULL), 0);
	assert_int_equal(ksnap_bridge_watch(w.b, "nr_c", &id, NULL), 0);
	assert_int_equal(id, 4);
	ksnap_bridge_unref(w.b);
	assert_int_equal(w.disarmed, 4);
}

static void many_holders_are_counted(void **state)
{
	struct world w;
	struct ksnap_err err;
	char symbol[WATCH_SYMBOL_MAX + 1];

	make(&w, 5);
	memset(symbol, 'x', sizeof(symbol));
	symbol[WATCH_SYMBOL_MAX] = '\0';
	for (unsigned i = 0; i < 5; i++)
		assert_int_equal(ksnap_bridge_watch(w.b, symbol, NULL, NULL), 0);
	assert_int_equal(ksnap_bridge_watch(w.b, symbol, NULL, &err), KSNAP_E_LIMIT);
	rig_expect_text(&err, "and 2 more");
	rig_expect_text(&err, "--max-watches N");
	ksnap_bridge_unref(w.b);
}

static void a_refusal_gives_the_slot_back_word_for_word(void **state)
{
	struct world w;
	struct ksnap_err err;

	make(&w, 1);
	w.rc = KSNAP_E_TARGET;
	w.why = "no symbol nr_x; near: nr_y";
	for (unsigned i = 0; i < 5; i++) {
		assert_int_equal(ksnap_bridge_watch(w.b, "nr_x", NULL, &err), KSNAP_E_TARGET);
		assert_string_equal(err.text, w.why);
		assert_int_equal(w.held_inside, 1);
		assert_int_equal(ksnap_bridge_watch_count(w.b), 0);
	}
	w.why = "";
	assert_int_equal(ksnap_bridge_watch(w.b, "nr_x", NULL, &err), KSNAP_E_TARGET);
	rig_expect_text(&err, "without a reason");
	rig_expect_events(w.b, "");
	w.rc = 0;
	assert_int_equal(ksnap_bridge_watch(w.b, "nr_y", NULL, NULL), 0);
	rig_expect_events(w.b, "watch_armed symbol=nr_y watch=7\n");
	ksnap_bridge_unref(w.b);
}

static void what_is_being_armed_cannot_be_dropped(void **state)
{
	struct world w;

	make(&w, 1);
	assert_int_equal(ksnap_bridge_watch(w.b, "nr_x", NULL, NULL), 0);
	assert_int_equal(w.unwatch_inside, KSNAP_E_STATE);
	assert_int_equal(ksnap_bridge_watch_count(w.b), 1);
	ksnap_bridge_unref(w.b);
}

static void dropping_tells_the_reason(void **state)
{
	struct world w;
	uint64_t id;

	make(&w, 0);
	assert_int_equal(ksnap_bridge_watch(w.b, "a", &id, NULL), 0);
	assert_int_equal(ksnap_bridge_unwatch(w.b, id, "hot", NULL), 0);
	assert_int_equal(ksnap_bridge_unwatch(w.b, id, "hot", NULL), KSNAP_E_NOTFOUND);
	assert_int_equal(ksnap_bridge_watch(w.b, "b", &id, NULL), 0);
	assert_int_equal(ksnap_bridge_unwatch(w.b, id, NULL, NULL), 0);
	assert_int_equal(w.disarmed, 2);
	rig_expect_events(w.b, "watch_armed symbol=a watch=1\n"
			       "watch_disarmed symbol=a watch=1 reason=hot\n"
			       "watch_armed symbol=b watch=2\n"
			       "watch_disarmed symbol=b watch=2 reason=unwatch\n");
	ksnap_bridge_unref(w.b);
}

static void arming_in_two_halves(void **state)
{
	struct ksnap_bridge *b = rig_bridge(0, 0, 0);
	uint64_t a, c, late;

	assert_int_equal(bridge_watch_reserve(b, "", &a, NULL), KSNAP_E_ARG);
	assert_int_equal(bridge_watch_reserve(b, "a", &a, NULL), 0);
	assert_int_equal(bridge_watch_reserve(b, "c", &c, NULL), 0);
	assert_int_equal(ksnap_bridge_watch_count(b), 2);
	assert_int_equal(bridge_watch_release(b, c, "cancelled"), 0);
	assert_int_equal(bridge_watch_release(b, c, NULL), KSNAP_E_NOTFOUND);
	assert_int_equal(bridge_watch_commit(b, c), KSNAP_E_NOTFOUND);
	assert_int_equal(bridge_watch_commit(b, a), 0);
	assert_int_equal(bridge_watch_commit(b, a), KSNAP_E_NOTFOUND);
	assert_int_equal(bridge_watch_release(b, a, "worker_lost"), 0);
	assert_int_equal(ksnap_bridge_watch_count(b), 0);
	assert_int_equal(bridge_watch_reserve(b, "late", &late, NULL), 0);
	assert_int_equal(late, 3);
	rig_expect_events(b, "watch_armed symbol=a watch=1\n"
			     "watch_disarmed symbol=a watch=1 reason=worker_lost\n");
	ksnap_bridge_unref(b);
}

/* Its slot is free before it is known how it ended. */
static void leaving_without_a_word(void **state)
{
	struct ksnap_bridge *b = rig_bridge(0, 0, 0);
	uint64_t a, c;

	assert_int_equal(bridge_watch_leave(b, 1), KSNAP_E_NOTFOUND);
	assert_int_equal(bridge_watch_reserve(b, "a", &a, NULL), 0);
	assert_int_equal(bridge_watch_leave(b, a), KSNAP_E_NOTFOUND); /* being armed */
	assert_int_equal(bridge_watch_commit(b, a), 0);
	assert_int_equal(bridge_watch_leave(b, a), 0);
	assert_int_equal(ksnap_bridge_watch_count(b), 0);
	assert_int_equal(bridge_watch_leave(b, a), KSNAP_E_NOTFOUND);
	assert_int_equal(bridge_watch_release(b, a, NULL), KSNAP_E_NOTFOUND);
	assert_int_equal(bridge_watch_reserve(b, "c", &c, NULL), 0);
	assert_int_equal(c, 2);
	rig_expect_events(b, "watch_armed symbol=a watch=1\n");
	ksnap_bridge_unref(b);
}

static void bridges_may_number_together(void **state)
{
	struct ksnap_bridge *b = rig_bridge(0, 0, 0), *c = rig_bridge(0, 0, 0);
	_Atomic uint64_t last = 41;
	uint64_t id;

	bridge_share_watch_ids(b, &last);
	bridge_share_watch_ids(c, &last);
	assert_int_equal(bridge_watch_reserve(b, "a", &id, NULL), 0);
	assert_int_equal(id, 42);
	assert_int_equal(bridge_watch_reserve(c, "a", &id, NULL), 0);
	assert_int_equal(id, 43);
	assert_int_equal(bridge_watch_release(b, 43, NULL), KSNAP_E_NOTFOUND);
	assert_int_equal(bridge_watch_release(b, 42, NULL), 0);
	assert_int_equal(bridge_watch_reserve(b, "b", &id, NULL), 0);
	assert_int_equal(id, 44);
	ksnap_bridge_unref(b);
	ksnap_bridge_unref(c);
}

static char closing[128];

static void note_closing(void *arg, const struct ksnap_event *event)
{
	rig_event_text(event, closing, sizeof(closing));
}

static void a_closed_bridge_disarms(void **state)
{
	KSNAP_OPTS(ksnap_bridge_opts, o, .watch = arm, .unwatch = disarm, .event = note_closing);
	struct world w = { 0 };

	o.arg = &w;
	w.b = ksnap_bridge_create(&o, NULL);
	assert_int_equal(ksnap_bridge_watch(w.b, "a", NULL, NULL), 0);
	ksnap_bridge_unref(w.b);
	assert_int_equal(w.disarmed, 1);
	assert_string_equal(closing, "watch_disarmed symbol=a watch=1 reason=bridge_closed");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bad_symbols_hold_nothing),
		cmocka_unit_test(without_a_callback_it_is_unsupported),
		cmocka_unit_test(an_unknown_id_names_the_held),
		cmocka_unit_test(the_fourth_is_refused_and_told_why),
		cmocka_unit_test(many_holders_are_counted),
		cmocka_unit_test(a_refusal_gives_the_slot_back_word_for_word),
		cmocka_unit_test(what_is_being_armed_cannot_be_dropped),
		cmocka_unit_test(dropping_tells_the_reason),
		cmocka_unit_test(arming_in_two_halves),
		cmocka_unit_test(leaving_without_a_word),
		cmocka_unit_test(bridges_may_number_together),
		cmocka_unit_test(a_closed_bridge_disarms),
	};

	return cmocka_run_group_tests(tests, NULL, rig_done);
}
