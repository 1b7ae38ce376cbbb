// SPDX-License-Identifier: MIT
/* kernel_symbol.c - look a name up in kallsyms; let a program find a per-CPU variable. */
#include "capture/live/kernel_symbol.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/near.h"
#include "capture/live/bpf_insns.h"
#include "capture/live/ledger.h"
#include "report/listing.h"

#define KERNEL_HALF (1ull << 63)

/* ---- kallsyms -------------------------------------------------------------------------------- */

struct scan {
	const char *name;
	size_t len;
	uint64_t addr;
	unsigned n;
	struct list all;
	uint64_t functions, variables; /* that the file lists */
	uint64_t from, to;             /* the pattern of each CPU's variables; 0: it tells not */
	bool is_hidden;
};

/* Kernels without CONFIG_KALLSYMS_ALL list a few dozen marks of the linker as data, and no
 * variables; the others list nearly as many variables as functions. */
static bool has_variables(const struct scan *s)
{
	return s->variables * 100 >= s->functions;
}

static void take_line(struct scan *s, char *line)
{
	char *at, *name;
	uint64_t addr = strtoull(line, &at, 16);

	if (at[0] != ' ' || !at[1] || at[2] != ' ')
		return;
	name = at + 3;
	s->is_hidden |= !addr && strchr("tT", at[1]);
	s->functions += !!strchr("tTwW", at[1]);
	s->variables += !!strchr("dDbB", at[1]);
	if (!strcmp(name, "__per_cpu_start\n"))
		s->from = addr;
	if (!strcmp(name, "__per_cpu_end\n"))
		s->to = addr;
	if (strncmp(name, s->name, s->len) || !strchr("\n\t", name[s->len]))
		return;
	s->addr = addr;
	s->n++;
	list_add(&s->all, "0x%llx", (unsigned long long)addr);
}

int kernel_symbol_check(const char *name, uint64_t addr, uint64_t from, uint64_t to,
			struct ksnap_err *err)
{
	if (addr & KERNEL_HALF && (addr < from || addr >= to))
		return 0;
	return err_set(err, KSNAP_E_ARG,
		       "%.64s is a variable of each CPU, or a constant: per_cpu:%.64s@0 is the "
		       "first CPU's",
		       name, name);
}

static int judge(const struct scan *s, const char *path, struct ksnap_err *err)
{
	if (s->is_hidden)
		return err_set(err, KSNAP_E_TARGET, "%s hides its addresses (kernel.kptr_restrict)",
			       path);
	if (s->n > 1)
		return err_set(err, KSNAP_E_ARG,
			       "%u kernel symbols are called %s; name an address: %s", s->n,
			       s->name, list_text(&s->all));
	if (s->n)
		return kernel_symbol_check(s->name, s->addr, s->from, s->to, err);
	return err_set(err, KSNAP_E_NOTFOUND, "the kernel lists no symbol %.64s%s", s->name,
		       has_variables(s) ? ""
					: "; it lists functions only and no variables "
					  "(CONFIG_KALLSYMS_ALL is off)");
}

int kernel_symbol_find(const char *path, const char *name, uint64_t *ret, struct ksnap_err *err)
{
	struct scan s = { .name = name, .len = strlen(name) };
	_free_ char *line = NULL;
	FILE *f = fopen(path, "re");
	size_t cap = 0;

	if (!f)
		return err_errno(err, KSNAP_E_TARGET, errno, "%s cannot be read", path);
	while (getline(&line, &cap, f) > 0)
		take_line(&s, line);
	fclose(f);
	*ret = s.addr;
	return judge(&s, path, err);
}

/* ---- per-CPU variables ----------------------------------------------------------------------- */

static void emit_find(struct ledger *l, uint32_t var, uint32_t cpu)
{
	EMIT(l, INSN(BPF_LD | BPF_DW | BPF_IMM, 1, BPF_PSEUDO_BTF_ID, 0, var), INSN(0, 0, 0, 0, 0),
	     MOVE_NUMBER(2, cpu), CALL(BPF_FUNC_per_cpu_ptr), LOAD_VALUE(7, l->fd, 0),
	     STORE(7, 0, 0), MOVE_NUMBER(0, 0), EXIT());
}

/* The kernel's BTF has variables of CPUs only. */
static int miss(const struct btf *btf, const char *name, struct ksnap_err *err)
{
	struct near near = { .want = name };
	char names[NEAR_TEXT];

	for (uint32_t i = 1; i < btf__type_cnt(btf); i++) {
		const struct btf_type *t = btf__type_by_id(btf, i);

		if (btf_is_var(t))
			near_add(&near, btf__name_by_offset(btf, t->name_off));
	}
	near.seen = 0; /* how many others there are helps nobody */
	near_text(&near, names, sizeof(names));
	return err_set(err, KSNAP_E_NOTFOUND,
		       "the kernel's BTF has no per-CPU variable %.64s; near: %s", name, names);
}

int per_cpu_variable_find(const struct btf *btf, const char *name, uint32_t cpu, uint64_t *ret,
			  uint32_t *ret_type, struct ksnap_err *err)
{
	int32_t var = btf__find_by_name_kind(btf, name, BTF_KIND_VAR);
	struct ksnap_err why = { 0 };
	_ledger_ struct ledger l = { 0 };
	int code;

	if (var <= 0)
		return miss(btf, name, err);
	code = ledger_init(&l, sizeof(*ret), err);
	if (code)
		return code;
	emit_find(&l, var, cpu);
	code = ledger_run(&l, BPF_PROG_TYPE_RAW_TRACEPOINT, "at a per-CPU variable", &why);
	if (code == KSNAP_E_TARGET)
		return err_set(err, KSNAP_E_UNSUPPORTED,
			       "per-CPU variables are found by kallsyms, which here lists no "
			       "variables (CONFIG_KALLSYMS_ALL), or does not know this one: %s",
			       why.text);
	if (code)
		return err_set(err, code, "%s", why.text);
	memcpy(ret, l.mapped, sizeof(*ret));
	*ret_type = btf__type_by_id(btf, var)->type;
	return *ret ? 0
		    : err_set(err, KSNAP_E_ARG, "symbol: per_cpu:%.64s@%u: there is no CPU %u",
			      name, cpu, cpu);
}
