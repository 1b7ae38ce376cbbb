// SPDX-License-Identifier: MIT
/* job_kernel_test.c - jobs that read and write: what params may say, in which order entries are
 * done, what is told of the one that failed, and when the target must stand still. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "capture/job_kernel.h"
#include "wire/pack.h"
#include "wire/shapes.h"

/* ---- a target that only remembers ------------------------------------------------------------ */

static struct {
	unsigned reads, writes, freezes, thaws;
	char last[64];
	uint64_t task, start_time;
	struct kernel_width width;
	struct kernel_value value;
	uint8_t bytes[16];
	bool frozen;
	bool was_frozen; /* when it was read or written */
	struct kernel_value gives;
} seen;

static void note(const struct kernel_at *at, struct kernel_width width)
{
	snprintf(seen.last, sizeof(seen.last), "%s", at->symbol ?: at->field);
	seen.task = at->task;
	seen.start_time = at->start_time;
	seen.width = width;
	seen.was_frozen = seen.frozen;
}

static int note_read(struct target *t, const struct kernel_at *at, struct kernel_width width,
		     struct buf *room, struct kernel_value *ret, struct ksnap_err *err)
{
	seen.reads++;
	note(at, width);
	if (!strcmp(seen.last, "bad")) {
		*err = (struct ksnap_err){ KSNAP_E_NOTFOUND, "nothing is called bad" };
		return KSNAP_E_NOTFOUND;
	}
	*ret = seen.gives;
	if (ret->kind == KERNEL_BYTES)
		ret->bytes = memset(buf_reserve(room, ret->len), 'x', ret->len);
	return 0;
}

static int note_write(struct target *t, const struct kernel_at *at, struct kernel_width width,
		      const struct kernel_value *value, struct ksnap_err *err)
{
	seen.writes++;
	note(at, width);
	seen.value = *value;
	if (value->kind == KERNEL_BYTES)
		memcpy(seen.bytes, value->bytes, value->len);
	if (!strcmp(seen.last, "bad")) {
		*err = (struct ksnap_err){ KSNAP_E_TARGET, "bad cannot be written" };
		return KSNAP_E_TARGET;
	}
	return 0;
}

static int note_freeze(struct target *t, const struct freeze_request *rq, char ret[FREEZE_PATH_MAX],
		       struct ksnap_err *err)
{
	seen.freezes++;
	seen.frozen = true;
	return 0;
}

static int note_thaw(struct target *t, const char *cgroup, char above[FREEZE_PATH_MAX],
		     struct ksnap_err *err)
{
	assert_null(above);
	seen.thaws++;
	seen.frozen = false;
	return 0;
}

static const struct target_ops ops = {
	.kind = "notes",
	.read = note_read,
	.write = note_write,
	.freeze = note_freeze,
	.thaw = note_thaw,
};
static const struct target_ops without = { .kind = "none", .why_not = "it has no memory" };
static struct target_ops still;
static struct bench bench;

static int forget(void **state)
{
	memset(&seen, 0, sizeof(seen));
	seen.gives = (struct kernel_value){ .kind = KERNEL_UINT, .number = 7 };
	still = ops;
	still.stands_still = true;
	bench = (struct bench){ .ops = &ops, .target_name = "notes", .allow_writes = true };
	return 0;
}

/* ---- doing a job ----------------------------------------------------------------------------- */

/* JSON is easier to read than packing calls: {"a": 1, "b": [..]}, with 'x' bytes as b"x". */
struct reader {
	const char *at;
	msgpack_packer pk;
};

static void convert(struct reader *r);

static unsigned count_items(const char *at)
{
	unsigned depth = 0, n = 0;
	bool any = false, quoted = false;

	for (at++; depth || quoted || (*at != ']' && *at != '}'); at++) {
		any = true;
		if (*at == '"')
			quoted = !quoted;
		if (quoted)
			continue;
		depth += *at == '[' || *at == '{';
		depth -= *at == ']' || *at == '}';
		n += *at == ',' && !depth;
	}
	return any ? n + 1 : 0;
}

