// SPDX-License-Identifier: MIT
/* writes_test.c - instructions as an assembler writes them: which write where, and which do not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "capture/guest/writes.h"

#define RIP 0xffffffff81000100

static const struct registers regs = {
	.v = {
		[REG_RIP] = RIP, [REG_RSP] = 0x1000, [REG_RBP] = 0x2000, [REG_RAX] = 1,
		[REG_RBX] = 0x3000, [REG_RCX] = 0x4000, [REG_RDX] = 0x10, [REG_RSI] = 0x5000,
		[REG_RDI] = 0x6000, [REG_R8] = 0x100, [REG_R9] = 7, [REG_R10] = 8,
		[REG_R11] = 9, [REG_R12] = 0x7000, [REG_R13] = 0x8000, [REG_R14] = 10,
		[REG_R15] = 11,
	},
};

struct code {
	const char *bytes;
	size_t n;
	uint64_t at; /* what it writes to */
	unsigned width;
};

#define CODE(bytes, at, width)                      \
	{                                           \
		bytes, sizeof(bytes) - 1, at, width \
	}

static const struct code writers[] = {
	CODE("\x83\x05\x10\0\0\0\x01", RIP + 0x10, 4),   /* addl $1, 0x10(%rip) */
	CODE("\x89\x05\x10\0\0\0", RIP + 0x10, 4),       /* movl %eax, 0x10(%rip) */
	CODE("\x89\x05\xf0\xff\xff\xff", RIP - 0x10, 4), /* movl %eax, -0x10(%rip) */
	CODE("\x48\x89\x03", 0x3000, 8),                 /* movq %rax, (%rbx) */
	CODE("\x41\xff\x44\x24\x18", 0x7018, 4),         /* incl 0x18(%r12) */
	CODE("\xf0\x0f\xb1\x4c\x94\x08", 0x1048, 4),     /* lock cmpxchgl %ecx, 8(%rsp,%rdx,4) */
	CODE("\x66\x41\xc7\x85\0\x01\0\0\x07\0", 0x8100, 2),   /* movw $7, 0x100(%r13) */
	CODE("\x45\x88\x4d\0", 0x8000, 1),                     /* movb %r9b, (%r13) */
	CODE("\xf0\x48\x0f\xb1\x3e", 0x5000, 8),               /* lock cmpxchgq %rdi, (%rsi) */
	CODE("\xc7\x04\x25\x34\x12\0\0\x05\0\0\0", 0x1234, 4), /* movl $5, 0x1234 */
	CODE("\xf0\x0f\xba\x6d\x20\x03", 0x2020, 4),           /* lock btsl $3, 0x20(%rbp) */
	CODE("\x0f\x94\x47\x04", 0x6004, 1),                   /* sete 4(%rdi) */
	CODE("\x0f\x11\x02", 0x10, 16),                        /* movups %xmm0, (%rdx) */
	CODE("\x42\x80\x0c\xc1\x80", 0x4800, 1),               /* orb $0x80, (%rcx,%r8,8) */
	CODE("\x48\xf7\x13", 0x3000, 8),                       /* notq (%rbx) */
};

static bool writes(const struct code *c, uint64_t addr, unsigned len)
{
	return writes_to((const uint8_t *)c->bytes, c->n, &regs, addr, len);
}

static void what_writes_there_does(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(writers); i++) {
		const struct code *c = &writers[i];

		assert_true(writes(c, c->at, 1));
		assert_true(writes(c, c->at + c->width - 1, 1));
		assert_true(writes(c, c->at - 7, 8));
		assert_false(writes(c, c->at + c->width, 8));
		assert_false(writes(c, c->at - 8, 8));
	}
	(void)state;
}

static void what_is_before_does_not_matter(void **state)
{
	const struct code c = CODE("\xe8\0\0\0\0\x90\x90\x83\x05\x10\0\0\0\x01", RIP + 0x10, 4);
	const struct code xadd = CODE("\x90\xf0\x0f\xc1\x4c\x94\x08", 0x1048,
				      4); /* lock xaddl %ecx, 8(%rsp,%rdx,4) */

	(void)state;
	assert_true(writes(&c, c.at, 4));
	assert_false(writes(&c, c.at + 4, 4));
	assert_true(writes(&xadd, xadd.at, 4));
}

