// SPDX-License-Identifier: MIT
/* sched_ext_test.c - sched_ext in made-up memory: as later kernels keep it and as earlier ones do,
 * and lists that lead nowhere or in circles. The layout is made up too: what counts is that it is
 * followed. */
#include "../memory/machine.h"

#include <bpf/btf.h>
#include <string.h>

#include "base/cleanup.h"
#include "capture/outside/nodes.h"
#include "capture/outside/sched_ext.h"
#include "made_report.h"
#include "wire/pack.h"

#define A       0xffff888000000000ull /* address of physical 0 */
#define ROOT    (A + 0x10000)
#define TABLE   (A + 0x20000)
#define GLOBALS (A + 0x28000)
#define VARS    (A + 0x30000)
#define QUEUES  (A + 0x40000)
#define TASKS   (A + 0x50000)
#define NODES   (A + 0x60000)
#define RQ      0x2000ull /* per-CPU address */
#define EVENTS  0x4000ull
#define ZONE    0x6000ull

#define M(type, member, ...) (k.at.type##__##member = (struct layout_member){ __VA_ARGS__ })

static struct machine m;
static struct kernel k;
static uint64_t cpu_offsets[2] = { A + 0x100000, A + 0x200000 };
static unsigned cpu_ids[2] = { 0, 3 };
static char text[4096];

static void put64(uint64_t va, uint64_t v)
{
	machine_put64(&m, va - A, v);
}

static void put32(uint64_t va, uint32_t v)
{
	machine_put(&m, va - A, &v, 4);
}

static void add_symbol(const char *name, uint64_t at)
{
	symbols_add(&k.image.symbols, at, 'D', name, strlen(name));
}

static uint64_t queue(unsigned i)
{
	return QUEUES + 0x100 * i;
}

static uint64_t rq(unsigned cpu)
{
	return RQ + cpu_offsets[cpu];
}

static uint64_t task(unsigned i)
{
	return TASKS + 0x400 * i;
}

/* ---- where things are ------------------------------------------------------------------------ */

static void lay_out_tasks(void)
{
	M(task_struct, pid, 0x10, 4);
	M(task_struct, scx, 0x80, 0x100);
	M(sched_ext_entity, dsq, 0, 8);
	M(sched_ext_entity, dsq_list, 8, 24);
	M(scx_dsq_list_node, node, 0, 16);
	M(scx_dsq_list_node, flags, 16, 4);
	M(sched_ext_entity, flags, 0x40, 4);
	M(sched_ext_entity, weight, 0x44, 4);
	M(sched_ext_entity, sticky_cpu, 0x48, 4);
	M(sched_ext_entity, holding_cpu, 0x4c, 4);
	M(sched_ext_entity, ops_state, 0x50, 8);
	M(sched_ext_entity, runnable_node, 0x58, 16);
	M(sched_ext_entity, runnable_at, 0x68, 8);
	M(sched_ext_entity, slice, 0x70, 8);
	M(sched_ext_entity, dsq_vtime, 0x78, 8);
}

static void lay_out_queues(void)
{
	M(rq, scx, 0x100, 0x200);
	M(scx_rq, local_dsq, 0x10, 0x80);
	M(scx_rq, runnable_list, 0xa0, 16);
	M(scx_rq, nr_running, 0xb0, 4);
	M(scx_rq, flags, 0xb4, 4);
	M(scx_rq, cpu_released, 0xb8, 1);
	M(scx_rq, ops_qseq, 0xc0, 8);
	M(scx_dispatch_q, list, 8, 16);
	M(scx_dispatch_q, nr, 0x20, 4);
	M(scx_dispatch_q, seq, 0x24, 4);
	M(scx_dispatch_q, id, 0x28, 8);
	M(scx_dispatch_q, hash_node, 0x30, 8);
	M(rhashtable, tbl, 0x10, 8);
	M(bucket_table, size, 0, 4);
	M(bucket_table, nest, 4, 4);
	M(bucket_table, buckets, 0x40, 8);
	M(sched_ext_ops, name, 0x200, 128);
}

static void lay_out_root(void)
{
	M(scx_sched, ops, 0x20, 0x300);
	M(scx_sched, dsq_hash, 0x400, 0x40);
	M(scx_sched, global_dsqs, 0x480, 8);
	M(scx_sched, exit_kind, 0x488, 4);
	M(scx_sched, aborting, 0x48c, 1);
	M(scx_sched, bypass_depth, 0x490, 4);
	M(scx_sched, event_stats_cpu, 0x498, 8);
}

