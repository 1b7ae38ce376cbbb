// SPDX-License-Identifier: MIT
/* fake_report.c - a small report with every kind of thing the Lua reader meets. */
#include <string.h>

#include "base/cleanup.h"
#include "fake_client.h"
#include "report/builder.h"
#include "wire/pack.h"

struct row {
	char comm[8];
	uint64_t run_ns;
	uint32_t state;
	int32_t nice;
};

struct fake_types {
	uint32_t u32, u64, row, section, node;
};

static uint32_t add(struct type_table *t, struct type_row row)
{
	return (uint32_t)type_add(t, &row, NULL);
}

static uint32_t add_row_type(struct type_table *t, uint32_t u64)
{
	uint32_t character =
		add(t, (struct type_row){
			       .kind = TYPE_INT, .name = "char", .size = 1, .enc = TYPE_CHAR });
	uint32_t s32 =
		add(t, (struct type_row){
			       .kind = TYPE_INT, .name = "int", .size = 4, .enc = TYPE_SIGNED });
	uint32_t comm =
		add(t, (struct type_row){
			       .kind = TYPE_ARRAY, .size = 8, .len = 8, .target = character });
	const struct type_enumerator names[] = { { "IDLE", 0 }, { "RUNNING", 1 } };
	uint32_t state = add(t, (struct type_row){ .kind = TYPE_ENUM,
						   .name = "state",
						   .size = 4,
						   .enumerators = names,
						   .nenumerators = 2 });
	const struct type_member inner[] = { { .name = "run_ns", .type = u64 } };
	uint32_t when = add(t, (struct type_row){ .kind = TYPE_STRUCT,
						  .name = "when",
						  .size = 8,
						  .members = inner,
						  .nmembers = 1 });
	const struct type_member members[] = {
		{ .name = "comm", .type = comm },
		{ .name = "time", .type = when, .bit_off = 64 },
		{ .name = "state", .type = state, .bit_off = 128 },
		{ .name = "nice", .type = s32, .bit_off = 160 },
	};

	return add(t, (struct type_row){ .kind = TYPE_STRUCT,
					 .name = "row",
					 .size = sizeof(struct row),
					 .members = members,
					 .nmembers = 4 });
}

static uint32_t add_node_type(struct type_table *t, uint32_t u64)
{
	uint32_t next = add(
		t, (struct type_row){
			   .kind = TYPE_PTR, .size = 8, .to = "struct node", .target = TYPE_NONE });
	const struct type_member members[] = { { .name = "next", .type = next },
					       { .name = "n", .type = u64, .bit_off = 64 } };
	uint32_t node = add(t, (struct type_row){ .kind = TYPE_STRUCT,
						  .name = "node",
						  .size = 16,
						  .members = members,
						  .nmembers = 2 });

	type_point_to(t, next, node);
	return node;
}

static struct fake_types add_types(struct type_table *t)
{
	struct fake_types ids;
	uint32_t var;
	struct type_member members[1] = { { .name = "nr_switches" } };

	ids.u32 = add(t, (struct type_row){ .kind = TYPE_INT, .name = "u32", .size = 4 });
	ids.u64 = add(t, (struct type_row){ .kind = TYPE_INT, .name = "u64", .size = 8 });
	ids.row = add_row_type(t, ids.u64);
	var = add(t,
		  (struct type_row){ .kind = TYPE_VAR, .name = "nr_switches", .target = ids.u64 });
	ids.node = add_node_type(t, ids.u64);
	members[0].type = var;
	ids.section = add(t, (struct type_row){ .kind = TYPE_DATASEC,
						.name = ".bss",
						.size = 8,
						.members = members,
						.nmembers = 1 });
	return ids;
}

static void add_tasks(struct report_builder *rb, const struct fake_types *ids)
{
	const struct row rows[] = { { "idle", 10, 0, 0 },
				    { "worker", 3000, 1, -5 },
				    { "shell", 200, 0, 19 } };
	const uint32_t pids[] = { 1, 7, 9 };
	struct report_map_row map = { .id = 11,
				      .name = "tasks",
				      .type = "hash",
				      .key_size = 4,
				      .value_size = sizeof(struct row),
				      .max_entries = 64,
				      .kt = ids->u32,
				      .vt = ids->row };
	uint8_t *keys, *vals;

	report_map_begin(rb, &map, 3, &keys, &vals, NULL);
	memcpy(keys, pids, sizeof(pids));
	memcpy(vals, rows, sizeof(rows));
	report_map_end(rb, &(struct report_map_result){ .count = 3, .complete = true }, NULL);
}

