// SPDX-License-Identifier: MIT
/* diff_beside_test.c - what is told of two snapshots beside the entries of their maps: what
 * pointers point to, programs and links. */
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
#include "wire/pack.h"

/* ---- what pointers point to ------------------------------------------------------------------ */

struct node {
	uint64_t next, value;
};

struct behind {
	uint64_t addr;
	struct node node;
	const char *error; /* then there is no node */
};

/* The key "chased"; of type @type each. */
static void put_behind(struct made *m, uint32_t type, const struct behind *behind, size_t n)
{
	struct buf out = BUF_INIT;
	msgpack_packer pk;

	pack_init(&pk, &out);
	msgpack_pack_array(&pk, n);
	for (size_t i = 0; i < n; i++) {
		size_t len = behind[i].error ? 0 : sizeof(struct node);

		msgpack_pack_map(&pk, behind[i].error ? 4 : 3);
		pack_str(&pk, "addr");
		msgpack_pack_uint64(&pk, behind[i].addr);
		pack_str(&pk, "type");
		msgpack_pack_uint32(&pk, type);
		pack_str(&pk, "data");
		msgpack_pack_bin_with_body(&pk, &behind[i].node, len);
		if (behind[i].error) {
			pack_str(&pk, "error");
			pack_str(&pk, behind[i].error);
		}
	}
	assert_int_equal(report_key(m->rb, "chased", &out, NULL), 0);
	buf_fini(&out);
}

/* Nodes 1 and 2 in a hash, and what their pointers lead to. */
static struct ksnap_blob *nodes(const char *boot, const struct node *two,
				const struct behind *behind, size_t n)
{
	static const uint32_t keys[] = { 1, 2 };
	struct report_info info = sample_info;
	struct type_table *t;
	struct made m;
	uint32_t ptr, node;

	info.boot_id = boot;
	m = begin(&info);
	t = report_types(m.rb);
	ptr = add_row(
		t, (struct type_row){
			   .kind = TYPE_PTR, .size = 8, .target = TYPE_NONE, .to = "struct node" });
	node = add_record(t, TYPE_STRUCT, "node", 16,
			  MEMBERS({ "next", ptr, 0, 0 }, { "value", m.u64, 64, 0 }));
	type_point_to(t, ptr, node);
	put(&m,
	    (struct report_map_row){ .id = 1,
				     .name = "nodes",
				     .key_size = 4,
				     .value_size = 16,
				     .kt = m.u32,
				     .vt = node },
	    2, keys, two, NULL);
	if (behind)
		put_behind(&m, node, behind, n);
	return finish(&m);
}

static const struct node same_two[] = { { 0xa0, 1 }, { 0xa0, 2 } };

static void what_is_behind_is_compared_once(void **state)
{
	/* a0 and b0 point to each other. */
	static const struct behind old[] = { { 0xa0, { 0xb0, 10 }, NULL },
					     { 0xb0, { 0xa0, 20 }, NULL } };
	static const struct behind new[] = { { 0xa0, { 0xb0, 10 }, NULL },
					     { 0xb0, { 0xa0, 25 }, NULL } };

	expect(nodes("x", same_two, old, 2), nodes("x", same_two, old, 2), NULL, "");
	expect(nodes("x", same_two, old, 2), nodes("x", same_two, new, 2), NULL,
	       "nodes[1].next.next.value  20 \u2192 25  (+5)\n");
	expect(nodes("x", same_two, old, 2), nodes("x", same_two, new, 2), "nodes[2]",
	       "nodes[2].next.next.value  20 \u2192 25  (+5)\n");
}

