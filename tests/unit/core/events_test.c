// SPDX-License-Identifier: MIT
/* events_test.c - the event log: order, cap, mark, and what the sink sees. */
#include "base/clock.h"
#include "core/events.h"
#include "rig.h"

struct sink {
	unsigned n;
	uint64_t last_seq;
	char last[64];
};

static void take(void *arg, const struct ksnap_event *event)
{
	struct sink *s = arg;

	s->n++;
	s->last_seq = event->seq;
	snprintf(s->last, sizeof(s->last), "%s", event->fields[0].str);
}

static void raise_tag(struct events *ev, const char *tag)
{
	const struct ksnap_event_field f = EVENT_STR("tag", tag);

	events_raise(ev, KSNAP_EV_CAPTURE_UNAVAILABLE, &f, 1);
}

static void bridge_raise_refuses_what_no_schema_names(void **state)
{
	const struct ksnap_event_field fields[] = { EVENT_STR("tag", "t"), EVENT_STR("x", "y") };
	struct ksnap_bridge *b = rig_bridge(0, 0, 0);

	assert_int_equal(bridge_raise(b, 999, fields, 1), KSNAP_E_ARG);
	assert_int_equal(bridge_raise(b, KSNAP_EV_WORKER_LOST, fields, 1), KSNAP_E_ARG);
	assert_int_equal(bridge_raise(b, KSNAP_EV_CAPTURE_UNAVAILABLE, fields, 2), KSNAP_E_ARG);
	assert_int_equal(bridge_raise(b, KSNAP_EV_OVERWRITE, fields, 5), KSNAP_E_ARG);
	assert_int_equal(bridge_raise(b, KSNAP_EV_EVENT_LOG_TRUNCATED,
				      &EVENT_NUM("dropped_count", 1), 1),
			 KSNAP_E_ARG);
	rig_expect_events(b, "");
	ksnap_bridge_unref(b);
}

static void bridge_raise_takes_outside_facts(void **state)
{
	char reason[] = "silent";
	struct ksnap_bridge *b = rig_bridge(0, 0, 0);
	const struct ksnap_event_field fields[] = {
		EVENT_STR("worker", "live-1"),
		EVENT_STR("target", "live"),
		EVENT_STR("reason", reason),
		EVENT_NUM("job", 17),
	};

	assert_int_equal(bridge_raise(b, KSNAP_EV_WORKER_LOST, fields, 4), 0);
	memset(reason, 'x', 6);
	rig_expect_events(b, "worker_lost worker=live-1 target=live reason=silent job=17\n");
	ksnap_bridge_unref(b);
}

static void an_empty_log_drains_to_nothing(void **state)
{
	struct ksnap_event *all = (void *)1;
	struct events ev;
	size_t n = 9;

	assert_int_equal(events_init(&ev, 4, NULL, NULL), 0);
	assert_int_equal(events_drain(&ev, &all, &n, NULL), 0);
	assert_null(all);
	assert_int_equal(n, 0);
	ksnap_events_free(all, n);
	events_fini(&ev);
}

static void order_and_numbers_are_kept(void **state)
{
	struct ksnap_event *all;
	struct events ev;
	size_t n;

	assert_int_equal(events_init(&ev, 4, NULL, NULL), 0);
	raise_tag(&ev, "a");
	raise_tag(&ev, "b");
	assert_int_equal(events_drain(&ev, &all, &n, NULL), 0);
	assert_int_equal(n, 2);
	assert_int_equal(all[0].seq, 1);
	assert_int_equal(all[1].seq, 2);
	assert_string_equal(all[0].fields[0].str, "a");
	assert_string_equal(all[1].fields[0].str, "b");
	assert_true(all[0].ts > 0 && all[0].mono > 0 && all[0].mono <= all[1].mono);
	ksnap_events_free(all, n);
	assert_int_equal(ev.text_bytes, 0);
	raise_tag(&ev, "c");
	assert_int_equal(events_drain(&ev, &all, &n, NULL), 0);
	assert_int_equal(all[0].seq, 3);
	ksnap_events_free(all, n);
	events_fini(&ev);
}

static void the_mark_is_last_and_counts_once(void **state)
{
	struct ksnap_bridge *b = rig_bridge(0, 0, 2);

	for (unsigned i = 0; i < 5; i++)
		ksnap_bridge_capture_failed(b, "t", i == 4 ? "last" : NULL);
	assert_int_equal(ksnap_bridge_event_count(b), 2);
	rig_expect_events(b, "capture_unavailable tag=t\n"
			     "capture_unavailable tag=t reason=last\n"
			     "event_log_truncated dropped_count=3\n");
	rig_expect_events(b, "");
	ksnap_bridge_capture_failed(b, "t", NULL);
	rig_expect_events(b, "capture_unavailable tag=t\n");
	ksnap_bridge_unref(b);
}

