/* SPDX-License-Identifier: MIT */
/* hit.h - a hit of a guest's watch, as the `hit` of a report: shape report_hit. */
#ifndef KSNAP_CAPTURE_GUEST_HIT_H
#define KSNAP_CAPTURE_GUEST_HIT_H

#include "capture/outside/registers.h"
#include "capture/outside/tasks.h"

#define HIT_FRAMES 32 /* of the kernel's stack */

struct hit {
	uint64_t n; /* number among the told ones */
	uint64_t addr;
	unsigned len;
	bool is_signed; /* the values */
	uint64_t old, new;
	uint64_t mono_ns;
	uint64_t suppressed; /* so far */
	unsigned cpu;
	struct running who;
	struct registers regs;
	uint64_t stack[HIT_FRAMES]; /* return addresses, the first is rip */
	unsigned nframes;
};

/* Append the msgpack map to @out, the stack with names of @k. */
void hit_encode(const struct hit *h, struct kernel *k, struct buf *out);

#endif
