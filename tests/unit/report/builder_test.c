// SPDX-License-Identifier: MIT
/* builder_test.c - calls out of order are refused; what is built can be read back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "report/bufpool.h"
#include "report/reader.h"
#include "report/render.h"
#include "sample.h"

static const struct report_map_row plain = {
	.id = 1,
	.name = "m",
	.type = "hash",
	.key_size = 4,
	.value_size = 8,
	.max_entries = 100,
	.kt = TYPE_NONE,
	.vt = TYPE_NONE,
};

static int setup(void **state)
{
	*state = report_builder_create(NULL);
	return *state ? 0 : -1;
}

static int teardown(void **state)
{
	report_builder_destroy(*state);
	return 0;
}

/* ---- misuse -------------------------------------------------------------------------------- */

static void refuses_calls_before_begin(void **state)
{
	struct report_builder *rb = *state;
	struct report_map_result res = { .count = 0 };
	struct report_prog_row prog = { .name = "p", .type = "t", .tag = "" };
	struct ksnap_err err = { 0 };
	uint8_t *k, *v;

	assert_int_equal(report_map_begin(rb, &plain, 1, &k, &v, &err), KSNAP_E_STATE);
	assert_int_equal(report_map_end(rb, &res, &err), KSNAP_E_STATE);
	assert_int_equal(report_prog(rb, &prog, &err), KSNAP_E_STATE);
	assert_null(report_finish(rb, NULL, NULL, &err));
	assert_int_equal(err.code, KSNAP_E_STATE);
	report_map_cancel(rb);
}

static void refuses_calls_within_a_map(void **state)
{
	struct report_builder *rb = *state;
	struct report_map_result res = { .count = 2 };
	struct buf none = BUF_INIT;
	struct ksnap_err err = { 0 };
	uint8_t *k, *v;

	assert_int_equal(report_begin(rb, &sample_info, NULL), 0);
	assert_int_equal(report_map_begin(rb, &plain, 1, &k, &v, NULL), 0);
	assert_int_equal(report_map_begin(rb, &plain, 1, &k, &v, &err), KSNAP_E_STATE);
	assert_non_null(strstr(err.text, "'m'"));
	assert_int_equal(report_progs(rb, &err), KSNAP_E_STATE);
	assert_int_equal(report_key(rb, "links", &none, &err), KSNAP_E_STATE);
	assert_null(report_finish(rb, NULL, NULL, &err));
	assert_int_equal(report_map_end(rb, &res, &err), KSNAP_E_ARG);
	assert_non_null(strstr(err.text, "2 entries in room for 1"));
}

static void refuses_impossible_sizes(void **state)
{
	struct report_builder *rb = *state;
	struct report_map_row row = plain;
	struct ksnap_err err = { 0 };
	uint8_t *k, *v;

	assert_int_equal(report_begin(rb, &sample_info, NULL), 0);
	assert_int_equal(report_map_begin(rb, &row, 1ull << 30, &k, &v, &err), KSNAP_E_LIMIT);
	assert_int_equal(report_map_begin(rb, &row, UINT64_MAX, &k, &v, &err), KSNAP_E_LIMIT);
	row.ncpu = 4;
	row.stride = 4;
	assert_int_equal(report_map_begin(rb, &row, 1, &k, &v, &err), KSNAP_E_ARG);
	assert_non_null(strstr(err.text, "stride"));
}

/* ---- what is built ------------------------------------------------------------------------- */

static struct ksnap_snapshot *finish(struct report_builder *rb, struct report_summary *sum,
				     struct buf *reasons)
{
	struct ksnap_err err = { 0 };
	struct ksnap_blob *blob = report_finish(rb, sum, reasons, &err);
	struct ksnap_snapshot *s;

	if (!blob)
		fail_msg("%s", err.text);
	s = ksnap_snapshot_open(blob, &err);
	if (!s)
		fail_msg("%s", err.text);
	ksnap_blob_unref(blob);
	return s;
}

