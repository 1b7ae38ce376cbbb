// SPDX-License-Identifier: MIT
/* store_test.c - tags, order, caps, what an overwrite replaces, and the two invariants. */
#include "core/store.h"
#include "rig.h"

static void expect_bytes(struct ksnap_bridge *b, uint64_t bytes)
{
	struct ksnap_bridge_stats s;

	ksnap_bridge_stats(b, &s);
	assert_true(s.bytes == bytes);
}

static int drain_and_compare(struct ksnap_bridge *b, const char *want)
{
	struct ksnap_entry *entries;
	size_t n;
	int rc = ksnap_bridge_drain_ordered(b, &entries, &n, NULL);

	if (rc == 0) {
		rig_expect_tags(entries, n, want);
		ksnap_entries_free(entries, n);
	}
	return rc;
}

static void bad_arguments_change_nothing(void **state)
{
	static const char *const tags[] = { NULL, "", "a\nb", "\xff" };
	char long_tag[KSNAP_TAG_MAX + 2], long_schema[65];
	struct ksnap_bridge *b = rig_bridge(0, 0, 0);
	struct ksnap_store_args args = { 0 };
	struct ksnap_err err;
	uint64_t seq = 77;

	for (unsigned i = 0; i < 4; i++) {
		assert_int_equal(rig_store_err(b, tags[i], 1, &err), KSNAP_E_ARG);
		rig_expect_text(&err, "tag: ");
	}
	memset(long_tag, 'x', sizeof(long_tag));
	long_tag[KSNAP_TAG_MAX + 1] = '\0';
	assert_int_equal(rig_store_err(b, long_tag, 1, &err), KSNAP_E_ARG);
	rig_expect_text(&err, "64");
	assert_int_equal(ksnap_bridge_store(b, &args, &seq, &err), KSNAP_E_ARG);
	rig_expect_text(&err, "KSNAP_OPTS");
	args = (struct ksnap_store_args){ .size = sizeof(args), .tag = "t" };
	assert_int_equal(ksnap_bridge_store(b, &args, &seq, &err), KSNAP_E_ARG);
	rig_expect_text(&err, "report: ");
	memset(long_schema, 's', 64);
	long_schema[64] = '\0';
	args.report = rig_blob(1);
	args.schema = long_schema;
	assert_int_equal(ksnap_bridge_store(b, &args, &seq, &err), KSNAP_E_ARG);
	rig_expect_text(&err, "at most 63");
	ksnap_blob_unref(args.report);
	assert_int_equal(seq, 77);
	assert_true(ksnap_bridge_is_empty(b));
	rig_expect_events(b, "");
	ksnap_bridge_unref(b);
}

static void a_miss_names_what_is_near(void **state)
{
	struct ksnap_bridge *b = rig_bridge(0, 0, 0);
	struct ksnap_entry e;
	struct ksnap_err err;

	assert_int_equal(ksnap_bridge_get(b, NULL, &e, &err), KSNAP_E_ARG);
	assert_int_equal(ksnap_bridge_get(b, "t", &e, &err), KSNAP_E_NOTFOUND);
	rig_expect_text(&err, "nothing");
	rig_store(b, "tick_1", 1);
	rig_store(b, "tick_2", 1);
	rig_store(b, "before", 1);
	rig_store(b, "after", 1);
	assert_int_equal(ksnap_bridge_get(b, "tick_3", &e, &err), KSNAP_E_NOTFOUND);
	rig_expect_text(&err, "\"tick_2\", \"tick_1\", ");
	rig_expect_text(&err, "and 1 more");
	assert_false(ksnap_bridge_has(b, "tick_3"));
	assert_false(ksnap_bridge_has(b, NULL));
	assert_true(ksnap_bridge_has(b, "tick_1"));
	ksnap_bridge_unref(b);
}

static void a_report_above_the_cap_changes_nothing(void **state)
{
	struct ksnap_bridge *b = rig_bridge(2, 100, 0);
	struct ksnap_bridge_stats s;
	struct ksnap_err err;

	rig_store(b, "a", 60);
	rig_store(b, "b", 40);
	assert_int_equal(rig_store_err(b, "a", 101, &err), KSNAP_E_LIMIT);
	rig_expect_text(&err, "MAX_STORED_BYTES of this bridge is 100");
	rig_expect_text(&err, "--max-bytes N");
	rig_expect_order(b, "a b");
	expect_bytes(b, 100);
	rig_expect_events(b, "report_refused tag=a bytes=101 cap_bytes=100\n");
	ksnap_bridge_stats(b, &s);
	assert_int_equal(s.refused, 1);
	assert_int_equal(s.accepted, 2);
	rig_store(b, "c", 100);
	rig_expect_order(b, "c");
	ksnap_bridge_unref(b);
}

