// SPDX-License-Identifier: MIT
/* oplog_test.c - kernel ops: good and bad are logged, the first good value is found. */
#include "base/limits.h"
#include "core/oplog.h"
#include "rig.h"

struct kernel {
	bool success, has_value;
	size_t reply_len; /* 0: no reply */
	const char *reason;
	unsigned calls;
};

static void run(void *arg, struct ksnap_kernel_op *op)
{
	struct kernel *k = arg;

	k->calls++;
	op->success = k->success;
	op->has_value = k->has_value;
	op->reply = k->reply_len ? rig_blob(k->reply_len) : NULL;
	snprintf(op->reason, sizeof(op->reason), "%s", k->reason ? k->reason : "");
}

static struct ksnap_bridge *make(struct kernel *k)
{
	KSNAP_OPTS(ksnap_bridge_opts, o, .kernel = run, .arg = k);
	struct ksnap_bridge *b = ksnap_bridge_create(&o, NULL);

	assert_non_null(b);
	return b;
}

static int op(struct ksnap_bridge *b, const char *tag, struct ksnap_err *err)
{
	struct ksnap_blob *request = rig_blob(4);
	int rc = ksnap_bridge_kernel_op(b, tag, request, err);

	ksnap_blob_unref(request);
	return rc;
}

static size_t value_len(struct ksnap_bridge *b, const char *tag)
{
	struct ksnap_blob *value = ksnap_bridge_kernel_op_value(b, tag);
	size_t len = value ? ksnap_blob_size(value) : 0;

	ksnap_blob_unref(value);
	return len;
}

static void bad_arguments_run_nothing(void **state)
{
	struct kernel k = { 0 };
	struct ksnap_bridge *b = make(&k), *bare = rig_bridge(0, 0, 0);
	struct ksnap_kernel_op *ops;
	struct ksnap_err err;
	size_t n;

	assert_int_equal(ksnap_bridge_kernel_op(b, "t", NULL, &err), KSNAP_E_ARG);
	rig_expect_text(&err, "request: ");
	assert_int_equal(op(b, "a\nb", &err), KSNAP_E_ARG);
	rig_expect_text(&err, "tag: ");
	assert_int_equal(op(bare, "t", &err), KSNAP_E_UNSUPPORTED);
	assert_int_equal(k.calls, 0);
	assert_null(ksnap_bridge_kernel_op_value(b, NULL));
	assert_null(ksnap_bridge_kernel_op_value(b, "t"));
	assert_int_equal(ksnap_bridge_drain_kernel_ops(b, &ops, &n, NULL), 0);
	assert_null(ops);
	assert_int_equal(n, 0);
	ksnap_kernel_ops_free(NULL, 3);
	ksnap_bridge_unref(bare);
	ksnap_bridge_unref(b);
}

static void a_failure_is_logged_with_its_reason(void **state)
{
	struct kernel k = { .reason = "permission denied" };
	struct ksnap_bridge *b = make(&k);
	struct ksnap_kernel_op *ops;
	struct ksnap_err err;
	size_t n;

	assert_int_equal(op(b, "t", &err), KSNAP_E_TARGET);
	assert_string_equal(err.text, "permission denied");
	k.reason = NULL;
	assert_int_equal(op(b, "t", &err), KSNAP_E_TARGET);
	rig_expect_text(&err, "without a reason");
	assert_int_equal(ksnap_bridge_drain_kernel_ops(b, &ops, &n, NULL), 0);
	assert_int_equal(n, 2);
	assert_string_equal(ops[0].tag, "t");
	assert_false(ops[0].success);
	assert_string_equal(ops[0].reason, "permission denied");
	assert_int_equal(ksnap_blob_size(ops[0].request), 4);
	ksnap_kernel_ops_free(ops, n);
	ksnap_bridge_unref(b);
}

static void the_first_good_value_is_found(void **state)
{
	struct kernel k = { .has_value = true, .reply_len = 1 };
	struct ksnap_bridge *b = make(&k);

	assert_int_equal(op(b, "t", NULL), KSNAP_E_TARGET); /* failed, though with a value */
	k = (struct kernel){ .success = true, .reply_len = 2 };
	assert_int_equal(op(b, "t", NULL), 0); /* good, but no value */
	k = (struct kernel){ .success = true, .has_value = true };
	assert_int_equal(op(b, "t", NULL), 0); /* claims a value it does not have */
	assert_int_equal(value_len(b, "t"), 0);
	k = (struct kernel){ .success = true, .has_value = true, .reply_len = 3 };
	assert_int_equal(op(b, "other", NULL), 0);
	assert_int_equal(value_len(b, "t"), 0);
	k.reply_len = 4;
	assert_int_equal(op(b, "t", NULL), 0);
	k.reply_len = 5;
	assert_int_equal(op(b, "t", NULL), 0);
	assert_int_equal(value_len(b, "t"), 4);
	assert_int_equal(value_len(b, "other"), 3);
	ksnap_bridge_unref(b);
}

