// SPDX-License-Identifier: MIT
/* surface_test.c - the rest of what a reader may ask: entries by key, the maps in use, numbers over
 * CPUs, what pointers point to; each with what goes wrong.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "report/reader.h"
#include "sample.h"
#include "wire/pack.h"

#define CPUS   4
#define NODE_A 0xffff888000001000ull
#define NODE_B 0xffff888000002000ull
#define BAD    0xdead000000000000ull
#define FAR    0xffff888000003000ull

struct node {
	uint64_t next, value;
};

struct per_cpu {
	uint64_t hits;
	int64_t drift;
	double load;
	char name[8];
};

struct ids {
	uint32_t u32, u64, node, ptr, percpu, section;
};

/* What a report says of the maps in use, and of memory behind pointers. */
struct extra {
	bool has_active, has_chased;
	uint32_t active[2];
	size_t nactive;
	const char *obj;
};

/* ---- a report -------------------------------------------------------------------------------- */

static struct ids add_types(struct type_table *t)
{
	struct ids ids = { .u32 = add_int(t, "unsigned int", 4, TYPE_UNSIGNED),
			   .u64 = add_int(t, "u64", 8, TYPE_UNSIGNED) };
	uint32_t s64 = add_int(t, "s64", 8, TYPE_SIGNED), var;
	uint32_t real = add_row(
		t, (struct type_row){
			   .kind = TYPE_FLOAT, .name = "double", .size = 8, .target = TYPE_NONE });
	uint32_t name = add_array(t, add_int(t, "char", 1, TYPE_CHAR), 8);

	ids.ptr = add_row(
		t, (struct type_row){
			   .kind = TYPE_PTR, .size = 8, .to = "struct node", .target = TYPE_NONE });
	ids.node = add_record(t, TYPE_STRUCT, "node", sizeof(struct node),
			      MEMBERS({ .name = "next", .type = ids.ptr },
				      { .name = "value", .type = ids.u64, .bit_off = 64 }));
	type_point_to(t, ids.ptr, ids.node);
	ids.percpu = add_record(t, TYPE_STRUCT, "per_cpu", sizeof(struct per_cpu),
				MEMBERS({ .name = "hits", .type = ids.u64 },
					{ .name = "drift", .type = s64, .bit_off = 64 },
					{ .name = "load", .type = real, .bit_off = 128 },
					{ .name = "name", .type = name, .bit_off = 192 }));
	var = add_behind(t, TYPE_VAR, "nr_hits", ids.u64);
	ids.section = add_record(t, TYPE_DATASEC, ".bss", 8, MEMBERS({ .type = var }));
	return ids;
}

static void put_map(struct report_builder *rb, struct report_map_row row, uint64_t count,
		    const void *keys, const void *vals)
{
	size_t each = row.ncpu ? row.ncpu * row.stride : row.value_size;
	uint8_t *k, *v;

	assert_int_equal(report_map_begin(rb, &row, count, &k, &v, NULL), 0);
	if (k && count)
		memcpy(k, keys, count * row.key_size);
	if (count)
		memcpy(v, vals, count * each);
	assert_int_equal(
		report_map_end(rb, &(struct report_map_result){ .count = count, .complete = true },
			       NULL),
		0);
}

static void put_section(struct report_builder *rb, const struct ids *ids, uint32_t id, uint64_t v)
{
	put_map(rb,
		(struct report_map_row){ .id = id,
					 .name = "probe.bss",
					 .type = "array",
					 .key_size = 4,
					 .value_size = 8,
					 .max_entries = 1,
					 .kt = TYPE_NONE,
					 .vt = ids->section,
					 .no_keys = true },
		1, NULL, &v);
}