static void stats_count_towards_the_byte_cap(void **state)
{
	struct ksnap_bridge *b = rig_bridge(9, 100, 0);
	KSNAP_OPTS(ksnap_store_args, args, .tag = "t");

	args.report = rig_blob(60);
	args.stats = rig_blob(41);
	assert_int_equal(ksnap_bridge_store(b, &args, NULL, NULL), KSNAP_E_LIMIT);
	ksnap_blob_unref(args.stats);
	args.stats = rig_blob(40);
	assert_int_equal(ksnap_bridge_store(b, &args, NULL, NULL), 0);
	expect_bytes(b, 100);
	ksnap_blob_unref(args.report);
	ksnap_blob_unref(args.stats);
	rig_expect_books(b);
	ksnap_bridge_unref(b);
}

static void the_oldest_leaves_at_the_count_cap(void **state)
{
	struct ksnap_bridge *b = rig_bridge(3, 0, 0);

	for (const char *t = "abcde"; *t; t++)
		rig_store(b, (char[]){ *t, 0 }, 1);
	rig_expect_order(b, "c d e");
	rig_expect_events(b, "eviction evicted_tag=a new_tag=d cap=3\n"
			     "eviction evicted_tag=b new_tag=e cap=3\n");
	rig_expect_books(b);
	ksnap_bridge_unref(b);
}

static void the_default_cap_is_64(void **state)
{
	struct ksnap_bridge *b = rig_bridge(0, 0, 0);
	struct ksnap_bridge_stats s;
	char tag[16];

	for (unsigned i = 0; i < 100; i++) {
		snprintf(tag, sizeof(tag), "tick_%u", i + 1);
		rig_store(b, tag, 1);
		assert_true(ksnap_bridge_len(b) <= 64);
	}
	assert_int_equal(ksnap_bridge_len(b), 64);
	assert_false(ksnap_bridge_has(b, "tick_36"));
	assert_true(ksnap_bridge_has(b, "tick_37"));
	ksnap_bridge_stats(b, &s);
	assert_int_equal(s.evicted, 36);
	assert_int_equal(ksnap_bridge_event_count(b), 36);
	ksnap_bridge_unref(b);
}

static void the_byte_cap_evicts_as_many_as_it_takes(void **state)
{
	struct ksnap_bridge *b = rig_bridge(10, 100, 0);

	rig_store(b, "a", 30);
	rig_store(b, "b", 30);
	rig_store(b, "c", 40);
	rig_store(b, "d", 50);
	rig_expect_order(b, "c d");
	expect_bytes(b, 90);
	rig_expect_events(b, "eviction evicted_tag=a new_tag=d cap=10 cap_bytes=100\n"
			     "eviction evicted_tag=b new_tag=d cap=10 cap_bytes=100\n");
	ksnap_bridge_unref(b);
}

static void an_empty_report_fits_a_full_store(void **state)
{
	struct ksnap_bridge *b = rig_bridge(10, 100, 0);

	rig_store(b, "a", 100);
	rig_store(b, "b", 0);
	rig_expect_order(b, "a b");
	rig_expect_events(b, "");
	ksnap_bridge_unref(b);
}

static void a_cap_of_one_keeps_the_newest(void **state)
{
	struct ksnap_bridge *b = rig_bridge(1, 0, 0);

	rig_store(b, "a", 1);
	rig_store(b, "a", 1);
	rig_store(b, "b", 1);
	rig_expect_order(b, "b");
	rig_expect_events(b, "overwrite tag=a prior_schema=ksnap.report/1\n"
			     "eviction evicted_tag=a new_tag=b cap=1\n");
	ksnap_bridge_unref(b);
}

static void an_overwrite_moves_to_the_back(void **state)
{
	struct ksnap_bridge *b = rig_bridge(3, 0, 0);
	struct ksnap_entry first, second;

	rig_store(b, "a", 10);
	rig_store(b, "b", 10);
	assert_int_equal(ksnap_bridge_get(b, "a", &first, NULL), 0);
	rig_store(b, "a", 5);
	assert_int_equal(ksnap_bridge_get(b, "a", &second, NULL), 0);
	assert_int_equal(first.seq, 1);
	assert_int_equal(second.seq, 3);
	assert_true(first.report != second.report);
	ksnap_entry_clear(&first);
	ksnap_entry_clear(&second);
	rig_expect_order(b, "b a");
	expect_bytes(b, 15);
	rig_expect_events(b, "overwrite tag=a prior_schema=ksnap.report/1\n");
	rig_expect_books(b);
	ksnap_bridge_unref(b);
}

