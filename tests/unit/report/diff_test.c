// SPDX-License-Identifier: MIT
/* diff_test.c - what is told of two snapshots: lines as people see them, and against a model. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "diff_rig.h"
#include "report/reader.h"

/* ---- making them ---------------------------------------------------------------------------- */

static struct ksnap_blob *plain(uint32_t n, const uint32_t *keys, const uint32_t *vals)
{
	struct made m = begin(NULL);

	put_plain(&m, 1, "tasks", n, keys, vals);
	return finish(&m);
}

/* A section with one variable "v" of @size bytes, whose type @make gives. */
static struct ksnap_blob *variable(uint32_t (*make)(struct made *m), const void *bytes, size_t size)
{
	struct made m = begin(NULL);
	struct type_table *t = report_types(m.rb);
	uint32_t var = add_behind(t, TYPE_VAR, "v", make(&m));
	uint32_t sec = add_record(t, TYPE_DATASEC, ".bss", size, MEMBERS({ NULL, var, 0, 0 }));

	put(&m,
	    (struct report_map_row){ .id = 1,
				     .name = "p.bss",
				     .type = "array",
				     .key_size = 4,
				     .value_size = size,
				     .kt = TYPE_NONE,
				     .vt = sec,
				     .no_keys = true },
	    1, NULL, bytes, NULL);
	return finish(&m);
}

static struct ksnap_blob *placeholder(void)
{
	struct report_builder *rb = report_builder_create(NULL);
	struct ksnap_blob *b = report_placeholder(rb, &sample_info, "deadline", "too late", NULL);

	report_builder_destroy(rb);
	return b;
}

/* ---- misuse --------------------------------------------------------------------------------- */

static void placeholders_cannot_be_compared(void **state)
{
	expect_error(placeholder(), sample_report(), NULL, KSNAP_E_STATE, "too late");
	expect_error(sample_report(), placeholder(), "tasks", KSNAP_E_STATE, "too late");
}

static void paths_that_are_nowhere(void **state)
{
	expect_error(sample_report(), sample_report(), "nothing", KSNAP_E_NOTFOUND, "nothing");
	expect_error(sample_report(), sample_report(), "tasks[99]", KSNAP_E_NOTFOUND, "no key");
	expect_error(sample_report(), sample_report(), "tasks[7].nope", KSNAP_E_NOTFOUND,
		     "no member 'nope'");
	expect_error(sample_report(), sample_report(), "tasks[7", KSNAP_E_ARG, "without ']'");
	expect_error(sample_report(), sample_report(), "", KSNAP_E_ARG, "");
}

static void the_caller_can_stop(void **state)
{
	static const uint32_t keys[] = { 1, 2, 3 }, old[] = { 1, 1, 1 }, new[] = { 2, 2, 2 };
	struct ksnap_blob *a = plain(3, keys, old), *b = plain(3, keys, new);
	struct told t = { .stop_at = 2 };

	assert_int_equal(compare(a, b, NULL, &t, NULL), 77);
	assert_int_equal(t.total, 2);
	told_fini(&t);
	ksnap_blob_unref(a);
	ksnap_blob_unref(b);
}

/* ---- entries -------------------------------------------------------------------------------- */

static void equal_ones_tell_nothing(void **state)
{
	struct made m = begin(NULL), n = begin(NULL);

	expect(finish(&m), finish(&n), NULL, "");
	expect(plain(0, NULL, NULL), plain(0, NULL, NULL), NULL, "");
}

static void entries_come_go_and_change(void **state)
{
	static const uint32_t keys_a[] = { 3, 1, 2 }, vals_a[] = { 30, 10, 20 };
	static const uint32_t keys_b[] = { 9, 2, 1 }, vals_b[] = { 90, 20, 12 };

	expect(plain(3, keys_a, vals_a), plain(3, keys_b, vals_b), NULL,
	       "- tasks[3]  30\ntasks[1]  10 \u2192 12  (+2)\n+ tasks[9]  90\n");
	expect(plain(3, keys_a, vals_a), plain(0, NULL, NULL), "tasks",
	       "- tasks[3]  30\n- tasks[1]  10\n- tasks[2]  20\n");
	expect(plain(0, NULL, NULL), plain(1, keys_a, vals_a), NULL, "+ tasks[3]  30\n");
	expect(plain(3, keys_a, vals_a), plain(3, keys_b, vals_b), "tasks[1]",
	       "tasks[1]  10 \u2192 12  (+2)\n");
	expect(plain(3, keys_a, vals_a), plain(3, keys_b, vals_b), "tasks[9]", "+ tasks[9]  90\n");
	expect(plain(3, keys_a, vals_a), plain(3, keys_b, vals_b), "tasks[2]", "");
}