static void the_mark_has_no_number(void **state)
{
	struct ksnap_bridge *b = rig_bridge(0, 0, 1);
	struct ksnap_bridge_stats stats;
	struct ksnap_event *all;
	size_t n;

	ksnap_bridge_capture_failed(b, "a", NULL);
	ksnap_bridge_capture_failed(b, "b", NULL);
	assert_int_equal(ksnap_bridge_drain_events(b, &all, &n, NULL), 0);
	assert_int_equal(n, 2);
	assert_int_equal(all[0].seq, 2);
	assert_int_equal(all[1].seq, 0);
	assert_true(all[1].ts > 0 && all[1].mono > 0);
	ksnap_events_free(all, n);
	ksnap_bridge_stats(b, &stats);
	assert_int_equal(stats.events_raised, 2);
	assert_int_equal(stats.events_dropped, 1);
	ksnap_bridge_unref(b);
}

static void the_sink_sees_each_at_once(void **state)
{
	struct sink s = { 0 };
	struct events ev;

	assert_int_equal(events_init(&ev, 1, take, &s), 0);
	raise_tag(&ev, "a");
	assert_string_equal(s.last, "a");
	raise_tag(&ev, "b");
	assert_string_equal(s.last, "b");
	assert_int_equal(s.n, 2);
	assert_int_equal(s.last_seq, 2);
	events_fini(&ev);
}

static void long_text_is_cut_at_a_character(void **state)
{
	char text[EVENT_TEXT_MAX + 8];
	struct ksnap_event *all;
	struct events ev;
	size_t n;

	memset(text, 'x', sizeof(text));
	memcpy(text + EVENT_TEXT_MAX - 2, "\xe2\x82\xac", 3); /* three bytes, two fit */
	text[sizeof(text) - 1] = '\0';
	assert_int_equal(events_init(&ev, 4, NULL, NULL), 0);
	raise_tag(&ev, text);
	assert_int_equal(events_drain(&ev, &all, &n, NULL), 0);
	assert_int_equal(strlen(all[0].fields[0].str), EVENT_TEXT_MAX - 2);
	ksnap_events_free(all, n);
	events_fini(&ev);
}

static void too_many_fields_are_left_out(void **state)
{
	struct ksnap_event_field fields[KSNAP_EVENT_FIELDS + 1];
	struct ksnap_event *all;
	struct events ev;
	size_t n;

	for (unsigned i = 0; i <= KSNAP_EVENT_FIELDS; i++)
		fields[i] = EVENT_STR("tag", "t");
	assert_int_equal(events_init(&ev, 4, NULL, NULL), 0);
	events_raise(&ev, KSNAP_EV_OVERWRITE, fields, KSNAP_EVENT_FIELDS + 1);
	assert_int_equal(events_drain(&ev, &all, &n, NULL), 0);
	assert_int_equal(all[0].nfields, KSNAP_EVENT_FIELDS);
	ksnap_events_free(all, n);
	events_fini(&ev);
}

static void draining_events_leaves_reports(void **state)
{
	struct ksnap_bridge *b = rig_bridge(1, 0, 0);
	struct ksnap_entry *entries;
	size_t n;

	rig_store(b, "a", 1);
	rig_store(b, "b", 1);
	rig_expect_events(b, "eviction evicted_tag=a new_tag=b cap=1\n");
	assert_int_equal(ksnap_bridge_len(b), 1);
	rig_store(b, "c", 1);
	assert_int_equal(ksnap_bridge_drain_ordered(b, &entries, &n, NULL), 0);
	ksnap_entries_free(entries, n);
	assert_int_equal(ksnap_bridge_event_count(b), 1);
	ksnap_bridge_unref(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bridge_raise_refuses_what_no_schema_names),
		cmocka_unit_test(bridge_raise_takes_outside_facts),
		cmocka_unit_test(an_empty_log_drains_to_nothing),
		cmocka_unit_test(order_and_numbers_are_kept),
		cmocka_unit_test(the_mark_is_last_and_counts_once),
		cmocka_unit_test(the_mark_has_no_number),
		cmocka_unit_test(the_sink_sees_each_at_once),
		cmocka_unit_test(long_text_is_cut_at_a_character),
		cmocka_unit_test(too_many_fields_are_left_out),
		cmocka_unit_test(draining_events_leaves_reports),
	};

	return cmocka_run_group_tests(tests, NULL, rig_done);
}