static void an_overwrite_may_evict_others_but_not_itself(void **state)
{
	struct ksnap_bridge *b = rig_bridge(9, 100, 0);

	rig_store(b, "a", 20);
	rig_store(b, "b", 20);
	rig_store(b, "c", 20);
	rig_store(b, "a", 70);
	rig_expect_order(b, "c a");
	rig_expect_events(b, "overwrite tag=a prior_schema=ksnap.report/1\n"
			     "eviction evicted_tag=b new_tag=a cap=9 cap_bytes=100\n");
	rig_expect_books(b);
	ksnap_bridge_unref(b);
}

static void an_overwrite_replaces_all_that_came_with_it(void **state)
{
	struct ksnap_bridge *b = rig_bridge(0, 0, 0);
	struct ksnap_entry e;
	KSNAP_OPTS(ksnap_store_args, args, .tag = "t", .schema = "other/2", .placeholder = true,
		   .has_step = true, .step = 65535, .has_elapsed_ms = true, .elapsed_ms = 7,
		   .has_boundary_ms = true, .boundary_ms = 9);

	args.report = rig_blob(1);
	args.stats = rig_blob(2);
	assert_int_equal(ksnap_bridge_store(b, &args, NULL, NULL), 0);
	ksnap_blob_unref(args.report);
	ksnap_blob_unref(args.stats);
	assert_int_equal(ksnap_bridge_get(b, "t", &e, NULL), 0);
	assert_true(e.has_step && e.step == 65535 && e.has_elapsed_ms && e.elapsed_ms == 7);
	assert_true(e.has_boundary_ms && e.boundary_ms == 9 && e.placeholder && !e.complete);
	assert_string_equal(e.schema, "other/2");
	assert_int_equal(e.stats_reason, KSNAP_STATS_PRESENT);
	assert_int_equal(ksnap_blob_size(e.stats), 2);
	assert_true(e.ts > 0);
	ksnap_entry_clear(&e);
	rig_store(b, "t", 1);
	assert_int_equal(ksnap_bridge_get(b, "t", &e, NULL), 0);
	assert_false(e.has_step || e.has_elapsed_ms || e.has_boundary_ms || e.placeholder);
	assert_true(e.complete);
	assert_null(e.stats);
	assert_int_equal(e.stats_reason, KSNAP_STATS_NO_CLIENT);
	ksnap_entry_clear(&e);
	rig_expect_events(b, "overwrite tag=t prior_schema=other/2\n");
	ksnap_bridge_unref(b);
}

static void values_without_their_has_are_absent(void **state)
{
	struct ksnap_bridge *b = rig_bridge(0, 0, 0);
	struct ksnap_entry e;
	KSNAP_OPTS(ksnap_store_args, args, .tag = "t", .step = 3, .elapsed_ms = 4, .boundary_ms = 5,
		   .stats_reason = KSNAP_STATS_CANCELLED);

	args.report = rig_blob(1);
	assert_int_equal(ksnap_bridge_store(b, &args, NULL, NULL), 0);
	ksnap_blob_unref(args.report);
	assert_int_equal(ksnap_bridge_get(b, "t", &e, NULL), 0);
	assert_true(e.step == 0 && e.elapsed_ms == 0 && e.boundary_ms == 0);
	assert_int_equal(e.stats_reason, KSNAP_STATS_CANCELLED);
	ksnap_entry_clear(&e);
	ksnap_bridge_unref(b);
}

static void older_callers_know_fewer_fields(void **state)
{
	struct ksnap_bridge *b = rig_bridge(0, 0, 0);
	KSNAP_OPTS(ksnap_store_args, args, .tag = "t", .schema = "never read");
	struct ksnap_entry e;

	args.report = rig_blob(1);
	args.size = offsetof(struct ksnap_store_args, schema);
	assert_int_equal(ksnap_bridge_store(b, &args, NULL, NULL), 0);
	ksnap_blob_unref(args.report);
	assert_int_equal(ksnap_bridge_get(b, "t", &e, NULL), 0);
	assert_string_equal(e.schema, "ksnap.report/1");
	ksnap_entry_clear(&e);
	ksnap_bridge_unref(b);
}

