// SPDX-License-Identifier: MIT
/* symbols.c - two orders of the same rows, found by bisection. */
#include "capture/memory/symbols.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"

#define KERNEL_HALF (1ull << 63)

void symbols_fini(struct symbols *s)
{
	buf_fini(&s->rows);
	buf_fini(&s->names);
	buf_fini(&s->by_name);
}

void symbols_clear(struct symbols *s)
{
	buf_clear(&s->rows);
	buf_clear(&s->names);
	buf_clear(&s->by_name);
}

static struct symbol_row *rows_of(const struct symbols *s)
{
	return (struct symbol_row *)s->rows.data;
}

size_t symbols_count(const struct symbols *s)
{
	return s->rows.len / sizeof(struct symbol_row);
}

void symbols_add(struct symbols *s, uint64_t addr, char type, const char *name, size_t len)
{
	struct symbol_row row = { addr, s->names.len, type };

	if (len > SYMBOL_NAME_MAX || symbols_count(s) == SYMBOLS_MAX)
		return;
	buf_append(&s->names, name, len);
	buf_append(&s->names, "", 1);
	buf_append(&s->rows, &row, sizeof(row));
}

void symbols_slide(struct symbols *s, uint64_t slide)
{
	struct symbol_row *row = rows_of(s);

	for (size_t i = 0; i < symbols_count(s); i++)
		if (row[i].addr & KERNEL_HALF)
			row[i].addr += slide;
}

static int by_address(const void *a, const void *b)
{
	const struct symbol_row *x = a, *y = b;

	return (x->addr > y->addr) - (x->addr < y->addr);
}

static const char *name_at(const struct symbols *s, size_t row)
{
	return (const char *)s->names.data + rows_of(s)[row].name;
}

static int by_name(const void *a, const void *b, void *arg)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	int order = strcmp(name_at(arg, x), name_at(arg, y));

	return order ? order : (x > y) - (x < y);
}

int symbols_seal(struct symbols *s, struct ksnap_err *err)
{
	uint32_t n = symbols_count(s);

	buf_clear(&s->by_name);
	if (!buf_ok(&s->rows) || !buf_ok(&s->names))
		return err_nomem(err);
	if (!n)
		return 0;
	qsort(s->rows.data, n, sizeof(struct symbol_row), by_address);
	for (uint32_t i = 0; i < n; i++)
		buf_append(&s->by_name, &i, sizeof(i));
	if (!buf_ok(&s->by_name))
		return err_nomem(err);
	qsort_r(s->by_name.data, n, sizeof(n), by_name, s);
	return 0;
}

/* ---- text ------------------------------------------------------------------------------------ */

/* "ffffffff81000000 T _stext", with "\t[module]" behind a module's, which stay out. False: it is
 * no such line. */
static bool take_line(struct symbols *s, const char *line, bool *shown)
{
	char *at;
	uint64_t addr = strtoull(line, &at, 16);
	size_t len;

	if (at == line || at[0] != ' ' || !at[1] || at[2] != ' ')
		return false;
	len = strcspn(at + 3, "\t\r\n");
	if (!len)
		return false;
	*shown |= addr & KERNEL_HALF;
	if (at[3 + len] != '\t')
		symbols_add(s, addr, at[1], at + 3, len);
	return true;
}

static int take_lines(struct symbols *s, FILE *f, const char *path, struct ksnap_err *err)
{
	_free_ char *line = NULL;
	bool shown = false;
	size_t cap = 0, n = 0;

	while (getline(&line, &cap, f) > 0) {
		n++;
		if (!take_line(s, line, &shown))
			return err_set(err, KSNAP_E_TARGET,
				       "%s: line %zu is not 'address type name', as System.map and "
				       "/proc/kallsyms have it",
				       path, n);
	}
	if (!shown)
		return err_set(err, KSNAP_E_TARGET, "%s %s", path,
			       n ? "hides its addresses (kernel.kptr_restrict)" : "is empty");
	return 0;
}

int symbols_read_text(struct symbols *s, const char *path, struct ksnap_err *err)
{
	FILE *f = fopen(path, "re");
	int ret;

	if (!f)
		return err_errno(err, KSNAP_E_TARGET, errno, "%s cannot be read", path);
	ret = take_lines(s, f, path, err);
	fclose(f);
	return ret;
}

/* ---- looking up ------------------------------------------------------------------------------ */

/* The first place in order of name that is not before @name. */
static size_t first_of(const struct symbols *s, const char *name)
{
	const uint32_t *order = (const uint32_t *)s->by_name.data;
	size_t lo = 0, hi = s->by_name.len / sizeof(*order);

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (strcmp(name_at(s, order[mid]), name) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

size_t symbols_find(const struct symbols *s, const char *name, uint64_t *ret)
{
	const uint32_t *order = (const uint32_t *)s->by_name.data;
	size_t all = s->by_name.len / sizeof(*order), at = first_of(s, name), n = 0;

	while (at + n < all && !strcmp(name_at(s, order[at + n]), name))
		n++;
	if (n)
		*ret = rows_of(s)[order[at]].addr;
	return n;
}

const char *symbols_at(const struct symbols *s, uint64_t addr, uint64_t *ret_off)
{
	const struct symbol_row *row = rows_of(s);
	size_t lo = 0, hi = symbols_count(s);

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (row[mid].addr <= addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (!lo || addr - row[lo - 1].addr > SYMBOL_FAR)
		return NULL;
	*ret_off = addr - row[lo - 1].addr;
	return name_at(s, lo - 1);
}
