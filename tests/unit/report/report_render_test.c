// SPDX-License-Identifier: MIT
/* report_render_test.c - a whole report as JSON, msgpack and table, compared with golden/. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "report/reader.h"
#include "sample.h"

static struct ksnap_snapshot *open_blob(struct ksnap_blob *blob)
{
	struct ksnap_err err = { 0 };
	struct ksnap_snapshot *s = ksnap_snapshot_open(blob, &err);

	if (!s)
		fail_msg("%s", err.text);
	ksnap_blob_unref(blob);
	return s;
}

static void expect_file(struct buf *got, const char *name)
{
	const char *top = getenv("KSNAP_TOP_SRCDIR");
	char path[4096], want[16384];
	size_t len;
	FILE *f;

	snprintf(path, sizeof(path), "%s/tests/unit/report/golden/%s", top ? top : ".", name);
	f = fopen(path, "re");
	if (!f)
		fail_msg("cannot open %s", path);
	len = fread(want, 1, sizeof(want) - 1, f);
	fclose(f);
	want[len] = '\0';
	buf_append(got, "", 1);
	assert_string_equal((char *)got->data, want);
	buf_clear(got);
}

static void placeholders_have_reasons_only(void **state)
{
	struct report_builder *rb = report_builder_create(NULL);
	struct ksnap_snapshot *s =
		open_blob(report_placeholder(rb, &sample_info, "deadline", "too late", NULL));
	struct buf out = BUF_INIT;

	assert_int_equal(render_report_json(s, NULL, &out), 0);
	buf_append(&out, "", 1);
	assert_non_null(strstr((char *)out.data, "\"placeholder\":true"));
	assert_non_null(strstr((char *)out.data, "\"maps\":[]"));
	assert_non_null(strstr((char *)out.data, "\"text\":\"too late\""));
	buf_clear(&out);
	assert_int_equal(render_report_table(s, NULL, 0, &out), 0);
	buf_append(&out, "", 1);
	assert_non_null(strstr((char *)out.data, "placeholder, no data:\n  deadline: too late\n"));
	buf_fini(&out);
	ksnap_snapshot_close(s);
	report_builder_destroy(rb);
}

#define MANY 20000

/* An array of @n values, 100, 101, ... */
static struct ksnap_blob *long_report(uint32_t n)
{
	struct report_builder *rb = report_builder_create(NULL);
	const struct report_map_row map = { .id = 1,
					    .name = "m",
					    .type = "array",
					    .key_size = 4,
					    .value_size = 8,
					    .max_entries = n,
					    .kt = TYPE_NONE,
					    .vt = TYPE_NONE };
	struct report_map_result res = { .count = n, .complete = true };
	struct ksnap_blob *blob;
	uint8_t *keys, *vals;

	assert_int_equal(report_begin(rb, &sample_info, NULL), 0);
	assert_int_equal(report_map_begin(rb, &map, n, &keys, &vals, NULL), 0);
	for (uint32_t i = 0; i < n; i++) {
		uint64_t v = 100 + i;

		memcpy(keys + 4 * i, &i, 4);
		memcpy(vals + 8 * i, &v, 8);
	}
	assert_int_equal(report_map_end(rb, &res, NULL), 0);
	blob = report_finish(rb, NULL, NULL, NULL);
	report_builder_destroy(rb);
	return blob;
}

struct pieces {
	struct buf all;
	unsigned n;
	size_t last, shortest; /* the latter of those before the last one */
};

static void take_piece(void *arg, const void *data, size_t len)
{
	struct pieces *p = arg;

	assert_true(len > 0);
	assert_true(len < 2 * RENDER_PIECE);
	if (p->n && (p->n == 1 || p->last < p->shortest))
		p->shortest = p->last;
	p->last = len;
	p->n++;
	assert_int_equal(buf_append(&p->all, data, len), 0);
}

static void pieces_are_the_whole(void **state)
{
	static const uint32_t entries[] = { 0, 1, MANY };
	struct render_opts o = { .indent = 1 };

	for (size_t i = 0; i < sizeof(entries) / sizeof(entries[0]); i++) {
		struct ksnap_snapshot *s = open_blob(long_report(entries[i]));
		struct pieces p = { .all = BUF_INIT };
		struct buf whole = BUF_INIT;

		assert_int_equal(render_report_json(s, &o, &whole), 0);
		assert_int_equal(render_report_json_to(s, &o, take_piece, &p), 0);
		assert_int_equal(p.all.len, whole.len);
		assert_memory_equal(p.all.data, whole.data, whole.len);
		assert_true(entries[i] < MANY ? p.n == 1 : p.n > 2 && p.shortest >= RENDER_PIECE);
		buf_fini(&p.all);
		buf_fini(&whole);
		ksnap_snapshot_close(s);
	}
}