static void a_write_needs_no_tag(void **state)
{
	struct kernel k = { .success = true };
	struct ksnap_bridge *b = make(&k);
	struct ksnap_kernel_op *ops;
	size_t n;

	assert_int_equal(op(b, NULL, NULL), 0);
	assert_int_equal(op(b, "", NULL), 0);
	assert_int_equal(ksnap_bridge_drain_kernel_ops(b, &ops, &n, NULL), 0);
	assert_int_equal(n, 2);
	assert_string_equal(ops[0].tag, "");
	ksnap_kernel_ops_free(ops, n);
	ksnap_bridge_unref(b);
}

static void outside_replies_are_logged_too(void **state)
{
	struct ksnap_bridge *b = rig_bridge(0, 0, 0);
	struct ksnap_kernel_op reply = { .tag = "t", .success = true, .has_value = true };

	assert_int_equal(bridge_record_kernel_op(b, &reply, NULL), KSNAP_E_ARG);
	reply.request = rig_blob(1);
	reply.reply = rig_blob(9);
	assert_int_equal(bridge_record_kernel_op(b, &reply, NULL), 0);
	ksnap_blob_unref(reply.request);
	ksnap_blob_unref(reply.reply);
	assert_int_equal(value_len(b, "t"), 9);
	ksnap_bridge_unref(b);
}

static void the_oldest_leaves_and_the_drain_tells(void **state)
{
	struct kernel k = { .success = true, .has_value = true };
	struct ksnap_bridge *b = make(&k);
	struct ksnap_bridge_stats stats;
	struct ksnap_kernel_op *ops;
	char tag[16];
	size_t n;

	for (unsigned i = 0; i < LIMIT_MAX_KERNEL_OPS + 3; i++) {
		snprintf(tag, sizeof(tag), "t%u", i);
		k.reply_len = i % 7 + 1;
		assert_int_equal(op(b, tag, NULL), 0);
	}
	rig_expect_events(b, "");
	assert_int_equal(value_len(b, "t2"), 0);
	assert_int_equal(value_len(b, "t3"), 4);
	assert_int_equal(ksnap_bridge_drain_kernel_ops(b, &ops, &n, NULL), 0);
	assert_int_equal(n, LIMIT_MAX_KERNEL_OPS);
	assert_string_equal(ops[0].tag, "t3");
	ksnap_kernel_ops_free(ops, n);
	rig_expect_events(b, "log_truncated log=kernel_ops dropped_count=3\n");
	ksnap_bridge_stats(b, &stats);
	assert_int_equal(stats.kernel_ops_dropped, 3);
	assert_int_equal(op(b, "t", NULL), 0);
	assert_int_equal(ksnap_bridge_drain_kernel_ops(b, &ops, &n, NULL), 0);
	ksnap_kernel_ops_free(ops, n);
	rig_expect_events(b, "");
	ksnap_bridge_unref(b);
}

static void bytes_have_a_cap_too(void **state)
{
	struct kernel k = { .success = true, .has_value = true, .reply_len = 6 << 20 };
	struct ksnap_bridge *b = make(&k);
	struct ksnap_bridge_stats stats;
	struct ksnap_kernel_op *ops;
	size_t n;

	for (int i = 0; i < 4; i++)
		assert_int_equal(op(b, "large", NULL), 0);
	k.reply_len = LIMIT_MAX_KERNEL_OP_BYTES + 1;
	assert_int_equal(ksnap_bridge_drain_kernel_ops(b, &ops, &n, NULL), 0);
	assert_int_equal(n, 2);
	ksnap_kernel_ops_free(ops, n);
	for (int i = 0; i < 2; i++)
		assert_int_equal(op(b, "too large", NULL), 0);
	assert_int_equal(ksnap_bridge_drain_kernel_ops(b, &ops, &n, NULL), 0);
	assert_int_equal(n, 1);
	ksnap_kernel_ops_free(ops, n);
	ksnap_bridge_stats(b, &stats);
	assert_int_equal(stats.kernel_ops_dropped, 3);
	ksnap_bridge_unref(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bad_arguments_run_nothing),
		cmocka_unit_test(a_failure_is_logged_with_its_reason),
		cmocka_unit_test(the_first_good_value_is_found),
		cmocka_unit_test(a_write_needs_no_tag),
		cmocka_unit_test(outside_replies_are_logged_too),
		cmocka_unit_test(the_oldest_leaves_and_the_drain_tells),
		cmocka_unit_test(bytes_have_a_cap_too),
	};

	return cmocka_run_group_tests(tests, NULL, rig_done);
}