static void put_maps(struct report_builder *rb, const struct ids *ids)
{
	static const uint32_t keys[] = { 7, 9, 1000, 1001 };
	static const struct node nodes[] = { { NODE_A, 1 }, { 0, 2 }, { BAD, 3 }, { FAR, 4 } };
	struct per_cpu cpus[CPUS] = { 0 };

	for (unsigned i = 0; i < CPUS; i++)
		cpus[i] = (struct per_cpu){ 10 * (i + 1), i == 2 ? -50 : (int)i, 0.5 * i, "cpu" };
	put_section(rb, ids, 5, 41);
	put_section(rb, ids, 6, 42);
	put_map(rb,
		(struct report_map_row){ .id = 7,
					 .name = "nodes",
					 .type = "hash",
					 .key_size = 4,
					 .value_size = sizeof(struct node),
					 .max_entries = 8,
					 .kt = ids->u32,
					 .vt = ids->node },
		4, keys, nodes);
	put_map(rb,
		(struct report_map_row){ .id = 8,
					 .name = "cpus",
					 .type = "percpu_array",
					 .key_size = 4,
					 .value_size = sizeof(struct per_cpu),
					 .max_entries = 1,
					 .kt = ids->u32,
					 .vt = ids->percpu,
					 .ncpu = CPUS,
					 .stride = sizeof(struct per_cpu) },
		1, keys, cpus);
	put_map(rb,
		(struct report_map_row){ .id = 9,
					 .name = "plain",
					 .type = "hash",
					 .key_size = 3,
					 .value_size = 4,
					 .max_entries = 8,
					 .kt = TYPE_NONE,
					 .vt = TYPE_NONE },
		1, "\x01\xab\xff", "abcd");
	put_map(rb,
		(struct report_map_row){ .id = 10,
					 .name = "empty",
					 .type = "hash",
					 .key_size = 4,
					 .value_size = 4,
					 .max_entries = 8,
					 .kt = ids->u32,
					 .vt = ids->u32 },
		0, NULL, NULL);
}

static void pack_chased(msgpack_packer *pk, uint64_t addr, uint32_t type, const void *data,
			size_t len, const char *error)
{
	msgpack_pack_map(pk, 3 + !!error);
	pack_str(pk, "addr");
	msgpack_pack_uint64(pk, addr);
	pack_str(pk, "type");
	msgpack_pack_uint32(pk, type);
	pack_str(pk, "data");
	pack_bin(pk, data, len);
	if (!error)
		return;
	pack_str(pk, "error");
	pack_str(pk, error);
}

static void put_extra(struct report_builder *rb, const struct ids *ids, const struct extra *x)
{
	static const struct node a = { NODE_B, 100 }, b = { NODE_A, 200 };
	struct buf out = BUF_INIT;
	msgpack_packer pk;

	pack_init(&pk, &out);
	if (x->has_active) {
		msgpack_pack_array(&pk, x->nactive);
		for (size_t i = 0; i < x->nactive; i++)
			msgpack_pack_uint32(&pk, x->active[i]);
		assert_int_equal(report_key(rb, "active", &out, NULL), 0);
		buf_clear(&out);
	}
	if (x->obj) {
		pack_str(&pk, x->obj);
		assert_int_equal(report_key(rb, "active_obj", &out, NULL), 0);
		buf_clear(&out);
	}
	if (x->has_chased) {
		msgpack_pack_array(&pk, 3);
		pack_chased(&pk, NODE_B, ids->node, &b, sizeof(b), NULL);
		pack_chased(&pk, BAD, ids->node, NULL, 0, "nothing is mapped there");
		pack_chased(&pk, NODE_A, ids->node, &a, sizeof(a), NULL);
		assert_int_equal(report_key(rb, "chased", &out, NULL), 0);
	}
	buf_fini(&out);
}

static struct ksnap_snapshot *open_report(const struct extra *x)
{
	struct report_builder *rb = report_builder_create(NULL);
	struct ksnap_err err = { 0 };
	struct ksnap_snapshot *s;
	struct ksnap_blob *blob;
	struct ids ids;

