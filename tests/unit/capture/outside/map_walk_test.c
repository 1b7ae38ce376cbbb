// SPDX-License-Identifier: MIT
/* map_walk_test.c - maps in made-up memory: sound ones, and such that lead nowhere or in circles.
 *
 * The layout is made up too: what counts is that it is followed. */
#include "../memory/machine.h"

#include <linux/bpf.h>
#include <string.h>

#include "base/cleanup.h"
#include "capture/outside/idr.h"
#include "capture/outside/map_walk.h"

#define A     0xffff888000000000ull /* address of physical 0 */
#define MAP   (A + 0x10000)
#define TABLE (A + 0x20000)
#define ELEMS (A + 0x30000)

static struct machine m;
static struct kernel k;
static struct seen_map map;
static struct map_walk w;
static uint64_t cpu_offsets[2] = { A + 0x100000, A + 0x200000 };

static void put64(uint64_t va, uint64_t v)
{
	machine_put64(&m, va - A, v);
}

static void put(uint64_t va, const void *data, size_t len)
{
	machine_put(&m, va - A, data, len);
}

static void begin(uint32_t type, uint32_t key, uint32_t value, uint32_t n)
{
	machine_begin(&m, 4);
	for (uint64_t at = 0; at < MACHINE_BYTES; at += 2u << 20)
		machine_map(&m, A + at, at, 21);
	k = (struct kernel){ .mem = &m.phys, .cpu_offset = cpu_offsets, .ncpu = 2 };
	map = (struct seen_map){ .id = 1,
				 .type = type,
				 .key_size = key,
				 .value_size = value,
				 .max_entries = n,
				 .at = MAP,
				 .name = "made" };
	w = (struct map_walk){ .k = &k,
			       .map = &map,
			       .key_size = key,
			       .val_size = value,
			       .max_bytes = 1 << 20,
			       .deadline_mono_ns = UINT64_MAX };
}

static void walk(void)
{
	machine_save(&m, false);
	space_init(&k.image.space, &m.phys, MACHINE_ROOT, 4);
	map_kind_outside(map.type)->read(&w);
	assert_true(buf_ok(&w.keys) && buf_ok(&w.vals));
}

static void end(void)
{
	buf_fini(&w.keys);
	buf_fini(&w.vals);
	machine_end(&m);
}

static void expect_broken(const char *why, uint64_t count)
{
	assert_int_equal(w.end, WALK_BROKEN);
	assert_non_null(strstr(w.why, why));
	assert_int_equal(w.count, count);
}

/* ---- hash tables ----------------------------------------------------------------------------- */

static void begin_hash(uint32_t entries, uint32_t buckets)
{
	begin(BPF_MAP_TYPE_HASH, 4, 8, entries);
	k.at.bpf_htab__buckets = (struct layout_member){ 0x40, 8 };
	k.at.bpf_htab__n_buckets = (struct layout_member){ 0x48, 4 };
	k.at.bucket__head = (struct layout_member){ 8, 8 };
	k.at.sizeof__bucket = 24;
	k.at.htab_elem__hash_node = (struct layout_member){ 16, 16 };
	k.at.htab_elem__key = (struct layout_member){ 40, 1 };
	put64(MAP + 0x40, TABLE);
	put64(MAP + 0x48, buckets);
	for (uint32_t i = 0; i < buckets; i++)
		put64(TABLE + 24 * i + 8, 2 * i + 1); /* ends */
}

static uint64_t node(unsigned i)
{
	return ELEMS + 64 * i + 16;
}

static void put_elem(unsigned i, uint64_t next)
{
	uint64_t value = 1000 + i;
	uint32_t key = i;

	put64(node(i), next);
	put(ELEMS + 64 * i + 40, &key, 4);
	put(ELEMS + 64 * i + 48, &value, 8);
}

static void refuses_heads_that_are_none(void **state)
{
	static const uint32_t buckets[] = { 0, 3, 1u << 31, 64 };

	for (size_t i = 0; i < ARRAY_SIZE(buckets); i++) {
		begin_hash(4, 4);
		put64(MAP + 0x48, buckets[i]);
		walk();
		expect_broken("head", 0);
		end();
	}
	begin_hash(4, 4);
	put64(MAP + 0x40, 0x1234);
	walk();
	expect_broken("buckets", 0);
	end();
	begin_hash(4, 4);
	k.at.bpf_htab__buckets = (struct layout_member){ 0 };
	walk();
	expect_broken("head", 0);
	end();
}

