// SPDX-License-Identifier: MIT
/* reader_test.c - reports that lie are refused; look-ups and typed reads say what is there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "report/reader.h"
#include "sample.h"
#include "wire/pack.h"

/* ---- reports that lie ---------------------------------------------------------------------- */

/* A report with one map, whose every number can be set. */
struct lie {
	const char *schema; /* REPORT_SCHEMA when NULL */
	bool no_endian;
	uint64_t key_size, value_size, count, keys, vals;
	uint64_t kt; /* UINT64_MAX: none */
	bool percpu;
	uint64_t ncpu, stride;
	const char *name;
};

static void put_uint(msgpack_packer *pk, const char *key, uint64_t v)
{
	pack_str(pk, key);
	msgpack_pack_uint64(pk, v);
}

static void put_str(msgpack_packer *pk, const char *key, const char *v)
{
	pack_str(pk, key);
	pack_str(pk, v);
}

static void put_zeroes(msgpack_packer *pk, const char *key, uint64_t n)
{
	static const char zeroes[64];

	pack_str(pk, key);
	pack_bin(pk, zeroes, n);
}

static void put_lying_map(msgpack_packer *pk, const struct lie *l)
{
	msgpack_pack_map(pk, 9 + (l->kt != UINT64_MAX) + 2 * l->percpu);
	put_uint(pk, "id", 1);
	if (l->name)
		put_str(pk, "name", l->name);
	else
		put_uint(pk, "name", 1);
	put_str(pk, "type", "hash");
	put_uint(pk, "key_size", l->key_size);
	put_uint(pk, "value_size", l->value_size);
	put_uint(pk, "count", l->count);
	pack_str(pk, "complete");
	pack_bool(pk, true);
	if (l->kt != UINT64_MAX)
		put_uint(pk, "kt", l->kt);
	if (l->percpu) {
		put_uint(pk, "ncpu", l->ncpu);
		put_uint(pk, "stride", l->stride);
	}
	put_zeroes(pk, "keys", l->keys);
	put_zeroes(pk, "vals", l->vals);
}

static struct ksnap_blob *lying_report(const struct lie *l)
{
	struct buf out = BUF_INIT;
	struct ksnap_blob *blob;
	msgpack_packer pk;

	pack_init(&pk, &out);
	msgpack_pack_map(&pk, 8);
	put_str(&pk, "schema", l->schema ? l->schema : REPORT_SCHEMA);
	pack_str(&pk, "placeholder");
	pack_bool(&pk, false);
	pack_str(&pk, "complete");
	pack_bool(&pk, true);
	put_str(&pk, "tag", "t");
	pack_str(&pk, "target");
	msgpack_pack_map(&pk, 1 + !l->no_endian);
	put_uint(&pk, "cpus", 2);
	if (!l->no_endian) {
		pack_str(&pk, "little_endian");
		pack_bool(&pk, true);
	}
	pack_str(&pk, "maps");
	msgpack_pack_array(&pk, 1);
	put_lying_map(&pk, l);
	pack_str(&pk, "types");
	msgpack_pack_array(&pk, 0);
	pack_str(&pk, "reasons");
	msgpack_pack_array(&pk, 0);
	blob = ksnap_blob_copy(out.data, out.len);
	buf_fini(&out);
	return blob;
}

#define HONEST .name = "m", .kt = UINT64_MAX

