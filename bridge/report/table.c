// SPDX-License-Identifier: MIT
/* table.c - align cells. */
#include "report/table.h"

#include <string.h>

#include "base/utf8.h"

#define GAP "  "

void table_fini(struct table *t)
{
	buf_fini(&t->text);
	buf_fini(&t->ends);
}

void table_end_cell(struct table *t)
{
	buf_append(&t->ends, &t->text.len, sizeof(t->text.len));
}

void table_cell(struct table *t, const char *text)
{
	buf_append(&t->text, text, strlen(text));
	table_end_cell(t);
}

struct cell {
	const char *s;
	size_t len;   /* bytes */
	size_t width; /* columns of the screen */
	bool is_cut;
};

static size_t end_of(const struct table *t, size_t i)
{
	size_t end;

	memcpy(&end, t->ends.data + i * sizeof(end), sizeof(end));
	return end;
}

static struct cell cell_at(const struct table *t, size_t i)
{
	size_t from = i ? end_of(t, i - 1) : 0, len = end_of(t, i) - from, n;
	struct cell c = { .s = t->text.data ? (const char *)t->text.data + from : "" };
	uint32_t rune;

	while (c.len < len && c.width < TABLE_WIDTH) {
		n = (unsigned char)c.s[c.len] < 0x80 ? 1
						     : utf8_next(c.s + c.len, len - c.len, &rune);
		c.len += n ? n : 1;
		c.width++;
	}
	c.is_cut = c.len < len;
	c.width += c.is_cut;
	return c;
}

static bool is_number(const struct cell *c)
{
	for (size_t i = 0; i < c->len; i++)
		if (!strchr("0123456789.-", c->s[i]))
			return false;
	return true;
}

struct column {
	size_t width;
	bool is_number;
};

static void measure(const struct table *t, size_t ncells, struct column *cols)
{
	for (unsigned i = 0; i < t->ncols; i++)
		cols[i] = (struct column){ .is_number = true };
	for (size_t i = 0; i < ncells; i++) {
		struct cell c = cell_at(t, i);
		struct column *col = &cols[i % t->ncols];

		if (c.width > col->width)
			col->width = c.width;
		if (i >= t->ncols && !is_number(&c))
			col->is_number = false;
	}
}

static void pad(struct buf *out, size_t n)
{
	while (n--)
		buf_append(out, " ", 1);
}

static void print_cell(struct buf *out, const struct cell *c, const struct column *col,
		       bool is_last)
{
	buf_append(out, GAP, strlen(GAP));
	if (col->is_number)
		pad(out, col->width - c->width);
	buf_append(out, c->s, c->len);
	if (c->is_cut)
		buf_append(out, "\xe2\x80\xa6", 3);
	if (!col->is_number && !is_last)
		pad(out, col->width - c->width);
}

int table_print(const struct table *t, struct buf *out)
{
	size_t ncells = t->ends.len / sizeof(size_t);
	struct column cols[TABLE_COLUMNS];

	if (!buf_ok(&t->text) || !buf_ok(&t->ends))
		return -1;
	measure(t, ncells, cols);
	for (size_t i = 0; i < ncells; i++) {
		struct cell c = cell_at(t, i);
		unsigned col = i % t->ncols;

		print_cell(out, &c, &cols[col], col + 1 == t->ncols);
		if (col + 1 == t->ncols)
			buf_append(out, "\n", 1);
	}
	return buf_ok(out) ? 0 : -1;
}