static void another_address_is_another_object(void **state)
{
	static const struct node moved[] = { { 0xb0, 1 }, { 0xa0, 2 } };
	static const struct behind old[] = { { 0xa0, { 0, 10 }, NULL } };
	static const struct behind new[] = { { 0xa0, { 0, 11 }, NULL }, { 0xb0, { 0, 12 }, NULL } };

	expect(nodes("x", same_two, old, 1), nodes("x", moved, new, 2), NULL,
	       "nodes[1].next  {addr = 0xa0, deref = {next = 0x0, value = 10}} \u2192 {addr = "
	       "0xb0, "
	       "deref = {next = 0x0, value = 12}}\nnodes[2].next.value  10 \u2192 11  (+1)\n");
	/* Addresses of two boots say nothing. */
	expect(nodes("x", same_two, old, 1), nodes("y", moved, new, 2), "nodes[1]",
	       "nodes[1].next  {addr = 0xa0, deref = {next = 0x0, value = 10}} \u2192 {addr = "
	       "0xb0, "
	       "deref = {next = 0x0, value = 12}}\nnodes[1].next.value  10 \u2192 12  (+2)\n");
}

static void what_is_behind_only_one_is_said(void **state)
{
	static const struct behind old[] = { { 0xa0, { 0, 10 }, NULL } };
	static const struct behind gone[] = { { 0xa0, { 0, 0 }, "nothing is mapped there" } };

	expect(nodes("x", same_two, old, 1), nodes("x", same_two, NULL, 0), NULL,
	       "! chased: only the first snapshot has them, and they are not compared: capture "
	       "both "
	       "with chase (--chase N)\n");
	expect(nodes("x", same_two, NULL, 0), nodes("x", same_two, NULL, 0), NULL, "");
	expect(nodes("x", same_two, old, 1), nodes("x", same_two, gone, 1), NULL,
	       "! nodes[1].next: what it points to could not be read in the second snapshot: "
	       "nothing "
	       "is mapped there\n");
	expect(nodes("x", same_two, old, 1), nodes("x", same_two, old, 0), NULL,
	       "! nodes[1].next: what it points to is not in the second snapshot\n");
	expect(nodes("x", same_two, gone, 1), nodes("x", same_two, gone, 1), NULL, "");
}

/* Longer than any capture follows: what is left out is said. */
static void a_long_chain_ends(void **state)
{
	enum { N = 100000 };
	struct behind *chain = calloc(N, sizeof(*chain));
	struct ksnap_blob *a;

	for (size_t i = 0; i < N; i++)
		chain[i] = (struct behind){ 0xa0 + 16 * i, { 0xa0 + 16 * (i + 1), 5 }, NULL };
	a = nodes("x", same_two, chain, N);
	chain[3].node.value = 6;
	expect(a, nodes("x", same_two, chain, N), NULL,
	       "nodes[1].next.next.next.next.value  5 \u2192 6  (+1)\n"
	       "! nodes[1].next.next.next.next.next.next.next.next.next.next.next.next.next.next."
	       "next.next.next: what is behind more than 16 pointers is not compared\n");
	free(chain);
}

/* ---- beside the maps ------------------------------------------------------------------------- */

struct prog {
	uint32_t id;
	const char *name;
	uint64_t runs, ns;
	uint32_t maps[2];
};

static void put_progs(struct made *m, const struct prog *p, size_t n)
{
	assert_int_equal(report_progs(m->rb, NULL), 0);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(report_prog(m->rb,
					     &(struct report_prog_row){ .id = p[i].id,
									.name = p[i].name,
									.type = "tracing",
									.tag = "0123456789abcdef",
									.run_cnt = p[i].runs,
									.run_time_ns = p[i].ns,
									.maps = p[i].maps,
									.nmaps = 2 },
					     NULL),
				 0);
}

static void put_key(struct made *m, const char *key, void (*pack)(msgpack_packer *pk, int how),
		    int how)
{
	struct buf out = BUF_INIT;
	msgpack_packer pk;

	pack_init(&pk, &out);
	pack(&pk, how);
	assert_int_equal(report_key(m->rb, key, &out, NULL), 0);
	buf_fini(&out);
}

static void pack_links(msgpack_packer *pk, int how)
{
	msgpack_pack_array(pk, how);
	for (int i = 0; i < how; i++) {
		msgpack_pack_map(pk, 3);
		pack_str(pk, "id");
		msgpack_pack_int(pk, 3 + i);
		pack_str(pk, "type");
		pack_str(pk, i ? "xdp" : "tracing");
		pack_str(pk, "prog");
		msgpack_pack_int(pk, i ? 99 : 5);
	}
}

