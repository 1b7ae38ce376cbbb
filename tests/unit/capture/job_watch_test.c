// SPDX-License-Identifier: MIT
/* job_watch_test.c - jobs of watches against the fixture, what its news become on the wire, and the
 * hit in the report of the capture that follows it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/error.h"
#include "capture/job_watch.h"
#include "report/reader.h"
#include "wire/pack.h"
#include "wire/shapes.h"

static struct bench bench;

static void open_bench(const struct target_ops *ops, const char *options)
{
	bench = (struct bench){ .ops = ops,
				.target_name = "under_test",
				.rb = report_builder_create(NULL) };
	if (ops->open)
		bench.target = ops->open(options, NULL);
	accessor_renew(&bench.accessor, bench.ops, bench.target);
	assert_non_null(bench.rb);
}

static void close_bench(void)
{
	report_builder_destroy(bench.rb);
	if (bench.ops->close)
		bench.ops->close(bench.target);
}

static int run(const char *op, const struct buf *params, struct job_result *res,
	       struct ksnap_err *err)
{
	struct job job = { .op = wire_slice_of(op),
			   .params = { (const char *)params->data, params->len },
			   .deadline_mono_ns = clock_mono_ns() + 60 * NS_PER_S };

	*res = (struct job_result){ 0 };
	return job_run(&bench, &job, res, err);
}

/* Pairs of a key and a number; "symbol" goes before them when it is not NULL. */
static int arm(const char *symbol, const char *const *keys, const uint64_t *numbers,
	       struct wire_armed *ret, struct ksnap_err *err)
{
	_buf_ struct buf p = BUF_INIT;
	struct job_result res;
	msgpack_packer pk;
	size_t n = 0;
	int rc;

	while (keys[n])
		n++;
	pack_init(&pk, &p);
	msgpack_pack_map(&pk, n + !!symbol);
	if (symbol) {
		pack_str(&pk, "symbol");
		pack_str(&pk, symbol);
	}
	for (size_t i = 0; i < n; i++) {
		pack_str(&pk, keys[i]);
		msgpack_pack_uint64(&pk, numbers[i]);
	}
	rc = run("watch_snapshot", &p, &res, err);
	if (!rc && ret)
		assert_int_equal(wire_decode(&wire_shape_armed, (char *)res.r.data, res.r.len,
					     WIRE_REFUSE_UNKNOWN, NULL, ret, NULL),
				 0);
	job_result_fini(&res);
	return rc;
}

/* A selector that no capture could take is refused before anything is armed. */
static void bad_selectors_are_refused_at_once(void **state)
{
	static const char *const bad[] = { "", "!", "id:x", "obj:" };

	open_bench(&target_fixture, "maps=2,entries=10");
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct wire_slice maps[] = { wire_slice_of("map0"), wire_slice_of(bad[i]) };
		struct wire_watch_snapshot_params p = { .symbol = wire_slice_of("map0"),
							.has_maps = true,
							.maps = { maps, ARRAY_SIZE(maps) },
							.rate = 20,
							.has_rate = true,
							.burst = 10,
							.has_burst = true };
		struct wire_watching own = { .id = 7 };
		_buf_ struct buf params = BUF_INIT;
		struct ksnap_err err = { 0 };
		struct watch_counts counts;
		struct job_result res;

		assert_int_equal(wire_encode(&wire_shape_watch_snapshot_params, &p, &params), 0);
		assert_int_equal(wire_encode_beside(&wire_shape_watching, &own, &params, &err), 0);
		assert_int_equal(run("watch_snapshot", &params, &res, &err), KSNAP_E_ARG);
		assert_non_null(strstr(err.text, "map selector"));
		job_result_fini(&res);
		assert_int_equal(bench.ops->watch_counts(bench.target, 7, &counts, NULL),
				 KSNAP_E_NOTFOUND);
	}
	close_bench();
}

#define KEYS(...)    ((const char *const[]){ __VA_ARGS__, NULL })
#define NUMBERS(...) ((const uint64_t[]){ __VA_ARGS__ })