// clang-format off
static const struct {
	struct lie lie;
	int code;
	const char *text;
} lies[] = {
	{ { HONEST, .schema = "ksnap.report/2" }, KSNAP_E_UNSUPPORTED, "'ksnap.report/2'" },
	{ { HONEST, .no_endian = true }, KSNAP_E_PROTO, "target: little_endian" },
	{ { .kt = UINT64_MAX }, KSNAP_E_PROTO, "maps[0]: name is not a str" },
	{ { HONEST, .key_size = 1ull << 32 }, KSNAP_E_PROTO, "key_size is not in range" },
	{ { .name = "m", .kt = 0 }, KSNAP_E_PROTO, "kt is not an index into types" },
	{ { HONEST, .key_size = 4, .value_size = 4, .count = 2, .keys = 8, .vals = 7 }, KSNAP_E_PROTO,
	  "vals has 7 bytes, 2 entries of 4" },
	{ { HONEST, .key_size = 4, .value_size = 4, .count = 2, .keys = 9, .vals = 8 }, KSNAP_E_PROTO,
	  "keys has 9 bytes" },
	{ { HONEST, .count = UINT64_MAX }, KSNAP_E_PROTO, "count" },
	{ { HONEST, .key_size = 8, .count = 1ull << 61, .vals = 0 }, KSNAP_E_PROTO, "count" },
	{ { HONEST, .key_size = 8, .value_size = 8, .count = 1ull << 61, .vals = 0 }, KSNAP_E_PROTO,
	  "vals has 0 bytes" },
	{ { HONEST, .percpu = true }, KSNAP_E_PROTO, "ncpu is not above 0" },
	{ { HONEST, .percpu = true, .ncpu = 2 }, KSNAP_E_PROTO, "stride" },
	{ { HONEST, .percpu = true, .ncpu = 2, .stride = 4, .value_size = 8 }, KSNAP_E_PROTO, "stride" },
	{ { HONEST, .percpu = true, .ncpu = UINT32_MAX, .stride = UINT32_MAX, .count = 1 },
	  KSNAP_E_PROTO, "vals" },
	{ { HONEST }, 0, NULL },
	{ { HONEST, .key_size = 4, .count = 2, .keys = 8 }, 0, NULL },
	{ { HONEST, .value_size = 4, .percpu = true, .ncpu = 2, .stride = 8, .count = 1, .vals = 16 }, 0,
	  NULL },
};
// clang-format on

static void refuses_lies(void **state)
{
	for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
		struct ksnap_blob *blob = lying_report(&lies[i].lie);
		struct ksnap_err err = { 0 };
		struct ksnap_snapshot *s = ksnap_snapshot_open(blob, &err);

		if (!!s != !lies[i].code || err.code != lies[i].code)
			fail_msg("lie %zu: %d %s", i, err.code, err.text);
		if (lies[i].text && !strstr(err.text, lies[i].text))
			fail_msg("lie %zu: %s", i, err.text);
		ksnap_snapshot_close(s);
		ksnap_blob_unref(blob);
	}
}

static void refuses_what_is_no_report(void **state)
{
	static const char *const none[] = {
		"", "\xc1", "\xc0", "\x80", "\x93\x01\x02\x03", "\x80\x80", "\xdf\xff\xff\xff\xff"
	};

	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
		struct ksnap_blob *blob = ksnap_blob_copy(none[i], strlen(none[i]));
		struct ksnap_err err = { 0 };

		assert_null(ksnap_snapshot_open(blob, &err));
		assert_int_equal(err.code, KSNAP_E_PROTO);
		ksnap_blob_unref(blob);
	}
	ksnap_snapshot_close(NULL);
}

/* ---- look-ups ------------------------------------------------------------------------------ */

static int setup(void **state)
{
	struct ksnap_blob *blob = sample_report();

	*state = ksnap_snapshot_open(blob, NULL);
	ksnap_blob_unref(blob);
	return *state ? 0 : -1;
}

static int teardown(void **state)
{
	ksnap_snapshot_close(*state);
	return 0;
}