static void pack_ops(msgpack_packer *pk, int how)
{
	msgpack_pack_array(pk, 1);
	msgpack_pack_map(pk, 4);
	pack_str(pk, "map");
	msgpack_pack_int(pk, 14);
	pack_str(pk, "name");
	pack_str(pk, "dctcp");
	pack_str(pk, "state");
	pack_str(pk, how ? "inuse" : "ready");
	pack_str(pk, "refcnt");
	msgpack_pack_int(pk, 1 + how);
}

static void pack_sched(msgpack_packer *pk, int how)
{
	msgpack_pack_map(pk, 2);
	pack_str(pk, "state");
	pack_str(pk, "enabled");
	pack_str(pk, "events");
	msgpack_pack_array(pk, 1 + how);
	for (int i = 0; i <= how; i++) {
		msgpack_pack_map(pk, 2);
		pack_str(pk, "name");
		pack_str(pk, i ? "SCX_NEW" : "SCX_OLD");
		pack_str(pk, "count");
		msgpack_pack_int(pk, 10 - how);
	}
}

/* Programs at one of two times, links and all. */
static struct ksnap_blob *machine(const char *boot, int how, const struct prog *p, size_t n)
{
	struct report_info info = sample_info;
	struct made m;

	info.boot_id = boot;
	m = begin(&info);
	put_progs(&m, p, n);
	put_key(&m, "links", pack_links, 1 + how);
	put_key(&m, "struct_ops", pack_ops, how);
	put_key(&m, "sched", pack_sched, how);
	return finish(&m);
}

static const struct prog earlier[] = { { 5, "on_switch", 7, 4200, { 1, 2 } },
				       { 6, "leaves", 0, 0, { 1, 2 } } };
static const struct prog later[] = { { 5, "on_switch", 9, 4000, { 1, 3 } },
				     { 8, "comes", 1, 2, { 1, 2 } } };

static void programs_and_links_are_compared(void **state)
{
	expect(machine("x", 0, earlier, 2), machine("x", 0, earlier, 2), NULL, "");
	expect(machine("x", 0, earlier, 2), machine("x", 1, later, 2), NULL,
	       "+ prog:comes  {id = 8, name = \"comes\", type = \"tracing\", tag = "
	       "\"0123456789abcdef\", run_cnt = 1, run_time_ns = 2, maps = [1, 2]}\n"
	       "- prog:leaves  {id = 6, name = \"leaves\", type = \"tracing\", tag = "
	       "\"0123456789abcdef\", run_cnt = 0, run_time_ns = 0, maps = [1, 2]}\n"
	       "prog:on_switch.run_cnt  7 \u2192 9  (+2)\n"
	       "prog:on_switch.run_time_ns  4200 \u2192 4000  (-200)\n"
	       "prog:on_switch.maps  [1, 2] \u2192 [1, 3]\n"
	       "+ link:xdp  {id = 4, type = \"xdp\", prog = 99}\n"
	       "struct_ops:dctcp.state  \"ready\" \u2192 \"inuse\"\n"
	       "struct_ops:dctcp.refcnt  1 \u2192 2  (+1)\n"
	       "sched.events[SCX_OLD].count  10 \u2192 9  (-1)\n"
	       "+ sched.events[SCX_NEW]  {name = \"SCX_NEW\", count = 9}\n");
}

static void one_of_them_can_be_asked_for(void **state)
{
	static const char runs[] = "prog:on_switch.run_cnt  7 \u2192 9  (+2)\n";

	expect(machine("x", 0, earlier, 2), machine("x", 1, later, 2), "prog:on_switch.run_cnt",
	       runs);
	expect(machine("x", 0, earlier, 2), machine("x", 1, later, 2), "link:on_switch", "");
	expect(machine("x", 0, earlier, 2), machine("x", 1, later, 2), "links",
	       "+ link:xdp  {id = 4, type = \"xdp\", prog = 99}\n");
	expect_error(machine("x", 0, earlier, 2), machine("x", 1, later, 2), "prog:nope",
		     KSNAP_E_NOTFOUND, "'prog:nope' is in neither");
	expect_error(machine("x", 0, earlier, 2), machine("x", 1, later, 2), "prog:on_switch.nope",
		     KSNAP_E_NOTFOUND, "in neither");
	expect_error(machine("x", 0, earlier, 2), machine("x", 1, later, 2), "tasks",
		     KSNAP_E_NOTFOUND, "tasks");
}