static void builds_an_empty_report(void **state)
{
	struct report_summary sum = { 9, false, true };
	struct buf reasons = BUF_INIT;
	struct ksnap_snapshot *s;

	assert_int_equal(report_begin(*state, &sample_info, NULL), 0);
	s = finish(*state, &sum, &reasons);
	assert_int_equal(sum.maps, 0);
	assert_true(sum.complete);
	assert_false(sum.placeholder);
	assert_true(ksnap_snapshot_complete(s));
	assert_null(ksnap_snapshot_placeholder(s));
	assert_string_equal(ksnap_snapshot_tag(s), "t0");
	assert_int_equal(snapshot_root(s)->via.map.size, 13);
	assert_null(object_get(snapshot_root(s), "progs"));
	assert_int_equal(reasons.len, 5);
	assert_memory_equal(reasons.data, "\xdd\0\0\0\0", 5);
	buf_fini(&reasons);
	ksnap_snapshot_close(s);
}

/* Room for 100, 3 written: values move down behind the keys. */
static void gives_back_room(void **state)
{
	struct report_map_result res = { .count = 3, .complete = true, .restarts = 2 };
	const uint32_t owners[] = { 11, 12 };
	struct ksnap_snapshot *s;
	struct ksnap_value v;
	uint64_t n;
	uint8_t *keys, *vals;

	res.owners = owners;
	res.nowners = 2;
	assert_int_equal(report_begin(*state, &sample_info, NULL), 0);
	assert_int_equal(report_map_begin(*state, &plain, 100, &keys, &vals, NULL), 0);
	for (uint32_t i = 0; i < 3; i++) {
		uint64_t val = 1000 + i;

		memcpy(keys + 4 * i, &i, 4);
		memcpy(vals + 8 * i, &val, 8);
	}
	assert_int_equal(report_map_end(*state, &res, NULL), 0);
	s = finish(*state, NULL, NULL);
	assert_int_equal(ksnap_map_count(ksnap_snapshot_map_at(s, 0)), 3);
	for (uint32_t i = 0; i < 3; i++) {
		assert_int_equal(ksnap_map_key(ksnap_snapshot_map_at(s, 0), i, &v, NULL), 0);
		assert_int_equal(ksnap_value_u64(&v, &n, NULL), 0);
		assert_int_equal(n, i);
		assert_int_equal(ksnap_map_value(ksnap_snapshot_map_at(s, 0), i, &v, NULL), 0);
		assert_int_equal(ksnap_value_u64(&v, &n, NULL), 0);
		assert_int_equal(n, 1000 + i);
	}
	assert_int_equal(object_get(map_row(ksnap_snapshot_map_at(s, 0)), "restarts")->via.u64, 2);
	assert_null(object_get(map_row(ksnap_snapshot_map_at(s, 0)), "missing"));
	assert_int_equal(object_get(map_row(ksnap_snapshot_map_at(s, 0)), "owners")
				 ->via.array.ptr[1]
				 .via.u64,
			 12);
	ksnap_snapshot_close(s);
}

static void expect_words(const struct buf *out, const char *words)
{
	if (!memmem(out->data, out->len, words, strlen(words)))
		fail_msg("'%s' is not in: %.*s", words, (int)out->len, (char *)out->data);
}

/* What stands beside the entries of some types of maps, in the report and when it is shown. */
static void keeps_what_stands_beside(void **state)
{
	const uint32_t inner[] = { 3, 5 };
	const struct report_ring ring = { .capacity = 4096, .producer = 96, .consumer = 32 };
	const struct report_symbol symbol = { 0xffffffff81000010, 0x10, "startup" };
	struct report_map_result res = { .complete = true,
					 .inner = inner,
					 .ninner = 2,
					 .ring = &ring,
					 .symbols = &symbol,
					 .nsymbols = 1 };
	struct render_opts opts = { 0 };
	struct buf json = BUF_INIT, table = BUF_INIT;
	struct ksnap_snapshot *s;
	uint8_t *keys, *vals;

	assert_int_equal(report_begin(*state, &sample_info, NULL), 0);
	assert_int_equal(report_map_begin(*state, &plain, 0, &keys, &vals, NULL), 0);
	assert_int_equal(report_map_end(*state, &res, NULL), 0);
	s = finish(*state, NULL, NULL);
	assert_int_equal(render_report_json(s, &opts, &json), 0);
	assert_int_equal(render_report_table(s, &opts, 0, &table), 0);
	expect_words(&json, "\"inner\":[3,5]");
	expect_words(&json, "\"ringbuf\":{\"capacity\":4096,\"producer\":96,\"consumer\":32,"
			    "\"pending\":64}");
	expect_words(&json, "\"name\":\"startup\",\"off\":16");
	expect_words(&table, "64 of 4096 bytes pending");
	expect_words(&table, "0xffffffff81000010  startup+0x10");
	buf_fini(&json);
	buf_fini(&table);
	ksnap_snapshot_close(s);
}

