// SPDX-License-Identifier: MIT
/* job_test.c - jobs and the accessor against a target that does what the test says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "capture/job.h"
#include "wire/pack.h"
#include "wire/shapes.h"

/* ---- the target -------------------------------------------------------------------------------
 */

static struct {
	int init_code; /* what the next accessor_init gives */
	int capture_code;
	unsigned captures, attaches, detaches;
	char name[80];
	uint8_t elf[16];
	char first_glob[16];
	size_t nmaps;
	bool progs;
} fake;

static int fake_init(struct target *t, struct ksnap_err *err)
{
	return fake.init_code ? err_set(err, fake.init_code, "the fake is told to fail") : 0;
}

static int fake_capture(struct target *t, const struct capture_request *rq,
			struct report_builder *rb, struct ksnap_err *err)
{
	fake.captures++;
	fake.nmaps = rq->nmaps;
	fake.progs = rq->progs;
	if (rq->nmaps)
		snprintf(fake.first_glob, sizeof(fake.first_glob), "%s", rq->maps[0]);
	return fake.capture_code ? err_set(err, fake.capture_code, "no data today") : 0;
}

static int fake_attach(struct target *t, const char *name, const void *elf, size_t len,
		       struct buf *reply, struct ksnap_err *err)
{
	fake.attaches++;
	snprintf(fake.name, sizeof(fake.name), "%s", name);
	memcpy(fake.elf, elf, len < sizeof(fake.elf) ? len : sizeof(fake.elf));
	return buf_append(reply, "\x80", 1);
}

static int fake_detach(struct target *t, const char *name, struct ksnap_err *err)
{
	fake.detaches++;
	return strcmp(name, "there") ? err_set(err, KSNAP_E_NOTFOUND, "no %s", name) : 0;
}

static const struct target_ops able = { .kind = "fake",
					.accessor_init = fake_init,
					.capture = fake_capture,
					.attach = fake_attach,
					.detach = fake_detach };
static const struct target_ops unable = { .kind = "fake", .why_not = "it is made of paper" };

static struct bench bench;

static int setup(void **state)
{
	memset(&fake, 0, sizeof(fake));
	bench = (struct bench){ .ops = &able,
				.target_name = "fake",
				.rb = report_builder_create(NULL) };
	accessor_renew(&bench.accessor, bench.ops, NULL);
	return !bench.rb;
}

static int teardown(void **state)
{
	report_builder_destroy(bench.rb);
	return 0;
}

/* ---- running one ------------------------------------------------------------------------------
 */

static int run(const char *op, const struct buf *params, struct ksnap_blob *blob,
	       struct job_result *res, struct ksnap_err *err)
{
	struct job job = { .op = wire_slice_of(op),
			   .params = { (const char *)params->data, params->len },
			   .blobs = &blob,
			   .nblobs = blob ? 1 : 0,
			   .deadline_mono_ns = UINT64_MAX };

	*res = (struct job_result){ 0 };
	return job_run(&bench, &job, res, err);
}

static int run_named(const char *op, const char *name, struct ksnap_blob *blob, bool *ret_renew,
		     struct ksnap_err *err)
{
	_buf_ struct buf p = BUF_INIT;
	struct job_result res;
	msgpack_packer pk;
	int ret;

	pack_init(&pk, &p);
	msgpack_pack_map(&pk, 1);
	pack_str(&pk, "name");
	pack_str(&pk, name);
	ret = run(op, &p, blob, &res, err);
	*ret_renew = res.renew;
	job_result_fini(&res);
	return ret;
}

static int run_capture(struct wire_captured *ret, struct ksnap_err *err)
{
	static const char *const globs[] = { "t*", "!tx" };
	struct wire_slice items[] = { wire_slice_of(globs[0]), wire_slice_of(globs[1]) };
	struct wire_capture_snapshot_params params = { .tag = wire_slice_of("t0"),
						       .has_maps = true,
						       .maps = { items, 2 },
						       .has_progs = true,
						       .progs = true,
						       .has_chase = true,
						       .chase = 2 };
	_buf_ struct buf p = BUF_INIT;
	struct wire_arena arena = { 0 };
	struct job_result res;
	int code;

	assert_int_equal(wire_encode(&wire_shape_capture_snapshot_params, &params, &p), 0);
	code = run("capture_snapshot", &p, NULL, &res, err);
	if (!code) {
		assert_non_null(res.blob);
		assert_int_equal(wire_decode(&wire_shape_captured, res.r.data, res.r.len,
					     WIRE_REFUSE_UNKNOWN, &arena, ret, NULL),
				 0);
		wire_arena_fini(&arena);
	}
	job_result_fini(&res);
	return code;
}

