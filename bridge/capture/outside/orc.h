/* SPDX-License-Identifier: MIT */
/* orc.h - what a kernel keeps for unwinding its own stacks: for each instruction, where the frame's
 * caller is. */
#ifndef KSNAP_CAPTURE_OUTSIDE_ORC_H
#define KSNAP_CAPTURE_OUTSIDE_ORC_H

#include <bpf/btf.h>

#include "capture/memory/image.h"

enum orc_kind {
	ORC_END,  /* nothing called it */
	ORC_CALL, /* a return address is under the caller's stack pointer */
	ORC_FULL, /* there all registers are, as an interrupt saved them */
	ORC_IRET, /* there are only those that the processor saves */
};

/* Registers that an entry may name, as the kernel numbers them. */
enum orc_reg {
	ORC_REG_NONE,
	ORC_REG_PREV_SP,
	ORC_REG_DX,
	ORC_REG_DI,
	ORC_REG_BP,
	ORC_REG_SP,
	ORC_REG_R10,
	ORC_REG_R13,
	ORC_REG_AT_BP, /* what is at bp + offset */
	ORC_REG_AT_SP, /* what is at sp, and the offset added to that */
	ORC_REGS
};

struct orc_entry {
	enum orc_kind kind;
	enum orc_reg sp_reg, bp_reg;
	int sp_off, bp_off;
};

/* A field of the kernel's struct orc_entry, in bits; len 0: it has none. */
struct orc_field {
	unsigned at, len;
};

/* Zeroed: the kernel keeps frame pointers instead, or nothing is known. */
struct orc {
	uint64_t ips, entries; /* addresses of its two tables */
	uint64_t n;
	uint64_t text, text_end;
	unsigned size; /* bytes of an entry */
	struct orc_field sp_off, bp_off, sp_reg, bp_reg, type, end;
};

/* Find the tables of the kernel in @im, whose types are @btf. */
void orc_find(struct orc *o, const struct image *im, const struct btf *btf);
/* What holds at @ip. False: nothing is known of it. Of code that is not the kernel's own text,
 * such as a BPF program's, it is that frame pointers are kept. */
bool orc_look_up(const struct orc *o, struct space *mem, uint64_t ip, struct orc_entry *ret);

#endif
