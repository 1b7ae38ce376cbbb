/* SPDX-License-Identifier: MIT */
/* registers.h - what the CPUs of a machine that stands still have in their registers. */
#ifndef KSNAP_CAPTURE_OUTSIDE_REGISTERS_H
#define KSNAP_CAPTURE_OUTSIDE_REGISTERS_H

#include "ksnap.h"

enum {
	REG_RIP,
	REG_RSP,
	REG_RBP,
	REG_RAX,
	REG_RBX,
	REG_RCX,
	REG_RDX,
	REG_RSI,
	REG_RDI,
	REG_R8,
	REG_R9,
	REG_R10,
	REG_R11,
	REG_R12,
	REG_R13,
	REG_R14,
	REG_R15,
	REG_RFLAGS,
	REG_CR3,
	REGS
};

struct registers {
	uint64_t v[REGS];
	uint32_t has; /* a bit each */
};

extern const char *const register_names[REGS]; /* "rip", ... */

/* What QEMU's monitor says to "info registers -a", one @r a CPU; gives how many CPUs it told of, at
 * most @n. The text may have any end. */
size_t registers_from_text(const char *text, struct registers *r, size_t n);
/* The same of an ELF core's notes: one NT_PRSTATUS a CPU. */
size_t registers_from_notes(const uint8_t *notes, size_t len, struct registers *r, size_t n);

#endif