static void says_why_it_is_not_complete(void **state)
{
	struct report_map_result partial = { .count = 1, .complete = false };
	struct report_summary sum;
	struct ksnap_snapshot *s;
	const msgpack_object *reasons;
	uint8_t *k, *v;

	assert_int_equal(report_begin(*state, &sample_info, NULL), 0);
	assert_int_equal(report_map_begin(*state, &plain, 1, &k, &v, NULL), 0);
	memset(k, 0, 4);
	memset(v, 0, 8);
	assert_int_equal(report_map_end(*state, &partial, NULL), 0);
	s = finish(*state, &sum, NULL);
	assert_false(sum.complete);
	reasons = object_get(snapshot_root(s), "reasons");
	assert_int_equal(reasons->via.array.size, 1);
	assert_int_equal(object_get(&reasons->via.array.ptr[0], "expected")->via.u64, 1);
	assert_int_equal(object_get(&reasons->via.array.ptr[0], "got")->via.u64, 0);
	ksnap_snapshot_close(s);
}

static void bounds_reasons(void **state)
{
	struct ksnap_snapshot *s;
	const msgpack_object *reasons, *last;

	assert_int_equal(report_begin(*state, &sample_info, NULL), 0);
	for (int i = 0; i < 2000; i++)
		assert_int_equal(
			report_reason(*state, "map_gone", "m", UINT64_MAX, UINT64_MAX, "%d", i), 0);
	s = finish(*state, NULL, NULL);
	reasons = object_get(snapshot_root(s), "reasons");
	assert_int_equal(reasons->via.array.size, REPORT_REASONS_MAX);
	last = &reasons->via.array.ptr[REPORT_REASONS_MAX - 1];
	assert_int_equal(object_get(last, "expected")->via.u64, 2000);
	assert_int_equal(object_get(last, "got")->via.u64, REPORT_REASONS_MAX - 1);
	assert_null(object_get(&reasons->via.array.ptr[0], "expected"));
	ksnap_snapshot_close(s);
}

static void cancels_a_map(void **state)
{
	struct report_map_result res = { .count = 0, .complete = true };
	struct ksnap_snapshot *s;
	uint8_t *k, *v;

	assert_int_equal(report_begin(*state, &sample_info, NULL), 0);
	assert_int_equal(report_map_begin(*state, &plain, 1 << 20, &k, &v, NULL), 0);
	report_map_cancel(*state);
	assert_int_equal(report_map_begin(*state, &plain, 0, &k, &v, NULL), 0);
	assert_int_equal(report_map_end(*state, &res, NULL), 0);
	assert_int_equal(report_progs(*state, NULL), 0);
	s = finish(*state, NULL, NULL);
	assert_int_equal(ksnap_snapshot_map_count(s), 1);
	assert_int_equal(object_get(snapshot_root(s), "progs")->via.array.size, 0);
	ksnap_snapshot_close(s);
}

static void further_keys_end_the_lists(void **state)
{
	struct report_prog_row prog = { .name = "p", .type = "t", .tag = "" };
	struct buf seven = { .data = (uint8_t *)"\x07", .len = 1 };
	struct ksnap_err err = { 0 };
	struct ksnap_snapshot *s;
	uint8_t *k, *v;

	assert_int_equal(report_begin(*state, &sample_info, NULL), 0);
	assert_int_equal(report_prog(*state, &prog, NULL), 0);
	assert_int_equal(report_key(*state, "a", &seven, NULL), 0);
	assert_int_equal(report_key(*state, "b", &seven, NULL), 0);
	assert_int_equal(report_prog(*state, &prog, &err), KSNAP_E_STATE);
	assert_non_null(strstr(err.text, "come before"));
	assert_int_equal(report_map_begin(*state, &plain, 1, &k, &v, &err), KSNAP_E_STATE);
	s = finish(*state, NULL, NULL);
	assert_int_equal(object_get(snapshot_root(s), "progs")->via.array.size, 1);
	assert_int_equal(object_get(snapshot_root(s), "a")->via.u64, 7);
	assert_int_equal(object_get(snapshot_root(s), "b")->via.u64, 7);
	ksnap_snapshot_close(s);
	assert_int_equal(report_begin(*state, &sample_info, NULL), 0);
	assert_int_equal(report_map_begin(*state, &plain, 1, &k, &v, NULL), 0);
	report_map_cancel(*state);
	s = finish(*state, NULL, NULL);
	assert_null(object_get(snapshot_root(s), "a"));
	ksnap_snapshot_close(s);
}