	assert_int_equal(report_begin(rb, &sample_info, NULL), 0);
	ids = add_types(report_types(rb));
	put_maps(rb, &ids);
	put_extra(rb, &ids, x);
	blob = report_finish(rb, NULL, NULL, NULL);
	assert_non_null(blob);
	s = ksnap_snapshot_open(blob, &err);
	if (!s)
		fail_msg("%s", err.text);
	ksnap_blob_unref(blob);
	report_builder_destroy(rb);
	return s;
}

static const struct extra whole = {
	.has_active = true, .has_chased = true, .active = { 6, 8 }, .nactive = 2, .obj = "probe"
};

static int setup(void **state)
{
	*state = open_report(&whole);
	return 0;
}

static int teardown(void **state)
{
	ksnap_snapshot_close(*state);
	return 0;
}

static void expect(int rc, const struct ksnap_err *err, int code, const char *text)
{
	if (rc != code || err->code != code || !strstr(err->text, text))
		fail_msg("%d '%s', not %d '%s'", rc, err->text, code, text);
}

/* ---- reports that lie ------------------------------------------------------------------------ */

static struct ksnap_blob *with_key(const char *key, const void *value, size_t len)
{
	struct report_builder *rb = report_builder_create(NULL);
	struct buf out = BUF_INIT;
	struct ksnap_blob *blob;

	buf_append(&out, value, len);
	assert_int_equal(report_begin(rb, &sample_info, NULL), 0);
	add_types(report_types(rb));
	assert_int_equal(report_key(rb, key, &out, NULL), 0);
	blob = report_finish(rb, NULL, NULL, NULL);
	buf_fini(&out);
	report_builder_destroy(rb);
	return blob;
}

// clang-format off
static const struct {
	const char *key, *value, *text;
	size_t len;
} lies[] = {
	{ "active", "\x01", "active is not a list", 1 },
	{ "active", "\x91\xff", "active[0] is not the id of a map", 2 },
	{ "active", "\x91\xcf\x00\x00\x00\x01\x00\x00\x00\x00", "active[0]", 10 },
	{ "chased", "\x80", "chased is not a list", 1 },
	{ "chased", "\x91\x01", "chased[0]: addr", 2 },
	{ "chased", "\x91\x81\xa4" "addr\x01", "chased[0]: type", 8 },
	{ "chased", "\x91\x82\xa4" "addr\x01\xa4" "type\xcc\xff", "chased[0]: type", 15 },
	{ "chased", "\x91\x82\xa4" "addr\x01\xa4" "type\x01", "chased[0]: data", 14 },
	{ "chased", "\x91\x84\xa4" "addr\x01\xa4" "type\x01\xa4" "data\xc4\x00\xa5" "error\x01", "chased[0]: error", 28 },
};
// clang-format on

static void refuses_lies(void **state)
{
	for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
		struct ksnap_blob *blob = with_key(lies[i].key, lies[i].value, lies[i].len);
		struct ksnap_err err = { 0 };

		assert_null(ksnap_snapshot_open(blob, &err));
		expect(err.code, &err, KSNAP_E_PROTO, lies[i].text);
		ksnap_blob_unref(blob);
	}
}

/* ---- entries --------------------------------------------------------------------------------- */

// clang-format off
static const struct {
	const char *map, *key;
	int code;
	size_t place;
	const char *text;
} finds[] = {
	{ "nodes", "8", KSNAP_E_NOTFOUND, 0, "no key '8' among its 4 entries; it has: 7, 9, 1000, ..." },
	{ "nodes", "", KSNAP_E_ARG, 0, "empty key" },
	{ "nodes", "#4", KSNAP_E_NOTFOUND, 0, "has 4 entries, there is no index 4" },
	{ "nodes", "#x", KSNAP_E_NOTFOUND, 0, "no key '#x'" },
	{ "nodes", "hex:07", KSNAP_E_NOTFOUND, 0, "no key 'hex:07'" },
	{ "plain", "1", KSNAP_E_NOTFOUND, 0, "it has: hex:01abff; " },
	{ "plain", "2", KSNAP_E_NOTFOUND, 0, "the map had no BTF" },
	{ "empty", "1", KSNAP_E_NOTFOUND, 0, "no key '1' among its 0 entries" },
	{ "nodes", "7", 0, 0, NULL },
	{ "nodes", "0x3e8", 0, 2, NULL },
	{ "nodes", "#3", 0, 3, NULL },
	{ "nodes", "hex:09000000", 0, 1, NULL },
	{ "plain", "hex:01ABff", 0, 0, NULL },
};
// clang-format on