static int disarm(uint64_t id, struct wire_watch_totals *ret, struct ksnap_err *err)
{
	struct wire_work_unwatch m = { .id = id };
	_buf_ struct buf p = BUF_INIT;
	struct job_result res;
	int rc;

	assert_int_equal(wire_encode(&wire_shape_work_unwatch, &m, &p), 0);
	rc = run("unwatch", &p, &res, err);
	if (!rc)
		assert_int_equal(wire_decode(&wire_shape_watch_totals, (char *)res.r.data,
					     res.r.len, WIRE_REFUSE_UNKNOWN, NULL, ret, NULL),
				 0);
	job_result_fini(&res);
	return rc;
}

static void refuses_bad_params(void **state)
{
	const struct {
		const char *symbol;
		const char *const *keys;
		const uint64_t *numbers;
		int code;
		const char *says;
	} cases[] = {
		{ NULL, KEYS("id", "rate", "burst"), NUMBERS(1, 20, 10), KSNAP_E_ARG, "symbol" },
		{ "map0", KEYS("rate", "burst"), NUMBERS(20, 10), KSNAP_E_ARG, "id" },
		{ "map0", KEYS("id", "burst"), NUMBERS(1, 10), KSNAP_E_ARG, "rate" },
		{ "map0", KEYS("id", "rate", "burst"), NUMBERS(1, 0, 10), KSNAP_E_ARG, "rate" },
		{ "map0", KEYS("id", "rate", "burst"), NUMBERS(1, 20, 0), KSNAP_E_ARG, "burst" },
		{ "map0", KEYS("id", "rate", "burst", "len"), NUMBERS(1, 20, 10, 3), KSNAP_E_ARG,
		  "not 3" },
		{ "map0", KEYS("id", "rate", "burst", "len"), NUMBERS(1, 20, 10, 16), KSNAP_E_ARG,
		  "not 16" },
		{ "map2", KEYS("id", "rate", "burst"), NUMBERS(1, 20, 10), KSNAP_E_NOTFOUND,
		  "map0 to map1" },
		{ "jiffies_64", KEYS("id", "rate", "burst"), NUMBERS(1, 20, 10), KSNAP_E_NOTFOUND,
		  "jiffies_64" },
	};
	struct ksnap_err err;

	open_bench(&target_fixture, "");
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_int_equal(arm(cases[i].symbol, cases[i].keys, cases[i].numbers, NULL, &err),
				 cases[i].code);
		if (!strstr(err.text, cases[i].says))
			fail_msg("'%s' does not say '%s'", err.text, cases[i].says);
	}
	close_bench();
}

static void says_what_a_target_cannot(void **state)
{
	static const struct target_ops paper = { .kind = "paper", .why_not = "it is paper" };
	struct wire_watch_totals totals;
	struct ksnap_err err;

	open_bench(&paper, "");
	assert_int_equal(arm("x", KEYS("id", "rate", "burst"), NUMBERS(1, 20, 10), NULL, &err),
			 KSNAP_E_UNSUPPORTED);
	assert_non_null(strstr(err.text, "it is paper"));
	assert_int_equal(disarm(1, &totals, &err), KSNAP_E_UNSUPPORTED);
	close_bench();
}

static void has_no_fifth_register(void **state)
{
	struct wire_watch_totals totals;
	struct wire_armed place;
	struct ksnap_err err;

	open_bench(&target_fixture, "");
	for (uint64_t i = 1; i <= 4; i++)
		assert_int_equal(arm("map0[1].n", KEYS("id", "rate", "burst"), NUMBERS(i, 20, 10),
				     &place, &err),
				 0);
	assert_int_equal(place.len, 8);
	assert_int_equal(arm("map1", KEYS("id", "rate", "burst"), NUMBERS(5, 20, 10), NULL, &err),
			 KSNAP_E_LIMIT);
	assert_int_equal(disarm(2, &totals, &err), 0);
	assert_int_equal(disarm(2, &totals, &err), KSNAP_E_NOTFOUND);
	assert_int_equal(arm("map1", KEYS("id", "rate", "burst"), NUMBERS(5, 20, 10), NULL, &err),
			 0);
	close_bench();
}

/* The next news as the broker gets it: k, and all numbers that both messages have. */
static bool next_message(struct buf *out, struct watch_news *n)
{
	buf_clear(out);
	if (!bench.ops->watch_next(bench.target, n))
		return false;
	assert_int_equal(job_watch_news(n, out), 0);
	return true;
}