static void programs_of_one_name_are_told_apart(void **state)
{
	static const struct prog two[] = { { 5, "p", 1, 0, { 1, 2 } }, { 6, "p", 2, 0, { 1, 2 } } };
	static const struct prog more[] = { { 5, "p", 1, 0, { 1, 2 } },
					    { 6, "p", 4, 0, { 1, 2 } } };
	static const struct prog anew[] = { { 9, "p", 3, 0, { 1, 2 } } };

	expect(machine("x", 0, two, 2), machine("x", 0, more, 2), NULL,
	       "prog:p#6.run_cnt  2 \u2192 4  (+2)\n");
	expect(machine("x", 0, two, 1), machine("x", 0, anew, 1), "progs",
	       "! prog:p: another program of this name (id 5, now 9)\n"
	       "prog:p.run_cnt  1 \u2192 3  (+2)\n");
	expect(machine("x", 0, two, 1), machine("y", 0, anew, 1), "progs",
	       "prog:p.run_cnt  1 \u2192 3  (+2)\n");
}

static void programs_as_data(void **state)
{
	struct ksnap_blob *a = machine("x", 0, earlier, 1), *b = machine("x", 0, later, 1);
	struct told t = { .total = 0 };
	static const char want[] = "{\"change\":\"changed\",\"what\":\"prog\",\"path\":"
				   "\"prog:on_switch.run_cnt\",\"name\":\"on_switch\",\"id\":5,"
				   "\"old\":7,\"new\":9,\"delta\":2}\n";

	assert_int_equal(compare(a, b, "progs", &t, NULL), 1);
	assert_memory_equal(t.json.data, want, sizeof(want) - 1);
	told_fini(&t);
	ksnap_blob_unref(a);
	ksnap_blob_unref(b);
}

static void positions_of_a_ring_buffer_are_compared(void **state)
{
	struct ksnap_blob *side[2];

	for (unsigned i = 0; i < 2; i++) {
		struct report_ring ring = { 4096, 100 + 28 * i, 100 };
		struct report_map_result res = { .complete = true, .ring = &ring };
		struct made m = begin(NULL);

		put(&m,
		    (struct report_map_row){ .id = 1,
					     .name = "rb",
					     .type = "ringbuf",
					     .kt = TYPE_NONE,
					     .vt = TYPE_NONE },
		    0, NULL, NULL, &res);
		side[i] = finish(&m);
	}
	expect(side[0], side[1], NULL,
	       "rb.ringbuf.producer  100 \u2192 128  (+28)\nrb.ringbuf.pending  0 \u2192 28  "
	       "(+28)\n");
}

/* ---- hostile -------------------------------------------------------------------------------- */

static void damaged_reports_do_no_harm(void **state)
{
	static const struct behind behind[] = { { 0xa0, { 0xb0, 10 }, NULL },
						{ 0xb0, { 0xa0, 20 }, "no" } };

	expect_no_harm(nodes("x", same_two, behind, 2));
	expect_no_harm(machine("x", 1, earlier, 2));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_behind_is_compared_once),
		cmocka_unit_test(another_address_is_another_object),
		cmocka_unit_test(what_is_behind_only_one_is_said),
		cmocka_unit_test(a_long_chain_ends),
		cmocka_unit_test(programs_and_links_are_compared),
		cmocka_unit_test(one_of_them_can_be_asked_for),
		cmocka_unit_test(programs_of_one_name_are_told_apart),
		cmocka_unit_test(programs_as_data),
		cmocka_unit_test(positions_of_a_ring_buffer_are_compared),
		cmocka_unit_test(damaged_reports_do_no_harm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
