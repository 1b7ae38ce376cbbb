// SPDX-License-Identifier: MIT
/* bridge_test.c - making a bridge, capturing by callback, references, caps in force. */
#include "core/bridge.h"
#include "rig.h"

struct camera {
	struct ksnap_bridge *b;
	size_t len; /* of the next report; 0: none */
	bool placeholder, incomplete;
	const char *why; /* there is none */
	unsigned calls;
	unsigned events;
};

static struct ksnap_blob *shoot(void *arg, const char *tag, bool *complete, bool *placeholder,
				struct ksnap_err *err)
{
	struct camera *c = arg;

	c->calls++;
	ksnap_bridge_len(c->b); /* the lock is not held */
	if (!c->len) {
		snprintf(err->text, sizeof(err->text), "%s", c->why);
		return NULL;
	}
	*placeholder = c->placeholder;
	*complete = !c->incomplete;
	return rig_blob(c->len);
}

static void count(void *arg, const struct ksnap_event *event)
{
	struct camera *c = arg;

	c->events++;
}

static void make(struct camera *c, uint64_t bytes)
{
	KSNAP_OPTS(ksnap_bridge_opts, o, .name = "cam", .capture = shoot, .event = count, .arg = c);

	*c = (struct camera){ .why = "" };
	o.limits.bytes = bytes;
	c->b = ksnap_bridge_create(&o, NULL);
	assert_non_null(c->b);
}

static void bad_options_make_no_bridge(void **state)
{
	struct ksnap_bridge_opts o = { 0 };
	struct ksnap_err err;

	assert_null(ksnap_bridge_create(&o, &err));
	assert_int_equal(err.code, KSNAP_E_ARG);
	rig_expect_text(&err, "KSNAP_OPTS");
	o = (struct ksnap_bridge_opts){ .size = sizeof(o), .name = "" };
	assert_null(ksnap_bridge_create(&o, &err));
	rig_expect_text(&err, "bridge name: ");
	o.name = "new\nline";
	assert_null(ksnap_bridge_create(&o, NULL));
	ksnap_bridge_unref(NULL);
	assert_null(ksnap_bridge_ref(NULL));
}

static void bad_tags_call_no_callback(void **state)
{
	struct camera c;
	struct ksnap_err err;

	make(&c, 0);
	assert_int_equal(ksnap_bridge_capture(c.b, NULL, 0, &err), KSNAP_E_ARG);
	assert_int_equal(ksnap_bridge_capture(c.b, "", 0, &err), KSNAP_E_ARG);
	assert_int_equal(ksnap_bridge_capture_failed(c.b, NULL, "x"), KSNAP_E_ARG);
	assert_int_equal(ksnap_bridge_capture_failed(c.b, "", NULL), KSNAP_E_ARG);
	assert_int_equal(c.calls, 0);
	assert_int_equal(c.events, 0);
	ksnap_bridge_unref(c.b);
}

static void without_a_callback_it_is_unsupported(void **state)
{
	struct ksnap_bridge *b = rig_bridge(0, 0, 0);
	struct ksnap_err err;

	assert_int_equal(ksnap_bridge_capture(b, "t", 0, &err), KSNAP_E_UNSUPPORTED);
	rig_expect_text(&err, "\"rig\"");
	rig_expect_events(b, "");
	ksnap_bridge_unref(b);
}

static void no_report_is_an_event_not_an_error(void **state)
{
	struct ksnap_err err = { .code = 42 };
	struct ksnap_bridge_stats s;
	struct camera c;

	make(&c, 0);
	c.len = 7;
	assert_int_equal(ksnap_bridge_capture(c.b, "t", 0, NULL), 1);
	c.len = 0;
	c.why = "target is away";
	assert_int_equal(ksnap_bridge_capture(c.b, "t", 0, &err), 0);
	c.why = "";
	assert_int_equal(ksnap_bridge_capture(c.b, "u", 0, &err), 0);
	assert_int_equal(err.code, 42);
	assert_true(ksnap_bridge_has(c.b, "t"));
	assert_false(ksnap_bridge_has(c.b, "u"));
	assert_int_equal(c.events, 2);
	rig_expect_events(c.b, "capture_unavailable tag=t reason=target is away\n"
			       "capture_unavailable tag=u\n");
	ksnap_bridge_stats(c.b, &s);
	assert_int_equal(s.unavailable, 2);
	assert_int_equal(s.accepted, 1);
	ksnap_bridge_unref(c.b);
}

static void a_capture_stores_what_it_got(void **state)
{
	struct ksnap_entry e;
	struct camera c;

	make(&c, 0);
	c.len = 9;
	assert_int_equal(ksnap_bridge_capture(c.b, "t", 65535, NULL), 1);
	assert_int_equal(ksnap_bridge_get(c.b, "t", &e, NULL), 0);
	assert_true(e.complete && !e.placeholder && e.has_step && e.step == 65535);
	assert_int_equal(ksnap_blob_size(e.report), 9);
	ksnap_entry_clear(&e);
	c.placeholder = c.incomplete = true;
	assert_int_equal(ksnap_bridge_capture(c.b, "t", 0, NULL), 1);
	assert_int_equal(ksnap_bridge_get(c.b, "t", &e, NULL), 0);
	assert_true(!e.complete && e.placeholder && e.has_step && e.step == 0);
	ksnap_entry_clear(&e);
	ksnap_bridge_unref(c.b);
}