static void begins_anew(void **state)
{
	struct report_info info = sample_info;
	struct ksnap_snapshot *s;
	uint8_t *k, *v;

	info.tag = "second";
	info.cause = "w:1";
	info.has_step = true;
	info.step = 3;
	assert_int_equal(report_begin(*state, &sample_info, NULL), 0);
	add_int(report_types(*state), "left", 4, TYPE_UNSIGNED);
	report_reason(*state, "map_gone", NULL, UINT64_MAX, UINT64_MAX, "gone");
	assert_int_equal(report_map_begin(*state, &plain, 10, &k, &v, NULL), 0);
	assert_int_equal(report_begin(*state, &info, NULL), 0);
	s = finish(*state, NULL, NULL);
	assert_string_equal(ksnap_snapshot_tag(s), "second");
	assert_true(ksnap_snapshot_complete(s));
	assert_int_equal(type_table_len(snapshot_types(s)), 0);
	assert_int_equal(object_get(object_get(snapshot_root(s), "trigger"), "step")->via.u64, 3);
	ksnap_snapshot_close(s);
}

static void builds_a_placeholder(void **state)
{
	struct ksnap_err err = { 0 };
	struct ksnap_blob *blob =
		report_placeholder(*state, &sample_info, "deadline", "100%s late", &err);
	struct ksnap_snapshot *s = ksnap_snapshot_open(blob, &err);
	struct ksnap_value v;

	assert_non_null(s);
	assert_string_equal(ksnap_snapshot_placeholder(s), "100%s late");
	assert_false(ksnap_snapshot_complete(s));
	assert_null(ksnap_snapshot_map(s, "m", &err));
	assert_int_equal(err.code, KSNAP_E_STATE);
	assert_non_null(strstr(err.text, "late"));
	assert_int_equal(ksnap_snapshot_var(s, "x", &v, &err), KSNAP_E_STATE);
	assert_int_equal(ksnap_snapshot_get(s, "x", &v, &err), KSNAP_E_STATE);
	ksnap_snapshot_close(s);
	ksnap_blob_unref(blob);
}

/* ---- buffers ------------------------------------------------------------------------------- */

static struct ksnap_blob *build_megabyte(struct report_builder *rb)
{
	struct report_map_row row = plain;
	struct report_map_result res = { .count = 1, .complete = true };
	uint8_t *k, *v;

	row.value_size = 1 << 20;
	assert_int_equal(report_begin(rb, &sample_info, NULL), 0);
	assert_int_equal(report_map_begin(rb, &row, 1, &k, &v, NULL), 0);
	memset(k, 0, 4);
	memset(v, 7, 1 << 20);
	assert_int_equal(report_map_end(rb, &res, NULL), 0);
	return report_finish(rb, NULL, NULL, NULL);
}

static void uses_buffers_again(void **state)
{
	struct ksnap_blob *first = build_megabyte(*state), *second;
	const void *memory = ksnap_blob_data(first);

	ksnap_blob_unref(first);
	second = build_megabyte(*state);
	assert_ptr_equal(ksnap_blob_data(second), memory);
	first = build_megabyte(*state);
	assert_ptr_not_equal(ksnap_blob_data(first), memory);
	report_builder_destroy(*state);
	*state = NULL;
	assert_int_equal(((const uint8_t *)ksnap_blob_data(second))[ksnap_blob_size(second) / 2],
			 7);
	ksnap_blob_unref(first);
	ksnap_blob_unref(second);
}

int main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(refuses_calls_before_begin),
		TEST(refuses_calls_within_a_map),
		TEST(refuses_impossible_sizes),
		TEST(builds_an_empty_report),
		TEST(gives_back_room),
		TEST(keeps_what_stands_beside),
		TEST(says_why_it_is_not_complete),
		TEST(bounds_reasons),
		TEST(cancels_a_map),
		TEST(further_keys_end_the_lists),
		TEST(begins_anew),
		TEST(builds_a_placeholder),
		TEST(uses_buffers_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
