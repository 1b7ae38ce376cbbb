// SPDX-License-Identifier: MIT
/* fixture_test.c - the fixture's options are strict, its data follow the rule. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "capture/fixture/rule.h"
#include "capture/target.h"
#include "report/reader.h"

static void refuses_wrong_options(void **state)
{
	static const struct {
		const char *options;
		int code;
		const char *says;
	} cases[] = {
		{ "mops=2", KSNAP_E_ARG, "latency_ms" },
		{ "maps", KSNAP_E_ARG, "maps=NUMBER" },
		{ "maps=", KSNAP_E_ARG, "from 0 to 1024" },
		{ "maps=-1", KSNAP_E_ARG, "from 0 to 1024" },
		{ "maps=+1", KSNAP_E_ARG, "from 0 to 1024" },
		{ "maps=1025", KSNAP_E_ARG, "from 0 to 1024" },
		{ "maps=2x", KSNAP_E_ARG, "'2x'" },
		{ "maps=2,maps=3", KSNAP_E_ARG, "twice" },
		{ "maps=2,", KSNAP_E_ARG, "comma" },
		{ ",maps=2", KSNAP_E_ARG, "no option ''" },
		{ "bytes=0", KSNAP_E_ARG, "from 1 to 1048576" },
		{ "seed=18446744073709551616", KSNAP_E_ARG, "seed" },
		{ "seed=99999999999999999999999999999999", KSNAP_E_ARG, "seed" },
		{ "maps=1024,entries=1000000,bytes=1048576", KSNAP_E_LIMIT, "MAX_BLOB" },
	};
	struct fixture_rule r = { .maps = 77 };
	struct ksnap_err err;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_int_equal(fixture_rule_parse(cases[i].options, &r, &err), cases[i].code);
		if (!strstr(err.text, cases[i].says))
			fail_msg("'%s': %s", cases[i].options, err.text);
		assert_int_equal(r.maps, 77);
	}
	assert_null(target_fixture.open("maps=x", &err));
}

static void fills_in_defaults(void **state)
{
	struct fixture_rule r;

	assert_int_equal(fixture_rule_parse("", &r, NULL), 0);
	assert_int_equal(r.maps, 2);
	assert_int_equal(r.entries, 10);
	assert_int_equal(r.bytes, 64);
	assert_int_equal(r.latency_ms, 0);
	assert_int_equal(r.fail_every, 0);
	assert_int_equal(r.seed, 1);
	assert_int_equal(fixture_rule_parse("seed=18446744073709551615,entries=3", &r, NULL), 0);
	assert_true(r.seed == UINT64_MAX);
	assert_int_equal(r.entries, 3);
}

/* ---- captures ---------------------------------------------------------------------------------
 */

static struct ksnap_blob *try_capture(struct target *t, const char *pattern, uint64_t deadline,
				      struct ksnap_err *err)
{
	struct report_info info = { .tag = "t",
				    .target_kind = "fixture",
				    .target_name = "f",
				    .trigger = "op",
				    .consistency = "running" };
	struct capture_request rq = { .tag = "t",
				      .maps = &pattern,
				      .nmaps = pattern ? 1 : 0,
				      .progs = true,
				      .deadline_mono_ns = deadline };
	struct report_builder *rb = report_builder_create(NULL);
	struct report_summary sum;
	struct ksnap_blob *blob = NULL;

	assert_non_null(rb);
	target_fixture.describe(t, &info);
	assert_int_equal(report_begin(rb, &info, NULL), 0);
	if (!target_fixture.capture(t, &rq, rb, err))
		blob = report_finish(rb, &sum, NULL, err);
	report_builder_destroy(rb);
	return blob;
}

static struct ksnap_snapshot *capture(struct target *t, const char *pattern)
{
	struct ksnap_err err = { 0 };
	_blob_ struct ksnap_blob *blob = try_capture(t, pattern, UINT64_MAX, &err);
	struct ksnap_snapshot *s;

	if (!blob)
		fail_msg("%s", err.text);
	s = ksnap_snapshot_open(blob, &err);
	if (!s)
		fail_msg("%s", err.text);
	return s;
}

static struct target *make(const char *options)
{
	struct target *t = target_fixture.open(options, NULL);

	assert_non_null(t);
	return t;
}

static uint64_t number(const struct ksnap_value *v, const char *path)
{
	struct ksnap_value at;
	uint64_t n = 0;

	assert_int_equal(ksnap_value_get(v, path, &at, NULL), 0);
	assert_int_equal(ksnap_value_u64(&at, &n, NULL), 0);
	return n;
}

static uint64_t n_of(struct ksnap_snapshot *s, const char *map, size_t i)
{
	struct ksnap_value v;

	assert_int_equal(ksnap_map_value(ksnap_snapshot_map(s, map, NULL), i, &v, NULL), 0);
	return number(&v, "n");
}

