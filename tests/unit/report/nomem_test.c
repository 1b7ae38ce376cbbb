// SPDX-License-Identifier: MIT
/* nomem_test.c - allocation number k fails, once or from there on, for every k: E_NOMEM, no leak,
 * and what can be made anew afterwards is whole. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "report/reader.h"
#include "sample.h"

/* The linker sends the calls of our own objects here (--wrap). */
void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *old, size_t size);
void __real_free(void *p);
bool __real_msgpack_zone_init(msgpack_zone *zone, size_t size);

static unsigned countdown; /* calls until the failing one; 0: none fails */
static bool stay;          /* the ones after it fail, too */
static bool fired;
static long live; /* allocations that were not freed */

static bool fails(void)
{
	if (!countdown)
		return false;
	if (countdown > 1) {
		countdown--;
		return false;
	}
	countdown = stay;
	fired = true;
	errno = ENOMEM;
	return true;
}

void *__wrap_malloc(size_t size)
{
	void *p = fails() ? NULL : __real_malloc(size);

	live += p != NULL;
	return p;
}

void *__wrap_calloc(size_t n, size_t size)
{
	void *p = fails() ? NULL : __real_calloc(n, size);

	live += p != NULL;
	return p;
}

void *__wrap_realloc(void *old, size_t size)
{
	void *p = fails() ? NULL : __real_realloc(old, size);

	live += p && !old;
	return p;
}

void __wrap_free(void *p)
{
	live -= p != NULL;
	__real_free(p);
}

bool __wrap_msgpack_zone_init(msgpack_zone *zone, size_t size)
{
	return !fails() && __real_msgpack_zone_init(zone, size);
}

/* Run @fn with every allocation failing in its turn. @fn gives 0, or the code it failed with. */
static void torture(int (*fn)(struct ksnap_err *err))
{
	for (unsigned mode = 0; mode < 2; mode++) {
		unsigned k = 0;

		do {
			struct ksnap_err err = { 0 };
			long before = live;
			int rc;

			countdown = ++k;
			stay = mode;
			fired = false;
			rc = fn(&err);
			countdown = 0;
			assert_int_equal(live, before);
			if (rc)
				assert_int_equal(rc, KSNAP_E_NOMEM);
			assert_true(rc ? fired : true);
		} while (fired);
		assert_true(k > 5);
	}
}

/* ---- building ------------------------------------------------------------------------------ */

static int add_types(struct type_table *t, struct ksnap_err *err)
{
	const struct type_row row = {
		.kind = TYPE_INT, .name = "u32", .size = 4, .target = TYPE_NONE
	};
	const struct type_member m[] = { { "a", 0, 0, 0 }, { NULL, 1, 32, 0 } };
	const struct type_enumerator e[] = { { "X", 1 } };
	const struct type_row rows[] = {
		{ .kind = TYPE_ENUM,
		  .size = 4,
		  .enumerators = e,
		  .nenumerators = 1,
		  .target = TYPE_NONE },
		{ .kind = TYPE_STRUCT,
		  .name = "s",
		  .size = 8,
		  .members = m,
		  .nmembers = 2,
		  .target = TYPE_NONE },
		{ .kind = TYPE_PTR, .size = 8, .to = "void", .target = TYPE_NONE },
	};
	int64_t rc = type_add(t, &row, err);

	for (size_t i = 0; rc >= 0 && i < sizeof(rows) / sizeof(rows[0]); i++)
		rc = type_add(t, &rows[i], err);
	for (unsigned i = 0; rc >= 0 && i < 100; i++)
		rc = type_reserve(t, err);
	return rc < 0 ? (int)rc : 0;
}

static int add_map(struct report_builder *rb, struct ksnap_err *err)
{
	struct report_map_row row = { .id = 1,
				      .name = "m",
				      .type = "hash",
				      .key_size = 4,
				      .value_size = 8,
				      .max_entries = 9,
				      .kt = 0,
				      .vt = 2 };
	const uint32_t owners[64] = { 0 };
	struct report_map_result res = {
		.count = 1, .owners = owners, .nowners = 64, .error = "partly"
	};
	uint8_t *k, *v;
	int rc = report_map_begin(rb, &row, 1000, &k, &v, err);

	if (rc)
		return rc;
	memset(k, 1, 4);
	memset(v, 1, 8);
	return report_map_end(rb, &res, err);
}

static int build(struct report_builder *rb, struct buf *reasons, struct ksnap_blob **ret,
		 struct ksnap_err *err)
{
	struct report_prog_row prog = { .name = "p", .type = "t", .tag = "" };
	int rc = report_begin(rb, &sample_info, err);

	if (!rc)
		rc = add_types(report_types(rb), err);
	if (!rc)
		rc = add_map(rb, err);
	if (!rc)
		rc = report_prog(rb, &prog, err);
	if (!rc)
		rc = report_reason(rb, "map_partial", "m", 9, 1, "cut");
	if (rc)
		return rc;
	*ret = report_finish(rb, NULL, reasons, err);
	return *ret ? 0 : err->code;
}

