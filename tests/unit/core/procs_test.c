// SPDX-License-Identifier: MIT
/* procs_test.c - cgroup.procs records: appended, first match, empty is not missing. */
#include "base/limits.h"
#include "core/procs.h"
#include "rig.h"

static void bad_arguments_record_nothing(void **state)
{
	struct ksnap_bridge *b = rig_bridge(0, 0, 0);
	struct ksnap_procs p, *all;
	struct ksnap_err err;
	size_t n;

	assert_int_equal(ksnap_bridge_record_procs(b, NULL, "/a", NULL, 0, &err), KSNAP_E_ARG);
	rig_expect_text(&err, "tag: ");
	assert_int_equal(ksnap_bridge_record_procs(b, "", "/a", NULL, 0, &err), KSNAP_E_ARG);
	assert_int_equal(ksnap_bridge_record_procs(b, "t", "", NULL, 0, &err), KSNAP_E_ARG);
	rig_expect_text(&err, "cgroup: ");
	assert_int_equal(ksnap_bridge_record_procs(b, "t", NULL, NULL, 0, &err), KSNAP_E_ARG);
	assert_int_equal(ksnap_bridge_record_procs(b, "t", "/a", NULL, 2, &err), KSNAP_E_ARG);
	rig_expect_text(&err, "pids: ");
	assert_int_equal(ksnap_bridge_procs_by_tag(b, NULL, &p, &err), KSNAP_E_ARG);
	assert_int_equal(ksnap_bridge_procs_by_tag(b, "t", &p, &err), KSNAP_E_NOTFOUND);
	rig_expect_text(&err, "recorded: nothing");
	assert_int_equal(ksnap_bridge_drain_procs(b, &all, &n, NULL), 0);
	assert_null(all);
	assert_int_equal(n, 0);
	ksnap_procs_clear(NULL);
	ksnap_procs_free(NULL, 3);
	ksnap_bridge_unref(b);
}

static void a_miss_names_what_is_there(void **state)
{
	struct ksnap_bridge *b = rig_bridge(0, 0, 0);
	struct ksnap_procs p;
	struct ksnap_err err;

	assert_int_equal(ksnap_bridge_record_procs(b, "cell_1", "/a", NULL, 0, NULL), 0);
	assert_int_equal(ksnap_bridge_procs_by_tag(b, "cell_2", &p, &err), KSNAP_E_NOTFOUND);
	rig_expect_text(&err, "recorded: \"cell_1\"");
	ksnap_bridge_unref(b);
}

static void an_empty_cgroup_is_an_empty_list(void **state)
{
	struct ksnap_bridge *b = rig_bridge(0, 0, 0);
	struct ksnap_procs p;

	assert_int_equal(ksnap_bridge_record_procs(b, "t", "/empty", NULL, 0, NULL), 0);
	assert_int_equal(ksnap_bridge_procs_by_tag(b, "t", &p, NULL), 0);
	assert_int_equal(p.npids, 0);
	assert_null(p.pids);
	assert_string_equal(p.cgroup, "/empty");
	ksnap_procs_clear(&p);
	ksnap_bridge_unref(b);
}

static void tags_repeat_and_the_first_is_found(void **state)
{
	struct ksnap_bridge *b = rig_bridge(0, 0, 0);
	uint32_t pids[] = { 10, 20, 30 };
	struct ksnap_procs p, *all;
	size_t n;

	assert_int_equal(ksnap_bridge_record_procs(b, "x", "/x", pids, 1, NULL), 0);
	assert_int_equal(ksnap_bridge_record_procs(b, "t", "/a", pids, 3, NULL), 0);
	pids[0] = 99;
	assert_int_equal(ksnap_bridge_record_procs(b, "t", "/b", pids, 2, NULL), 0);
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(ksnap_bridge_procs_by_tag(b, "t", &p, NULL), 0);
		assert_string_equal(p.cgroup, "/a");
		assert_int_equal(p.npids, 3);
		assert_int_equal(p.pids[0], 10);
		assert_int_equal(p.pids[2], 30);
		ksnap_procs_clear(&p);
	}
	assert_int_equal(ksnap_bridge_drain_procs(b, &all, &n, NULL), 0);
	assert_int_equal(n, 3);
	assert_string_equal(all[0].tag, "x");
	assert_string_equal(all[2].cgroup, "/b");
	assert_int_equal(all[2].pids[0], 99);
	ksnap_procs_free(all, n);
	assert_int_equal(ksnap_bridge_procs_by_tag(b, "t", &p, NULL), KSNAP_E_NOTFOUND);
	ksnap_bridge_unref(b);
}

static void the_oldest_leaves_and_the_drain_tells(void **state)
{
	struct ksnap_bridge *b = rig_bridge(0, 0, 0);
	struct ksnap_bridge_stats stats;
	struct ksnap_procs *all;
	size_t n;

	for (uint32_t i = 0; i < LIMIT_MAX_CGROUP_PROCS + 2; i++)
		assert_int_equal(ksnap_bridge_record_procs(b, "t", "/a", &i, 1, NULL), 0);
	assert_int_equal(ksnap_bridge_drain_procs(b, &all, &n, NULL), 0);
	assert_int_equal(n, LIMIT_MAX_CGROUP_PROCS);
	assert_int_equal(all[0].pids[0], 2);
	assert_int_equal(all[n - 1].pids[0], n + 1);
	ksnap_procs_free(all, n);
	rig_expect_events(b, "log_truncated log=cgroup_procs dropped_count=2\n");
	ksnap_bridge_stats(b, &stats);
	assert_int_equal(stats.procs_dropped, 2);
	assert_int_equal(ksnap_bridge_drain_procs(b, &all, &n, NULL), 0);
	rig_expect_events(b, "");
	ksnap_bridge_unref(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bad_arguments_record_nothing),
		cmocka_unit_test(a_miss_names_what_is_there),
		cmocka_unit_test(an_empty_cgroup_is_an_empty_list),
		cmocka_unit_test(tags_repeat_and_the_first_is_found),
		cmocka_unit_test(the_oldest_leaves_and_the_drain_tells),
	};

	return cmocka_run_group_tests(tests, NULL, rig_done);
}