static void json_is_as_always(void **state)
{
	struct ksnap_snapshot *s = open_blob(sample_report());
	struct render_opts o = { .indent = 2 };
	struct buf out = BUF_INIT;

	assert_int_equal(render_report_json(s, &o, &out), 0);
	buf_append(&out, "\n", 1);
	expect_file(&out, "report.json");
	o = (struct render_opts){ .raw = true };
	assert_int_equal(render_report_json(s, &o, &out), 0);
	buf_append(&out, "\n", 1);
	expect_file(&out, "report.raw.json");
	buf_fini(&out);
	ksnap_snapshot_close(s);
}

static void table_is_as_always(void **state)
{
	struct ksnap_snapshot *s = open_blob(sample_report());
	struct buf out = BUF_INIT;

	assert_int_equal(render_report_table(s, NULL, 1, &out), 0);
	expect_file(&out, "report.table");
	assert_int_equal(render_report_table(s, NULL, 0, &out), 0);
	buf_append(&out, "", 1);
	assert_null(strstr((char *)out.data, "more entries"));
	assert_non_null(strstr((char *)out.data, "1234"));
	buf_fini(&out);
	ksnap_snapshot_close(s);
}

static void tree_has_the_same_keys(void **state)
{
	struct ksnap_snapshot *s = open_blob(sample_report());
	const msgpack_object *maps, *entries, *value;
	struct buf out = BUF_INIT;
	msgpack_unpacked u;
	size_t at = 0;

	assert_int_equal(render_report_tree(s, NULL, &out), 0);
	msgpack_unpacked_init(&u);
	assert_int_equal(msgpack_unpack_next(&u, (char *)out.data, out.len, &at),
			 MSGPACK_UNPACK_SUCCESS);
	assert_int_equal(at, out.len);
	assert_null(object_get(&u.data, "types"));
	assert_int_equal(object_get(&u.data, "ts")->via.i64, 1700000000123000000);
	maps = object_get(&u.data, "maps");
	assert_int_equal(maps->via.array.size, 6);
	entries = object_get(&maps->via.array.ptr[0], "entries");
	value = object_get(&entries->via.array.ptr[1], "value");
	assert_int_equal(object_get(value, "weight")->via.u64, 1ull << 60);
	assert_int_equal(object_get(object_get(value, "state"), "name")->type, MSGPACK_OBJECT_NIL);
	entries = object_get(&maps->via.array.ptr[1], "entries");
	assert_int_equal(object_get(&entries->via.array.ptr[0], "values")->via.array.size, 4);
	entries = object_get(&maps->via.array.ptr[4], "entries");
	assert_int_equal(object_get(&entries->via.array.ptr[0], "key")->type, MSGPACK_OBJECT_BIN);
	msgpack_unpacked_destroy(&u);
	buf_fini(&out);
	ksnap_snapshot_close(s);
}

/* ---- names nobody would choose -----------------------------------------------------------------
 */

static struct ksnap_blob *ugly_report(void)
{
	struct report_builder *rb = report_builder_create(NULL);
	struct report_map_row row = { .id = 1,
				      .name = "\x1b[31m\"\xff",
				      .type = "ha\nsh",
				      .key_size = 1,
				      .value_size = 16,
				      .max_entries = 1,
				      .kt = TYPE_NONE };
	struct report_map_result res = { .count = 1, .complete = true };
	struct ksnap_blob *blob;
	uint8_t *k, *v;

	assert_int_equal(report_begin(rb, &sample_info, NULL), 0);
	row.vt = add_array(report_types(rb), add_int(report_types(rb), "char", 1, TYPE_SIGNED), 16);
	assert_int_equal(report_map_begin(rb, &row, 1, &k, &v, NULL), 0);
	*k = 1;
	memcpy(v,
	       "\xc2\x9b"
	       "31m\n\0\0\0\0\0\0\0\0\0\0",
	       16);
	assert_int_equal(report_map_end(rb, &res, NULL), 0);
	blob = report_finish(rb, NULL, NULL, NULL);
	report_builder_destroy(rb);
	return blob;
}