static void notices_circles(void **state)
{
	begin_hash(64, 4);
	put64(TABLE + 8, node(0));
	put_elem(0, node(1));
	put_elem(1, node(2));
	put_elem(2, node(1));
	walk();
	assert_int_equal(w.end, WALK_BROKEN);
	assert_non_null(strstr(w.why, "leads back"));
	assert_in_range(w.count, 3, 8);
	end();
	begin_hash(64, 4);
	put64(TABLE + 8, node(0));
	put_elem(0, node(0));
	walk();
	expect_broken("leads back", 1);
	end();
}

static void notices_lists_out_of_memory(void **state)
{
	begin_hash(64, 4);
	put64(TABLE + 8, node(0));
	put_elem(0, 0xffffffff00000000);
	walk();
	assert_int_equal(w.end, WALK_BROKEN);
	assert_non_null(strstr(w.why, "out of memory"));
	assert_int_equal(w.count, 1);
	end();
}

static void ends_at_more_entries_than_may_be(void **state)
{
	begin_hash(2, 1);
	put64(TABLE + 8, node(0));
	for (unsigned i = 0; i < 200; i++)
		put_elem(i, node(i + 1));
	walk();
	assert_int_equal(w.end, WALK_ROOM);
	assert_in_range(w.count, 2, 100);
	end();
}

static void ends_at_room_and_deadline(void **state)
{
	begin_hash(200, 1);
	put64(TABLE + 8, node(0));
	for (unsigned i = 0; i < 200; i++)
		put_elem(i, i < 199 ? node(i + 1) : 1);
	w.max_bytes = 120;
	walk();
	assert_int_equal(w.end, WALK_ROOM);
	assert_int_equal(w.count, 10);
	w.deadline_mono_ns = 0;
	w.end = WALK_DONE;
	map_kind_outside(map.type)->read(&w);
	assert_int_equal(w.end, WALK_DEADLINE);
	end();
}

static void reads_hash_tables(void **state)
{
	uint64_t value;
	uint32_t key;

	begin_hash(8, 4);
	put64(TABLE + 24 + 8, node(5));
	put_elem(5, node(3));
	put_elem(3, 3);
	walk();
	assert_int_equal(w.end, WALK_DONE);
	assert_int_equal(w.count, 2);
	memcpy(&key, w.keys.data + 4, 4);
	memcpy(&value, w.vals.data + 8, 8);
	assert_int_equal(key, 3);
	assert_int_equal(value, 1003);
	end();
}

/* ---- per-CPU, by either place of the pointer ------------------------------------------------- */

static void reads_percpu_values_of_odd_keys(void **state)
{
	for (unsigned rounded = 0; rounded < 2; rounded++) {
		begin_hash(8, 1);
		map.type = BPF_MAP_TYPE_PERCPU_HASH;
		map.key_size = w.key_size = 5;
		w.stride = 8;
		w.val_size = 16;
		put64(TABLE + 8, node(0));
		put64(node(0), 1);
		put(ELEMS + 40, "abcde", 5);
		put64(ELEMS + 40 + (rounded ? 8 : 5), 0x500);
		put64(cpu_offsets[0] + 0x500, 71);
		put64(cpu_offsets[1] + 0x500, 72);
		walk();
		assert_int_equal(w.count, 1);
		assert_memory_equal(w.keys.data, "abcde", 5);
		assert_int_equal(((uint64_t *)w.vals.data)[0], 71);
		assert_int_equal(((uint64_t *)w.vals.data)[1], 72);
		end();
	}
}

/* ---- arenas -----------------------------------------------------------------------------------
 */

#define AREA  0xffffc90000000000ull
#define GUARD 0x8000ull

static void begin_arena(uint64_t user, uint32_t pages)
{
	begin(33, 0, 0, pages);
	w.key_size = 8;
	w.val_size = 4096;
	k.at.bpf_arena__user_vm_start = (struct layout_member){ 0x40, 8 };
	k.at.bpf_arena__kern_vm = (struct layout_member){ 0x48, 8 };
	k.at.vm_struct__addr = (struct layout_member){ 8, 8 };
	put64(MAP + 0x40, user);
	put64(MAP + 0x48, TABLE);
	put64(TABLE + 8, AREA);
}

static uint64_t arena_key(size_t i)
{
	uint64_t key;

	assert_true(i < w.count);
	memcpy(&key, w.keys.data + 8 * i, 8);
	return key;
}

