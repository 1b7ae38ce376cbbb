// SPDX-License-Identifier: MIT
/* writes.c - read x86-64 code backwards. */
#include "capture/guest/writes.h"

#include "base/cleanup.h"
#include "capture/memory/paging.h"

enum map { ONE_BYTE, AFTER_0F };

enum width { BY_OPCODE /* its lowest bit: one byte, or more */, BYTE, WORDS, VECTOR };

/* Opcodes that write to their operand; @regs: which of the eight in the reg field, where that is
 * part of the opcode. */
static const struct writer {
	enum map map;
	uint8_t first, last, regs;
	enum width width;
	uint8_t imm; /* bytes; 4: 2 with the prefix for 16 bits */
} writers[] = {
	{ ONE_BYTE, 0x00, 0x01, 0xff, BY_OPCODE, 0 }, /* add */
	{ ONE_BYTE, 0x08, 0x09, 0xff, BY_OPCODE, 0 }, /* or */
	{ ONE_BYTE, 0x10, 0x11, 0xff, BY_OPCODE, 0 }, /* adc */
	{ ONE_BYTE, 0x18, 0x19, 0xff, BY_OPCODE, 0 }, /* sbb */
	{ ONE_BYTE, 0x20, 0x21, 0xff, BY_OPCODE, 0 }, /* and */
	{ ONE_BYTE, 0x28, 0x29, 0xff, BY_OPCODE, 0 }, /* sub */
	{ ONE_BYTE, 0x30, 0x31, 0xff, BY_OPCODE, 0 }, /* xor */
	{ ONE_BYTE, 0x80, 0x80, 0x7f, BYTE, 1 },      /* the same with a number; not cmp */
	{ ONE_BYTE, 0x81, 0x81, 0x7f, WORDS, 4 },
	{ ONE_BYTE, 0x83, 0x83, 0x7f, WORDS, 1 },
	{ ONE_BYTE, 0x86, 0x89, 0xff, BY_OPCODE, 0 }, /* xchg, mov */
	{ ONE_BYTE, 0xc0, 0xc1, 0xff, BY_OPCODE, 1 }, /* shifts */
	{ ONE_BYTE, 0xc6, 0xc6, 0x01, BYTE, 1 },      /* mov */
	{ ONE_BYTE, 0xc7, 0xc7, 0x01, WORDS, 4 },
	{ ONE_BYTE, 0xd0, 0xd3, 0xff, BY_OPCODE, 0 }, /* shifts */
	{ ONE_BYTE, 0xf6, 0xf7, 0x0c, BY_OPCODE, 0 }, /* not, neg */
	{ ONE_BYTE, 0xfe, 0xff, 0x03, BY_OPCODE, 0 }, /* inc, dec */
	{ AFTER_0F, 0x11, 0x11, 0xff, VECTOR, 0 },    /* movups and the like */
	{ AFTER_0F, 0x29, 0x29, 0xff, VECTOR, 0 },    /* movaps */
	{ AFTER_0F, 0x7f, 0x7f, 0xff, VECTOR, 0 },    /* movdqa */
	{ AFTER_0F, 0x90, 0x9f, 0xff, BYTE, 0 },      /* setcc */
	{ AFTER_0F, 0xa4, 0xa4, 0xff, WORDS, 1 },     /* shld */
	{ AFTER_0F, 0xa5, 0xa5, 0xff, WORDS, 0 },     /* shld */
	{ AFTER_0F, 0xac, 0xac, 0xff, WORDS, 1 },     /* shrd */
	{ AFTER_0F, 0xad, 0xad, 0xff, WORDS, 0 },     /* shrd */
	{ AFTER_0F, 0xb0, 0xb1, 0xff, BY_OPCODE, 0 }, /* cmpxchg */
	{ AFTER_0F, 0xba, 0xba, 0xe0, WORDS, 1 },     /* bts, btr, btc */
	{ AFTER_0F, 0xc0, 0xc1, 0xff, BY_OPCODE, 0 }, /* xadd */
	{ AFTER_0F, 0xc3, 0xc3, 0xff, WORDS, 0 },     /* movnti */
	{ AFTER_0F, 0xc7, 0xc7, 0x02, VECTOR, 0 },    /* cmpxchg8b, cmpxchg16b */
	{ AFTER_0F, 0xd6, 0xd6, 0xff, VECTOR, 0 },    /* movq */
	{ AFTER_0F, 0xe7, 0xe7, 0xff, VECTOR, 0 },    /* movntdq */
};

/* An instruction, as far as it was read. */
struct insn {
	const uint8_t *p;
	size_t left;
	bool is_short; /* there were not as many bytes as it needs */
	bool is_16, is_gs;
	uint8_t rex, opcode, modrm;
	enum map map;
};

static uint8_t take(struct insn *in)
{
	if (!in->left) {
		in->is_short = true;
		return 0;
	}
	in->left--;
	return *in->p++;
}

