/* SPDX-License-Identifier: MIT */
/* unwind.h - from the registers of a CPU up the kernel's stack.
 *
 * Total: a stack may hold anything, the walk ends after @max frames. */
#ifndef KSNAP_CAPTURE_OUTSIDE_UNWIND_H
#define KSNAP_CAPTURE_OUTSIDE_UNWIND_H

#include "capture/outside/kernel.h"
#include "capture/outside/registers.h"

/* Return addresses, innermost first, the first being rip; up to where the kernel was entered, or to
 * a frame of which nothing is known. How many. */
unsigned unwind(struct kernel *k, const struct registers *regs, uint64_t *ret, unsigned max);

#endif