static void finds_entries_by_key(void **state)
{
	for (size_t i = 0; i < sizeof(finds) / sizeof(finds[0]); i++) {
		const struct ksnap_map *m = ksnap_snapshot_map(*state, finds[i].map, NULL);
		struct ksnap_err err = { 0 };
		size_t place = 77;
		int rc = ksnap_map_find(m, finds[i].key, &place, &err);

		if (finds[i].code)
			expect(rc, &err, finds[i].code, finds[i].text);
		assert_int_equal(rc, finds[i].code);
		assert_int_equal(place, finds[i].code ? 77 : finds[i].place);
	}
}

static void finds_entries_by_bytes(void **state)
{
	const struct ksnap_map *m = ksnap_snapshot_map(*state, "nodes", NULL);
	const struct ksnap_map *section = ksnap_snapshot_map(*state, "id:5", NULL);
	struct ksnap_err err = { 0 };
	uint32_t key = 8;
	size_t place;

	expect(ksnap_map_find_bytes(m, &key, 3, &place, &err), &err, KSNAP_E_ARG,
	       "have 4 bytes, not 3");
	expect(ksnap_map_find_bytes(m, &key, 4, &place, &err), &err, KSNAP_E_NOTFOUND,
	       "no such key among its 4");
	expect(ksnap_map_find_bytes(section, &key, 4, &place, &err), &err, KSNAP_E_ARG,
	       "has no keys");
	key = 1001;
	assert_int_equal(ksnap_map_find_bytes(m, &key, 4, &place, &err), 0);
	assert_int_equal(place, 3);
}

// clang-format off
static const struct {
	const char *path;
	int code;
	uint64_t value;
	const char *text;
} paths[] = {
	{ "nodes[#1].value", 0, 2, NULL },
	{ "id:7[9].value", 0, 2, NULL },
	{ "id:5.nr_hits", 0, 41, NULL },
	{ "cpus[#0][cpu=1].hits", 0, 20, NULL },
	{ "nodes[7].next.value", 0, 100, NULL },
	{ "nodes[7].next.next.value", 0, 200, NULL },
	{ "nodes[7].next.next.next.next.value", 0, 200, NULL },
	{ "nodes[7].next[0].value", 0, 100, NULL },
	{ "id:77[9]", KSNAP_E_NOTFOUND, 0, "no map with id 77; it has: probe.bss (id:5)" },
	{ "id:7", KSNAP_E_ARG, 0, "by its key, as nodes[KEY], or by its place, nodes[#0]" },
	{ "nodez[9]", KSNAP_E_NOTFOUND, 0, "neither a map nor a variable 'nodez'; maps: probe.bss, probe.bss, nodes" },
	{ "nodes[\"#1\"]", KSNAP_E_NOTFOUND, 0, "no key '#1'" },
	{ "nodes[7].next[1]", KSNAP_E_ARG, 0, "[0] is what it points to" },
	{ "nodes[9].next.value", KSNAP_E_NOTFOUND, 0, "is NULL" },
	{ "nodes[1000].next.value", KSNAP_E_NOTFOUND, 0, "could not be read: nothing is mapped there" },
	{ "nodes[1001].next.value", KSNAP_E_ARG, 0, "capture with chase" },
	{ "nodes[7].next.valu", KSNAP_E_NOTFOUND, 0, "struct node has no member 'valu'; it has: next, value" },
};
// clang-format on