static void finds_maps_by_name(void **state)
{
	struct ksnap_err err = { 0 };

	assert_null(ksnap_snapshot_map(*state, "task", &err));
	assert_int_equal(err.code, KSNAP_E_NOTFOUND);
	assert_non_null(strstr(err.text, "tasks, stats, sched_pr.bss, other.bss, plain, broken"));
	assert_null(ksnap_snapshot_map(*state, "", &err));
	assert_null(ksnap_snapshot_map(*state, "id:99", &err));
	assert_non_null(strstr(err.text, "tasks (id:3)"));
	assert_null(ksnap_snapshot_map_at(*state, 6));
	assert_int_equal(ksnap_map_id(ksnap_snapshot_map(*state, "id:4", &err)), 4);
	assert_int_equal(ksnap_map_ncpu(ksnap_snapshot_map(*state, "stats", &err)), 4);
	assert_int_equal(ksnap_map_count(ksnap_snapshot_map(*state, "tasks", &err)), 2);
	assert_false(ksnap_map_complete(ksnap_snapshot_map(*state, "broken", &err)));
	assert_true(map_is_section(ksnap_snapshot_map(*state, "other.bss", &err)));
	assert_false(map_is_section(ksnap_snapshot_map(*state, "tasks", &err)));
}

/* Two maps of one name: neither is chosen, both are named. */
static void asks_which_of_two(void **state)
{
	struct report_map_row row = {
		.name = "twin", .type = "hash", .kt = TYPE_NONE, .vt = TYPE_NONE
	};
	struct report_map_result res = { .complete = true };
	struct report_builder *rb = report_builder_create(NULL);
	struct ksnap_err err = { 0 };
	struct ksnap_blob *blob;
	struct ksnap_snapshot *s;
	struct ksnap_value v;
	uint8_t *keys, *vals;

	assert_int_equal(report_begin(rb, &sample_info, NULL), 0);
	for (row.id = 7; row.id < 9; row.id++) {
		assert_int_equal(report_map_begin(rb, &row, 0, &keys, &vals, NULL), 0);
		assert_int_equal(report_map_end(rb, &res, NULL), 0);
	}
	blob = report_finish(rb, NULL, NULL, NULL);
	s = ksnap_snapshot_open(blob, NULL);
	assert_null(ksnap_snapshot_map(s, "twin", &err));
	assert_int_equal(err.code, KSNAP_E_ARG);
	assert_string_equal(err.text, "2 maps have the name 'twin'; name one of id:7, id:8");
	assert_int_equal(ksnap_snapshot_get(s, "twin[1]", &v, &err), KSNAP_E_ARG);
	assert_int_equal(ksnap_map_id(ksnap_snapshot_map(s, "id:8", NULL)), 8);
	ksnap_snapshot_close(s);
	ksnap_blob_unref(blob);
	report_builder_destroy(rb);
}

/* Every miss, by the path from the top. */
// clang-format off
static const struct {
	const char *path;
	int code;
	const char *text;
} misses[] = {
	{ "nr_nothing", KSNAP_E_NOTFOUND, "no variable 'nr_nothing'; there are: nr_switches, shared" },
	{ "shared", KSNAP_E_ARG, "sched_pr.bss:shared (map id 5), other.bss:shared (map id 6)" },
	{ "nosuch.bss:shared", KSNAP_E_NOTFOUND, "sections that are there: sched_pr.bss, other.bss" },
	{ "other.bss:nr_switches", KSNAP_E_NOTFOUND, "there are: nr_other, shared" },
	{ "nr_switches.x", KSNAP_E_ARG, "unsigned int has no members" },
	{ "nr_switches[0]", KSNAP_E_ARG, "column 12: unsigned int is not an array" },
	{ "nr_switches..x", KSNAP_E_ARG, "column 13" },
	{ "tasks", KSNAP_E_ARG, "name an entry of map 'tasks' by its key" },
	{ "tasks[8]", KSNAP_E_NOTFOUND, "map 'tasks' has no key '8' among its 2 entries" },
	{ "tasks[-7]", KSNAP_E_NOTFOUND, "no key '-7'" },
	{ "tasks[7].pidd", KSNAP_E_NOTFOUND,
	  "struct task has no member 'pidd'; it has: pid, state, weight, comm" },
	{ "tasks[7].comm[16]", KSNAP_E_NOTFOUND, "index 16 is beyond char[16], which has 16" },
	{ "tasks[7].comm[x]", KSNAP_E_ARG, "'x' is not an index" },
	{ "tasks[7].comm.x", KSNAP_E_ARG, "char[16] has no members; name an element as [N]" },
	{ "tasks[7][cpu=0]", KSNAP_E_ARG, "column 9: this is not a per-CPU value" },
	{ "stats[0].sum", KSNAP_E_ARG, "narrow with a CPU first" },
	{ "stats[0][cpu=4]", KSNAP_E_NOTFOUND, "CPU 4: there are values of CPUs 0 to 3" },
	{ "stats[0][cpu=4294967296]", KSNAP_E_NOTFOUND, "no CPU has this number" },
	{ "plain[hex:01ff].x", KSNAP_E_ARG, "no type is known here" },
	{ "plain[hex:01f]", KSNAP_E_NOTFOUND, "no key" },
	{ "broken[1]", KSNAP_E_NOTFOUND, "no key" },
	{ "", KSNAP_E_NOTFOUND, "no variable ''" },
};
// clang-format on