static void one_key_twice_is_told_once(void **state)
{
	static const uint32_t keys[] = { 5, 5, 5 }, vals[] = { 1, 1, 1 }, one[] = { 2 };

	expect(plain(1, keys, one), plain(3, keys, vals), NULL, "tasks[5]  2 \u2192 1  (-1)\n");
}

static void keys_are_named_as_paths_name_them(void **state)
{
	struct made m = begin(NULL), n = begin(NULL);
	uint32_t text = add_array(report_types(m.rb), m.character, 8);
	static const char keys[] = "idle\0\0\0\0"
				   "a]b\0\0\0\0\0"
				   "1234\0\0\0\0";
	static const uint32_t vals[] = { 1, 2, 3 };
	static const int32_t below[] = { -5 };

	put(&m,
	    (struct report_map_row){ .id = 1,
				     .name = "names",
				     .key_size = 8,
				     .value_size = 4,
				     .kt = text,
				     .vt = m.u32 },
	    3, keys, vals, NULL);
	put(&m,
	    (struct report_map_row){ .id = 2,
				     .name = "raw",
				     .key_size = 3,
				     .value_size = 2,
				     .kt = TYPE_NONE,
				     .vt = TYPE_NONE },
	    1, "\x01\xfe\x03", "ab", NULL);
	put(&m,
	    (struct report_map_row){ .id = 3,
				     .name = "signed",
				     .key_size = 4,
				     .value_size = 4,
				     .kt = m.s32,
				     .vt = m.u32 },
	    1, below, vals, NULL);
	for (unsigned i = 0; i < 3; i++)
		put_plain(&n, i + 1, (const char *const[]){ "names", "raw", "signed" }[i], 0, NULL,
			  NULL);
	expect(finish(&m), finish(&n), NULL,
	       "- names[idle]  1\n"
	       "- names[hex:615d620000000000]  2  key \"a]b\"\n"
	       "- names[hex:3132333400000000]  3  key \"1234\"\n"
	       "! raw: the type of its values is another (none, now unsigned int); compared by "
	       "name\n"
	       "- raw[hex:01fe03]  hex:6162\n"
	       "- signed[-5]  1\n");
}

static void keys_of_other_sizes_cannot_be_matched(void **state)
{
	static const uint32_t keys[] = { 1 }, vals[] = { 1 };
	static const uint64_t wide[] = { 1 };
	struct made m = begin(NULL);

	put(&m,
	    (struct report_map_row){ .id = 1,
				     .name = "tasks",
				     .key_size = 8,
				     .value_size = 4,
				     .kt = m.u64,
				     .vt = m.u32 },
	    1, wide, vals, NULL);
	expect(plain(1, keys, vals), finish(&m), NULL,
	       "! tasks: keys of 4 and of 8 bytes: entries cannot be matched\n");
}