static void walks_paths(void **state)
{
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		struct ksnap_err err = { 0 };
		struct ksnap_value v;
		uint64_t n = 0;
		int rc = ksnap_snapshot_get(*state, paths[i].path, &v, &err);

		if (paths[i].code)
			expect(rc, &err, paths[i].code, paths[i].text);
		else if (rc || ksnap_value_u64(&v, &n, &err) || n != paths[i].value)
			fail_msg("%s: %d %s, %lu", paths[i].path, rc, err.text, (unsigned long)n);
	}
}

/* ---- the maps in use ------------------------------------------------------------------------- */

static void knows_the_maps_in_use(void **state)
{
	struct ksnap_snapshot *s = *state;
	struct ksnap_err err = { 0 };
	const uint32_t *ids;
	struct ksnap_value v;
	uint64_t n;
	size_t len;

	assert_int_equal(ksnap_snapshot_active(s, &ids, &len, &err), 0);
	assert_int_equal(len, 2);
	assert_int_equal(ids[0], 6);
	assert_string_equal(ksnap_snapshot_active_obj(s), "probe");
	assert_int_equal(ksnap_map_id(ksnap_snapshot_map(s, "probe.bss", &err)), 6);
	assert_int_equal(ksnap_snapshot_var(s, "nr_hits", &v, &err), 0);
	assert_int_equal(ksnap_value_u64(&v, &n, &err), 0);
	assert_int_equal(n, 42);
	assert_int_equal(ksnap_snapshot_active_var(s, "nr_hits", &v, &err), 0);
	assert_int_equal(ksnap_map_id(ksnap_snapshot_active_map(s, "cpus", &err)), 8);
	assert_null(ksnap_snapshot_active_map(s, "nodes", &err));
	expect(err.code, &err, KSNAP_E_NOTFOUND, "among the maps in use; it has: probe.bss, cpus");
	expect(ksnap_snapshot_active_var(s, "nr_none", &v, &err), &err, KSNAP_E_NOTFOUND,
	       "no variable 'nr_none' among the maps in use; there are: nr_hits");
}

// clang-format off
static const struct {
	struct extra extra;
	int code;
	const char *text;
	int var_code; /* of a name that two sections have */
} inactive[] = {
	{ { .has_active = false }, KSNAP_E_STATE, "does not say which maps are in use", KSNAP_E_ARG },
	{ { .has_active = true }, KSNAP_E_STATE, "no struct_ops program was attached", KSNAP_E_ARG },
	{ { .has_active = true, .active = { 99 }, .nactive = 1 }, KSNAP_E_NOTFOUND,
	  "none of the maps in use is in snapshot 't0': capture them too, they are id:99", KSNAP_E_ARG },
	{ { .has_active = true, .active = { 5, 6 }, .nactive = 2 }, KSNAP_E_ARG, "2 maps have the name", KSNAP_E_ARG },
};
// clang-format on

static void says_why_nothing_is_in_use(void **state)
{
	for (size_t i = 0; i < sizeof(inactive) / sizeof(inactive[0]); i++) {
		struct ksnap_snapshot *s = open_report(&inactive[i].extra);
		struct ksnap_err err = { 0 };
		struct ksnap_value v;

		assert_null(ksnap_snapshot_active_map(s, "probe.bss", &err));
		expect(err.code, &err, inactive[i].code, inactive[i].text);
		expect(ksnap_snapshot_var(s, "nr_hits", &v, &err), &err, inactive[i].var_code,
		       "is in 2 sections: probe.bss:nr_hits (map id 5), probe.bss:nr_hits (map id "
		       "6)");
		assert_null(ksnap_snapshot_active_obj(s));
		ksnap_snapshot_close(s);
	}
}