static void makes_typed_values(void **state)
{
	struct target *t = make("maps=3,entries=5,bytes=100");
	struct ksnap_snapshot *s = capture(t, NULL);
	const struct ksnap_map *m = ksnap_snapshot_map(s, "map2", NULL);
	struct ksnap_value k, v, comm;
	char text[32];
	uint64_t key;

	assert_true(ksnap_snapshot_complete(s));
	assert_int_equal(ksnap_snapshot_map_count(s), 3);
	assert_non_null(m);
	assert_int_equal(ksnap_map_count(m), 5);
	assert_int_equal(ksnap_map_key(m, 4, &k, NULL), 0);
	assert_int_equal(ksnap_value_u64(&k, &key, NULL), 0);
	assert_int_equal(key, 4);
	assert_int_equal(ksnap_map_value(m, 4, &v, NULL), 0);
	assert_int_equal(v.size, 100);
	assert_true(number(&v, "cpu") < 4);
	assert_true(number(&v, "state") < 3);
	assert_int_equal(ksnap_value_get(&v, "comm", &comm, NULL), 0);
	assert_true(ksnap_value_str(&comm, text, sizeof(text), NULL) > 0);
	assert_string_equal(text, "task-4");
	ksnap_snapshot_close(s);
	target_fixture.close(t);
}

static void small_values_have_no_type(void **state)
{
	struct target *t = make("maps=1,entries=1,bytes=31");
	struct ksnap_snapshot *s = capture(t, NULL);
	struct ksnap_value v;

	assert_int_equal(ksnap_map_value(ksnap_snapshot_map_at(s, 0), 0, &v, NULL), 0);
	assert_int_equal(v.type, UINT32_MAX);
	assert_int_equal(v.size, 31);
	ksnap_snapshot_close(s);
	target_fixture.close(t);
}

static void the_seed_decides(void **state)
{
	struct target *a = make("seed=5"), *b = make("seed=5"), *c = make("seed=6");
	struct ksnap_snapshot *sa = capture(a, NULL), *sb = capture(b, NULL),
			      *sc = capture(c, NULL);
	bool differs = false;

	for (size_t i = 0; i < 10; i++) {
		assert_int_equal(n_of(sa, "map0", i), n_of(sb, "map0", i));
		differs |= n_of(sa, "map0", i) != n_of(sc, "map0", i);
	}
	assert_true(differs);
	ksnap_snapshot_close(sa);
	ksnap_snapshot_close(sb);
	ksnap_snapshot_close(sc);
	target_fixture.close(a);
	target_fixture.close(b);
	target_fixture.close(c);
}

static void n_rises_with_every_capture(void **state)
{
	struct target *t = make("");
	uint64_t last[10] = { 0 };

	for (int round = 0; round < 4; round++) {
		struct ksnap_snapshot *s = capture(t, NULL);

		for (size_t i = 0; i < 10; i++) {
			uint64_t n = n_of(s, "map1", i);

			assert_true(n > last[i]);
			last[i] = n;
		}
		ksnap_snapshot_close(s);
	}
	target_fixture.close(t);
}

static void fails_when_told_to(void **state)
{
	struct target *t = make("fail_every=3");
	struct ksnap_err err = { 0 };

	for (int i = 1; i <= 9; i++) {
		_blob_ struct ksnap_blob *b = try_capture(t, NULL, UINT64_MAX, &err);

		assert_true(!b == (i % 3 == 0));
		assert_int_equal(err.code, i < 3 ? 0 : KSNAP_E_TARGET);
	}
	target_fixture.close(t);
}

static bool is_complete(struct ksnap_blob *b)
{
	struct ksnap_snapshot *s = ksnap_snapshot_open(b, NULL);
	bool complete;

	assert_non_null(s);
	complete = ksnap_snapshot_complete(s);
	ksnap_snapshot_close(s);
	return complete;
}

/* A latency of an hour: only the deadline can end it. */
static void the_deadline_ends_it(void **state)
{
	struct target *t = make("latency_ms=3600000");
	_blob_ struct ksnap_blob *b = try_capture(t, NULL, clock_mono_ns() + NS_PER_MS, NULL);

	assert_non_null(b);
	assert_false(is_complete(b));
	target_fixture.close(t);
}

static void selects_like_any_target(void **state)
{
	struct target *t = make("maps=4");
	struct ksnap_snapshot *s = capture(t, "id:2");

	assert_int_equal(ksnap_snapshot_map_count(s), 1);
	assert_string_equal(ksnap_map_name(ksnap_snapshot_map_at(s, 0)), "map1");
	ksnap_snapshot_close(s);
	s = capture(t, "obj:fixture");
	assert_int_equal(ksnap_snapshot_map_count(s), 4);
	ksnap_snapshot_close(s);
	s = capture(t, "nothing");
	assert_int_equal(ksnap_snapshot_map_count(s), 0);
	assert_false(ksnap_snapshot_complete(s));
	ksnap_snapshot_close(s);
	target_fixture.close(t);
}

