// SPDX-License-Identifier: MIT
/* registers.c - registers from a monitor's text, and from notes. */
#include "capture/outside/registers.h"

#include <elf.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

const char *const register_names[REGS] = {
	"rip", "rsp", "rbp", "rax", "rbx", "rcx", "rdx", "rsi",    "rdi", "r8",
	"r9",  "r10", "r11", "r12", "r13", "r14", "r15", "rflags", "cr3",
};

/* ---- text ------------------------------------------------------------------------------------ */

static const char *const words[REGS] = {
	"RIP=", "RSP=", "RBP=", "RAX=", "RBX=", "RCX=", "RDX=", "RSI=", "RDI=", "R8 =",
	"R9 =", "R10=", "R11=", "R12=", "R13=", "R14=", "R15=", "RFL=", "CR3=",
};

/* @word where one begins, before @end. */
static const char *find_word(const char *at, const char *end, const char *word)
{
	for (at = strstr(at, word); at && at < end; at = strstr(at + 1, word))
		if (strchr(" \r\n", at[-1]))
			return at + strlen(word);
	return NULL;
}

static void take_block(const char *at, const char *end, struct registers *r)
{
	*r = (struct registers){ 0 };
	for (int i = 0; i < REGS; i++) {
		const char *from = find_word(at, end, words[i]);
		char *behind;

		if (!from)
			continue;
		r->v[i] = strtoull(from, &behind, 16);
		if (behind != from)
			r->has |= 1u << i;
	}
}

size_t registers_from_text(const char *text, struct registers *r, size_t n)
{
	const char *at = strstr(text, "CPU#");
	size_t count = 0;

	while (at && count < n) {
		const char *next = strstr(at + 1, "CPU#");

		take_block(at + 4, next ? next : at + strlen(at), &r[count++]);
		at = next;
	}
	return count;
}

/* ---- notes ----------------------------------------------------------------------------------- */

#define PRSTATUS_REGS 112 /* offset of the registers in struct elf_prstatus */
#define PRSTATUS_SIZE 336

/* Which is which among them, in their order. */
static const int8_t order[] = {
	REG_R15, REG_R14, REG_R13, REG_R12,     REG_RBP,    REG_RBX, REG_R11,
	REG_R10, REG_R9,  REG_R8,  REG_RAX,     REG_RCX,    REG_RDX, REG_RSI,
	REG_RDI, -1,      REG_RIP, -1 /* cs */, REG_RFLAGS, REG_RSP,
};

static void take_prstatus(const uint8_t *desc, struct registers *r)
{
	*r = (struct registers){ 0 };
	for (size_t i = 0; i < ARRAY_SIZE(order); i++) {
		if (order[i] < 0)
			continue;
		memcpy(&r->v[order[i]], desc + PRSTATUS_REGS + 8 * i, 8);
		r->has |= 1u << order[i];
	}
}

size_t registers_from_notes(const uint8_t *notes, size_t len, struct registers *r, size_t n)
{
	size_t count = 0;
	Elf64_Nhdr h;

	while (count < n && len >= sizeof(h)) {
		uint64_t name, all;

		memcpy(&h, notes, sizeof(h));
		name = sizeof(h) + ((uint64_t)h.n_namesz + 3) / 4 * 4;
		all = name + ((uint64_t)h.n_descsz + 3) / 4 * 4;
		if (name + h.n_descsz > len)
			break;
		if (h.n_type == NT_PRSTATUS && h.n_namesz == 5 &&
		    !memcmp(notes + sizeof(h), "CORE", 5) && h.n_descsz >= PRSTATUS_SIZE)
			take_prstatus(notes + name, &r[count++]);
		if (all > len)
			break;
		notes += all;
		len -= all;
	}
	return count;
}