static void terminals_get_no_orders(void **state)
{
	struct ksnap_snapshot *s = open_blob(ugly_report());
	struct buf out = BUF_INIT;

	assert_int_equal(render_report_table(s, NULL, 0, &out), 0);
	buf_append(&out, "", 1);
	assert_null(strchr((char *)out.data, 0x1b));
	assert_null(strstr((char *)out.data, "\xc2\x9b"));
	assert_non_null(strstr((char *)out.data, "map 1 \\u001b[31m\\\"\xef\xbf\xbd  ha\\nsh"));
	buf_clear(&out);
	assert_int_equal(render_report_json(s, NULL, &out), 0);
	buf_append(&out, "", 1);
	assert_non_null(strstr((char *)out.data, "\"name\":\"\\u001b[31m\\\"\xef\xbf\xbd\""));
	assert_non_null(strstr((char *)out.data, "\"type\":\"ha\\nsh\""));
	buf_fini(&out);
	ksnap_snapshot_close(s);
}

/* A cell as wide as a book is cut; the row keeps its columns. */
static uint32_t make_long_text(struct type_table *t)
{
	return add_array(t, add_int(t, "char", 1, TYPE_SIGNED), 300);
}

static void wide_cells_are_cut(void **state)
{
	char text[300];
	struct ksnap_snapshot *s;
	struct buf out = BUF_INIT;

	memset(text, 'x', sizeof(text));
	s = open_blob(sample_value(make_long_text, text, sizeof(text), false));
	assert_int_equal(render_report_table(s, NULL, 0, &out), 0);
	buf_append(&out, "", 1);
	assert_non_null(strstr((char *)out.data, "xxx\xe2\x80\xa6\n"));
	assert_null(strstr((char *)out.data, "xxx\""));
	buf_fini(&out);
	ksnap_snapshot_close(s);
}

static void add_key(struct report_builder *rb, const char *key, const char *value, size_t len)
{
	struct buf b = { .data = (uint8_t *)value, .len = len };

	assert_int_equal(report_key(rb, key, &b, NULL), 0);
}

#define ADD_KEY(rb, key, value) add_key(rb, key, value, sizeof(value) - 1)

/* Rows as they should be, and a row that is a number: reports come from anywhere. */
static void tables_show_what_is_attached(void **state)
{
	struct report_builder *rb = report_builder_create(NULL);
	struct buf out = BUF_INIT;
	struct ksnap_snapshot *s;

	assert_int_equal(report_begin(rb, &sample_info, NULL), 0);
	ADD_KEY(rb, "links",
		"\x92\x84\xa2id\x03\xa4type\xa6"
		"cgroup\xa4prog\x05\xa9target_id\x2a\x07");
	ADD_KEY(rb, "struct_ops",
		"\x91\x83\xa3map\x09\xa4name\xa1o\xa8"
		"attached\xc3");
	ADD_KEY(rb, "sched",
		"\x82\xa5state\xa7"
		"enabled\xa3ops\xa4\x1b[0m");
	s = open_blob(report_finish(rb, NULL, NULL, NULL));
	assert_int_equal(render_report_table(s, NULL, 0, &out), 0);
	buf_append(&out, "", 1);
	assert_non_null(strstr((char *)out.data, "\n2 links\n"));
	assert_non_null(strstr((char *)out.data, "\n   3  cgroup     5 "));
	assert_non_null(strstr((char *)out.data, " 42    -\n"));
	assert_non_null(strstr((char *)out.data, "\n1 struct_ops maps\n"));
	assert_non_null(strstr((char *)out.data, "\n    9  o "));
	assert_non_null(strstr((char *)out.data, "\nsched_ext is enabled: \\u001b[0m\n"));
	assert_null(strstr((char *)out.data, "programs"));
	buf_fini(&out);
	ksnap_snapshot_close(s);
	report_builder_destroy(rb);
}

static int stop_clock(void **state)
{
	sample_stop_clock();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(placeholders_have_reasons_only),
		cmocka_unit_test(json_is_as_always),
		cmocka_unit_test(pieces_are_the_whole),
		cmocka_unit_test(table_is_as_always),
		cmocka_unit_test(tree_has_the_same_keys),
		cmocka_unit_test(terminals_get_no_orders),
		cmocka_unit_test(wide_cells_are_cut),
		cmocka_unit_test(tables_show_what_is_attached),
	};

	return cmocka_run_group_tests(tests, stop_clock, NULL);
}