static void says_what_is_there_instead(void **state)
{
	for (size_t i = 0; i < sizeof(misses) / sizeof(misses[0]); i++) {
		struct ksnap_err err = { 0 };
		struct ksnap_value v = { .size = 77 };
		int rc = ksnap_snapshot_get(*state, misses[i].path, &v, &err);

		if (rc != misses[i].code || !strstr(err.text, misses[i].text))
			fail_msg("%s: %d %s", misses[i].path, rc, err.text);
		assert_int_equal(v.size, 77);
	}
}

// clang-format off
static const struct {
	const char *path;
	uint64_t value;
} hits[] = {
	{ "nr_switches", 42 },
	{ "other.bss:shared", 43 },
	{ "sched_pr.bss:nr_switches", 42 },
	{ "sched_probe.bss:nr_switches", 42 },
	{ "sched_probe.bss:shared", 43 },
	{ "other.bss.nr_other", 42 },
	{ "tasks[7].pid", 7 },
	{ "tasks[1234].weight", 1ull << 60 },
	{ "tasks[0x4d2].pid", 1234 },
	{ "tasks[hex:d2040000].pid", 1234 },
	{ "tasks[7].comm[1]", 'n' },
	{ "tasks[7].state", 1 },
	{ "stats[0][cpu=3].n", 41 },
};
// clang-format on

static void finds_by_path(void **state)
{
	for (size_t i = 0; i < sizeof(hits) / sizeof(hits[0]); i++) {
		struct ksnap_err err = { 0 };
		struct ksnap_value v;
		uint64_t n;

		if (ksnap_snapshot_get(*state, hits[i].path, &v, &err) ||
		    ksnap_value_u64(&v, &n, &err))
			fail_msg("%s: %s", hits[i].path, err.text);
		if (n != hits[i].value)
			fail_msg("%s is %llu", hits[i].path, (unsigned long long)n);
	}
}

static void knows_entries_by_index(void **state)
{
	const struct ksnap_map *tasks = ksnap_snapshot_map(*state, "tasks", NULL);
	const struct ksnap_map *section = ksnap_snapshot_map(*state, "other.bss", NULL);
	const struct ksnap_map *broken = ksnap_snapshot_map(*state, "broken", NULL);
	struct ksnap_err err = { 0 };
	struct ksnap_value v;

	assert_int_equal(ksnap_map_value(tasks, 2, &v, &err), KSNAP_E_NOTFOUND);
	assert_non_null(strstr(err.text, "'tasks' has 2 entries"));
	assert_int_equal(ksnap_map_key(section, 0, &v, &err), KSNAP_E_ARG);
	assert_non_null(strstr(err.text, "has no keys"));
	assert_int_equal(ksnap_map_value(broken, 0, &v, &err), KSNAP_E_NOTFOUND);
	assert_non_null(strstr(err.text, "permission denied"));
	assert_int_equal(ksnap_map_key(tasks, 1, &v, &err), 0);
	assert_int_equal(v.size, 4);
}