/* Every pair of random maps gives what a plain search for each key gives. */
static void random_maps_are_as_a_model_says(void **state)
{
	unsigned seed = 12345;

	for (unsigned round = 0; round < 300; round++) {
		uint32_t keys[2][64], vals[2][64], n[2] = { 0, 0 }, want[4] = { 0 };
		struct told t = { .total = 0 };
		struct ksnap_blob *a, *b;

		for (uint32_t key = 0; key < 64; key++)
			for (unsigned side = 0; side < 2; side++)
				if (rand_r(&seed) % 3) {
					keys[side][n[side]] = key * 0x10001;
					vals[side][n[side]++] = rand_r(&seed) % 2;
				}
		for (uint32_t i = 0; i < n[0]; i++) {
			uint32_t j = 0;

			while (j < n[1] && keys[1][j] != keys[0][i])
				j++;
			if (j == n[1])
				want[KSNAP_CHANGE_REMOVED]++;
			else
				want[KSNAP_CHANGE_CHANGED] += vals[1][j] != vals[0][i];
			want[KSNAP_CHANGE_ADDED] += j < n[1];
		}
		want[KSNAP_CHANGE_ADDED] = n[1] - want[KSNAP_CHANGE_ADDED];
		a = plain(n[0], keys[0], vals[0]);
		b = plain(n[1], keys[1], vals[1]);
		assert_true(compare(a, b, NULL, &t, NULL) >= 0);
		assert_memory_equal(t.n, want, sizeof(want));
		told_fini(&t);
		ksnap_blob_unref(a);
		ksnap_blob_unref(b);
	}
}

/* As many as a map of the size that captures are measured by; in the opposite order. */
static void large_maps_are_no_burden(void **state)
{
	enum { N = 65536 };
	uint32_t *keys = calloc(N, 4), *back = calloc(N, 4), *vals = calloc(N, 4);
	struct told t = { .total = 0 };
	struct ksnap_blob *a, *b;

	for (uint32_t i = 0; i < N; i++) {
		keys[i] = i << 12;
		back[N - 1 - i] = keys[i];
	}
	a = plain(N, keys, vals);
	vals[0] = 1;
	b = plain(N, back, vals);
	assert_int_equal(compare(a, b, NULL, &t, NULL), 1);
	assert_string_equal((char *)t.text.data, "tasks[268431360]  0 \u2192 1  (+1)\n");
	told_fini(&t);
	ksnap_blob_unref(a);
	ksnap_blob_unref(b);
	free(keys);
	free(back);
	free(vals);
}

/* ---- maps ----------------------------------------------------------------------------------- */

static void maps_come_and_go(void **state)
{
	static const uint32_t keys[] = { 1, 2 }, vals[] = { 1, 2 };
	struct made m = begin(NULL), n = begin(NULL);

	put_plain(&m, 1, "both", 2, keys, vals);
	put_plain(&m, 2, "old", 2, keys, vals);
	put_plain(&n, 3, "new", 1, keys, vals);
	put_plain(&n, 4, "both", 2, keys, vals);
	expect(finish(&m), finish(&n), NULL,
	       "+ map new (hash, 1 entry)\n- map old (hash, 2 entries)\n");
}

static struct ksnap_blob *three(const char *boot, uint32_t x, uint32_t y, uint32_t z)
{
	static const uint32_t keys[] = { 1 };
	struct report_info info = sample_info;
	uint32_t ids[] = { x, y, z };
	struct made m;

	info.boot_id = boot;
	m = begin(&info);
	for (unsigned i = 0; i < 3 && ids[i]; i++)
		put_plain(&m, ids[i], "same", 1, keys, &ids[i]);
	return finish(&m);
}

static void maps_of_one_name_are_matched_by_id_within_a_boot(void **state)
{
	expect(three("b", 1, 2, 3), three("b", 2, 3, 0), NULL,
	       "- map id:1 (hash, 1 entry)  map same\n");
	expect(three("b", 1, 0, 0), three("b", 7, 0, 0), NULL,
	       "! same: another map of this name (id 1, now 7)\nsame[1]  1 \u2192 7  (+6)\n");
	expect(three("b", 1, 0, 0), three("c", 7, 0, 0), NULL, "same[1]  1 \u2192 7  (+6)\n");
	expect(three("", 1, 0, 0), three("", 7, 0, 0), NULL, "same[1]  1 \u2192 7  (+6)\n");
	expect(three("b", 1, 2, 0), three("b", 1, 2, 3), "id:3",
	       "+ map id:3 (hash, 1 entry)  map same\n");
	expect_error(three("b", 1, 2, 0), three("b", 1, 2, 3), "same", KSNAP_E_ARG,
		     "maps have the name 'same'");
}

static struct ksnap_blob *with_result(const struct report_map_result *res)
{
	static const uint32_t keys[] = { 1, 2 }, vals[] = { 1, 2 };
	struct made m = begin(NULL);