static void news_become_messages(void **state)
{
	struct pollfd p = { .events = POLLIN };
	_buf_ struct buf out = BUF_INIT;
	struct wire_watch_totals totals;
	struct wire_work_watched watched;
	struct watch_news n;
	struct ksnap_err err;

	open_bench(&target_fixture, "hits=12");
	p.fd = bench.ops->watch_fd(bench.target);
	assert_int_equal(poll(&p, 1, 0), 0);
	assert_int_equal(arm("map0", KEYS("id", "rate", "burst"), NUMBERS(7, 20, 10), NULL, &err),
			 0);
	assert_int_equal(poll(&p, 1, 0), 1);
	for (uint64_t i = 1; i <= 10; i++) {
		struct wire_work_fired m;

		assert_true(next_message(&out, &n));
		assert_int_equal(wire_decode(&wire_shape_work_fired, (char *)out.data, out.len,
					     WIRE_REFUSE_UNKNOWN, NULL, &m, NULL),
				 0);
		assert_int_equal(m.watch, 7);
		assert_int_equal(m.n, i);
	}
	assert_true(next_message(&out, &n));
	assert_int_equal(wire_decode(&wire_shape_work_watched, (char *)out.data, out.len,
				     WIRE_REFUSE_UNKNOWN, NULL, &watched, NULL),
			 0);
	assert_true(wire_slice_is(watched.state, "throttled"));
	assert_int_equal(watched.hits, 12);
	assert_int_equal(watched.suppressed, 2);
	assert_false(next_message(&out, &n));
	assert_int_equal(poll(&p, 1, 0), 0);
	assert_int_equal(disarm(7, &totals, &err), 0);
	assert_int_equal(totals.hits, 12);
	assert_int_equal(totals.suppressed, 2);
	close_bench();
}

static void max_hits_ends_it(void **state)
{
	_buf_ struct buf out = BUF_INIT;
	struct wire_watch_totals totals;
	struct wire_work_watched m;
	struct watch_news n;
	struct ksnap_err err;

	open_bench(&target_fixture, "hits=12");
	assert_int_equal(arm("map0", KEYS("id", "rate", "burst", "max_hits"), NUMBERS(8, 20, 10, 3),
			     NULL, &err),
			 0);
	for (int i = 0; i < 4; i++)
		assert_true(next_message(&out, &n));
	assert_int_equal(wire_decode(&wire_shape_work_watched, (char *)out.data, out.len,
				     WIRE_REFUSE_UNKNOWN, NULL, &m, NULL),
			 0);
	assert_true(wire_slice_is(m.state, "disarmed"));
	assert_true(wire_slice_is(m.reason, "max_hits"));
	assert_int_equal(m.hits, 12);
	assert_int_equal(m.suppressed, 9);
	assert_int_equal(disarm(8, &totals, &err), KSNAP_E_NOTFOUND);
	close_bench();
}

/* ---- the report of a hit --------------------------------------------------------------------- */

/* Params of a capture that follows @n. */
static void caused_params(const struct watch_news *n, bool joined, const char *host,
			  struct buf *out)
{
	struct wire_capture_snapshot_params p = { .tag = wire_slice_of("hit") };
	struct wire_caused c = { .cause = wire_slice_of("default/7#1"),
				 .joined = joined,
				 .hit_mono = n->mono_ns,
				 .has_host = host != NULL,
				 .host = wire_slice_of(host ? host : ""),
				 .has_hit = !joined,
				 .hit = n->hit,
				 .missed = 4 };
	_buf_ struct buf more = BUF_INIT;

	assert_int_equal(wire_encode(&wire_shape_capture_snapshot_params, &p, out), 0);
	assert_int_equal(wire_encode(&wire_shape_caused, &c, &more), 0);
	out->data[0] = 0x80 | ((out->data[0] & 15) + (more.data[0] & 15));
	assert_int_equal(buf_append(out, more.data + 1, more.len - 1), 0);
}

static struct ksnap_snapshot *capture_hit(bool joined, const char *host)
{
	_buf_ struct buf p = BUF_INIT;
	struct ksnap_snapshot *s;
	struct job_result res;
	struct watch_news n;
	struct ksnap_err err;