static void convert_text(struct reader *r, bool is_bin)
{
	const char *from = ++r->at;
	size_t len = strcspn(from, "\"");

	is_bin ? pack_bin(&r->pk, from, len) : pack_strn(&r->pk, from, len);
	r->at = from + len + 1;
}

static void convert_items(struct reader *r)
{
	bool is_map = *r->at == '{';
	unsigned n = count_items(r->at);

	is_map ? msgpack_pack_map(&r->pk, n) : msgpack_pack_array(&r->pk, n);
	r->at++;
	for (unsigned i = 0; i < n; i++) {
		convert(r);
		r->at += strspn(r->at, ": ");
		if (is_map)
			convert(r);
		r->at += strspn(r->at, ", ");
	}
	r->at++;
}

static void convert(struct reader *r)
{
	char *end;

	if (*r->at == '"') {
		convert_text(r, false);
	} else if (*r->at == 'b') {
		r->at++;
		convert_text(r, true);
	} else if (*r->at == '[' || *r->at == '{') {
		convert_items(r);
	} else if (*r->at == '-') {
		msgpack_pack_int64(&r->pk, strtoll(r->at, &end, 10));
		r->at = end;
	} else {
		msgpack_pack_uint64(&r->pk, strtoull(r->at, &end, 10));
		r->at = end;
	}
}

static int run(const char *op, const char *json, struct job_result *res, struct ksnap_err *err)
{
	_buf_ struct buf params = BUF_INIT;
	struct reader r = { .at = json };
	struct job job = { .op = wire_slice_of(op) };

	pack_init(&r.pk, &params);
	convert(&r);
	job.params = (struct wire_slice){ (char *)params.data, params.len };
	*res = (struct job_result){ 0 };
	return job_run(&bench, &job, res, err);
}

static void expect(const char *op, const char *json, int code, const char *words)
{
	struct ksnap_err err = { 0 };
	struct job_result res;
	int ret = run(op, json, &res, &err);

	if (ret != code || (code && !strstr(err.text, words)))
		fail_msg("%s %s: %d, %s", op, json, ret, err.text);
	job_result_fini(&res);
}

/* The number under @key of an encoded map. */
static int64_t number(const struct buf *map, const char *key)
{
	struct wire_slice found;
	msgpack_unpacked u;
	size_t off = 0;
	int64_t n;

	assert_true(wire_map_find((struct wire_slice){ (char *)map->data, map->len }, key, &found));
	msgpack_unpacked_init(&u);
	assert_int_equal(msgpack_unpack_next(&u, found.p, found.len, &off), MSGPACK_UNPACK_SUCCESS);
	n = u.data.via.i64;
	msgpack_unpacked_destroy(&u);
	return n;
}

/* ---- tests ----------------------------------------------------------------------------------- */