static int build_once(struct ksnap_err *err)
{
	struct report_builder *rb = report_builder_create(err);
	struct ksnap_blob *blob = NULL;
	struct buf reasons = BUF_INIT;
	int rc = rb ? build(rb, &reasons, &blob, err) : err->code;
	unsigned kept = countdown;

	/* A builder outlives a failed report. */
	countdown = 0;
	if (rb && rc) {
		struct ksnap_err later = { 0 };

		buf_clear(&reasons);
		assert_int_equal(build(rb, &reasons, &blob, &later), 0);
	}
	countdown = kept;
	ksnap_blob_unref(blob);
	buf_fini(&reasons);
	report_builder_destroy(rb);
	return rc;
}

static void building_survives(void **state)
{
	torture(build_once);
}

/* A map that finds no memory leaves the report as it was. */
static void a_map_without_memory_is_skipped(void **state)
{
	struct report_map_row row = { .id = 1,
				      .name = "m",
				      .type = "hash",
				      .key_size = 4,
				      .value_size = 8,
				      .kt = TYPE_NONE,
				      .vt = TYPE_NONE };
	struct report_builder *rb = report_builder_create(NULL);
	struct ksnap_blob *blob;
	struct ksnap_snapshot *s;
	uint8_t *k, *v;

	assert_int_equal(report_begin(rb, &sample_info, NULL), 0);
	countdown = 1;
	assert_int_equal(report_map_begin(rb, &row, 1 << 20, &k, &v, NULL), KSNAP_E_NOMEM);
	countdown = 0;
	report_reason(rb, "map_unreadable", "m", UINT64_MAX, UINT64_MAX, "out of memory");
	blob = report_finish(rb, NULL, NULL, NULL);
	s = ksnap_snapshot_open(blob, NULL);
	assert_int_equal(ksnap_snapshot_map_count(s), 0);
	assert_false(ksnap_snapshot_complete(s));
	ksnap_snapshot_close(s);
	ksnap_blob_unref(blob);
	report_builder_destroy(rb);
}

/* ---- reading ------------------------------------------------------------------------------- */

static struct ksnap_blob *report;

static int open_once(struct ksnap_err *err)
{
	struct ksnap_snapshot *s = ksnap_snapshot_open(report, err);
	int rc = s ? 0 : err->code;

	ksnap_snapshot_close(s);
	return rc;
}

static int render_with(int (*render)(const struct ksnap_snapshot *s, struct buf *out))
{
	struct buf out = BUF_INIT;
	unsigned kept = countdown;
	struct ksnap_snapshot *s;
	int rc;

	countdown = 0;
	s = ksnap_snapshot_open(report, NULL);
	countdown = kept;
	rc = render(s, &out);
	countdown = 0;
	ksnap_snapshot_close(s);
	buf_fini(&out);
	return rc;
}

static int to_json(const struct ksnap_snapshot *s, struct buf *out)
{
	return render_report_json(s, NULL, out);
}

static void put(void *arg, const void *data, size_t len)
{
	buf_append(arg, data, len);
}

static int to_pieces(const struct ksnap_snapshot *s, struct buf *out)
{
	int ret = render_report_json_to(s, NULL, put, out);

	assert_true(ret == 0 || !out->len); /* the sample is shorter than a piece */
	return ret;
}

static int to_tree(const struct ksnap_snapshot *s, struct buf *out)
{
	return render_report_tree(s, NULL, out);
}

static int to_table(const struct ksnap_snapshot *s, struct buf *out)
{
	return render_report_table(s, NULL, 0, out);
}

static int to_text(const struct ksnap_snapshot *s, struct buf *out)
{
	struct ksnap_value v;

	assert_int_equal(ksnap_map_value(ksnap_snapshot_map_at(s, 0), 0, &v, NULL), 0);
	return render_value_text(&v, NULL, out);
}

static int json_once(struct ksnap_err *err)
{
	return render_with(to_json);
}

static int pieces_once(struct ksnap_err *err)
{
	return render_with(to_pieces);
}

static int tree_once(struct ksnap_err *err)
{
	return render_with(to_tree);
}

static int table_once(struct ksnap_err *err)
{
	return render_with(to_table);
}

static void reading_survives(void **state)
{
	struct ksnap_err err = { 0 };

	report = sample_report();
	torture(open_once);
	torture(json_once);
	torture(pieces_once);
	torture(tree_once);
	torture(table_once);
	countdown = 1;
	assert_int_equal(render_with(to_text), KSNAP_E_NOMEM);
	assert_int_equal(open_once(&err), 0);
	ksnap_blob_unref(report);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(building_survives),
		cmocka_unit_test(a_map_without_memory_is_skipped),
		cmocka_unit_test(reading_survives),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
