// SPDX-License-Identifier: MIT
/* job_freeze_test.c - freezing by a job: whose words it needs, who is spared, what stays frozen. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "capture/job_freeze.h"
#include "wire/shapes.h"

/* ---- a target that only remembers -------------------------------------------------------------
 */

static struct {
	bool frozen, refuses;
	const char *above; /* what thaw finds */
	unsigned freezes, thaws;
	char cgroup[32], by[32], who[32];
	size_t nspared;
	uint64_t pid;
} seen;

static int note_freeze(struct target *t, const struct freeze_request *rq, char ret[FREEZE_PATH_MAX],
		       struct ksnap_err *err)
{
	seen.freezes++;
	snprintf(seen.cgroup, sizeof(seen.cgroup), "%s", rq->cgroup);
	snprintf(seen.by, sizeof(seen.by), "%s", rq->by);
	seen.nspared = rq->nspared;
	if (rq->nspared) {
		seen.pid = rq->spared[0].pid;
		snprintf(seen.who, sizeof(seen.who), "%s", rq->spared[0].who);
	}
	if (seen.refuses || (seen.frozen && !rq->shared)) {
		err->code = KSNAP_E_STATE;
		return err->code;
	}
	if (ret)
		strcpy(ret, "/canonical");
	if (seen.frozen)
		return 1;
	seen.frozen = true;
	return 0;
}

static int note_thaw(struct target *t, const char *cgroup, char above[FREEZE_PATH_MAX],
		     struct ksnap_err *err)
{
	seen.thaws++;
	seen.frozen = false;
	if (above && seen.above)
		strcpy(above, seen.above);
	return 0;
}

static const struct target_ops ops = { .kind = "notes", .freeze = note_freeze, .thaw = note_thaw };
static const struct target_ops without = { .kind = "none", .why_not = "it has no cgroups" };
static struct bench bench;

static int forget(void **state)
{
	memset(&seen, 0, sizeof(seen));
	bench = (struct bench){ .ops = &ops };
	return 0;
}

/* Params as the broker makes them: the op's own and, unless @host is NULL, its words. */
static void make_params(struct buf *to, const char *cgroup, const char *host)
{
	struct wire_spared row = { .pid = 4711, .who = wire_slice_of("the broker") };
	struct wire_freezing w = { .by = wire_slice_of("session x"), .spared = { &row, 1 } };
	struct wire_freeze_params p = { .cgroup = wire_slice_of(cgroup) };
	_buf_ struct buf more = BUF_INIT;

	assert_int_equal(wire_encode(&wire_shape_freeze_params, &p, to), 0);
	if (!host)
		return;
	w.host = wire_slice_of(host);
	assert_int_equal(wire_encode(&wire_shape_freezing, &w, &more), 0);
	to->data[0] += more.data[0] & 0xf;
	assert_int_equal(buf_append(to, more.data + 1, more.len - 1), 0);
}

static int run(int (*fn)(struct bench *b, const struct job *job, struct job_result *res,
			 struct ksnap_err *err),
	       const char *cgroup, const char *host, struct ksnap_err *err)
{
	_buf_ struct buf params = BUF_INIT;
	struct job_result res = { 0 };
	struct job job;
	int ret;

	make_params(&params, cgroup, host);
	job = (struct job){ .params = { (char *)params.data, params.len } };
	ret = fn(&bench, &job, &res, err);
	job_result_fini(&res);
	return ret;
}

static const char *own_host(void)
{
	static char name[256];

	gethostname(name, sizeof(name) - 1);
	return name;
}

/* ---- tests ------------------------------------------------------------------------------------
 */

static void a_target_without_cgroups_says_so(void **state)
{
	struct ksnap_err err;

	bench.ops = &without;
	assert_int_equal(run(job_freeze, "/a", own_host(), &err), KSNAP_E_UNSUPPORTED);
	assert_non_null(strstr(err.text, "it has no cgroups"));
	assert_int_equal(run(job_thaw, "/a", NULL, &err), KSNAP_E_UNSUPPORTED);
}