	assert_int_equal(bench.ops->watch_next(bench.target, &n), 1);
	caused_params(&n, joined, host, &p);
	if (run("capture_snapshot", &p, &res, &err))
		fail_msg("%s", err.text);
	s = ksnap_snapshot_open(res.blob, &err);
	assert_non_null(s);
	job_result_fini(&res);
	return s;
}

static const msgpack_object *trigger_of(const struct ksnap_snapshot *s, const char *key)
{
	return object_get(object_get(snapshot_root(s), "trigger"), key);
}

static void assert_text(const msgpack_object *o, const char *text)
{
	assert_non_null(o);
	assert_int_equal(o->type, MSGPACK_OBJECT_STR);
	assert_true(o->via.str.size == strlen(text) && !memcmp(o->via.str.ptr, text, strlen(text)));
}

static void a_report_holds_its_hit(void **state)
{
	struct ksnap_snapshot *s;
	struct ksnap_frame frame;
	struct ksnap_hit hit;
	struct ksnap_err err;

	open_bench(&target_fixture, "hits=1");
	assert_int_equal(arm("map0", KEYS("id", "rate", "burst"), NUMBERS(7, 20, 10), NULL, &err),
			 0);
	s = capture_hit(false, NULL);
	assert_text(trigger_of(s, "kind"), "watch");
	assert_text(trigger_of(s, "cause"), "default/7#1");
	assert_int_equal(trigger_of(s, "missed")->via.u64, 4);
	assert_in_range(trigger_of(s, "latency_ns")->via.u64, 1, 600 * NS_PER_S);
	assert_int_equal(ksnap_snapshot_hit(s, &hit, &err), 0);
	assert_int_equal(hit.n, 1);
	assert_int_equal(hit.len, 8);
	assert_int_equal(hit.old_value, 0);
	assert_int_equal(hit.new_value, 1);
	assert_int_equal(hit.pid, 1000);
	assert_string_equal(hit.comm, "fixture");
	assert_int_equal(hit.nframes, 0);
	assert_false(ksnap_snapshot_hit_frame(s, 0, &frame));
	assert_int_equal(ksnap_snapshot_map_count(s), 2);
	ksnap_snapshot_close(s);
	close_bench();
}

static void a_joined_report_names_the_cause(void **state)
{
	static const struct {
		const char *host; /* of the worker that armed; NULL: this one */
		bool is_timed;
	} cases[] = { { NULL, true }, { "some.other.host", false } };

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct ksnap_snapshot *s;
		struct ksnap_hit hit;
		struct ksnap_err err;

		open_bench(&target_fixture, "hits=1");
		assert_int_equal(arm("map0", KEYS("id", "rate", "burst"), NUMBERS(7, 20, 10), NULL,
				     &err),
				 0);
		s = capture_hit(true, cases[i].host);
		assert_text(trigger_of(s, "kind"), "joined");
		assert_int_equal(trigger_of(s, "latency_ns") != NULL, cases[i].is_timed);
		assert_int_equal(ksnap_snapshot_hit(s, &hit, &err), KSNAP_E_NOTFOUND);
		ksnap_snapshot_close(s);
		close_bench();
	}
}

static void a_broken_cause_is_refused(void **state)
{
	_buf_ struct buf p = BUF_INIT;
	struct job_result res;
	msgpack_packer pk;
	struct ksnap_err err;

	open_bench(&target_fixture, "");
	pack_init(&pk, &p);
	msgpack_pack_map(&pk, 2);
	pack_str(&pk, "tag");
	pack_str(&pk, "t0");
	pack_str(&pk, "cause");
	msgpack_pack_uint64(&pk, 7);
	assert_int_equal(run("capture_snapshot", &p, &res, &err), KSNAP_E_ARG);
	assert_non_null(strstr(err.text, "cause"));
	job_result_fini(&res);
	close_bench();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_bad_params),
		cmocka_unit_test(says_what_a_target_cannot),
		cmocka_unit_test(has_no_fifth_register),
		cmocka_unit_test(news_become_messages),
		cmocka_unit_test(max_hits_ends_it),
		cmocka_unit_test(a_report_holds_its_hit),
		cmocka_unit_test(a_joined_report_names_the_cause),
		cmocka_unit_test(a_broken_cause_is_refused),
		cmocka_unit_test(bad_selectors_are_refused_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