	put(&m,
	    (struct report_map_row){ .id = 1,
				     .name = "tasks",
				     .key_size = 4,
				     .value_size = 4,
				     .kt = m.u32,
				     .vt = m.u32 },
	    res->count, keys, vals, res);
	return finish(&m);
}

static void what_was_not_read_is_not_removed(void **state)
{
	const struct report_map_result whole = { .count = 2, .complete = true },
				       none = { .error = "permission denied" },
				       part = { .count = 1 };

	expect(with_result(&whole), with_result(&none), NULL,
	       "! tasks: the second snapshot could not read it: permission denied\n");
	expect(with_result(&none), with_result(&whole), NULL,
	       "! tasks: the first snapshot could not read it: permission denied\n");
	expect(with_result(&whole), with_result(&part), NULL,
	       "! tasks: not complete in the second snapshot, 1 entries: what is missing there "
	       "looks added or removed\n- tasks[2]  2\n");
}

/* ---- parts of values ------------------------------------------------------------------------ */

enum { ONE_CPU = 16 };

static struct ksnap_blob *per_cpu(uint32_t ncpu, const uint64_t *vals)
{
	static const uint32_t keys[] = { 0 };
	struct made m = begin(NULL);
	uint32_t pair = add_record(report_types(m.rb), TYPE_STRUCT, "stat", ONE_CPU,
				   MEMBERS({ "sum", m.u64, 0, 0 }, { "n", m.s64, 64, 0 }));

	put(&m,
	    (struct report_map_row){ .id = 1,
				     .name = "stats",
				     .type = "percpu_array",
				     .key_size = 4,
				     .value_size = ONE_CPU,
				     .kt = m.u32,
				     .vt = pair,
				     .ncpu = ncpu,
				     .stride = ONE_CPU },
	    1, keys, vals, NULL);
	return finish(&m);
}

static void each_cpu_has_its_own(void **state)
{
	static const uint64_t a[] = { 1, 1, 2, -1ull }, b[] = { 1, 1, UINT64_MAX, 1, 5, 6 };

	expect(per_cpu(2, a), per_cpu(2, b), NULL,
	       "stats[0][cpu=1].sum  2 \u2192 18446744073709551615  (+18446744073709551613)\n"
	       "stats[0][cpu=1].n  -1 \u2192 1  (+2)\n");
	expect(per_cpu(2, b), per_cpu(3, b), NULL, "+ stats[0][cpu=2]  {sum = 5, n = 6}\n");
	expect(per_cpu(2, a), per_cpu(2, b), "stats[0][cpu=1].n",
	       "stats[0][cpu=1].n  -1 \u2192 1  (+2)\n");
}

static uint32_t make_state(struct made *m)
{
	struct type_table *t = report_types(m->rb);
	uint32_t inner = add_record(t, TYPE_UNION, NULL, 8,
				    MEMBERS({ "low", m->u32, 0, 0 }, { "all", m->u64, 0, 0 }));
	uint32_t state =
		add_enum(t, "state", 4, TYPE_UNSIGNED, NAMES({ "IDLE", 0 }, { "RUNNING", 1 }));
	uint32_t real = add_row(t, (struct type_row){ .kind = TYPE_FLOAT, .name = "d", .size = 8 });
	uint32_t list = add_array(t, m->u32, 3), mac = add_array(t, add_int(t, "u8", 1, 0), 6);

	return add_record(t, TYPE_STRUCT, "all", 72,
			  MEMBERS({ "name", add_array(t, m->character, 16), 0, 0 },
				  { NULL, inner, 128, 0 }, { "state", state, 192, 0 },
				  { "flag", m->u32, 224, 1 }, { "rest", m->s32, 225, 31 },
				  { "real", real, 256, 0 }, { "list", list, 320, 0 },
				  { "mac", mac, 416, 0 },
				  { "ptr",
				    add_row(t, (struct type_row){ .kind = TYPE_PTR,
								  .size = 8,
								  .target = TYPE_NONE,
								  .to = "void" }),
				    512, 0 }));
}

struct all {
	char name[16];
	uint64_t all;
	uint32_t state, bits;
	double real;
	uint32_t list[3];
	uint8_t mac[6], pad[6];
	uint64_t ptr;
};

