// SPDX-License-Identifier: MIT
/* sample.c - reports for tests; anything that fails here ends the test program. */
#include "sample.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

static void must(bool ok, const char *what, const struct ksnap_err *err)
{
	if (ok)
		return;
	fprintf(stderr, "sample: %s: %s\n", what, err->text);
	abort();
}

uint32_t add_row(struct type_table *t, struct type_row row)
{
	struct ksnap_err err = { 0 };
	int64_t index = type_add(t, &row, &err);

	must(index >= 0, "type_add", &err);
	return index;
}

uint32_t add_int(struct type_table *t, const char *name, uint64_t size, enum type_encoding enc)
{
	return add_row(t, (struct type_row){ .kind = TYPE_INT,
					     .name = name,
					     .size = size,
					     .enc = enc,
					     .target = TYPE_NONE });
}

uint32_t add_array(struct type_table *t, uint32_t of, uint64_t len)
{
	uint64_t size;

	if (__builtin_mul_overflow(len, type_size(t, of), &size))
		size = 0;
	return add_row(
		t, (struct type_row){ .kind = TYPE_ARRAY, .target = of, .len = len, .size = size });
}

uint32_t add_behind(struct type_table *t, enum type_kind kind, const char *name, uint32_t target)
{
	return add_row(t, (struct type_row){ .kind = kind, .name = name, .target = target });
}

uint32_t add_record(struct type_table *t, enum type_kind kind, const char *name, uint64_t size,
		    const struct type_member *m, uint32_t n)
{
	return add_row(t, (struct type_row){ .kind = kind,
					     .name = name,
					     .size = size,
					     .target = TYPE_NONE,
					     .members = m,
					     .nmembers = n });
}

uint32_t add_enum(struct type_table *t, const char *name, uint64_t size, enum type_encoding enc,
		  const struct type_enumerator *e, uint32_t n)
{
	return add_row(t, (struct type_row){ .kind = TYPE_ENUM,
					     .name = name,
					     .size = size,
					     .enc = enc,
					     .target = TYPE_NONE,
					     .enumerators = e,
					     .nenumerators = n });
}

const struct report_info sample_info = {
	.tag = "t0",
	.target_kind = "fixture",
	.target_name = "fixture",
	.host = "h",
	.kernel = "6.0",
	.boot_id = "",
	.cpus = 4,
	.trigger = "op",
	.consistency = "running",
};

static struct report_builder *begin(const struct report_info *info)
{
	struct ksnap_err err = { 0 };
	struct report_builder *rb = report_builder_create(&err);

	must(rb && !report_begin(rb, info, &err), "begin", &err);
	return rb;
}

static struct ksnap_blob *finish(struct report_builder *rb)
{
	struct ksnap_err err = { 0 };
	struct ksnap_blob *blob = report_finish(rb, NULL, NULL, &err);

	must(blob, "finish", &err);
	report_builder_destroy(rb);
	return blob;
}

static void put_map(struct report_builder *rb, const struct report_map_row *row, uint64_t count,
		    const void *keys, const void *vals, const struct report_map_result *res)
{
	uint64_t each = row->ncpu ? (uint64_t)row->ncpu * row->stride : row->value_size;
	struct report_map_result whole = { .count = count, .complete = true };
	struct ksnap_err err = { 0 };
	uint8_t *k, *v;

	must(!report_map_begin(rb, row, count, &k, &v, &err), "map_begin", &err);
	if (k && count)
		memcpy(k, keys, count * row->key_size);
	if (each && count)
		memcpy(v, vals, count * each);
	must(!report_map_end(rb, res ? res : &whole, &err), "map_end", &err);
}

struct ksnap_blob *sample_value(uint32_t (*make)(struct type_table *t), const void *bytes,
				size_t size, bool swapped_endian)
{
	struct report_info info = sample_info;
	struct report_builder *rb;
	uint32_t key = 0;

	info.swapped_endian = swapped_endian;
	rb = begin(&info);
	put_map(rb,
		&(struct report_map_row){ .id = 1,
					  .name = "m",
					  .type = "array",
					  .key_size = 4,
					  .value_size = size,
					  .max_entries = 1,
					  .kt = TYPE_NONE,
					  .vt = make(report_types(rb)) },
		1, &key, bytes, NULL);
	return finish(rb);
}

/* ---- the big one --------------------------------------------------------------------------- */

struct task {
	uint32_t pid;
	uint32_t state;
	uint64_t weight;
	char comm[16];
};

static uint32_t task_type(struct type_table *t, uint32_t u32, uint32_t u64)
{
	uint32_t text = add_array(t, add_int(t, "char", 1, TYPE_SIGNED), 16);
	uint32_t state =
		add_enum(t, "state", 4, TYPE_UNSIGNED, NAMES({ "IDLE", 0 }, { "RUNNING", 1 }));

	return add_record(t, TYPE_STRUCT, "task", sizeof(struct task),
			  MEMBERS({ "pid", u32, 0, 0 }, { "state", state, 32, 0 },
				  { "weight", u64, 64, 0 }, { "comm", text, 128, 0 }));
}

