// SPDX-License-Identifier: MIT
/* ksyms.c - read kallsyms, keep the functions, find by bisection. */
#include "capture/live/ksyms.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"

void ksyms_fini(struct ksyms *k)
{
	buf_fini(&k->syms);
	buf_fini(&k->names);
}

/* "ffffffff81000000 T _stext\n", with "\t[module]" behind the name of a module's. */
static void take_line(struct ksyms *k, char *line)
{
	char *at, *tab;
	struct ksym s = { .addr = strtoull(line, &at, 16), .name = k->names.len };

	if (!s.addr || at[0] != ' ' || !at[1] || !strchr("tTwW", at[1]) || at[2] != ' ')
		return;
	at += 3;
	at[strcspn(at, "\n")] = 0;
	tab = strchr(at, '\t');
	if (tab)
		*tab = ' ';
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

int ksyms_load(struct ksyms *k, const char *path, struct ksnap_err *err)
{
	_free_ char *line = NULL;
	size_t cap = 0;
	FILE *f = fopen(path, "re");

	buf_clear(&k->syms);
	buf_clear(&k->names);
	if (!f)
		return err_errno(err, KSNAP_E_TARGET, errno, "%s cannot be read", path);
	while (getline(&line, &cap, f) > 0)
		take_line(k, line);
	fclose(f);
	if (!buf_ok(&k->syms) || !buf_ok(&k->names))
		return err_nomem(err);
	if (!count_of(k))
		return err_set(err, KSNAP_E_TARGET, "%s hides its addresses (kernel.kptr_restrict)",
			       path);
	qsort(k->syms.data, count_of(k), sizeof(struct ksym), by_address);
	return 0;
}

const char *ksyms_find(const struct ksyms *k, uint64_t addr, uint64_t *ret_off)
{
	const struct ksym *s = (const struct ksym *)k->syms.data;
	size_t lo = 0, hi = count_of(k);

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (s[mid].addr <= addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (!lo || addr - s[lo - 1].addr > KSYM_FAR)
		return NULL;
	*ret_off = addr - s[lo - 1].addr;
	return (const char *)k->names.data + s[lo - 1].name;
}
