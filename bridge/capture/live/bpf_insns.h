/* SPDX-License-Identifier: MIT */
/* bpf_insns.h - instructions for the small programs that are written out in C. */
#ifndef KSNAP_CAPTURE_LIVE_BPF_INSNS_H
#define KSNAP_CAPTURE_LIVE_BPF_INSNS_H

#include <linux/bpf.h>

// clang-format off
#define INSN(c, d, s, o, i) \
	((struct bpf_insn){ .code = (c), .dst_reg = (d), .src_reg = (s), .off = (o), .imm = (i) })
#define MOVE(d, s)        INSN(BPF_ALU64 | BPF_MOV | BPF_X, d, s, 0, 0)
#define MOVE_NUMBER(d, n) INSN(BPF_ALU64 | BPF_MOV | BPF_K, d, 0, 0, n)
#define ADD_NUMBER(d, n)  INSN(BPF_ALU64 | BPF_ADD | BPF_K, d, 0, 0, n)
#define LOAD(d, s, o)     INSN(BPF_LDX | BPF_MEM | BPF_DW, d, s, o, 0)
#define LOAD_WORD(d, s, o) INSN(BPF_LDX | BPF_MEM | BPF_W, d, s, o, 0)
#define STORE(d, o, s)    INSN(BPF_STX | BPF_MEM | BPF_DW, d, s, o, 0)
#define JUMP_IF_0(r, o)   INSN(BPF_JMP | BPF_JEQ | BPF_K, r, 0, o, 0)
#define STORE_SIZED(w, d, o, s) INSN(BPF_STX | BPF_MEM | (w), d, s, o, 0)
#define LOAD_SIZED(w, d, s, o)  INSN(BPF_LDX | BPF_MEM | (w), d, s, o, 0)
#define ATOMIC_OR(w, d, o, s)   INSN(BPF_STX | BPF_ATOMIC | (w), d, s, o, BPF_OR)
/* Two instructions: a map, or the bytes at an offset of the one value of an array. */
#define LOAD_MAP(d, fd)          INSN(BPF_LD | BPF_DW | BPF_IMM, d, BPF_PSEUDO_MAP_FD, 0, fd), INSN(0, 0, 0, 0, 0)
#define LOAD_VALUE(d, fd, o)     INSN(BPF_LD | BPF_DW | BPF_IMM, d, BPF_PSEUDO_MAP_VALUE, 0, fd), INSN(0, 0, 0, 0, o)
#define CALL(f)           INSN(BPF_JMP | BPF_CALL, 0, 0, 0, f)
#define EXIT()            INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0)
// clang-format on

#endif
