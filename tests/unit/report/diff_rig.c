// SPDX-License-Identifier: MIT
/* diff_rig.c - two reports, and what is told of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "diff_rig.h"

/* ---- two reports and what is told of them -------------------------------------------------------
 */

static int note_change(void *arg, const struct ksnap_change *c)
{
	struct told *t = arg;

	assert_non_null(c->path);
	t->n[c->kind]++;
	assert_int_equal(diff_print_text(t->printer, c, &t->text), 0);
	assert_int_equal(diff_print_json(t->printer, c, &t->json), 0);
	assert_int_equal(diff_print_tree(t->printer, c, &t->tree), 0);
	buf_append(&t->json, "\n", 1);
	return ++t->total == t->stop_at ? 77 : 0;
}

/* Runs the comparison; the result is its return value. */
int compare(struct ksnap_blob *a, struct ksnap_blob *b, const char *path, struct told *t,
	    struct ksnap_err *err)
{
	struct ksnap_snapshot *sa = ksnap_snapshot_open(a, NULL),
			      *sb = ksnap_snapshot_open(b, NULL);
	int rc;

	assert_non_null(sa);
	assert_non_null(sb);
	t->printer = diff_printer_create(sa, sb, NULL);
	assert_non_null(t->printer);
	rc = ksnap_snapshot_diff(sa, sb, path, note_change, t, err);
	diff_printer_destroy(t->printer);
	ksnap_snapshot_close(sa);
	ksnap_snapshot_close(sb);
	buf_append(&t->text, "", 1);
	buf_append(&t->json, "", 1);
	return rc;
}

void told_fini(struct told *t)
{
	buf_fini(&t->text);
	buf_fini(&t->json);
	buf_fini(&t->tree);
}

/* The lines that are told of @a and @b, both consumed. */
void expect(struct ksnap_blob *a, struct ksnap_blob *b, const char *path, const char *want)
{
	struct ksnap_err err = { 0 };
	struct told t = { .total = 0 };
	int rc = compare(a, b, path, &t, &err);

	if (rc < 0)
		fail_msg("%s", err.text);
	assert_string_equal((char *)t.text.data, want);
	assert_int_equal(rc, *want != '\0');
	told_fini(&t);
	ksnap_blob_unref(a);
	ksnap_blob_unref(b);
}

void expect_error(struct ksnap_blob *a, struct ksnap_blob *b, const char *path, int code,
		  const char *text)
{
	struct ksnap_err err = { 0 };
	struct told t = { .total = 0 };

	assert_int_equal(compare(a, b, path, &t, &err), code);
	if (!strstr(err.text, text))
		fail_msg("'%s' does not say '%s'", err.text, text);
	assert_int_equal(t.total, 0);
	told_fini(&t);
	ksnap_blob_unref(a);
	ksnap_blob_unref(b);
}

/* ---- making them ---------------------------------------------------------------------------- */

struct made begin(const struct report_info *info)
{
	struct made m = { .rb = report_builder_create(NULL) };
	struct type_table *t;

	assert_int_equal(report_begin(m.rb, info ? info : &sample_info, NULL), 0);
	t = report_types(m.rb);
	m.u32 = add_int(t, "unsigned int", 4, TYPE_UNSIGNED);
	m.u64 = add_int(t, "unsigned long", 8, TYPE_UNSIGNED);
	m.s32 = add_int(t, "int", 4, TYPE_SIGNED);
	m.s64 = add_int(t, "long", 8, TYPE_SIGNED);
	m.character = add_int(t, "char", 1, TYPE_CHAR);
	return m;
}

struct ksnap_blob *finish(struct made *m)
{
	struct ksnap_blob *blob = report_finish(m->rb, NULL, NULL, NULL);

	assert_non_null(blob);
	report_builder_destroy(m->rb);
	return blob;
}

void put(struct made *m, struct report_map_row row, uint64_t count, const void *keys,
	 const void *vals, const struct report_map_result *res)
{
	uint64_t each = row.ncpu ? (uint64_t)row.ncpu * row.stride : row.value_size;
	struct report_map_result whole = { .count = count, .complete = true };
	uint8_t *k, *v;

	if (!row.type)
		row.type = "hash";
	assert_int_equal(report_map_begin(m->rb, &row, count, &k, &v, NULL), 0);
	if (k && count)
		memcpy(k, keys, count * row.key_size);
	if (count)
		memcpy(v, vals, count * each);
	assert_int_equal(report_map_end(m->rb, res ? res : &whole, NULL), 0);
}

/* A hash of u32 to u32 named @name. */
void put_plain(struct made *m, uint32_t id, const char *name, uint32_t n, const uint32_t *keys,
	       const uint32_t *vals)
{
	put(m,
	    (struct report_map_row){ .id = id,
				     .name = name,
				     .key_size = 4,
				     .value_size = 4,
				     .kt = m->u32,
				     .vt = m->u32 },
	    n, keys, vals, NULL);
}

/* Bytes of one report changed at random: no crash, whatever is told. */
void expect_no_harm(struct ksnap_blob *whole)
{
	size_t len = ksnap_blob_size(whole);
	unsigned seed = 7, compared = 0;

	for (unsigned round = 0; round < 3000; round++) {
		uint8_t *bytes = malloc(len);
		struct ksnap_snapshot *s;
		struct ksnap_blob *bad;

		memcpy(bytes, ksnap_blob_data(whole), len);
		for (unsigned i = 0; i < 1 + round % 3; i++)
			bytes[rand_r(&seed) % len] ^= 1 << rand_r(&seed) % 8;
		bad = ksnap_blob_copy(bytes, len);
		s = ksnap_snapshot_open(bad, NULL);
		if (s && !ksnap_snapshot_placeholder(s)) {
			struct told t = { .total = 0 }, back = { .total = 0 };

			compare(whole, bad, NULL, &t, NULL);
			compare(bad, whole, NULL, &back, NULL);
			told_fini(&t);
			told_fini(&back);
			compared++;
		}
		ksnap_snapshot_close(s);
		ksnap_blob_unref(bad);
		free(bytes);
	}
	assert_true(compared > 100);
	ksnap_blob_unref(whole);
}