static void refuses_bad_params(void **state)
{
	static const struct {
		const char *op, *json, *says;
	} cases[] = {
		{ "read_kernel_hot", "{\"tag\": \"t\"}", "either at or entries" },
		{ "read_kernel_hot", "{\"tag\": \"t\", \"at\": 7}", "is a symbol, or {task" },
		{ "read_kernel_hot", "{\"tag\": \"t\", \"at\": \"\"}", "a name is missing" },
		{ "read_kernel_hot", "{\"tag\": \"t\", \"at\": {\"task\": 1}}", "field" },
		{ "write_kernel_hot",
		  "{\"tag\": \"t\", \"entries\": [{\"at\": {\"task\": 1, \"field\": \"prio\"}, "
		  "\"value\": 1}]}",
		  "start_time is missing" },
		{ "read_kernel_hot", "{\"tag\": \"t\", \"at\": \"x\", \"width\": 3}",
		  "is 1, 2, 4, 8" },
		{ "read_kernel_hot", "{\"tag\": \"t\", \"at\": \"x\", \"width\": -1}",
		  "is 1, 2, 4, 8" },
		{ "read_kernel_hot", "{\"tag\": \"t\", \"at\": \"x\", \"width\": {\"bytes\": 0}}",
		  "bytes" },
		{ "read_kernel_hot", "{\"tag\": \"t\", \"at\": \"x\", \"width\": {\"bits\": 1}}",
		  "bits" },
		{ "read_kernel_hot",
		  "{\"tag\": \"t\", \"width\": 8, \"entries\": [{\"at\": \"x\"}]}",
		  "each of the entries" },
		{ "write_kernel_hot",
		  "{\"tag\": \"t\", \"entries\": [{\"at\": \"x\", \"value\": "
		  "\"text\"}]}",
		  "is a number, bytes" },
		{ "write_kernel_hot",
		  "{\"tag\": \"t\", \"entries\": [{\"at\": \"x\", \"value\": "
		  "b\"\"}]}",
		  "has no bytes" },
		{ "write_kernel_hot",
		  "{\"tag\": \"t\", \"entries\": [{\"at\": \"x\", \"value\": "
		  "{\"or\": 1}}]}",
		  "write_kernel_cold only" },
		{ "read_kernel_cold", "{\"tag\": \"t\", \"at\": \"x\"}", "freeze: is missing" },
		{ "write_kernel_cold",
		  "{\"tag\": \"t\", \"entries\": [{\"at\": \"x\", \"value\": 1}]}",
		  "freeze: is missing" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		expect(cases[i].op, cases[i].json, KSNAP_E_ARG, cases[i].says);
	assert_int_equal(seen.reads + seen.writes, 0);
}

static void a_target_without_memory_says_so(void **state)
{
	bench.ops = &without;
	expect("read_kernel_hot", "{\"tag\": \"t\", \"at\": \"x\"}", KSNAP_E_UNSUPPORTED,
	       "it has no memory");
	expect("write_kernel_hot", "{\"tag\": \"t\", \"entries\": []}", KSNAP_E_UNSUPPORTED,
	       "it has no memory");
}

static void writes_need_the_switch(void **state)
{
	bench.allow_writes = false;
	expect("write_kernel_hot", "{\"tag\": \"t\", \"entries\": [{\"at\": \"x\", \"value\": 1}]}",
	       KSNAP_E_DENIED, "--allow-writes");
	assert_int_equal(seen.writes, 0);
}

static void hands_on_what_was_asked(void **state)
{
	expect("read_kernel_hot", "{\"tag\": \"t\", \"at\": \"x.y\", \"width\": 4}", 0, "");
	assert_string_equal(seen.last, "x.y");
	assert_true(seen.width.len == 4 && seen.width.is_number);
	expect("read_kernel_hot", "{\"tag\": \"t\", \"at\": \"x\", \"width\": {\"bytes\": 4}}", 0,
	       "");
	assert_true(seen.width.len == 4 && !seen.width.is_number);
	expect("read_kernel_hot",
	       "{\"tag\": \"t\", \"at\": {\"task\": 5, \"start_time\": 6, \"field\": \"pid\"}}", 0,
	       "");
	assert_string_equal(seen.last, "pid");
	assert_true(seen.task == 5 && seen.start_time == 6 && !seen.width.len);
	expect("write_kernel_hot",
	       "{\"tag\": \"t\", \"entries\": [{\"at\": \"x\", \"value\": -3}]}", 0, "");
	assert_true(seen.value.kind == KERNEL_INT && (int64_t)seen.value.number == -3);
	expect("write_kernel_hot",
	       "{\"tag\": \"t\", \"entries\": [{\"at\": \"x\", \"value\": b\"abc\"}]}", 0, "");
	assert_true(seen.value.kind == KERNEL_BYTES && seen.value.len == 3);
	assert_memory_equal(seen.bytes, "abc", 3);
}

static void values_come_back(void **state)
{
	struct ksnap_err err = { 0 };
	struct job_result res;

	assert_int_equal(run("read_kernel_hot", "{\"tag\": \"t\", \"at\": \"x\"}", &res, &err), 0);
	assert_int_equal(number(&res.r, "value"), 7);
	job_result_fini(&res);
	seen.gives = (struct kernel_value){ .kind = KERNEL_INT, .number = (uint64_t)-7 };
	assert_int_equal(run("read_kernel_hot",
			     "{\"tag\": \"t\", \"entries\": [{\"at\": \"x\"}, {\"at\": \"y\"}]}",
			     &res, &err),
			 0);
	assert_int_equal(number(&res.r, "value"), -7);
	assert_true(wire_map_find((struct wire_slice){ (char *)res.r.data, res.r.len }, "values",
				  &(struct wire_slice){ 0 }));
	job_result_fini(&res);
}

static void values_together_have_a_limit(void **state)
{
	seen.gives = (struct kernel_value){ .kind = KERNEL_BYTES, .len = 600 << 10 };
	expect("read_kernel_hot", "{\"tag\": \"t\", \"at\": \"x\"}", 0, "");
	expect("read_kernel_hot",
	       "{\"tag\": \"t\", \"entries\": [{\"at\": \"x\"}, {\"at\": \"y\"}]}", KSNAP_E_LIMIT,
	       "MAX_KERNEL_OP");
}

static void the_first_failure_stops(void **state)
{
	struct ksnap_err err = { 0 };
	struct job_result res;

	assert_int_equal(
		run("write_kernel_hot",
		    "{\"tag\": \"t\", \"entries\": [{\"at\": \"a\", \"value\": 1}, {\"at\": "
		    "\"bad\", \"value\": 2}, {\"at\": \"c\", \"value\": 3}]}",
		    &res, &err),
		KSNAP_E_TARGET);
	assert_non_null(strstr(err.text, "entry 2 of 3: bad cannot be written"));
	assert_int_equal(number(&res.detail, "entry"), 1);
	assert_int_equal(number(&res.detail, "written"), 1);
	assert_int_equal(seen.writes, 2);
	assert_string_equal(seen.last, "bad");
	job_result_fini(&res);
	expect("read_kernel_hot",
	       "{\"tag\": \"t\", \"entries\": [{\"at\": \"bad\"}, {\"at\": \"y\"}]}",
	       KSNAP_E_NOTFOUND, "entry 1 of 2");
	assert_int_equal(seen.reads, 1);
}

static const char frozen_read[] =
	"{\"tag\": \"t\", \"entries\": [{\"at\": \"x\"}, {\"at\": \"y\"}], \"freeze\": \"/a\", "
	"\"by\": \"session x\", \"host\": \"h\", \"spared\": []}";

static void cold_ones_share_one_stop(void **state)
{
	expect("read_kernel_cold", frozen_read, 0, "");
	assert_true(seen.was_frozen && !seen.frozen);
	assert_int_equal(seen.reads, 2);
	assert_int_equal(seen.freezes, 1);
	assert_int_equal(seen.thaws, 1);
	expect("write_kernel_cold",
	       "{\"tag\": \"t\", \"entries\": [{\"at\": \"x\", \"value\": {\"or\": 5}}, {\"at\": "
	       "\"bad\", \"value\": 1}], \"freeze\": \"/a\", \"by\": \"s\", \"host\": \"h\", "
	       "\"spared\": []}",
	       KSNAP_E_TARGET, "entry 2 of 2");
	assert_true(seen.was_frozen && !seen.frozen);
	assert_int_equal(seen.thaws, 2);
}

static void a_target_that_stands_still_needs_no_cgroup(void **state)
{
	bench.ops = &still;
	expect("read_kernel_cold", "{\"tag\": \"t\", \"at\": \"x\"}", 0, "");
	expect("write_kernel_cold",
	       "{\"tag\": \"t\", \"entries\": [{\"at\": \"x\", \"value\": {\"or\": 5}}]}", 0, "");
	assert_true(seen.value.kind == KERNEL_OR && seen.value.number == 5);
	assert_int_equal(seen.freezes, 0);
}

int main(void)
{
#define TEST(t) cmocka_unit_test_setup(t, forget)
	const struct CMUnitTest tests[] = {
		TEST(refuses_bad_params),
		TEST(a_target_without_memory_says_so),
		TEST(writes_need_the_switch),
		TEST(hands_on_what_was_asked),
		TEST(values_come_back),
		TEST(values_together_have_a_limit),
		TEST(the_first_failure_stops),
		TEST(cold_ones_share_one_stop),
		TEST(a_target_that_stands_still_needs_no_cgroup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