static struct btf *types(const char *type, const char *prefix)
{
	struct btf *btf = btf__new_empty();
	char name[64];
	int id = btf__add_int(btf, "long", 8, BTF_INT_SIGNED);

	btf__add_enum(btf, type, 4);
	snprintf(name, sizeof(name), "%sENABLED", prefix);
	btf__add_enum_value(btf, name, 1);
	snprintf(name, sizeof(name), "%sDISABLED", prefix);
	btf__add_enum_value(btf, name, 3);
	btf__add_struct(btf, "scx_event_stats", 16);
	btf__add_field(btf, "SCX_EV_ONE", id, 0, 0);
	btf__add_field(btf, "SCX_EV_TWO", id, 64, 0);
	return btf;
}

/* ---- a scheduler ----------------------------------------------------------------------------- */

/* A list without anything in it. */
static void put_empty(uint64_t head)
{
	put64(head, head);
}

static void put_queue(uint64_t q, uint64_t id, uint32_t nr)
{
	put_empty(q + 8);
	put32(q + 0x20, nr);
	put32(q + 0x24, 10 + nr);
	put64(q + 0x28, id);
}

static void begin(const char *type, const char *prefix)
{
	machine_begin(&m, 4);
	for (uint64_t at = 0; at < MACHINE_BYTES; at += 2u << 20)
		machine_map(&m, A + at, at, 21);
	k = (struct kernel){
		.mem = &m.phys, .cpu_offset = cpu_offsets, .cpu_id = cpu_ids, .ncpu = 2
	};
	lay_out_tasks();
	lay_out_queues();
	k.btf = types(type, prefix);
	add_symbol("runqueues", RQ);
	add_symbol("nr_node_ids", VARS + 0x40);
	add_symbol("scx_enable_seq", VARS + 0x50);
	put32(VARS + 0x40, 1);
	put64(VARS + 0x50, 7);
	for (unsigned i = 0; i < 2; i++) {
		put_queue(rq(i) + 0x110, 1ull << 63 | 2, 0);
		put_empty(rq(i) + 0x1a0);
		put64(cpu_offsets[i] + EVENTS, 100 + i);
		put64(cpu_offsets[i] + EVENTS + 8, 1 + i);
	}
	for (unsigned i = 0; i < 8; i++)
		put32(task(i) + 0x10, 100 + i);
}

/* A table of queues: 1 in the second bucket, behind it 2. Bucket 0 is empty and locked. */
static void put_table(void)
{
	put32(TABLE, 2);
	put64(TABLE + 0x40, 1);
	put64(TABLE + 0x48, queue(1) + 0x30);
	put64(queue(1) + 0x30, queue(2) + 0x30);
	put64(queue(2) + 0x30, (TABLE + 0x48) | 1);
	put_queue(queue(1), 0x11, 2);
	put_queue(queue(2), 0x22, 0);
	put_queue(queue(0), 1ull << 63 | 1, 0);
	put64(GLOBALS, queue(0));
}

/* Tasks 1 and 2, with somebody who iterates between them. */
static void put_two(void)
{
	uint64_t head = queue(1) + 8, one = task(1) + 0x88, two = task(2) + 0x88;
	uint64_t cursor = VARS + 0x800;

	put64(head, one);
	put64(one, cursor);
	put64(cursor, two);
	put32(cursor + 16, 1);
	put64(two, head);
}

static void begin_new(void)
{
	begin("scx_enable_state", "SCX_");
	lay_out_root();
	add_symbol("scx_root", VARS);
	add_symbol("scx_enable_state_var", VARS + 8);
	put64(VARS, ROOT);
	put32(VARS + 8, 1);
	machine_put(&m, ROOT + 0x220 - A, "made", 5);
	put64(ROOT + 0x410, TABLE);
	put64(ROOT + 0x480, GLOBALS);
	put32(ROOT + 0x490, 2);
	put64(ROOT + 0x498, EVENTS);
	put_table();
	put_two();
}