static void has_one_cgroup(void **state)
{
	struct target *t = make("");
	struct ksnap_err err;
	uint32_t *pids = NULL;
	size_t n = 0;

	assert_int_equal(target_fixture.procs(t, "/other", false, &pids, &n, &err),
			 KSNAP_E_NOTFOUND);
	assert_null(pids);
	assert_int_equal(target_fixture.procs(t, "/fixture", false, &pids, &n, &err), 0);
	assert_int_equal(n, 3);
	free(pids);
	assert_int_equal(target_fixture.procs(t, "/fixture", true, &pids, &n, &err), 0);
	assert_int_equal(n, 4);
	free(pids);
	target_fixture.close(t);
}

static int write_to(struct target *t, const char *symbol, struct kernel_width w,
		    struct kernel_value v, struct ksnap_err *err)
{
	struct kernel_at at = { .symbol = symbol };

	return target_fixture.write(t, &at, w, &v, err);
}

static void memory_has_bounds(void **state)
{
	static const uint8_t page[4097];
	struct kernel_width typed = { 0 }, eight = { 8, true };
	struct kernel_value one = { .kind = KERNEL_UINT, .number = 1 };
	struct kernel_value wide = { .kind = KERNEL_UINT, .number = 256 };
	struct kernel_value below = { .kind = KERNEL_INT, .number = (uint64_t)-128 };
	struct kernel_value all = { .kind = KERNEL_BYTES, .bytes = page, .len = 4096 };
	struct kernel_value more = { .kind = KERNEL_BYTES, .bytes = page, .len = 4097 };
	struct target *t = make("");
	struct ksnap_err err = { 0 };

	assert_int_equal(write_to(t, "small", typed, below, &err), 0);
	assert_int_equal(write_to(t, "small", typed, wide, &err), KSNAP_E_ARG);
	assert_int_equal(write_to(t, "small", eight, one, &err), KSNAP_E_ARG);
	assert_int_equal(write_to(t, "table[8]", typed, one, &err), KSNAP_E_ARG);
	assert_int_equal(write_to(t, "table", typed, one, &err), KSNAP_E_ARG);
	assert_int_equal(write_to(t, "map0[1].n", typed, one, &err), KSNAP_E_UNSUPPORTED);
	assert_int_equal(write_to(t, "0xffff800000000000", typed, one, &err), KSNAP_E_ARG);
	assert_int_equal(write_to(t, "0xffff800000000000", typed, more, &err), KSNAP_E_TARGET);
	assert_int_equal(write_to(t, "0xffff800000000000", typed, all, &err), 0);
	assert_int_equal(write_to(t, "0xffff800000000ff8", eight, one, &err), 0);
	assert_int_equal(write_to(t, "0xffff800000000ffc", eight, one, &err), KSNAP_E_TARGET);
	assert_int_equal(write_to(t, "0xffff800000001000", eight, one, &err), KSNAP_E_TARGET);
	target_fixture.close(t);
}

static void memory_reads_stay_within(void **state)
{
	struct target *t = make("maps=1,entries=3");
	struct kernel_at at = { .symbol = "map0[2]" };
	_buf_ struct buf room = BUF_INIT;
	struct ksnap_err err = { 0 };
	struct kernel_value v;

	assert_int_equal(target_fixture.read(t, &at, (struct kernel_width){ 0 }, &room, &v, &err),
			 0);
	assert_int_equal(v.len, 64);
	assert_int_equal(target_fixture.read(t, &at, (struct kernel_width){ 65, false }, &room, &v,
					     &err),
			 KSNAP_E_ARG);
	at.symbol = "map0[3]";
	assert_int_equal(target_fixture.read(t, &at, (struct kernel_width){ 0 }, &room, &v, &err),
			 KSNAP_E_NOTFOUND);
	at.symbol = "0xffff800000000fff";
	assert_int_equal(target_fixture.read(t, &at, (struct kernel_width){ 2, false }, &room, &v,
					     &err),
			 KSNAP_E_TARGET);
	target_fixture.close(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_wrong_options),
		cmocka_unit_test(fills_in_defaults),
		cmocka_unit_test(makes_typed_values),
		cmocka_unit_test(small_values_have_no_type),
		cmocka_unit_test(the_seed_decides),
		cmocka_unit_test(n_rises_with_every_capture),
		cmocka_unit_test(fails_when_told_to),
		cmocka_unit_test(the_deadline_ends_it),
		cmocka_unit_test(selects_like_any_target),
		cmocka_unit_test(has_one_cgroup),
		cmocka_unit_test(memory_has_bounds),
		cmocka_unit_test(memory_reads_stay_within),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