/* ---- jobs -------------------------------------------------------------------------------------
 */

static void empty_slots_say_why(void **state)
{
	static const char *const ops[] = { "capture_snapshot", "capture_cgroup_procs",
					   "attach_object", "detach_object" };
	struct ksnap_err err;
	bool renew;

	bench.ops = &unable;
	for (size_t i = 0; i < ARRAY_SIZE(ops); i++) {
		int ret = run_named(ops[i], "x", NULL, &renew, &err);

		/* a capture is refused for its params first */
		assert_true(ret == KSNAP_E_UNSUPPORTED || (i == 0 && ret == KSNAP_E_ARG));
		if (i)
			assert_non_null(strstr(err.text, "made of paper"));
		assert_false(renew);
	}
}

static void names_are_checked(void **state)
{
	_blob_ struct ksnap_blob *elf = ksnap_blob_copy("ELF", 3);
	struct ksnap_err err;
	char longest[80];
	bool renew;

	memset(longest, 'n', sizeof(longest));
	longest[65] = 0;
	assert_int_equal(run_named("attach_object", longest, elf, &renew, &err), KSNAP_E_ARG);
	assert_int_equal(run_named("attach_object", "", elf, &renew, &err), KSNAP_E_ARG);
	assert_int_equal(run_named("attach_object", "x", NULL, &renew, &err), KSNAP_E_ARG);
	assert_non_null(strstr(err.text, "exactly one blob"));
	assert_int_equal(fake.attaches, 0);
	longest[64] = 0;
	assert_int_equal(run_named("attach_object", longest, elf, &renew, &err), 0);
	assert_string_equal(fake.name, longest);
}

static void attaching_renews_the_accessor(void **state)
{
	_blob_ struct ksnap_blob *elf = ksnap_blob_copy("ELF", 3);
	struct ksnap_err err;
	bool renew;

	assert_int_equal(run_named("attach_object", "there", elf, &renew, &err), 0);
	assert_true(renew);
	assert_memory_equal(fake.elf, "ELF", 3);
	assert_int_equal(run_named("detach_object", "gone", NULL, &renew, &err), KSNAP_E_NOTFOUND);
	assert_false(renew);
	assert_int_equal(run_named("detach_object", "there", NULL, &renew, &err), 0);
	assert_true(renew);
}

static void captures_get_their_params(void **state)
{
	struct wire_captured c;
	struct ksnap_err err;

	assert_int_equal(run_capture(&c, &err), 0);
	assert_int_equal(fake.nmaps, 2);
	assert_string_equal(fake.first_glob, "t*");
	assert_true(fake.progs);
	/* pointers were to be followed and are not: that is said */
	assert_false(c.complete);
	assert_int_equal(c.maps, 0);
}

static void a_failed_capture_has_no_report(void **state)
{
	struct wire_captured c;
	struct ksnap_err err;

	fake.capture_code = KSNAP_E_TARGET;
	assert_int_equal(run_capture(&c, &err), KSNAP_E_TARGET);
	assert_string_equal(err.text, "no data today");
	fake.capture_code = 0;
	assert_int_equal(run_capture(&c, &err), 0);
}

/* A periodic one: 0 with *ret (in @res), or the code. */
static int run_periodic(struct job_result *res, struct wire_captured *ret, struct ksnap_err *err)
{
	struct wire_capture_snapshot_params params = { .tag = wire_slice_of("periodic_000"),
						       .has_boundary_ms = true };
	_buf_ struct buf p = BUF_INIT;
	int code;

	assert_int_equal(wire_encode(&wire_shape_capture_snapshot_params, &params, &p), 0);
	code = run("capture_snapshot", &p, NULL, res, err);
	if (!code)
		assert_int_equal(wire_decode(&wire_shape_captured, res->r.data, res->r.len,
					     WIRE_REFUSE_UNKNOWN, NULL, ret, NULL),
				 0);
	return code;
}

static void a_failed_periodic_capture_leaves_a_placeholder(void **state)
{
	static const int codes[] = { KSNAP_E_TARGET, KSNAP_E_TIMEOUT };
	struct wire_captured c;
	struct ksnap_err err;
	struct job_result res;

	for (size_t i = 0; i < ARRAY_SIZE(codes); i++) {
		fake.capture_code = codes[i];
		assert_int_equal(run_periodic(&res, &c, &err), 0);
		assert_true(c.placeholder && c.has_e && !c.complete);
		assert_true(wire_slice_is(c.e.code, ksnap_err_name(codes[i])));
		assert_true(wire_slice_is(c.e.msg, "no data today"));
		assert_non_null(memmem(ksnap_blob_data(res.blob), ksnap_blob_size(res.blob),
				       "capture_failed", 14));
		job_result_fini(&res);
	}
	fake.capture_code = 0;
	assert_int_equal(run_periodic(&res, &c, &err), 0);
	assert_false(c.placeholder || c.has_e);
	job_result_fini(&res);
}