static void begin_old(void)
{
	begin("scx_ops_enable_state", "SCX_OPS_");
	add_symbol("scx_ops_enable_state_var", VARS + 8);
	add_symbol("scx_ops", VARS + 0x100);
	add_symbol("scx_exit_kind", VARS + 0x10);
	add_symbol("scx_ops_bypass_depth", VARS + 0x18);
	add_symbol("dsq_hash", VARS + 0x400);
	add_symbol("global_dsqs", VARS + 0x20);
	put32(VARS + 8, 1);
	put32(VARS + 0x10, 64);
	machine_put(&m, VARS + 0x300 - A, "old", 4);
	put64(VARS + 0x410, TABLE);
	put64(VARS + 0x20, GLOBALS);
	put_table();
	put_two();
}

static void end(void)
{
	symbols_fini(&k.image.symbols);
	btf__free(k.btf);
	machine_end(&m);
}

/* ---- what is reported ------------------------------------------------------------------------ */

static void settle(void)
{
	assert_int_equal(symbols_seal(&k.image.symbols, NULL), 0);
	machine_save(&m, false);
	space_init(&k.image.space, &m.phys, MACHINE_ROOT, 4);
}

/* The key as text; "": it is not there. */
static const char *report(const char *key, uint64_t deadline, bool *ret_complete)
{
	const msgpack_object *all, *o;
	struct made_report r;

	made_report_begin(&r);
	assert_int_equal(sched_ext_report(&k, deadline, r.rb, NULL), 0);
	assert_int_equal(nodes_report(&k, r.rb, NULL), 0);
	all = made_report_read(&r);
	o = object_get(all, key);
	*text = 0;
	if (o)
		msgpack_object_print_buffer(text, sizeof(text), *o);
	*ret_complete = object_get(all, "complete")->via.boolean;
	made_report_end(&r);
	return text;
}

static void expect(const char *want)
{
	bool complete;

	assert_string_equal(report("sched", UINT64_MAX, &complete), want);
	assert_true(complete);
}

#define QUEUES_TEXT                                                                               \
	"\"dsqs\"=>["                                                                             \
	"{\"name\"=>\"local 0\", \"origin\"=>\"local\", \"at\"=>0, \"id\"=>9223372036854775810, " \
	"\"nr\"=>0, "                                                                             \
	"\"seq\"=>10, \"tasks\"=>[], \"complete\"=>true}, "                                       \
	"{\"name\"=>\"local 3\", \"origin\"=>\"local\", \"at\"=>3, \"id\"=>9223372036854775810, " \
	"\"nr\"=>0, "                                                                             \
	"\"seq\"=>10, \"tasks\"=>[], \"complete\"=>true}, "                                       \
	"{\"name\"=>\"global 0\", \"origin\"=>\"global\", \"at\"=>0, "                            \
	"\"id\"=>9223372036854775809, \"nr\"=>0, "                                                \
	"\"seq\"=>10, \"tasks\"=>[], \"complete\"=>true}, "                                       \
	"{\"name\"=>\"user 0x11\", \"origin\"=>\"user\", \"id\"=>17, \"nr\"=>2, \"seq\"=>12, "    \
	"\"tasks\"=>[101, 102], "                                                                 \
	"\"complete\"=>true}, "                                                                   \
	"{\"name\"=>\"user 0x22\", \"origin\"=>\"user\", \"id\"=>34, \"nr\"=>0, \"seq\"=>10, "    \
	"\"tasks\"=>[], "                                                                         \
	"\"complete\"=>true}]"

static void reads_what_scx_root_leads_to(void **state)
{
	begin_new();
	settle();
	expect("{\"state\"=>\"enabled\", \"ops\"=>\"made\", \"enable_seq\"=>7, \"exit_kind\"=>0, "
	       "\"bypass_depth\"=>2, \"aborting\"=>0, "
	       "\"events\"=>[{\"name\"=>\"SCX_EV_ONE\", \"count\"=>201}, "
	       "{\"name\"=>\"SCX_EV_TWO\", \"count\"=>3}], " QUEUES_TEXT "}");
	end();
}

static void reads_variables_of_earlier_kernels(void **state)
{
	begin_old();
	settle();
	expect("{\"state\"=>\"enabled\", \"ops\"=>\"old\", \"enable_seq\"=>7, \"exit_kind\"=>64, "
	       "\"bypass_depth\"=>0, " QUEUES_TEXT "}");
	end();
}

