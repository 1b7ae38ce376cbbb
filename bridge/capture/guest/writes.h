/* SPDX-License-Identifier: MIT */
/* writes.h - which instruction was it?
 *
 * What traps for a write stands right behind it, when qemu tells at once, and anywhere when it
 * tells late. So the bytes before that place are looked at: is there an instruction that ends
 * there, and writes to what is watched? Bytes can be read as many instructions, but seldom has a
 * wrong one the very address as its operand: at one in 400 of the places in a C library where code
 * jumps to, when a register holds the address. And only traps that may be late are asked for it.
 *
 * Of the writing instructions with an operand in memory: moves, arithmetic, logic, shifts,
 * exchanges, numbered bits, set by condition, and moves of SSE registers (Intel's manual, volume 2,
 * appendix A). Not: those of strings, of the stack, of AVX, of bits whose number is in a register.
 */
#ifndef KSNAP_CAPTURE_GUEST_WRITES_H
#define KSNAP_CAPTURE_GUEST_WRITES_H

#include "capture/outside/registers.h"

#define WRITES_MAX 15 /* bytes of an instruction */

/* Does an instruction that is the end of @code, and that @r is right behind, write to any of the
 * @len bytes at @addr? Of one with the prefix for gs, whose base is not known, that may be any page
 * of the kernel. Total: any bytes will do. */
bool writes_to(const uint8_t *code, size_t n, const struct registers *r, uint64_t addr,
	       unsigned len);

#endif
