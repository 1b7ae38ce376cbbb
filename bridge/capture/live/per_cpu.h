/* SPDX-License-Identifier: MIT */
/* per_cpu.h - where a CPU keeps its variables, also on kernels that do not list them. */
#ifndef KSNAP_CAPTURE_LIVE_PER_CPU_H
#define KSNAP_CAPTURE_LIVE_PER_CPU_H

#include "capture/btf_path.h"
#include "capture/symbol.h"
#include "ksnap.h"

struct target;
struct per_cpu;

void per_cpu_destroy(struct per_cpu *p);

/* The address of the variable that @s, a SYMBOL_PER_CPU, names, and what its path leads to, from
 * there; pointers only with @hops. E_NOTFOUND: BTF has no such variable, or lists the members that
 * are there; E_ARG: no such CPU; E_UNSUPPORTED: this kernel lets nobody find it. */
int per_cpu_find(struct target *t, const struct symbol *s, bool hops, uint64_t *ret_addr,
		 struct btf_spot *ret, struct ksnap_err *err);

#endif