static void add_cpus(struct report_builder *rb, const struct fake_types *ids)
{
	const uint64_t counts[] = { 30, 12 };
	struct report_map_row map = { .id = 12,
				      .name = "cpus",
				      .type = "percpu_array",
				      .key_size = 4,
				      .value_size = 8,
				      .max_entries = 1,
				      .kt = ids->u32,
				      .vt = ids->u64,
				      .ncpu = 2,
				      .stride = 8 };
	uint8_t *keys, *vals;

	report_map_begin(rb, &map, 1, &keys, &vals, NULL);
	memset(keys, 0, 4);
	memcpy(vals, counts, sizeof(counts));
	report_map_end(rb, &(struct report_map_result){ .count = 1, .complete = true }, NULL);
}

static void add_globals(struct report_builder *rb, const struct fake_types *ids, uint32_t id,
			uint64_t nr_switches)
{
	struct report_map_row map = { .id = id,
				      .name = "probe.bss",
				      .type = "array",
				      .key_size = 4,
				      .value_size = 8,
				      .max_entries = 1,
				      .kt = ids->u32,
				      .vt = ids->section,
				      .no_keys = true };
	uint8_t *keys, *vals;

	report_map_begin(rb, &map, 1, &keys, &vals, NULL);
	memcpy(vals, &nr_switches, sizeof(nr_switches));
	report_map_end(rb, &(struct report_map_result){ .count = 1, .complete = true }, NULL);
}

#define NODE 0xffff888000001000ull

/* A node of a list; what follows it is in chased, and leads back. */
static void add_nodes(struct report_builder *rb, const struct fake_types *ids)
{
	const uint64_t nodes[] = { NODE, 1, 0, 2 };
	struct report_map_row map = { .id = 15,
				      .name = "nodes",
				      .type = "hash",
				      .key_size = 4,
				      .value_size = 16,
				      .max_entries = 4,
				      .kt = ids->u32,
				      .vt = ids->node };
	uint8_t *keys, *vals;

	report_map_begin(rb, &map, 2, &keys, &vals, NULL);
	memcpy(keys, (uint32_t[]){ 3, 4 }, 8);
	memcpy(vals, nodes, sizeof(nodes));
	report_map_end(rb, &(struct report_map_result){ .count = 2, .complete = true }, NULL);
	map.id = 16;
	map.name = "nothing";
	report_map_begin(rb, &map, 0, &keys, &vals, NULL);
	report_map_end(rb, &(struct report_map_result){ .complete = true }, NULL);
}

/* Another section of the same name; the second is in use when @attached. */
static void add_twins(struct report_builder *rb, const struct fake_types *ids, bool attached)
{
	const uint64_t node[] = { NODE, 77 };
	_buf_ struct buf out = BUF_INIT;
	msgpack_packer pk;

	add_globals(rb, ids, 14, 43);
	add_nodes(rb, ids);
	pack_init(&pk, &out);
	msgpack_pack_array(&pk, attached);
	if (attached)
		msgpack_pack_uint32(&pk, 14);
	report_key(rb, "active", &out, NULL);
	buf_clear(&out);
	msgpack_pack_array(&pk, 1);
	msgpack_pack_map(&pk, 3);
	pack_str(&pk, "addr");
	msgpack_pack_uint64(&pk, NODE);
	pack_str(&pk, "type");
	msgpack_pack_uint32(&pk, ids->node);
	pack_str(&pk, "data");
	pack_bin(&pk, node, sizeof(node));
	report_key(rb, "chased", &out, NULL);
}

static const struct report_info about = {
	.target_kind = "fixture",
	.target_name = "fixture",
	.host = "h",
	.kernel = "k",
	.boot_id = "",
	.cpus = 2,
	.trigger = "op",
	.consistency = "running",
};

struct ksnap_blob *fake_report(const char *tag)
{
	struct report_builder *rb = report_builder_create(NULL);
	struct report_info info = about;
	struct report_summary summary;
	struct ksnap_blob *blob;
	struct fake_types ids;

	info.tag = tag;
	report_begin(rb, &info, NULL);
	ids = add_types(report_types(rb));
	add_tasks(rb, &ids);
	add_cpus(rb, &ids);
	add_globals(rb, &ids, 13, 42);
	if (!strcmp(tag, "twins") || !strcmp(tag, "detached"))
		add_twins(rb, &ids, !strcmp(tag, "twins"));
	blob = report_finish(rb, &summary, NULL, NULL);
	report_builder_destroy(rb);
	return blob;
}

struct ksnap_blob *fake_placeholder(const char *tag)
{
	struct report_builder *rb = report_builder_create(NULL);
	struct report_info info = about;
	struct ksnap_blob *blob;

	info.tag = tag;
	blob = report_placeholder(rb, &info, "deadline", "the target did not stop in time", NULL);
	report_builder_destroy(rb);
	return blob;
}
