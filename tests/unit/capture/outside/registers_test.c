// SPDX-License-Identifier: MIT
/* registers_test.c - a monitor's text and a core's notes, whole and broken. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <elf.h>
#include <string.h>

#include "capture/outside/registers.h"

#define TEXT                                                         \
	"\r\nCPU#0\r\nRAX=0000000000000001 RBX=00000000000000b1\r\n" \
	"R8 =0000000000000008 R9 =0000000000000009 R10=1\r\n"        \
	"RIP=ffffffff81000010 RFL=00000246 [---Z-P-] CPL=0\r\n"      \
	"CR0=80050033 CR2=0 CR3=00000000048f2000 CR4=6f0\r\n"        \
	"\r\nCPU#1\r\nRAX=2 RIP=12 XMM00=RAX=77\r\n"

static void takes_nothing_from_other_texts(void **state)
{
	static const char *const texts[] = { "", "CPU", "no CPU here", "RAX=1" };
	struct registers r[2];

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		assert_int_equal(registers_from_text(texts[i], r, 2), 0);
	assert_int_equal(registers_from_text("CPU#0", r, 2), 1);
	assert_int_equal(r[0].has, 0);
	assert_int_equal(registers_from_text("CPU#0\nRIP=xyz", r, 2), 1);
	assert_int_equal(r[0].has, 0);
	assert_int_equal(registers_from_text(TEXT, r, 0), 0);
}

static void takes_registers_from_text(void **state)
{
	struct registers r[3];

	assert_int_equal(registers_from_text(TEXT, r, 3), 2);
	assert_int_equal(r[0].v[REG_RAX], 1);
	assert_int_equal(r[0].v[REG_RBX], 0xb1);
	assert_int_equal(r[0].v[REG_R8], 8);
	assert_int_equal(r[0].v[REG_RIP], 0xffffffff81000010);
	assert_int_equal(r[0].v[REG_RFLAGS], 0x246);
	assert_int_equal(r[0].v[REG_CR3], 0x48f2000);
	assert_false(r[0].has >> REG_RSP & 1);
	assert_int_equal(r[1].v[REG_RAX], 2);
	assert_int_equal(r[1].v[REG_RIP], 0x12);
	assert_int_equal(registers_from_text(TEXT, r, 1), 1);
}

static size_t put_note(uint8_t *at, uint32_t type, const void *desc, uint32_t len)
{
	Elf64_Nhdr h = { .n_namesz = 5, .n_descsz = len, .n_type = type };

	memcpy(at, &h, sizeof(h));
	memcpy(at + sizeof(h), "CORE\0\0\0", 8);
	memcpy(at + sizeof(h) + 8, desc, len);
	return sizeof(h) + 8 + len;
}

static void takes_registers_from_notes(void **state)
{
	uint8_t notes[2048], desc[336] = { 0 };
	struct registers r[4];
	size_t n;

	for (uint64_t i = 0; i < 27; i++)
		memcpy(desc + 112 + 8 * i, &(uint64_t){ 100 + i }, 8);
	n = put_note(notes, NT_PRSTATUS, desc, sizeof(desc));
	n += put_note(notes + n, NT_PRPSINFO, desc, 100);
	n += put_note(notes + n, NT_PRSTATUS, desc, 40); /* too short */
	n += put_note(notes + n, NT_PRSTATUS, desc, sizeof(desc));
	assert_int_equal(registers_from_notes(notes, n, r, 4), 2);
	assert_int_equal(r[1].v[REG_R15], 100);
	assert_int_equal(r[1].v[REG_RIP], 116);
	assert_int_equal(r[1].v[REG_RSP], 119);
	for (size_t cut = 0; cut < n; cut++)
		assert_in_range(registers_from_notes(notes, cut, r, 4), 0, 2);
	memset(notes, 0xff, sizeof(notes));
	assert_int_equal(registers_from_notes(notes, sizeof(notes), r, 4), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(takes_nothing_from_other_texts),
		cmocka_unit_test(takes_registers_from_text),
		cmocka_unit_test(takes_registers_from_notes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