static void every_kind_of_part(void **state)
{
	struct all a = { "one", 1ull << 40, 0, 0x80000001, 1.5, { 1, 2, 3 }, { 1 }, { 9 }, 4096 };
	struct all b = { "two", 7, 1, 4, 1.25, { 1, 5, 3 }, { 2 }, { 8 }, 8192 };
	struct all c = a;

	_Static_assert(sizeof(struct all) == 72, "as described");
	expect(variable(make_state, &a, sizeof(a)), variable(make_state, &b, sizeof(b)), NULL,
	       "p.bss:v.name  \"one\" \u2192 \"two\"\n"
	       "p.bss:v.low  0 \u2192 7  (+7)\n"
	       "p.bss:v.all  1099511627776 \u2192 7  (-1099511627769)\n"
	       "p.bss:v.state  IDLE (0) \u2192 RUNNING (1)\n"
	       "p.bss:v.flag  1 \u2192 0  (-1)\n"
	       "p.bss:v.rest  -1073741824 \u2192 2  (+1073741826)\n"
	       "p.bss:v.real  1.5 \u2192 1.25  (-0.25)\n"
	       "p.bss:v.list[1]  2 \u2192 5  (+3)\n"
	       "p.bss:v.mac  [1, 0, 0, 0, 0, 0] \u2192 [2, 0, 0, 0, 0, 0]\n"
	       "p.bss:v.ptr  0x1000 \u2192 0x2000\n");
	c.pad[0] = 1;
	strcpy(c.name + 5, "behind");
	expect(variable(make_state, &a, sizeof(a)), variable(make_state, &c, sizeof(c)), NULL, "");
	expect(variable(make_state, &a, sizeof(a)), variable(make_state, &b, sizeof(b)),
	       "v.list[1]", "v.list[1]  2 \u2192 5  (+3)\n");
}

static uint32_t make_old(struct made *m)
{
	struct type_table *t = report_types(m->rb);

	return add_record(t, TYPE_STRUCT, "task", 16,
			  MEMBERS({ "pid", m->u32, 0, 0 }, { "weight", m->u32, 32, 0 },
				  { "gone", m->u32, 64, 0 }, { "kind", m->u32, 96, 0 }));
}

static uint32_t make_new(struct made *m)
{
	struct type_table *t = report_types(m->rb);
	uint32_t inner = add_record(t, TYPE_STRUCT, NULL, 8, MEMBERS({ "weight", m->u64, 0, 0 }));
	uint32_t text = add_array(t, m->character, 4);

	return add_record(t, TYPE_STRUCT, "task2", 24,
			  MEMBERS({ "fresh", m->u32, 0, 0 }, { "pid", m->u32, 32, 0 },
				  { NULL, inner, 64, 0 }, { "kind", text, 128, 0 }));
}

static void other_types_are_compared_by_name(void **state)
{
	static const uint32_t old[] = { 1, 2, 3, 4 }, new[] = { 9, 1, 5, 0, 0x6f6f66, 0 };

	expect(variable(make_old, old, sizeof(old)), variable(make_new, new, sizeof(new)), NULL,
	       "! p.bss: the type of its values is another (section .bss, now section .bss); "
	       "compared by name\n"
	       "p.bss:v.weight  2 \u2192 5  (+3)\n"
	       "- p.bss:v.gone  3\n"
	       "p.bss:v.kind  4 \u2192 \"foo\"\n"
	       "+ p.bss:v.fresh  9\n");
}