static void a_refused_capture_is_released(void **state)
{
	struct ksnap_err err;
	struct camera c;

	make(&c, 5);
	c.len = 6;
	assert_int_equal(ksnap_bridge_capture(c.b, "t", 0, &err), KSNAP_E_LIMIT);
	assert_int_equal(err.code, KSNAP_E_LIMIT);
	assert_int_equal(rig_blobs_alive, 0);
	rig_expect_events(c.b, "report_refused tag=t bytes=6 cap_bytes=5\n");
	ksnap_bridge_unref(c.b);
}

static void limits_are_filled_in(void **state)
{
	struct ksnap_bridge *b = ksnap_bridge_create(NULL, NULL);
	struct ksnap_limits l;

	assert_string_equal(ksnap_bridge_name(b), "default");
	ksnap_bridge_limits(b, &l);
	assert_int_equal(l.snapshots, 64);
	assert_int_equal(l.bytes, 256 << 20);
	assert_int_equal(l.events, 1024);
	assert_int_equal(l.watches, 3);
	ksnap_bridge_unref(b);
	b = rig_bridge(7, 8, 9);
	ksnap_bridge_limits(b, &l);
	assert_true(l.snapshots == 7 && l.bytes == 8 && l.events == 9 && l.watches == 3);
	ksnap_bridge_unref(b);
}

static void the_name_is_a_copy(void **state)
{
	char name[] = "mine";
	KSNAP_OPTS(ksnap_bridge_opts, o, .name = name);
	struct ksnap_bridge *b = ksnap_bridge_create(&o, NULL);

	memset(name, 'x', 4);
	assert_string_equal(ksnap_bridge_name(b), "mine");
	ksnap_bridge_unref(b);
}

static void the_last_reference_frees(void **state)
{
	struct ksnap_bridge *b = rig_bridge(0, 0, 0);

	rig_store(b, "t", 1);
	assert_ptr_equal(ksnap_bridge_ref(b), b);
	ksnap_bridge_unref(b);
	assert_true(ksnap_bridge_has(b, "t"));
	assert_int_equal(rig_blobs_alive, 1);
	ksnap_bridge_unref(b);
	assert_int_equal(rig_blobs_alive, 0);
}

static struct ksnap_bridge *calling_back;

static void ask_back(void *data, void *arg)
{
	ksnap_bridge_len(calling_back);
	atomic_fetch_sub(&rig_blobs_alive, 1);
}

static void releasing_a_report_may_call_back(void **state)
{
	KSNAP_OPTS(ksnap_store_args, args, .tag = "t");

	calling_back = rig_bridge(1, 0, 0);
	for (unsigned i = 0; i < 4; i++) {
		args.tag = i < 2 ? "t" : i < 3 ? "u" : "v";
		args.report = ksnap_blob_wrap(rig_zeroes, 1, ask_back, NULL);
		atomic_fetch_add(&rig_blobs_alive, 1);
		assert_int_equal(ksnap_bridge_store(calling_back, &args, NULL, NULL), 0);
		ksnap_blob_unref(args.report);
	}
	rig_expect_books(calling_back);
	assert_int_equal(rig_blobs_alive, 1);
	rig_store(calling_back, "w", 1);
	ksnap_bridge_unref(calling_back);
}

static void one_thread_needs_no_lock(void **state)
{
	KSNAP_OPTS(ksnap_bridge_opts, o, .single_threaded = true);
	struct ksnap_bridge *b = ksnap_bridge_create(&o, NULL);

	rig_store(b, "a", 1);
	rig_store(b, "a", 1);
	rig_expect_order(b, "a");
	rig_expect_events(b, "overwrite tag=a prior_schema=ksnap.report/1\n");
	ksnap_bridge_unref(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bad_options_make_no_bridge),
		cmocka_unit_test(bad_tags_call_no_callback),
		cmocka_unit_test(without_a_callback_it_is_unsupported),
		cmocka_unit_test(no_report_is_an_event_not_an_error),
		cmocka_unit_test(a_capture_stores_what_it_got),
		cmocka_unit_test(a_refused_capture_is_released),
		cmocka_unit_test(limits_are_filled_in),
		cmocka_unit_test(the_name_is_a_copy),
		cmocka_unit_test(the_last_reference_frees),
		cmocka_unit_test(releasing_a_report_may_call_back),
		cmocka_unit_test(one_thread_needs_no_lock),
	};

	return cmocka_run_group_tests(tests, NULL, rig_done);
}