/* Of a part of one, or of one with more behind it, it is not known where it ends. */
static void what_does_not_end_there_does_not(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(writers); i++) {
		struct code c = writers[i];
		uint8_t more[WRITES_MAX + 1];

		memcpy(more, c.bytes, c.n);
		more[c.n] = 0xcc;
		assert_false(writes_to(more, c.n + 1, &regs, c.at, 1));
		while (c.n--)
			assert_false(writes(&c, c.at, 1));
	}
}

static void what_only_reads_does_not(void **state)
{
	static const struct code readers[] = {
		CODE("\x83\x3b\x01", 0x3000, 4), /* cmpl $1, (%rbx) */
		CODE("\x48\x8b\x03", 0x3000, 8), /* movq (%rbx), %rax */
		CODE("\x85\x03", 0x3000, 4),     /* testl %eax, (%rbx) */
		CODE("\x48\x89\xc3", 0x3000, 8), /* movq %rax, %rbx */
		CODE("\x48\x8d\x03", 0x3000, 8), /* leaq (%rbx), %rax */
		CODE("\xff\x13", 0x3000, 8),     /* call *(%rbx) */
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(readers); i++)
		assert_false(writes(&readers[i], readers[i].at, 1));
}

/* Ends of other instructions that could be read as such, with what is watched in a register. */
static void what_looks_like_one_does_not(void **state)
{
	static const struct code others[] = {
		CODE("\x0f\x84\x20\x01\0\0", 0x9000, 8), /* je */
		CODE("\xe8\x12\x34\0\0", 0x9000, 8),     /* call */
		CODE("\x0f\x1f\x44\0\0", 0x9000, 8),     /* nop */
		CODE("\x66\x0f\x1f\x44\0\0", 0x9000, 8), /* nop */
		CODE("\x0f\x1f\x80\0\0\0\0", 0x9000, 8), /* nop */
		CODE("\xbf\0\0\0\0", 0x9000, 8),         /* movl $0, %edi */
		CODE("\x0f\x18\x08", 0x9000, 8),         /* prefetcht0 (%rax) */
		CODE("\x0f\x10\x03", 0x3000, 8),         /* movups (%rbx), %xmm0 */
		CODE("\x66\x89\x03", 0x3002, 2),         /* movw %ax, (%rbx) */
		CODE("\xf2\x0f\x38\xf1\x03", 0x3000, 8), /* crc32l (%rbx), %eax */
	};
	struct registers r = regs;

	(void)state;
	r.v[REG_RAX] = 0x9000;
	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		assert_false(writes_to((const uint8_t *)others[i].bytes, others[i].n, &r,
				       others[i].at, others[i].width));
}

static void a_store_by_gs_is_on_any_page_of_the_kernel(void **state)
{
	const struct code plain =
		CODE("\x65\xff\x04\x25\xc0\x01\0\0", 0x1c0, 4); /* incl %gs:0x1c0 */
	const struct code by_rip = CODE("\x65\x89\x05\x10\0\0\0", 0, 4);

	(void)state;
	assert_true(writes(&plain, 0xffff88803ec001c0, 4));
	assert_true(writes(&plain, 0xffff88803ec001c3, 1));
	assert_false(writes(&plain, 0xffff88803ec001c4, 4));
	assert_false(writes(&plain, 0x7fff000001c0, 4));
	assert_true(writes(&by_rip, 0xffff88803ec00110, 4));
	assert_false(writes(&by_rip, 0xffff88803ec00010, 4));
}

static void any_bytes_will_do(void **state)
{
	uint8_t code[WRITES_MAX] = { 0 };

	(void)state;
	assert_false(writes_to(code, 0, &regs, 0, 8));
	srand(1);
	for (unsigned n = 0; n < 200000; n++) {
		for (size_t i = 0; i < sizeof(code); i++)
			code[i] = rand();
		writes_to(code, n % (sizeof(code) + 1), &regs, rand(), 8);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_writes_there_does),
		cmocka_unit_test(what_is_before_does_not_matter),
		cmocka_unit_test(what_does_not_end_there_does_not),
		cmocka_unit_test(what_only_reads_does_not),
		cmocka_unit_test(what_looks_like_one_does_not),
		cmocka_unit_test(a_store_by_gs_is_on_any_page_of_the_kernel),
		cmocka_unit_test(any_bytes_will_do),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