/* ---- typed reads --------------------------------------------------------------------------- */

static void reads_refuse_other_types(void **state)
{
	struct ksnap_err err = { 0 };
	struct ksnap_value v;
	uint64_t u = 5;
	bool b;
	char text[8];

	assert_int_equal(ksnap_snapshot_get(*state, "tasks[7]", &v, NULL), 0);
	assert_int_equal(ksnap_value_u64(&v, &u, &err), KSNAP_E_ARG);
	assert_string_equal(err.text, "struct task is not a number; name a member");
	assert_int_equal(ksnap_value_str(&v, text, sizeof(text), &err), KSNAP_E_ARG);
	assert_int_equal(ksnap_snapshot_get(*state, "tasks[7].comm", &v, NULL), 0);
	assert_int_equal(ksnap_value_bool(&v, &b, &err), KSNAP_E_ARG);
	assert_int_equal(ksnap_snapshot_get(*state, "stats[0]", &v, NULL), 0);
	assert_int_equal(ksnap_value_u64(&v, &u, &err), KSNAP_E_ARG);
	assert_non_null(strstr(err.text, "narrow with a CPU first"));
	assert_int_equal(ksnap_snapshot_get(*state, "plain[hex:01ff]", &v, NULL), 0);
	assert_int_equal(ksnap_value_u64(&v, &u, &err), KSNAP_E_ARG);
	assert_non_null(strstr(err.text, "3 bytes without a type"));
	assert_int_equal(ksnap_snapshot_get(*state, "tasks[1234].state", &v, NULL), 0);
	assert_int_equal(ksnap_value_str(&v, text, sizeof(text), &err), KSNAP_E_NOTFOUND);
	assert_non_null(strstr(err.text, "enum state has no name for 9"));
	assert_int_equal(u, 5);
}

static void reads_text(void **state)
{
	struct ksnap_value v;
	char text[16];

	assert_int_equal(ksnap_snapshot_get(*state, "tasks[7].comm", &v, NULL), 0);
	assert_int_equal(ksnap_value_str(&v, text, sizeof(text), NULL), 4);
	assert_string_equal(text, "init");
	assert_int_equal(ksnap_value_str(&v, text, 3, NULL), 4);
	assert_string_equal(text, "in");
	assert_int_equal(ksnap_value_str(&v, NULL, 0, NULL), 4);
	assert_int_equal(ksnap_snapshot_get(*state, "tasks[7].state", &v, NULL), 0);
	assert_int_equal(ksnap_value_str(&v, text, sizeof(text), NULL), 7);
	assert_string_equal(text, "RUNNING");
}

static uint32_t make_numbers(struct type_table *t)
{
	uint32_t s8 = add_int(t, "s8", 1, TYPE_SIGNED), u64 = add_int(t, "u64", 8, TYPE_UNSIGNED);
	uint32_t big = add_int(t, "u128", 16, TYPE_UNSIGNED);
	uint32_t d = add_row(
		t, (struct type_row){
			   .kind = TYPE_FLOAT, .name = "double", .size = 8, .target = TYPE_NONE });
	uint32_t p = add_row(
		t, (struct type_row){
			   .kind = TYPE_PTR, .size = 8, .to = "void", .target = TYPE_NONE });

	return add_record(t, TYPE_STRUCT, "n", 48,
			  MEMBERS({ "minus", s8, 0, 0 }, { "bits", s8, 8, 3 },
				  { "max", u64, 64, 0 }, { "d", d, 128, 0 }, { "p", p, 192, 0 },
				  { "big", big, 256, 0 }));
}