/* What may be tried again, or was asked for in the wrong way, is no gap. */
static void other_failures_leave_nothing(void **state)
{
	static const int codes[] = { KSNAP_E_BUSY, KSNAP_E_ARG, KSNAP_E_NOMEM };
	struct wire_captured c;
	struct ksnap_err err;
	struct job_result res;

	for (size_t i = 0; i < ARRAY_SIZE(codes); i++) {
		fake.capture_code = codes[i];
		assert_int_equal(run_periodic(&res, &c, &err), codes[i]);
		assert_null(res.blob);
		job_result_fini(&res);
	}
}

/* ---- the accessor -----------------------------------------------------------------------------
 */

static void a_first_failure_is_for_good(void **state)
{
	struct accessor a = { 0 };
	struct wire_captured c;
	struct ksnap_err err;

	assert_int_equal(accessor_need(&a, &able, NULL, &err), KSNAP_E_STATE);
	fake.init_code = KSNAP_E_DENIED;
	accessor_renew(&a, &able, NULL);
	fake.init_code = 0;
	accessor_renew(&a, &able, NULL);
	assert_int_equal(a.state, ACCESSOR_FAILED_PERMANENTLY);
	assert_int_equal(a.seqno, 0);
	assert_int_equal(accessor_need(&a, &able, NULL, &err), KSNAP_E_DENIED);
	assert_string_equal(err.text, "the fake is told to fail");
	bench.accessor = a;
	assert_int_equal(run_capture(&c, &err), KSNAP_E_DENIED);
	assert_int_equal(fake.captures, 0);
}

/* Somebody else had what it needs. */
static void a_first_failure_that_a_retry_may_help_is_not(void **state)
{
	struct accessor a = { 0 };
	struct ksnap_err err;

	fake.init_code = KSNAP_E_BUSY;
	accessor_renew(&a, &able, NULL);
	assert_int_equal(a.state, ACCESSOR_TRYING);
	assert_true(accessor_may_retry(&a));
	assert_int_equal(accessor_need(&a, &able, NULL, &err), KSNAP_E_BUSY);
	assert_string_equal(err.text, "the fake is told to fail");
	fake.init_code = 0;
	assert_int_equal(accessor_need(&a, &able, NULL, &err), 0);
	assert_int_equal(a.state, ACCESSOR_SUCCEEDED);
	assert_int_equal(a.seqno, 1);
	assert_false(accessor_may_retry(&a));
}

static void a_later_failure_keeps_what_was(void **state)
{
	struct accessor a = { 0 };

	accessor_renew(&a, &able, NULL);
	assert_int_equal(a.state, ACCESSOR_SUCCEEDED);
	assert_int_equal(a.seqno, 1);
	fake.init_code = KSNAP_E_TARGET;
	accessor_renew(&a, &able, NULL);
	assert_int_equal(a.state, ACCESSOR_SUCCEEDED);
	assert_int_equal(a.seqno, 1);
	assert_int_equal(a.err.code, KSNAP_E_TARGET);
	assert_int_equal(accessor_need(&a, &able, NULL, NULL), 0);
	fake.init_code = 0;
	accessor_renew(&a, &able, NULL);
	assert_int_equal(a.seqno, 2);
	assert_int_equal(a.err.code, 0);
}

static void no_accessor_succeeds_at_once(void **state)
{
	struct accessor a = { 0 };

	accessor_renew(&a, &unable, NULL);
	assert_int_equal(a.state, ACCESSOR_SUCCEEDED);
	assert_int_equal(a.seqno, 0);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(empty_slots_say_why),
		TEST(names_are_checked),
		TEST(attaching_renews_the_accessor),
		TEST(captures_get_their_params),
		TEST(a_failed_capture_has_no_report),
		TEST(a_failed_periodic_capture_leaves_a_placeholder),
		TEST(other_failures_leave_nothing),
		TEST(a_first_failure_is_for_good),
		TEST(a_first_failure_that_a_retry_may_help_is_not),
		TEST(a_later_failure_keeps_what_was),
		TEST(no_accessor_succeeds_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
