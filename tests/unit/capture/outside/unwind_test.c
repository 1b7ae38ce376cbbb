// SPDX-License-Identifier: MIT
/* unwind_test.c - stacks and tables in made-up memory: broken ones, circles, then sound ones. */
#include "../memory/machine.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "capture/outside/unwind.h"

#define T      0xffffffff81000000ull /* address of physical 0, and where text begins */
#define TEXT   0x1000ull             /* bytes of it, in functions of 0x100 */
#define IPS    (T + 0x10000)
#define TABLE  (T + 0x20000)
#define STACK  (T + 0x30000)
#define FRAMES 8

static struct machine m;
static struct kernel k;
static struct registers regs;
static uint64_t seen[FRAMES];

static void put64(uint64_t va, uint64_t v)
{
	machine_put64(&m, va - T, v);
}

/* Today's form: types of three bits, from "undefined". */
static const struct orc form = {
	.ips = IPS,
	.entries = TABLE,
	.n = TEXT / 0x100,
	.text = T,
	.text_end = T + TEXT,
	.size = 6,
	.sp_off = { 0, 16 },
	.bp_off = { 16, 16 },
	.sp_reg = { 32, 4 },
	.bp_reg = { 36, 4 },
	.type = { 40, 3 },
};

enum { UNDEFINED, END, CALL, FULL, IRET };

static void put_entry(unsigned i, int sp_off, int bp_off, unsigned regs_of, unsigned type)
{
	const int16_t offs[] = { sp_off, bp_off };
	const uint8_t rest[] = { regs_of, type };
	int32_t distance = T + 0x100 * i - (IPS + 4 * i);

	machine_put(&m, IPS + 4 * i - T, &distance, sizeof(distance));
	machine_put(&m, TABLE + 6 * i - T, offs, sizeof(offs));
	machine_put(&m, TABLE + 6 * i + 4 - T, rest, sizeof(rest));
}

static void begin(void)
{
	machine_begin(&m, 4);
	for (uint64_t at = 0; at < MACHINE_BYTES; at += 2u << 20)
		machine_map(&m, T + at, at, 21);
	k = (struct kernel){ .mem = &m.phys, .orc = form };
	for (unsigned i = 0; i < form.n; i++)
		put_entry(i, 0, 0, 0, UNDEFINED);
	regs = (struct registers){ .has = UINT32_MAX };
	regs.v[REG_RIP] = T + 0x110;
	regs.v[REG_RSP] = STACK;
}

static unsigned walk(void)
{
	unsigned n;

	machine_save(&m, false);
	space_init(&k.image.space, &m.phys, MACHINE_ROOT, 4);
	n = unwind(&k, &regs, seen, FRAMES);
	machine_end(&m);
	return n;
}

static void ends_where_nothing_is_known(void **state)
{
	begin();
	regs.has = 0;
	assert_int_equal(walk(), 0);
	begin();
	assert_int_equal(walk(), 1);
	assert_int_equal(seen[0], T + 0x110);
	begin();
	regs.v[REG_RIP] = 0x401000; /* of a process */
	assert_int_equal(walk(), 1);
}

static void ends_where_memory_does(void **state)
{
	begin();
	put_entry(1, 8, 0, ORC_REG_SP, CALL);
	regs.v[REG_RSP] = 0xffffc90000000000;
	assert_int_equal(walk(), 1);
	begin();
	put_entry(1, 8, 0, ORC_REG_AT_SP, CALL);
	regs.v[REG_RSP] = 8;
	assert_int_equal(walk(), 1);
	begin();
	put_entry(1, 8, 0, ORC_REG_SP, FULL);
	regs.v[REG_RSP] = 0xfffffffffffffff0;
	assert_int_equal(walk(), 1);
	begin();
	k.orc.entries = 0xffffc90000000000;
	assert_int_equal(walk(), 1);
	begin();
	k.orc.ips = 0xffffc90000000000;
	assert_int_equal(walk(), 1);
}

/* A frame whose caller is itself. */
static void leaves_a_circle(void **state)
{
	begin();
	put_entry(1, 0, 0, ORC_REG_SP, CALL);
	put64(STACK - 8, T + 0x150);
	assert_int_equal(walk(), FRAMES);
}

static void survives_any_bytes(void **state)
{
	for (unsigned seed = 0; seed < 300; seed++) {
		begin();
		srand(seed);
		for (uint64_t va = IPS; va < STACK + 0x1000; va += 8)
			if (rand() % 4)
				put64(va, rand() % 2 ? T + rand() % 0x40000
						     : (uint64_t)rand() << 33 ^ rand());
		for (int i = 0; i < REGS; i++)
			regs.v[i] = T + rand() % 0x40000;
		assert_in_range(walk(), 1, FRAMES);
	}
}

static void follows_calls(void **state)
{
	begin();
	put_entry(1, 16, -16, ORC_REG_SP | ORC_REG_PREV_SP << 4, CALL); /* pushed rbp */
	put64(STACK, STACK + 0x100);
	put64(STACK + 8, T + 0x300); /* behind the last call of function 2 */
	put_entry(2, 32, 0, ORC_REG_BP | ORC_REG_BP << 4, CALL);
	put64(STACK + 0x100, STACK + 0x500); /* rbp again */
	put64(STACK + 0x118, T + 0x410);
	put_entry(4, 8, 0, ORC_REG_AT_BP, CALL);
	put64(STACK + 0x508, STACK + 0x200);
	put64(STACK + 0x1f8, T + 0x510);
	put_entry(5, 0, 0, 0, END);
	assert_int_equal(walk(), 4);
	assert_int_equal(seen[1], T + 0x300);
	assert_int_equal(seen[2], T + 0x410);
	assert_int_equal(seen[3], T + 0x510);
}