static void put_tasks(struct report_builder *rb, uint32_t u32, uint32_t u64)
{
	static const uint32_t keys[] = { 7, 1234 };
	static const struct task vals[] = { { 7, 1, 100, "init" }, { 1234, 9, 1ull << 60, "sh" } };

	put_map(rb,
		&(struct report_map_row){ .id = 3,
					  .name = "tasks",
					  .type = "hash",
					  .key_size = 4,
					  .value_size = sizeof(struct task),
					  .max_entries = 64,
					  .kt = u32,
					  .vt = task_type(report_types(rb), u32, u64) },
		2, keys, vals, NULL);
}

static void put_stats(struct report_builder *rb, uint32_t u32, uint32_t u64)
{
	static const uint32_t keys[] = { 0 };
	static const uint64_t vals[] = { 10, 11, 20, 21, 30, 31, 40, 41 };
	uint32_t pair = add_record(report_types(rb), TYPE_STRUCT, "stat", 16,
				   MEMBERS({ "sum", u64, 0, 0 }, { "n", u64, 64, 0 }));

	put_map(rb,
		&(struct report_map_row){ .id = 4,
					  .name = "stats",
					  .type = "percpu_array",
					  .key_size = 4,
					  .value_size = 16,
					  .max_entries = 1,
					  .kt = u32,
					  .vt = pair,
					  .ncpu = 4,
					  .stride = 16 },
		1, keys, vals, NULL);
}

static void put_section(struct report_builder *rb, uint32_t id, const char *name, const char *first,
			uint32_t u32)
{
	static const uint32_t vals[] = { 42, 43 };
	struct type_table *t = report_types(rb);
	uint32_t var = add_behind(t, TYPE_VAR, first, u32);
	uint32_t sec = add_record(t, TYPE_DATASEC, ".bss", 8,
				  MEMBERS({ NULL, var, 0, 0 }, { "shared", u32, 32, 0 }));

	put_map(rb,
		&(struct report_map_row){ .id = id,
					  .name = name,
					  .type = "array",
					  .key_size = 4,
					  .value_size = 8,
					  .max_entries = 1,
					  .kt = TYPE_NONE,
					  .vt = sec,
					  .no_keys = true },
		1, NULL, vals, NULL);
}

static void put_untyped(struct report_builder *rb)
{
	put_map(rb,
		&(struct report_map_row){ .id = 7,
					  .name = "plain",
					  .type = "hash",
					  .key_size = 2,
					  .value_size = 3,
					  .max_entries = 8,
					  .kt = TYPE_NONE,
					  .vt = TYPE_NONE },
		1, "\x01\xff", "abc", NULL);
}

static void put_broken(struct report_builder *rb)
{
	static const uint32_t owners[] = { 5 };
	struct report_map_result res = {
		.error = "permission denied", .owners = owners, .nowners = 1, .missing = 2
	};

	put_map(rb,
		&(struct report_map_row){ .id = 8,
					  .name = "broken",
					  .type = "bloom_filter",
					  .value_size = 4,
					  .max_entries = 8,
					  .kt = TYPE_NONE,
					  .vt = TYPE_NONE },
		0, NULL, NULL, &res);
	report_reason(rb, "map_unreadable", "broken", 8, 0, "map broken: %s", "permission denied");
}

struct ksnap_blob *sample_report(void)
{
	static const uint32_t maps[] = { 3, 4 };
	struct report_builder *rb = begin(&sample_info);
	uint32_t u32 = add_int(report_types(rb), "unsigned int", 4, TYPE_UNSIGNED);
	uint32_t u64 = add_int(report_types(rb), "unsigned long", 8, TYPE_UNSIGNED);
	struct report_prog_row prog = { .id = 5,
					.name = "p",
					.type = "tracing",
					.tag = "0123456789abcdef",
					.run_cnt = 3,
					.maps = maps,
					.nmaps = 2 };
	struct ksnap_err err = { 0 };

	put_tasks(rb, u32, u64);
	put_stats(rb, u32, u64);
	put_section(rb, 5, "sched_pr.bss", "nr_switches", u32);
	put_section(rb, 6, "other.bss", "nr_other", u32);
	put_untyped(rb);
	put_broken(rb);
	must(!report_prog(rb, &prog, &err), "prog", &err);
	return finish(rb);
}

/* ---- the clock ----------------------------------------------------------------------------- */

static uint64_t stopped_mono(void)
{
	return 5000;
}

static int64_t stopped_real(void)
{
	return 1700000000123000000;
}

void sample_stop_clock(void)
{
	static const struct clock_source stopped = { stopped_mono, stopped_real };

	clock_replace(&stopped);
}