/* What the reply to thaw of @cgroup names above it; "": nothing. */
static const char *thaw_says(const char *cgroup)
{
	static char text[FREEZE_PATH_MAX];
	_buf_ struct buf params = BUF_INIT;
	struct job_result res = { 0 };
	struct wire_thaw_reply reply;
	struct job job;
	struct ksnap_err err;

	make_params(&params, cgroup, NULL);
	job = (struct job){ .params = { (char *)params.data, params.len } };
	assert_int_equal(job_thaw(&bench, &job, &res, &err), 0);
	assert_int_equal(wire_decode(&wire_shape_thaw_reply, (char *)res.r.data, res.r.len,
				     WIRE_REFUSE_UNKNOWN, NULL, &reply, &err),
			 0);
	snprintf(text, sizeof(text), "%.*s", reply.has_above ? (int)reply.above.len : 0,
		 reply.has_above ? reply.above.p : "");
	job_result_fini(&res);
	return text;
}

static void what_is_frozen_above_is_named(void **state)
{
	assert_string_equal(thaw_says("/a/b"), "");
	seen.above = "/a";
	assert_string_equal(thaw_says("/a/b"), "/a");
}

static void params_without_the_brokers_words_freeze_nothing(void **state)
{
	struct ksnap_err err;

	assert_int_equal(run(job_freeze, "/a", NULL, &err), KSNAP_E_ARG);
	assert_int_equal(seen.freezes, 0);
}

static void the_target_learns_who_asks_and_whom_to_spare(void **state)
{
	struct ksnap_err err;

	assert_int_equal(run(job_freeze, "/a", own_host(), &err), 0);
	assert_string_equal(seen.cgroup, "/a");
	assert_string_equal(seen.by, "session x");
	assert_int_equal(seen.nspared, 1);
	assert_int_equal(seen.pid, 4711);
	assert_string_equal(seen.who, "the broker");
	assert_int_equal(run(job_freeze, "/a", own_host(), &err), KSNAP_E_STATE);
	assert_int_equal(run(job_thaw, "/a", NULL, &err), 0);
	assert_false(seen.frozen);
}

static void pids_of_another_host_mean_nobody_here(void **state)
{
	struct ksnap_err err;

	assert_int_equal(run(job_freeze, "/a", "another.example", &err), 0);
	assert_int_equal(seen.nspared, 0);
}

static int stand_still(const char *cgroup, struct standstill *ret)
{
	_buf_ struct buf params = BUF_INIT;
	struct ksnap_err err = { 0 };
	struct job job;

	make_params(&params, cgroup, own_host());
	job = (struct job){ .params = { (char *)params.data, params.len } };
	return standstill_begin(&bench, &job, wire_slice_of(cgroup), ret, &err);
}

static void a_job_thaws_what_it_froze(void **state)
{
	struct standstill s;

	assert_int_equal(stand_still("/a", &s), 0);
	assert_true(seen.frozen);
	standstill_end(&s);
	assert_false(seen.frozen);
	standstill_end(&s);
	assert_int_equal(seen.thaws, 1);
}

static void a_job_leaves_what_was_frozen_before(void **state)
{
	struct standstill s;

	seen.frozen = true;
	assert_int_equal(stand_still("/a", &s), 0);
	standstill_end(&s);
	assert_true(seen.frozen);
	assert_int_equal(seen.thaws, 0);
}

static void a_refused_standstill_thaws_nothing(void **state)
{
	struct standstill s;

	seen.refuses = true;
	assert_int_equal(stand_still("/a", &s), KSNAP_E_STATE);
	standstill_end(&s);
	assert_int_equal(seen.thaws, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_target_without_cgroups_says_so, forget),
		cmocka_unit_test_setup(params_without_the_brokers_words_freeze_nothing, forget),
		cmocka_unit_test_setup(the_target_learns_who_asks_and_whom_to_spare, forget),
		cmocka_unit_test_setup(pids_of_another_host_mean_nobody_here, forget),
		cmocka_unit_test_setup(a_job_thaws_what_it_froze, forget),
		cmocka_unit_test_setup(what_is_frozen_above_is_named, forget),
		cmocka_unit_test_setup(a_job_leaves_what_was_frozen_before, forget),
		cmocka_unit_test_setup(a_refused_standstill_thaws_nothing, forget),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