static void as_data(void **state)
{
	static const uint32_t keys[] = { 1, 2 }, old[] = { 1, 5 }, new[] = { 3, 5 };
	struct ksnap_blob *a = plain(2, keys, old), *b = plain(1, keys, new);
	struct told t = { .total = 0 };
	msgpack_unpacked u;
	size_t at = 0;

	assert_int_equal(compare(a, b, NULL, &t, NULL), 1);
	assert_string_equal((char *)t.json.data, "{\"change\":\"changed\",\"what\":\"value\","
						 "\"path\":\"tasks[1]\",\"map\":\"tasks\","
						 "\"key\":1,\"old\":1,\"new\":3,\"delta\":2}\n"
						 "{\"change\":\"removed\",\"what\":\"entry\","
						 "\"path\":\"tasks[2]\",\"map\":\"tasks\","
						 "\"key\":2,\"old\":5}\n");
	msgpack_unpacked_init(&u);
	assert_int_equal(msgpack_unpack_next(&u, (char *)t.tree.data, t.tree.len, &at),
			 MSGPACK_UNPACK_SUCCESS);
	assert_int_equal(u.data.via.map.size, 8);
	assert_int_equal(object_get(&u.data, "delta")->via.u64, 2);
	msgpack_unpacked_destroy(&u);
	told_fini(&t);
	ksnap_blob_unref(a);
	ksnap_blob_unref(b);
}

static void the_sample_differs_from_nothing(void **state)
{
	struct made m = begin(NULL);

	expect(sample_report(), sample_report(), NULL,
	       "! broken: the first snapshot could not read it: permission denied\n"
	       "! broken: the second snapshot could not read it: permission denied\n");
	expect(sample_report(), finish(&m), NULL,
	       "- map broken (bloom_filter, 0 entries)\n- map other.bss (array, 1 entry)\n"
	       "- map plain (hash, 1 entry)\n- map sched_pr.bss (array, 1 entry)\n"
	       "- map stats (percpu_array, 1 entry)\n- map tasks (hash, 2 entries)\n"
	       "! progs: only the first snapshot has them, and they are not compared: capture both "
	       "with programs (progs, --progs)\n");
}

/* ---- hostile -------------------------------------------------------------------------------- */

/* A struct that holds itself, twice, at its begin. */
static uint32_t make_cycle(struct made *m)
{
	struct type_table *t = report_types(m->rb);
	uint32_t self = type_reserve(t, NULL);

	type_fill(t, self,
		  &(struct type_row){ .kind = TYPE_STRUCT,
				      .name = "cycle",
				      .size = 4,
				      .target = TYPE_NONE,
				      .members =
					      (const struct type_member[]){ { "a", self, 0, 0 },
									    { "b", self, 0, 0 },
									    { "n", m->u32, 0, 0 } },
				      .nmembers = 3 },
		  NULL);
	return self;
}

static void types_without_an_end(void **state)
{
	static const uint32_t one = 1, two = 2;
	struct ksnap_blob *a = variable(make_cycle, &one, 4), *b = variable(make_cycle, &two, 4);
	struct told t = { .total = 0 };
	struct ksnap_err err = { 0 };

	assert_int_equal(compare(a, b, NULL, &t, &err), KSNAP_E_PROTO);
	assert_non_null(strstr(err.text, "too much to compare"));
	told_fini(&t);
	ksnap_blob_unref(a);
	ksnap_blob_unref(b);
}

static void damaged_reports_do_no_harm(void **state)
{
	expect_no_harm(sample_report());
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(placeholders_cannot_be_compared),
		cmocka_unit_test(paths_that_are_nowhere),
		cmocka_unit_test(the_caller_can_stop),
		cmocka_unit_test(equal_ones_tell_nothing),
		cmocka_unit_test(entries_come_go_and_change),
		cmocka_unit_test(one_key_twice_is_told_once),
		cmocka_unit_test(keys_are_named_as_paths_name_them),
		cmocka_unit_test(keys_of_other_sizes_cannot_be_matched),
		cmocka_unit_test(random_maps_are_as_a_model_says),
		cmocka_unit_test(large_maps_are_no_burden),
		cmocka_unit_test(maps_come_and_go),
		cmocka_unit_test(maps_of_one_name_are_matched_by_id_within_a_boot),
		cmocka_unit_test(what_was_not_read_is_not_removed),
		cmocka_unit_test(each_cpu_has_its_own),
		cmocka_unit_test(every_kind_of_part),
		cmocka_unit_test(other_types_are_compared_by_name),
		cmocka_unit_test(as_data),
		cmocka_unit_test(the_sample_differs_from_nothing),
		cmocka_unit_test(types_without_an_end),
		cmocka_unit_test(damaged_reports_do_no_harm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