static void only_exact_periodic_tags_count(void **state)
{
	static const char *const others[] = {
		"periodic_",      "periodic_12",
		"periodic_1234",  "periodic_12a",
		"periodic_kaslr", "Periodic_001",
		"xperiodic_001",  "periodic_\xd9\xa1\xd9\xa2\xd9\xa3"
	};
	struct ksnap_bridge *b = rig_bridge(0, 0, 0);
	KSNAP_OPTS(ksnap_store_args, placeholder, .tag = "periodic_001", .placeholder = true);

	for (unsigned i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		rig_store(b, others[i], 1);
	assert_int_equal(ksnap_bridge_periodic_real_count(b), 0);
	rig_store(b, "periodic_000", 1);
	rig_store(b, "periodic_001", 1);
	rig_store(b, "periodic_999", 1);
	assert_int_equal(ksnap_bridge_periodic_real_count(b), 3);
	placeholder.report = rig_blob(1);
	assert_int_equal(ksnap_bridge_store(b, &placeholder, NULL, NULL), 0);
	ksnap_blob_unref(placeholder.report);
	assert_int_equal(ksnap_bridge_periodic_real_count(b), 2);
	assert_int_equal(ksnap_bridge_len(b), 11);
	ksnap_bridge_unref(b);
}

static void every_drain_takes_all_in_order(void **state)
{
	static int (*const drains[])(struct ksnap_bridge *, struct ksnap_entry **, size_t *,
				     struct ksnap_err *) = {
		ksnap_bridge_drain,
		ksnap_bridge_drain_ordered,
		ksnap_bridge_drain_ordered_with_stats,
	};
	struct ksnap_bridge *b = rig_bridge(0, 0, 0);
	struct ksnap_entry *entries;
	size_t n;

	for (unsigned i = 0; i < 3; i++) {
		entries = (void *)1;
		assert_int_equal(drains[i](b, &entries, &n, NULL), 0);
		assert_null(entries);
		assert_int_equal(n, 0);
		rig_store(b, "a", 1);
		rig_store(b, "b", 1);
		rig_store(b, "c", 1);
		rig_store(b, "a", 1);
		assert_int_equal(drains[i](b, &entries, &n, NULL), 0);
		rig_expect_tags(entries, n, "b c a");
		assert_int_equal(entries[0].stats_reason, KSNAP_STATS_NO_CLIENT);
		ksnap_entries_free(entries, n);
		assert_true(ksnap_bridge_is_empty(b));
		expect_bytes(b, 0);
		rig_expect_books(b);
	}
	ksnap_bridge_unref(b);
}

static void what_was_given_out_outlives_the_store(void **state)
{
	struct ksnap_bridge *b = rig_bridge(1, 0, 0);
	struct ksnap_entry e;

	rig_store(b, "a", 3);
	assert_int_equal(ksnap_bridge_get(b, "a", &e, NULL), 0);
	rig_store(b, "b", 1);
	ksnap_bridge_unref(b);
	assert_int_equal(ksnap_blob_size(e.report), 3);
	assert_memory_equal(ksnap_blob_data(e.report), rig_zeroes, 3);
	ksnap_entry_clear(&e);
	ksnap_entry_clear(&e);
	ksnap_entry_clear(NULL);
	ksnap_entries_free(NULL, 5);
}

static void strays_come_last_and_are_told(void **state)
{
	struct ksnap_bridge *b = rig_bridge(0, 0, 0);

	for (const char *t = "abcd"; *t; t++)
		rig_store(b, (char[]){ *t, 0 }, 1);
	store_break_order(bridge_store(b), "b");
	store_break_order(bridge_store(b), "not there");
	rig_expect_order(b, "a c d");
	assert_int_equal(drain_and_compare(b, "a c d b"), 0);
	rig_expect_events(b, "drain_ordering_invariant_violation tag=b "
			     "drain_variant=drain_ordered\n");
	rig_expect_books(b);
	ksnap_bridge_unref(b);
}

static void each_drain_names_itself(void **state)
{
	struct ksnap_bridge *b = rig_bridge(0, 0, 0);
	struct ksnap_entry *entries;
	size_t n;

	rig_store(b, "a", 1);
	store_break_order(bridge_store(b), "a");
	assert_int_equal(ksnap_bridge_drain(b, &entries, &n, NULL), 0);
	ksnap_entries_free(entries, n);
	rig_store(b, "a", 1);
	store_break_order(bridge_store(b), "a");
	assert_int_equal(ksnap_bridge_drain_ordered_with_stats(b, &entries, &n, NULL), 0);
	ksnap_entries_free(entries, n);
	rig_expect_events(b, "drain_ordering_invariant_violation tag=a drain_variant=drain\n"
			     "drain_ordering_invariant_violation tag=a "
			     "drain_variant=drain_ordered_with_stats\n");
	ksnap_bridge_unref(b);
}

static void a_stray_can_still_be_replaced(void **state)
{
	struct ksnap_bridge *b = rig_bridge(0, 0, 0);

	rig_store(b, "a", 1);
	rig_store(b, "b", 1);
	store_break_order(bridge_store(b), "a");
	rig_store(b, "a", 2);
	rig_expect_order(b, "b a");
	rig_expect_events(b, "overwrite tag=a prior_schema=ksnap.report/1\n");
	rig_expect_books(b);
	ksnap_bridge_unref(b);
}

static void no_order_over_the_cap_clears_the_store(void **state)
{
	struct ksnap_bridge *b = rig_bridge(3, 0, 0);
	struct ksnap_bridge_stats s;

	for (const char *t = "abc"; *t; t++)
		rig_store(b, (char[]){ *t, 0 }, 5);
	store_break_order(bridge_store(b), NULL);
	assert_int_equal(ksnap_bridge_len(b), 3);
	rig_store(b, "d", 7);
	rig_expect_order(b, "d");
	rig_expect_events(b, "cap_invariant_violation reports_len=3 cap=3\n");
	expect_bytes(b, 7);
	rig_expect_books(b);
	ksnap_bridge_stats(b, &s);
	assert_int_equal(s.evicted, 3);
	ksnap_bridge_unref(b);
}

static void no_order_over_the_byte_cap_clears_it_too(void **state)
{
	struct ksnap_bridge *b = rig_bridge(9, 10, 0);

	rig_store(b, "a", 4);
	rig_store(b, "b", 4);
	store_break_order(bridge_store(b), "a");
	rig_store(b, "c", 8);
	rig_expect_order(b, "c");
	rig_expect_events(b, "eviction evicted_tag=b new_tag=c cap=9 cap_bytes=10\n"
			     "cap_invariant_violation reports_len=1 cap=9\n");
	rig_expect_books(b);
	ksnap_bridge_unref(b);
}

static void a_broken_store_is_freed_whole(void **state)
{
	struct ksnap_bridge *b = rig_bridge(0, 0, 0);

	rig_store(b, "a", 1);
	rig_store(b, "b", 1);
	store_break_order(bridge_store(b), "a");
	ksnap_bridge_unref(b);
	assert_int_equal(rig_blobs_alive, 0);
}

static void a_large_cap_costs_nothing_until_used(void **state)
{
	struct ksnap_bridge *b = rig_bridge(UINT64_MAX, UINT64_MAX, UINT64_MAX);
	char tag[16];

	assert_int_equal(bridge_store(b)->table.now.n, TAG_TABLE_FIRST);
	for (unsigned i = 0; i < 5000; i++) {
		snprintf(tag, sizeof(tag), "t%u", i);
		rig_store(b, tag, 1);
	}
	assert_int_equal(ksnap_bridge_len(b), 5000);
	assert_true(bridge_store(b)->table.now.n < 20000);
	rig_expect_events(b, "");
	ksnap_bridge_unref(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bad_arguments_change_nothing),
		cmocka_unit_test(a_miss_names_what_is_near),
		cmocka_unit_test(a_report_above_the_cap_changes_nothing),
		cmocka_unit_test(stats_count_towards_the_byte_cap),
		cmocka_unit_test(the_oldest_leaves_at_the_count_cap),
		cmocka_unit_test(the_default_cap_is_64),
		cmocka_unit_test(the_byte_cap_evicts_as_many_as_it_takes),
		cmocka_unit_test(an_empty_report_fits_a_full_store),
		cmocka_unit_test(a_cap_of_one_keeps_the_newest),
		cmocka_unit_test(an_overwrite_moves_to_the_back),
		cmocka_unit_test(an_overwrite_may_evict_others_but_not_itself),
		cmocka_unit_test(an_overwrite_replaces_all_that_came_with_it),
		cmocka_unit_test(values_without_their_has_are_absent),
		cmocka_unit_test(older_callers_know_fewer_fields),
		cmocka_unit_test(only_exact_periodic_tags_count),
		cmocka_unit_test(every_drain_takes_all_in_order),
		cmocka_unit_test(what_was_given_out_outlives_the_store),
		cmocka_unit_test(strays_come_last_and_are_told),
		cmocka_unit_test(each_drain_names_itself),
		cmocka_unit_test(a_stray_can_still_be_replaced),
		cmocka_unit_test(no_order_over_the_cap_clears_the_store),
		cmocka_unit_test(no_order_over_the_byte_cap_clears_it_too),
		cmocka_unit_test(a_broken_store_is_freed_whole),
		cmocka_unit_test(a_large_cap_costs_nothing_until_used),
	};

	return cmocka_run_group_tests(tests, NULL, rig_done);
}