/* False: a prefix that no code of the kernel has with a watched operand. */
static bool take_prefixes(struct insn *in)
{
	for (;; take(in)) {
		if (!in->left)
			return false;
		switch (*in->p) {
		case 0x66:
			in->is_16 = true;
			break;
		case 0x65:
			in->is_gs = true;
			break;
		case 0x26: /* segments without a meaning */
		case 0x2e:
		case 0x36:
		case 0x3e:
		case 0xf0: /* lock */
		case 0xf2: /* part of an opcode */
		case 0xf3:
			break;
		case 0x64: /* fs */
		case 0x67: /* addresses of 32 bits */
			return false;
		default:
			return true;
		}
	}
}

static void take_opcode(struct insn *in)
{
	if ((*in->p & 0xf0) == 0x40)
		in->rex = take(in);
	in->opcode = take(in);
	if (in->opcode == 0x0f) {
		in->map = AFTER_0F;
		in->opcode = take(in);
	}
	in->modrm = take(in);
}

static const struct writer *find_writer(const struct insn *in)
{
	unsigned reg = in->modrm >> 3 & 7;

	for (size_t i = 0; i < ARRAY_SIZE(writers); i++) {
		const struct writer *w = &writers[i];

		if (w->map == in->map && in->opcode >= w->first && in->opcode <= w->last)
			return w->regs >> reg & 1 ? w : NULL;
	}
	return NULL;
}

static unsigned width_of(const struct insn *in, const struct writer *w)
{
	if (w->width == VECTOR)
		return 16;
	if (w->width == BYTE || (w->width == BY_OPCODE && !(in->opcode & 1)))
		return 1;
	return in->rex & 8 ? 8 : in->is_16 ? 2 : 4;
}

/* ---- the operand ----------------------------------------------------------------------------- */

static uint64_t value_of(const struct registers *r, unsigned number)
{
	static const uint8_t of[] = {
		REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP, REG_RSI, REG_RDI,
		REG_R8,  REG_R9,  REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15,
	};

	return r->v[of[number & 15]];
}

static int64_t take_signed(struct insn *in, unsigned len)
{
	uint32_t v = 0;

	for (unsigned i = 0; i < len; i++)
		v |= (uint32_t)take(in) << (8 * i);
	return len == 1 ? (int8_t)v : (int32_t)v;
}

/* What the SIB byte names; *ret_mod may become 2, for it has 32 bits more. */
static uint64_t take_sib(struct insn *in, const struct registers *r, unsigned *ret_mod)
{
	uint8_t sib = take(in);
	unsigned base = (sib & 7) | (in->rex & 1) << 3, index = (sib >> 3 & 7) | (in->rex & 2) << 2;
	uint64_t at = index == 4 ? 0 : value_of(r, index) << (sib >> 6);

	if ((sib & 7) != 5 || *ret_mod)
		return at + value_of(r, base);
	*ret_mod = 2;
	return at;
}

/* In memory, as modrm says, which is not a register. */
static uint64_t take_operand(struct insn *in, const struct registers *r)
{
	unsigned mod = in->modrm >> 6, rm = in->modrm & 7;
	uint64_t at;

	if (rm == 4) {
		at = take_sib(in, r, &mod);
	} else if (rm == 5 && !mod) {
		at = r->v[REG_RIP];
		mod = 2;
	} else {
		at = value_of(r, rm | (in->rex & 1) << 3);
	}
	return mod ? at + take_signed(in, mod == 1 ? 1 : 4) : at;
}

static bool overlap(uint64_t at, unsigned width, uint64_t addr, unsigned len)
{
	return at - addr < len || addr - at < width;
}

/* With any base that is a page of the kernel. */
static bool may_overlap(uint64_t at, unsigned width, uint64_t addr, unsigned len)
{
	uint64_t base = (addr - at + len - 1) & ~(uint64_t)(PAGE_BYTES - 1);

	return base >> 63 && overlap(base + at, width, addr, len);
}

/* The end of a number, as of a call, a jump or a long nop: no compiler adds %al to (%rax). */
static bool is_by_chance(const struct insn *in)
{
	return in->map == ONE_BYTE && in->opcode < 0x80 && !in->modrm;
}

/* Is what begins at @at the rest of an instruction that means something else? */
static bool is_rest(const uint8_t *code, size_t at)
{
	return at && (code[at - 1] == 0x0f || code[at - 1] == 0x66);
}

/* Are these bytes, from the first to the last, one that writes there? */
static bool is_writer(const uint8_t *code, size_t n, const struct registers *r, uint64_t addr,
		      unsigned len)
{
	struct insn in = { .p = code, .left = n };
	const struct writer *w;
	unsigned imm, width;
	uint64_t at;

	if (!take_prefixes(&in))
		return false;
	take_opcode(&in);
	w = find_writer(&in);
	if (!w || in.modrm >> 6 == 3 || is_by_chance(&in))
		return false;
	at = take_operand(&in, r);
	imm = w->imm == 4 && in.is_16 && !(in.rex & 8) ? 2 : w->imm;
	width = width_of(&in, w);
	if (in.is_short || in.left != imm)
		return false;
	return in.is_gs ? may_overlap(at, width, addr, len) : overlap(at, width, addr, len);
}

bool writes_to(const uint8_t *code, size_t n, const struct registers *r, uint64_t addr,
	       unsigned len)
{
	for (size_t i = 2; i <= n && i <= WRITES_MAX; i++)
		if (!is_rest(code, n - i) && is_writer(code + n - i, i, r, addr, len))
			return true;
	return false;
}