static void tells_a_cpus_queue_for_when_it_is_passed_by(void **state)
{
	bool complete;

	begin_new();
	M(scx_rq, bypass_dsq, 0x120, 0x80);
	for (unsigned i = 0; i < 2; i++)
		put_queue(rq(i) + 0x220, 1ull << 63 | 4, 0);
	settle();
	assert_non_null(strstr(report("sched", UINT64_MAX, &complete),
			       "{\"name\"=>\"bypass 3\", \"origin\"=>\"bypass\", \"at\"=>3, "
			       "\"id\"=>9223372036854775812"));
	assert_true(complete);
	end();
}

static void says_that_it_is_off(void **state)
{
	begin_new();
	put64(VARS, 0);
	put32(VARS + 8, 3);
	settle();
	expect("{\"state\"=>\"disabled\", \"enable_seq\"=>7}");
	end();
	begin_new();
	M(task_struct, scx, 0);
	settle();
	expect("");
	end();
}

/* ---- what is broken -------------------------------------------------------------------------- */

static void expect_part(const char *has)
{
	bool complete;

	settle();
	assert_non_null(strstr(report("sched", UINT64_MAX, &complete), has));
	assert_false(complete);
	assert_non_null(strstr(report("reasons", UINT64_MAX, &complete), "sched_partial"));
	end();
}

static void outlives_lists_that_are_none(void **state)
{
	begin_new();
	put64(task(2) + 0x88, task(1) + 0x88); /* in a circle */
	expect_part("\"id\"=>17");
	begin_new();
	put64(task(2) + 0x88, 0xffffffff00000000); /* out of memory */
	expect_part("\"tasks\"=>[101, 102], \"complete\"=>false");
	begin_new();
	put64(queue(1) + 8, 0x10);
	expect_part("\"tasks\"=>[], \"complete\"=>false");
}

static void outlives_tables_that_are_none(void **state)
{
	begin_new();
	put64(queue(2) + 0x30, queue(1) + 0x30); /* in a circle */
	expect_part("\"id\"=>34");
	begin_new();
	put64(ROOT + 0x410, 0x10);
	expect_part("\"origin\"=>\"global\"");
	begin_new();
	put32(TABLE + 4, 1); /* nested */
	expect_part("\"origin\"=>\"global\"");
	begin_new();
	put32(TABLE, 1u << 30);
	expect_part("\"origin\"=>\"global\"");
	begin_new();
	put64(TABLE + 0x40, 0xffffffff00000000);
	expect_part("\"complete\"=>false");
}

static void ends_at_the_deadline(void **state)
{
	bool complete;

	begin_new();
	settle();
	assert_non_null(strstr(report("sched", 0, &complete), "\"dsqs\"=>[]"));
	assert_false(complete);
	end();
}

/* ---- rows of CPUs and threads ---------------------------------------------------------------- */

static const char *packed(unsigned (*pack)(struct kernel *k, uint64_t at, msgpack_packer *pk),
			  uint64_t at)
{
	_buf_ struct buf out = BUF_INIT;
	msgpack_packer pk;
	msgpack_unpacked u;
	unsigned n;

	pack_init(&pk, &out);
	msgpack_pack_map(&pk, 1);
	n = pack(&k, at, &pk);
	*text = 0;
	if (!n)
		return text;
	msgpack_unpacked_init(&u);
	assert_int_equal(msgpack_unpack_next(&u, (const char *)out.data, out.len, NULL),
			 MSGPACK_UNPACK_SUCCESS);
	msgpack_object_print_buffer(text, sizeof(text), u.data);
	msgpack_unpacked_destroy(&u);
	return text;
}

static void tells_of_a_cpu(void **state)
{
	uint64_t scx = rq(1) + 0x100;

	begin_new();
	put32(scx + 0xb0, 5);
	put32(scx + 0xb4, 9);
	machine_put(&m, scx + 0xb8 - A, "\1", 1);
	put64(scx + 0xc0, 77);
	put64(scx + 0xa0, task(3) + 0xd8);
	put64(task(3) + 0xd8, scx + 0xa0);
	settle();
	assert_string_equal(packed(sched_ext_pack_cpu, rq(1)),
			    "{\"scx\"=>{\"nr_running\"=>5, \"flags\"=>9, \"cpu_released\"=>1, "
			    "\"ops_qseq\"=>77, \"runnable\"=>[103]}}");
	assert_string_equal(packed(sched_ext_pack_cpu, 0), "");
	M(rq, scx, 0);
	assert_string_equal(packed(sched_ext_pack_cpu, rq(1)), "");
	end();
}