/* The kernel keeps a page by the low half of its address, which may begin anew within an arena. */
static void reads_arenas_across_4_gib(void **state)
{
	uint64_t user = 0x7f00fffff000;

	begin_arena(user, 1u << 20);
	machine_map(&m, AREA + GUARD + 0xfffff000, 0x300000, 12);
	machine_map(&m, AREA + GUARD + 0, 0x301000, 12);
	machine_map(&m, AREA + GUARD + 0x12345000, 0x302000, 12);
	put64(A + 0x300000, 1);
	put64(A + 0x302ff8, 3);
	walk();
	assert_int_equal(w.end, WALK_DONE);
	assert_int_equal(w.count, 3);
	assert_int_equal(w.missing, 0);
	assert_int_equal(arena_key(0), user);
	assert_int_equal(arena_key(1), user + 0x1000);
	assert_int_equal(arena_key(2), user + 0x1000 + 0x12345000);
	assert_int_equal(w.vals.data[0], 1);
	assert_int_equal(w.vals.data[2 * 4096 + 4088], 3);
	end();
}

static void reads_no_more_than_an_arena_has(void **state)
{
	begin_arena(0x7f0000000000, 2);
	for (uint64_t i = 0; i < 4; i++)
		machine_map(&m, AREA + GUARD + i * 4096, 0x300000 + i * 4096, 12);
	walk();
	assert_int_equal(w.count, 2);
	end();
	begin_arena(0x7f0000000000, 2);
	put64(MAP + 0x48, 0x1234);
	walk();
	expect_broken("not that of an arena", 0);
	end();
}

/* Every page of 4 GiB is there, all of them one: room ends it. */
static void ends_in_arenas_that_are_too_full(void **state)
{
	begin_arena(0x7f0000000000, 1u << 20);
	for (uint64_t at = 0; at < 1ull << 32; at += 2u << 20)
		machine_map(&m, AREA + (2u << 20) + at, 0, 21);
	walk();
	assert_int_equal(w.end, WALK_ROOM);
	assert_in_range(w.count, 250, 256);
	end();
}

/* ---- arrays, tries, queues ------------------------------------------------------------------- */

static void counts_missing_parts_of_arrays(void **state)
{
	begin(BPF_MAP_TYPE_ARRAY, 4, 8, 4);
	map.at = A + MACHINE_BYTES - 0x20; /* the last two are outside memory */
	k.at.bpf_array__elem_size = (struct layout_member){ 0, 4 };
	k.at.bpf_array__value = (struct layout_member){ 0x10, 1 };
	put64(map.at, 8);
	put64(map.at + 0x18, 42);
	walk();
	assert_int_equal(w.count, 2);
	assert_int_equal(w.missing, 2);
	assert_int_equal(((uint64_t *)w.vals.data)[1], 42);
	end();
	begin(BPF_MAP_TYPE_ARRAY, 4, 8, 4);
	k.at.bpf_array__elem_size = (struct layout_member){ 0, 4 };
	walk();
	expect_broken("head", 0);
	end();
}

static void begin_trie(uint64_t root)
{
	begin(BPF_MAP_TYPE_LPM_TRIE, 8, 4, 4);
	k.at.lpm_trie__root = (struct layout_member){ 0x40, 8 };
	k.at.lpm_trie__data_size = (struct layout_member){ 0x48, 8 };
	k.at.lpm_trie_node__child = (struct layout_member){ 16, 16 };
	k.at.lpm_trie_node__prefixlen = (struct layout_member){ 32, 4 };
	k.at.lpm_trie_node__flags = (struct layout_member){ 36, 4 };
	k.at.lpm_trie_node__data = (struct layout_member){ 40, 1 };
	put64(MAP + 0x40, root);
	put64(MAP + 0x48, 4);
}

static void ends_in_circular_tries(void **state)
{
	begin_trie(ELEMS);
	put64(ELEMS + 16, ELEMS);
	put64(ELEMS + 24, ELEMS);
	walk();
	assert_int_equal(w.end, WALK_BROKEN);
	assert_in_range(w.count, 1, 100);
	end();
	begin_trie(0x1234);
	walk();
	expect_broken("not in memory", 0);
	end();
}

static void leaves_inner_nodes_of_tries_out(void **state)
{
	uint32_t inner = 1;

	begin_trie(ELEMS);
	put(ELEMS + 36, &inner, 4);
	put64(ELEMS + 16, ELEMS + 64);
	put64(ELEMS + 24, ELEMS + 128);
	put(ELEMS + 64 + 40, "aaaa1111", 8);
	put(ELEMS + 128 + 40, "bbbb2222", 8);
	walk();
	assert_int_equal(w.end, WALK_DONE);
	assert_int_equal(w.count, 2);
	assert_memory_equal(w.vals.data, "11112222", 8);
	end();
}