static void a_placeholder_says_so(void **state)
{
	struct report_builder *rb = report_builder_create(NULL);
	struct ksnap_blob *blob =
		report_placeholder(rb, &sample_info, "deadline", "it was late", NULL);
	struct ksnap_snapshot *s = ksnap_snapshot_open(blob, NULL);
	struct ksnap_err err = { 0 };
	const uint32_t *ids;
	struct ksnap_value v;
	size_t n;

	assert_non_null(s);
	expect(ksnap_snapshot_active(s, &ids, &n, &err), &err, KSNAP_E_STATE, "it was late");
	expect(ksnap_snapshot_active_var(s, "x", &v, &err), &err, KSNAP_E_STATE, "it was late");
	assert_null(ksnap_snapshot_active_map(s, "x", &err));
	expect(ksnap_snapshot_get(s, "x", &v, &err), &err, KSNAP_E_STATE, "it was late");
	ksnap_snapshot_close(s);
	ksnap_blob_unref(blob);
	report_builder_destroy(rb);
}

/* ---- over CPUs ------------------------------------------------------------------------------- */

typedef int (*fold_fn)(const struct ksnap_value *v, const char *path, struct ksnap_number *ret,
		       struct ksnap_err *err);

// clang-format off
static const struct {
	fold_fn fold;
	const char *path;
	enum ksnap_number_kind kind;
	double value;
	unsigned cpu;
} folds[] = {
	{ ksnap_value_sum, "hits", KSNAP_NUMBER_U64, 100, 0 },
	{ ksnap_value_min, "hits", KSNAP_NUMBER_U64, 10, 0 },
	{ ksnap_value_max, "hits", KSNAP_NUMBER_U64, 40, 3 },
	{ ksnap_value_sum, "drift", KSNAP_NUMBER_I64, -46, 0 },
	{ ksnap_value_min, "drift", KSNAP_NUMBER_I64, -50, 2 },
	{ ksnap_value_max, "drift", KSNAP_NUMBER_U64, 3, 3 },
	{ ksnap_value_sum, "load", KSNAP_NUMBER_F64, 3, 0 },
	{ ksnap_value_max, "load", KSNAP_NUMBER_F64, 1.5, 3 },
	{ ksnap_value_min, "load", KSNAP_NUMBER_F64, 0, 0 },
};
// clang-format on

static double as_double(const struct ksnap_number *n)
{
	if (n->kind == KSNAP_NUMBER_F64)
		return n->f64;
	return n->kind == KSNAP_NUMBER_I64 ? (double)n->i64 : (double)n->u64;
}

static void folds_cpus(void **state)
{
	struct ksnap_err err = { 0 };
	struct ksnap_number n;
	struct ksnap_value v;

	assert_int_equal(ksnap_snapshot_get(*state, "cpus[#0]", &v, &err), 0);
	for (size_t i = 0; i < sizeof(folds) / sizeof(folds[0]); i++) {
		if (folds[i].fold(&v, folds[i].path, &n, &err))
			fail_msg("%s: %s", folds[i].path, err.text);
		assert_int_equal(n.kind, folds[i].kind);
		assert_true(as_double(&n) == folds[i].value);
		assert_int_equal(n.cpu, folds[i].cpu);
	}
}

static void says_what_cannot_be_folded(void **state)
{
	struct ksnap_err err = { 0 };
	struct ksnap_number n = { .cpu = 77 };
	struct ksnap_value v;

	assert_int_equal(ksnap_snapshot_get(*state, "cpus[#0]", &v, &err), 0);
	expect(ksnap_value_sum(&v, NULL, &n, &err), &err, KSNAP_E_ARG, "struct per_cpu is not a");
	expect(ksnap_value_sum(&v, "name", &n, &err), &err, KSNAP_E_ARG, "not a number");
	expect(ksnap_value_max(&v, "hitz", &n, &err), &err, KSNAP_E_NOTFOUND,
	       "it has: hits, drift");
	expect(ksnap_value_get(&v, "hits", &v, &err), &err, KSNAP_E_ARG, "narrow with a CPU first");
	assert_int_equal(ksnap_value_cpu(&v, 1, &v, &err), 0);
	expect(ksnap_value_min(&v, "hits", &n, &err), &err, KSNAP_E_ARG, "not one a CPU");
	assert_int_equal(n.cpu, 77);
}