/* What is not the kernel's text keeps frame pointers; so does a kernel without tables. */
static void follows_frame_pointers(void **state)
{
	begin();
	regs.v[REG_RIP] = T + 0x40000;
	regs.v[REG_RBP] = STACK + 0x10;
	put64(STACK + 0x10, STACK + 0x40);
	put64(STACK + 0x18, T + 0x110);
	put_entry(1, 0, 0, 0, END);
	assert_int_equal(walk(), 2);
	begin();
	k.orc = (struct orc){ 0 };
	regs.v[REG_RBP] = STACK + 0x10;
	put64(STACK + 0x10, STACK + 0x40);
	put64(STACK + 0x18, T + 0x210);
	put64(STACK + 0x48, 0x401000);
	assert_int_equal(walk(), 2);
}

static void put_saved(uint64_t at, uint64_t ip, uint64_t cs, uint64_t sp)
{
	put64(at, ip);
	put64(at + 8, cs);
	put64(at + 24, sp);
}

static void follows_interrupts(void **state)
{
	begin();
	put_entry(1, 0x10, 0, ORC_REG_SP, FULL);
	put_saved(STACK + 0x10 + 128, T + 0x200, 0x10,
		  STACK + 0x400);                /* at its first instruction */
	put64(STACK + 0x10 + 16, STACK + 0x600); /* r13 */
	put_entry(2, 8, 0, ORC_REG_R13, IRET);
	put_saved(STACK + 0x608, T + 0x310, 0x10, STACK + 0x700);
	put_entry(3, 8, 0, ORC_REG_R13, CALL); /* which is not known any more */
	assert_int_equal(walk(), 3);
	assert_int_equal(seen[1], T + 0x200);
	assert_int_equal(seen[2], T + 0x310);
}

static void ends_at_user_space(void **state)
{
	for (unsigned type = FULL; type <= IRET; type++) {
		begin();
		put_entry(1, 0, 0, ORC_REG_SP, type);
		put_saved(STACK + (type == FULL ? 128 : 0), T + 0x310, 0x33, STACK);
		assert_int_equal(walk(), 1);
	}
}

/* Before Linux 6.4: types of two bits, from a call, and a bit that says where it ends. */
static void reads_the_older_form(void **state)
{
	begin();
	k.orc.type.len = 2;
	k.orc.end = (struct orc_field){ 42, 1 };
	put_entry(1, 8, 0, ORC_REG_SP, 0);
	put64(STACK, T + 0x210);
	put_entry(2, 8, 0, ORC_REG_SP, 1 << 2);
	put64(STACK + 8, T + 0x310);
	assert_int_equal(walk(), 2);
	assert_int_equal(seen[1], T + 0x210);
}

/* ---- finding the tables ---------------------------------------------------------------------- */

static void add_symbol(const char *name, uint64_t addr)
{
	symbols_add(&k.image.symbols, addr, 'r', name, strlen(name));
}

static struct btf *made_btf(unsigned type_bits)
{
	struct btf *btf = btf__new_empty();
	int s16 = btf__add_int(btf, "short", 2, BTF_INT_SIGNED);
	int u32 = btf__add_int(btf, "unsigned int", 4, 0);

	btf__add_struct(btf, "orc_entry", 6);
	btf__add_field(btf, "sp_offset", s16, 0, 0);
	btf__add_field(btf, "bp_offset", s16, 16, 0);
	btf__add_field(btf, "sp_reg", u32, 32, 4);
	btf__add_field(btf, "bp_reg", u32, 36, 4);
	btf__add_field(btf, "type", u32, 40, type_bits);
	btf__add_field(btf, "signal", u32, 43, 1);
	return btf;
}

static void finds_its_tables(void **state)
{
	struct btf *none = btf__new_empty(), *sound = made_btf(3), *beyond = made_btf(9);

	k = (struct kernel){ 0 };
	orc_find(&k.orc, &k.image, sound);
	assert_int_equal(k.orc.n, 0);
	add_symbol("__start_orc_unwind_ip", IPS);
	add_symbol("__stop_orc_unwind_ip", IPS + 4 * form.n);
	add_symbol("__start_orc_unwind", TABLE);
	add_symbol("_stext", T);
	add_symbol("_etext", T + TEXT);
	assert_int_equal(symbols_seal(&k.image.symbols, NULL), 0);
	orc_find(&k.orc, &k.image, none);
	assert_int_equal(k.orc.n, 0);
	orc_find(&k.orc, &k.image, beyond);
	assert_int_equal(k.orc.n, 0);
	orc_find(&k.orc, &k.image, sound);
	assert_memory_equal(&k.orc, &form, sizeof(form));
	symbols_fini(&k.image.symbols);
	btf__free(none);
	btf__free(sound);
	btf__free(beyond);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ends_where_nothing_is_known),
		cmocka_unit_test(ends_where_memory_does),
		cmocka_unit_test(leaves_a_circle),
		cmocka_unit_test(survives_any_bytes),
		cmocka_unit_test(follows_calls),
		cmocka_unit_test(follows_frame_pointers),
		cmocka_unit_test(follows_interrupts),
		cmocka_unit_test(ends_at_user_space),
		cmocka_unit_test(reads_the_older_form),
		cmocka_unit_test(finds_its_tables),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
