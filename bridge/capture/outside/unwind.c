// SPDX-License-Identifier: MIT
/* unwind.c - one frame after the other, by what the kernel says of each. */
#include "capture/outside/unwind.h"

#include <string.h>

/* Offsets in the kernel's struct pt_regs, which the processor and the entry code lay out. */
#define PT_R13   16
#define PT_BP    32
#define PT_R10   56
#define PT_DX    96
#define PT_DI    112
#define PT_IP    128
#define PT_CS    136
#define PT_SP    152
#define PT_BYTES 168

struct frame {
	struct space *mem;
	uint64_t ip, sp, bp;
	uint64_t dx, di, r10, r13;
	bool has_regs; /* the four are known: nothing was called since they were saved */
	bool is_first; /* ip is where it stands, not behind a call */
};

static bool load(const struct frame *f, uint64_t at, uint64_t *ret)
{
	return space_u64(f->mem, at, ret);
}

/* Where the caller's frame begins. */
static bool find_caller(const struct frame *f, const struct orc_entry *e, uint64_t *ret)
{
	const uint64_t of[ORC_REGS] = {
		[ORC_REG_DX] = f->dx,    [ORC_REG_DI] = f->di,    [ORC_REG_BP] = f->bp,
		[ORC_REG_SP] = f->sp,    [ORC_REG_R10] = f->r10,  [ORC_REG_R13] = f->r13,
		[ORC_REG_AT_BP] = f->bp, [ORC_REG_AT_SP] = f->sp,
	};

	*ret = of[e->sp_reg];
	switch (e->sp_reg) {
	case ORC_REG_NONE:
	case ORC_REG_PREV_SP:
		return false;
	case ORC_REG_AT_SP:
		if (!load(f, *ret, ret))
			return false;
		break;
	case ORC_REG_AT_BP:
		return load(f, *ret + e->sp_off, ret);
	case ORC_REG_BP:
	case ORC_REG_SP:
		break;
	default:
		if (!f->has_regs)
			return false;
	}
	*ret += e->sp_off;
	return true;
}

static bool find_bp(struct frame *f, const struct orc_entry *e, uint64_t caller)
{
	if (e->bp_reg == ORC_REG_PREV_SP)
		return load(f, caller + e->bp_off, &f->bp);
	if (e->bp_reg == ORC_REG_BP)
		return load(f, f->bp + e->bp_off, &f->bp);
	return e->bp_reg == ORC_REG_NONE;
}

static bool step_call(struct frame *f, const struct orc_entry *e, uint64_t caller)
{
	uint64_t ip;

	if (!load(f, caller - 8, &ip) || !find_bp(f, e, caller))
		return false;
	f->ip = ip;
	f->sp = caller;
	f->has_regs = f->is_first = false;
	return true;
}

static uint64_t saved(const uint8_t *regs, unsigned off)
{
	uint64_t v;

	memcpy(&v, regs + off, sizeof(v));
	return v;
}

/* At an interrupt: what it saved. In user space nothing more is to be seen. */
static bool step_regs(struct frame *f, uint64_t at)
{
	uint8_t regs[PT_BYTES];

	if (!space_read(f->mem, at, regs, sizeof(regs)) || saved(regs, PT_CS) & 3)
		return false;
	f->ip = saved(regs, PT_IP);
	f->sp = saved(regs, PT_SP);
	f->bp = saved(regs, PT_BP);
	f->dx = saved(regs, PT_DX);
	f->di = saved(regs, PT_DI);
	f->r10 = saved(regs, PT_R10);
	f->r13 = saved(regs, PT_R13);
	f->has_regs = f->is_first = true;
	return true;
}

static bool step_iret(struct frame *f, const struct orc_entry *e, uint64_t at)
{
	uint64_t ip, cs, sp;

	if (!load(f, at, &ip) || !load(f, at + (PT_CS - PT_IP), &cs) || cs & 3 ||
	    !load(f, at + (PT_SP - PT_IP), &sp) || !find_bp(f, e, at))
		return false;
	f->ip = ip;
	f->sp = sp;
	f->has_regs = false;
	f->is_first = true;
	return true;
}

static bool step(struct frame *f, const struct orc *orc)
{
	struct orc_entry e;
	uint64_t caller;

	/* Behind a call that does not return there may be another function. */
	if (!orc_look_up(orc, f->mem, f->ip - !f->is_first, &e) || e.kind == ORC_END ||
	    !find_caller(f, &e, &caller))
		return false;
	switch (e.kind) {
	case ORC_CALL:
		return step_call(f, &e, caller);
	case ORC_FULL:
		return step_regs(f, caller);
	default:
		return step_iret(f, &e, caller);
	}
}

unsigned unwind(struct kernel *k, const struct registers *r, uint64_t *ret, unsigned max)
{
	struct frame f = { .mem = &k->image.space,
			   .ip = r->v[REG_RIP],
			   .sp = r->v[REG_RSP],
			   .bp = r->v[REG_RBP],
			   .dx = r->v[REG_RDX],
			   .di = r->v[REG_RDI],
			   .r10 = r->v[REG_R10],
			   .r13 = r->v[REG_R13],
			   .has_regs = true,
			   .is_first = true };
	unsigned n = 0;

	if (!(r->has >> REG_RIP & 1))
		return 0;
	while (n < max && f.ip >= KERNEL_MAP) {
		ret[n++] = f.ip;
		if (!step(&f, &k->orc))
			break;
	}
	if (!n && max)
		ret[n++] = f.ip;
	return n;
}