static void tells_of_a_thread(void **state)
{
	uint64_t scx = task(1) + 0x80;

	begin_new();
	put64(scx, queue(1));
	put32(scx + 0x40, 0x303);
	put32(scx + 0x44, 100);
	put32(scx + 0x48, -1);
	put32(scx + 0x4c, 2);
	put64(scx + 0x50, 1);
	put64(scx + 0x68, 4242);
	put64(scx + 0x70, 20000000);
	put64(scx + 0x78, 99);
	settle();
	assert_string_equal(packed(sched_ext_pack_task, task(1)),
			    "{\"scx\"=>{\"dsq\"=>17, \"flags\"=>771, \"weight\"=>100, "
			    "\"slice_ns\"=>20000000, \"vtime\"=>99, \"ops_state\"=>1, "
			    "\"runnable_at\"=>4242, \"sticky_cpu\"=>-1, \"holding_cpu\"=>2}}");
	assert_string_equal(packed(sched_ext_pack_task, task(2)), "");
	end();
}

/* ---- NUMA nodes ------------------------------------------------------------------------------ */

static void begin_nodes(void)
{
	begin("scx_enable_state", "SCX_");
	M(task_struct, scx, 0);
	M(pglist_data, node_zones, 0x100, 0x400);
	M(pglist_data, nr_zones, 0x80, 4);
	M(zone, vm_numa_event, 0x40, 48);
	M(zone, per_cpu_zonestats, 0x20, 8);
	M(per_cpu_zonestat, vm_numa_event, 0x10, 48);
	k.at.sizeof__zone = 0x200;
	add_symbol("node_data", VARS + 0x80);
	put32(VARS + 0x40, 3);
	for (unsigned i = 0; i < 3; i += 2) { /* there is no node 1 */
		put64(VARS + 0x80 + 8 * i, NODES + 0x1000 * i);
		put32(NODES + 0x1000 * i + 0x80, 2);
		for (unsigned z = 0; z < 2; z++)
			put64(NODES + 0x1000 * i + 0x100 + 0x200 * z + 0x20, ZONE);
		for (unsigned e = 0; e < 6; e++)
			put64(NODES + 0x1000 * i + 0x300 + 0x40 + 8 * e, 1000 * (i + 1) + e);
	}
	for (unsigned c = 0; c < 2; c++)
		put64(cpu_offsets[c] + ZONE + 0x10, 1); /* in each of two zones */
}

static void counts_of_nodes(void **state)
{
	bool complete;

	begin_nodes();
	settle();
	assert_string_equal(report("nodes", UINT64_MAX, &complete),
			    "[{\"node\"=>0, \"numa_hit\"=>1004, \"numa_miss\"=>1001, "
			    "\"numa_foreign\"=>1002, \"interleave_hit\"=>1003, "
			    "\"local_node\"=>1004, \"other_node\"=>1005}, "
			    "{\"node\"=>2, \"numa_hit\"=>3004, \"numa_miss\"=>3001, "
			    "\"numa_foreign\"=>3002, \"interleave_hit\"=>3003, "
			    "\"local_node\"=>3004, \"other_node\"=>3005}]");
	assert_true(complete);
	end();
}

static void says_which_nodes_are_broken(void **state)
{
	bool complete;

	begin_nodes();
	put64(VARS + 0x80, 0x10);
	put32(NODES + 0x2000 + 0x80, 99);
	settle();
	assert_string_equal(report("nodes", UINT64_MAX, &complete), "[]");
	assert_false(complete);
	assert_non_null(strstr(report("reasons", UINT64_MAX, &complete), "nodes_partial"));
	end();
	begin_nodes();
	M(zone, vm_numa_event, 0x40, 40); /* of a kernel that counts other things */
	settle();
	assert_string_equal(report("nodes", UINT64_MAX, &complete), "");
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(outlives_lists_that_are_none),
		cmocka_unit_test(outlives_tables_that_are_none),
		cmocka_unit_test(ends_at_the_deadline),
		cmocka_unit_test(reads_what_scx_root_leads_to),
		cmocka_unit_test(reads_variables_of_earlier_kernels),
		cmocka_unit_test(tells_a_cpus_queue_for_when_it_is_passed_by),
		cmocka_unit_test(says_that_it_is_off),
		cmocka_unit_test(tells_of_a_cpu),
		cmocka_unit_test(tells_of_a_thread),
		cmocka_unit_test(counts_of_nodes),
		cmocka_unit_test(says_which_nodes_are_broken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