static void refuses_queues_with_wrong_ends(void **state)
{
	begin(BPF_MAP_TYPE_QUEUE, 0, 8, 4);
	k.at.bpf_queue_stack__head = (struct layout_member){ 0x40, 4 };
	k.at.bpf_queue_stack__tail = (struct layout_member){ 0x44, 4 };
	k.at.bpf_queue_stack__size = (struct layout_member){ 0x48, 4 };
	put64(MAP + 0x40, 7);
	put64(MAP + 0x48, 5);
	walk();
	expect_broken("head", 0);
	end();
}

/* ---- tables of ids --------------------------------------------------------------------------- */

static void list_ids(struct buf *rows, uint64_t head)
{
	begin(BPF_MAP_TYPE_HASH, 4, 4, 4);
	k.at.idr__idr_rt = (struct layout_member){ 8, 16 };
	k.at.idr__idr_base = (struct layout_member){ 0, 4 };
	k.at.xarray__xa_head = (struct layout_member){ 8, 8 };
	k.at.xa_node__shift = (struct layout_member){ 0, 1 };
	k.at.xa_node__slots = (struct layout_member){ 0x10, 64 * 8 };
	put64(MAP, 1);
	put64(MAP + 16, head);
	put64(TABLE, 6);
	put64(TABLE + 0x10, TABLE + 0x1000 + 2);
	put64(TABLE + 0x10 + 8 * 3, TABLE + 0x2000 + 2);
	put64(TABLE + 0x1000 + 0x10 + 8 * 4, A + 0x444000);
	put64(TABLE + 0x2000 + 0x10 + 8 * 63, A + 0x3ff000);
	machine_save(&m, false);
	space_init(&k.image.space, &m.phys, MACHINE_ROOT, 4);
}

static void lists_tables_of_ids(void **state)
{
	_buf_ struct buf rows = BUF_INIT;
	struct idr_row *row;

	list_ids(&rows, TABLE + 2);
	assert_int_equal(idr_list(&k, MAP, &rows), 0);
	row = (struct idr_row *)rows.data;
	assert_int_equal(rows.len / sizeof(*row), 2);
	assert_int_equal(row[0].id, 1 + 4);
	assert_int_equal(row[0].at, A + 0x444000);
	assert_int_equal(row[1].id, 1 + 3 * 64 + 63);
	assert_int_equal(idr_find(&k, MAP, 256), A + 0x3ff000);
	assert_int_equal(idr_find(&k, MAP, 5), A + 0x444000);
	assert_int_equal(idr_find(&k, MAP, 6), 0);
	assert_int_equal(idr_find(&k, MAP, 0), 0);
	assert_int_equal(idr_find(&k, MAP, UINT32_MAX), 0);
	end();
}

static void ends_in_broken_tables_of_ids(void **state)
{
	_buf_ struct buf rows = BUF_INIT;
	static const uint64_t heads[] = { 0x1232, A + MACHINE_BYTES + 2, UINT64_MAX - 1 };

	for (size_t i = 0; i < ARRAY_SIZE(heads); i++) {
		list_ids(&rows, heads[i]);
		assert_in_range(idr_list(&k, MAP, &rows), 0, 1);
		idr_find(&k, MAP, 5);
		end();
	}
	list_ids(&rows, TABLE + 2); /* a node in itself: shifts do not get smaller */
	put64(TABLE + 0x10, TABLE + 2);
	machine_save(&m, false);
	space_forget(&k.image.space);
	assert_int_equal(idr_list(&k, MAP, &rows), 1);
	assert_int_equal(idr_find(&k, MAP, 5), 0);
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_heads_that_are_none),
		cmocka_unit_test(refuses_queues_with_wrong_ends),
		cmocka_unit_test(notices_circles),
		cmocka_unit_test(notices_lists_out_of_memory),
		cmocka_unit_test(ends_at_more_entries_than_may_be),
		cmocka_unit_test(ends_at_room_and_deadline),
		cmocka_unit_test(reads_no_more_than_an_arena_has),
		cmocka_unit_test(ends_in_arenas_that_are_too_full),
		cmocka_unit_test(reads_arenas_across_4_gib),
		cmocka_unit_test(ends_in_circular_tries),
		cmocka_unit_test(ends_in_broken_tables_of_ids),
		cmocka_unit_test(counts_missing_parts_of_arrays),
		cmocka_unit_test(reads_hash_tables),
		cmocka_unit_test(reads_percpu_values_of_odd_keys),
		cmocka_unit_test(leaves_inner_nodes_of_tries_out),
		cmocka_unit_test(lists_tables_of_ids),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
