// SPDX-License-Identifier: MIT
/* ksyms.c - read kallsyms, keep the functions, find by bisection. */
#include "capture/live/ksyms.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"

#define OF_BPF     " [bpf]"
#define BPF_PREFIX "bpf_prog_"

/* Where a module's memory is; its code is at the begin of it. */
struct extent {
	uint64_t begin, end;
};

void ksyms_fini(struct ksyms *k)
{
	buf_fini(&k->syms);
	buf_fini(&k->names);
}

static bool is_program(const char *name, const char *module)
{
	return module && !strcmp(module, OF_BPF) && !strncmp(name, BPF_PREFIX, strlen(BPF_PREFIX));
}

/* "ffffffff81000000 T _stext\n", with "\t[module]" behind the name of a module's. */
static void take_line(struct ksyms *k, char *line)
{
	char *at, *module;
	struct ksym s = { .addr = strtoull(line, &at, 16), .name = k->names.len };

	if (!s.addr || at[0] != ' ' || !at[1] || !strchr("tTwW", at[1]) || at[2] != ' ')
		return;
	at += 3;
	at[strcspn(at, "\n")] = 0;
	module = strchr(at, '\t');
	if (module)
		*module = ' ';
	if (is_program(at, module))
		return;
	s.stays = !module;
	s.room = module ? KSYM_PAGE : KSYM_FAR;
	buf_append(&k->names, at, strlen(at) + 1);
	buf_append(&k->syms, &s, sizeof(s));
}

static int by_address(const void *a, const void *b)
{
	const struct ksym *x = a, *y = b;

	return (x->addr > y->addr) - (x->addr < y->addr);
}

static size_t count_of(const struct ksyms *k)
{
	return k->syms.len / sizeof(struct ksym);
}

static struct ksym *sym_at(const struct ksyms *k, size_t i)
{
	return (struct ksym *)k->syms.data + i;
}

/* How many begin at @addr or before. */
static size_t count_until(const struct ksyms *k, uint64_t addr)
{
	size_t lo = 0, hi = count_of(k);

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (sym_at(k, mid)->addr <= addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

/* A module's functions end where it ends. */
static void bound(struct ksyms *k, const struct extent *e)
{
	for (size_t i = count_until(k, e->begin - 1); i < count_of(k); i++) {
		struct ksym *s = sym_at(k, i);
		uint64_t room = e->end - s->addr;

		if (s->addr >= e->end)
			break;
		if (!s->stays)
			s->room = room < UINT32_MAX ? room : UINT32_MAX;
	}
}

/* "nf_tables 372736 0 - Live 0xffffffffc0a10000". */
static void take_module(struct ksyms *k, const char *line)
{
	uint64_t size;
	struct extent e;

	if (sscanf(line, "%*s %" SCNu64 " %*s %*s %*s %" SCNx64, &size, &e.begin) != 2 || !e.begin)
		return;
	e.end = e.begin + size;
	bound(k, &e);
}

static void read_lines(FILE *f, struct ksyms *k, bool are_modules)
{
	_free_ char *line = NULL;
	size_t cap = 0;

	while (getline(&line, &cap, f) > 0) {
		if (are_modules)
			take_module(k, line);
		else
			take_line(k, line);
	}
	fclose(f);
}

int ksyms_load(struct ksyms *k, const char *path, const char *modules, struct ksnap_err *err)
{
	FILE *f = fopen(path, "re");

	buf_clear(&k->syms);
	buf_clear(&k->names);
	if (!f)
		return err_errno(err, KSNAP_E_TARGET, errno, "%s cannot be read", path);
	read_lines(f, k, false);
	if (!buf_ok(&k->syms) || !buf_ok(&k->names))
		return err_nomem(err);
	if (!count_of(k))
		return err_set(err, KSNAP_E_TARGET, "%s hides its addresses (kernel.kptr_restrict)",
			       path);
	qsort(k->syms.data, count_of(k), sizeof(struct ksym), by_address);
	f = fopen(modules, "re");
	if (f)
		read_lines(f, k, true);
	return 0;
}

const struct ksym *ksyms_at(const struct ksyms *k, uint64_t addr)
{
	size_t n = count_until(k, addr);
	const struct ksym *s = n ? sym_at(k, n - 1) : NULL;

	return s && addr - s->addr < s->room ? s : NULL;
}

const char *ksyms_name(const struct ksyms *k, const struct ksym *s, uint64_t addr,
		       uint64_t *ret_off)
{
	*ret_off = addr - s->addr;
	return (const char *)k->names.data + s->name;
}

const char *ksyms_find(const struct ksyms *k, uint64_t addr, uint64_t *ret_off)
{
	const struct ksym *s = ksyms_at(k, addr);

	return s ? ksyms_name(k, s, addr, ret_off) : NULL;
}