static void reads_numbers(void **state)
{
	static const struct {
		int8_t minus;
		uint8_t bits;
		uint64_t max;
		double d;
		uint64_t p;
		unsigned __int128 big;
	} bytes = { -3, 0xfc, UINT64_MAX, 2.5, 0xffff, (unsigned __int128)1 << 64 };
	struct ksnap_blob *blob = sample_value(make_numbers, &bytes, sizeof(bytes), false);
	struct ksnap_snapshot *s = ksnap_snapshot_open(blob, NULL);
	struct ksnap_err err = { 0 };
	struct ksnap_value whole, v;
	uint64_t u = 0;
	int64_t i = 0;
	double d = 0;
	bool b = false;

	assert_int_equal(ksnap_map_value(ksnap_snapshot_map_at(s, 0), 0, &whole, NULL), 0);
#define AT(name) assert_int_equal(ksnap_value_get(&whole, name, &v, NULL), 0)
	AT("minus");
	assert_int_equal(ksnap_value_u64(&v, &u, &err), KSNAP_E_ARG);
	assert_non_null(strstr(err.text, "negative (-3)"));
	assert_int_equal(ksnap_value_i64(&v, &i, NULL), 0);
	assert_int_equal(i, -3);
	assert_int_equal(ksnap_value_f64(&v, &d, NULL), 0);
	assert_true(d == -3);
	AT("bits");
	assert_int_equal(ksnap_value_i64(&v, &i, NULL), 0);
	assert_int_equal(i, -4);
	assert_int_equal(ksnap_value_get(&v, "x", &v, &err), KSNAP_E_ARG);
	assert_non_null(strstr(err.text, "a bitfield has no parts"));
	AT("max");
	assert_int_equal(ksnap_value_i64(&v, &i, &err), KSNAP_E_ARG);
	assert_non_null(strstr(err.text, "read it as unsigned"));
	assert_int_equal(ksnap_value_u64(&v, &u, NULL), 0);
	assert_true(u == UINT64_MAX);
	AT("d");
	assert_int_equal(ksnap_value_u64(&v, &u, &err), KSNAP_E_ARG);
	assert_non_null(strstr(err.text, "floating-point"));
	assert_int_equal(ksnap_value_f64(&v, &d, NULL), 0);
	assert_true(d == 2.5);
	AT("p");
	assert_int_equal(ksnap_value_u64(&v, &u, NULL), 0);
	assert_int_equal(u, 0xffff);
	assert_int_equal(ksnap_value_bool(&v, &b, NULL), 0);
	assert_true(b);
	assert_int_equal(ksnap_value_get(&v, "x", &v, &err), KSNAP_E_ARG);
	assert_non_null(strstr(err.text, "this is a pointer (void *)"));
	AT("big");
	assert_int_equal(ksnap_value_u64(&v, &u, &err), KSNAP_E_ARG);
	assert_int_equal(ksnap_value_f64(&v, &d, NULL), 0);
	assert_true(d == 18446744073709551616.0);
	ksnap_snapshot_close(s);
	ksnap_blob_unref(blob);
}

static void keeps_the_report_alive(void **state)
{
	struct ksnap_blob *blob = sample_report();
	struct ksnap_snapshot *s = ksnap_snapshot_open(blob, NULL);
	struct ksnap_value v;
	uint64_t n;

	ksnap_blob_unref(blob);
	assert_int_equal(ksnap_snapshot_var(s, "nr_switches", &v, NULL), 0);
	assert_int_equal(ksnap_value_u64(&v, &n, NULL), 0);
	assert_int_equal(n, 42);
	ksnap_snapshot_close(s);
}

int main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_lies),
		cmocka_unit_test(refuses_what_is_no_report),
		TEST(finds_maps_by_name),
		cmocka_unit_test(asks_which_of_two),
		TEST(says_what_is_there_instead),
		TEST(finds_by_path),
		TEST(knows_entries_by_index),
		TEST(reads_refuse_other_types),
		TEST(reads_text),
		cmocka_unit_test(reads_numbers),
		cmocka_unit_test(keeps_the_report_alive),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
