/* SPDX-License-Identifier: MIT */
/* kernel_symbol.h - addresses of what the kernel itself has a name for. */
#ifndef KSNAP_CAPTURE_LIVE_KERNEL_SYMBOL_H
#define KSNAP_CAPTURE_LIVE_KERNEL_SYMBOL_H

#include <bpf/btf.h>

#include "ksnap.h"

#define KALLSYMS "/proc/kallsyms"

/* The address of the symbol @name by the kallsyms file @path. E_NOTFOUND says when the file lists
 * no data at all; E_ARG: several have the name, their addresses are listed, or it is of each
 * CPU; E_TARGET: it cannot be
 * read, or hides its addresses. */
int kernel_symbol_find(const char *path, const char *name, uint64_t *ret, struct ksnap_err *err);

/* Is @addr, which the symbol @name has, the place of a variable? E_ARG: it is only the pattern of
 * each CPU's, which stands between @from and @to, or a number. */
int kernel_symbol_check(const char *name, uint64_t addr, uint64_t from, uint64_t to,
			struct ksnap_err *err);

/* The address of the per-CPU variable @name of @cpu, and its type in @btf, the kernel's own.
 * E_NOTFOUND: BTF has no such variable, the text names near ones; E_ARG: no such CPU;
 * E_UNSUPPORTED: this kernel does not let programs find per-CPU variables. */
int per_cpu_variable_find(const struct btf *btf, const char *name, uint32_t cpu, uint64_t *ret,
			  uint32_t *ret_type, struct ksnap_err *err);

#endif
