// SPDX-License-Identifier: MIT
/* event_kinds_test.c - the table of kinds is the schemas'. */
#include "core/event_kinds.h"
#include "rig.h"

static void a_number_that_is_no_kind_has_no_name(void **state)
{
	assert_null(ksnap_event_name(0));
	assert_null(ksnap_event_name(999));
	assert_null(event_kind_find((enum ksnap_event_kind) - 1));
}

static void unknown_fields_are_unknown(void **state)
{
	const struct event_kind_info *info = event_kind_find(KSNAP_EV_EVICTION);

	assert_null(event_kind_field(info, ""));
	assert_null(event_kind_field(info, "tag"));
	assert_ptr_equal(event_kind_field(info, "new_tag"), info->fields[1]);
}

static void every_kind_has_its_name(void **state)
{
	static const struct {
		enum ksnap_event_kind kind;
		const char *name;
	} rows[] = {
		{ KSNAP_EV_CAPTURE_UNAVAILABLE, "capture_unavailable" },
		{ KSNAP_EV_OVERWRITE, "overwrite" },
		{ KSNAP_EV_EVICTION, "eviction" },
		{ KSNAP_EV_DRAIN_ORDERING_INVARIANT_VIOLATION,
		  "drain_ordering_invariant_violation" },
		{ KSNAP_EV_CAP_INVARIANT_VIOLATION, "cap_invariant_violation" },
		{ KSNAP_EV_EVENT_LOG_TRUNCATED, "event_log_truncated" },
		{ KSNAP_EV_REPORT_REFUSED, "report_refused" },
		{ KSNAP_EV_LOG_TRUNCATED, "log_truncated" },
		{ KSNAP_EV_PERIODIC_ABANDONED, "periodic_abandoned" },
		{ KSNAP_EV_WATCH_ARMED, "watch_armed" },
		{ KSNAP_EV_WATCH_THROTTLED, "watch_throttled" },
		{ KSNAP_EV_WATCH_DISARMED, "watch_disarmed" },
		{ KSNAP_EV_SESSION_LOST, "session_lost" },
		{ KSNAP_EV_WORKER_LOST, "worker_lost" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct event_kind_info *info = event_kind_find(rows[i].kind);

		assert_string_equal(ksnap_event_name(rows[i].kind), rows[i].name);
		assert_true(info->nfields > 0);
		for (unsigned f = 0; f < info->nfields; f++)
			assert_non_null(info->fields[f]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_number_that_is_no_kind_has_no_name),
		cmocka_unit_test(unknown_fields_are_unknown),
		cmocka_unit_test(every_kind_has_its_name),
	};

	return cmocka_run_group_tests(tests, NULL, rig_done);
}