/* ---- pointers -------------------------------------------------------------------------------- */

static void follows_pointers(void **state)
{
	struct ksnap_err err = { 0 };
	struct ksnap_value v, to;

	assert_int_equal(ksnap_snapshot_get(*state, "nodes[7]", &v, &err), 0);
	expect(ksnap_value_deref(&v, &to, &err), &err, KSNAP_E_ARG, "struct node is not a pointer");
	assert_int_equal(ksnap_value_get(&v, "next", &v, &err), 0);
	assert_int_equal(ksnap_value_deref(&v, &to, &err), 0);
	assert_int_equal(to.size, sizeof(struct node));
}

// clang-format off
static const struct {
	const char *path;
	bool raw;
	const char *json;
} shown[] = {
	{ "nodes[7]", false, "{\"next\":{\"addr\":\"0xffff888000001000\",\"deref\":{\"next\":"
	  "{\"addr\":\"0xffff888000002000\",\"deref\":{\"next\":\"0xffff888000001000\",\"value\":200}},"
	  "\"value\":100}},\"value\":1}" },
	{ "nodes[9]", false, "{\"next\":\"0x0\",\"value\":2}" },
	{ "nodes[1000]", false, "{\"next\":{\"addr\":\"0xdead000000000000\","
	  "\"error\":\"nothing is mapped there\"},\"value\":3}" },
	{ "nodes[1001]", false, "{\"next\":\"0xffff888000003000\",\"value\":4}" },
	{ "nodes[7]", true, "{\"next\":18446612682070036480,\"value\":1}" },
};
// clang-format on

static void shows_what_is_behind_pointers(void **state)
{
	for (size_t i = 0; i < sizeof(shown) / sizeof(shown[0]); i++) {
		struct render_opts opts = { .raw = shown[i].raw };
		struct buf out = BUF_INIT;
		struct ksnap_value v;

		assert_int_equal(ksnap_snapshot_get(*state, shown[i].path, &v, NULL), 0);
		assert_int_equal(render_value_json(&v, &opts, &out), 0);
		buf_append(&out, "", 1);
		assert_string_equal((char *)out.data, shown[i].json);
		buf_clear(&out);
		assert_int_equal(render_value_text(&v, &opts, &out), 0);
		assert_int_equal(render_value_tree(&v, &opts, &out), 0);
		buf_fini(&out);
	}
}

static void a_report_lists_them_all(void **state)
{
	struct render_opts opts = { 0 };
	struct buf out = BUF_INIT;

	assert_int_equal(render_report_json(*state, &opts, &out), 0);
	buf_append(&out, "", 1);
	assert_non_null(
		strstr((char *)out.data,
		       "\"chased\":[{\"addr\":\"0xdead000000000000\",\"type\":\"struct "
		       "node\",\"error\":\"nothing is mapped there\"},{\"addr\":"
		       "\"0xffff888000001000\",\"type\":\"struct node\",\"value\":{\"next\":"
		       "\"0xffff888000002000\",\"value\":100}}"));
	buf_clear(&out);
	assert_int_equal(render_report_table(*state, &opts, 0, &out), 0);
	buf_append(&out, "", 1);
	assert_non_null(strstr((char *)out.data, "3 objects behind pointers"));
	buf_fini(&out);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_lies),
		TEST(finds_entries_by_key),
		TEST(finds_entries_by_bytes),
		TEST(walks_paths),
		TEST(knows_the_maps_in_use),
		cmocka_unit_test(says_why_nothing_is_in_use),
		cmocka_unit_test(a_placeholder_says_so),
		TEST(folds_cpus),
		TEST(says_what_cannot_be_folded),
		TEST(follows_pointers),
		TEST(shows_what_is_behind_pointers),
		TEST(a_report_lists_them_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
