// SPDX-License-Identifier: MIT
/* rows.c - values for people: aligned columns, and maps as lines. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "cli/print.h"
#include "report/reader.h"

#define COLUMNS_MAX 16
#define COLUMN_GAP  2

/* Columns as wide as they show on a terminal: letters, not bytes. */
static size_t shown_width(const uint8_t *p, size_t len)
{
	size_t n = 0;

	for (size_t i = 0; i < len; i++)
		n += (p[i] & 0xc0) != 0x80;
	return n;
}

static void pad(struct buf *out, size_t n)
{
	while (n-- > 0)
		buf_append(out, " ", 1);
}

static bool is_number(const msgpack_object *o)
{
	return o && (o->type == MSGPACK_OBJECT_POSITIVE_INTEGER ||
		     o->type == MSGPACK_OBJECT_NEGATIVE_INTEGER ||
		     o->type == MSGPACK_OBJECT_FLOAT64 || o->type == MSGPACK_OBJECT_FLOAT32);
}

static void put_cell(struct buf *out, const struct column *c, const msgpack_object *v)
{
	if (!v)
		buf_append(out, "-", 1);
	else if (c->form == COLUMN_TIME && v->type == MSGPACK_OBJECT_POSITIVE_INTEGER)
		print_time(out, v->via.i64);
	else if (c->form == COLUMN_BYTES && v->type == MSGPACK_OBJECT_POSITIVE_INTEGER)
		print_bytes(out, v->via.u64);
	else if (c->form == COLUMN_HEX && v->type == MSGPACK_OBJECT_POSITIVE_INTEGER)
		buf_printf(out, "0x%" PRIx64, v->via.u64);
	else
		print_plain(out, v);
}

/* What one pass over the rows found out: how wide, and whether all cells are numbers. */
struct measure {
	size_t width;
	bool numbers;
};

static void measure_column(const msgpack_object_array *rows, const struct column *c,
			   struct measure *ret)
{
	_buf_ struct buf cell = BUF_INIT;

	ret->width = strlen(c->title);
	ret->numbers = true;
	for (uint32_t i = 0; i < rows->size; i++) {
		const msgpack_object *v = object_get(&rows->ptr[i], c->key);
		size_t w;

		buf_clear(&cell);
		put_cell(&cell, c, v);
		w = shown_width(cell.data, cell.len);
		ret->width = w > ret->width ? w : ret->width;
		ret->numbers = ret->numbers && (!v || is_number(v));
	}
}

static void put_aligned(struct buf *out, const struct buf *cell, const struct measure *m, bool last)
{
	size_t room = m->width - shown_width(cell->data, cell->len);

	pad(out, m->numbers ? room : 0);
	buf_append(out, cell->data, cell->len);
	if (last)
		buf_append(out, "\n", 1);
	else
		pad(out, (m->numbers ? 0 : room) + COLUMN_GAP);
}

static void put_table(struct buf *out, const msgpack_object_array *rows,
		      const struct column *columns, unsigned indent)
{
	struct measure m[COLUMNS_MAX];
	_buf_ struct buf cell = BUF_INIT;
	unsigned n = 0;

	for (; columns[n].key && n < COLUMNS_MAX; n++)
		measure_column(rows, &columns[n], &m[n]);
	pad(out, n ? indent : 0);
	for (unsigned c = 0; c < n; c++) {
		buf_clear(&cell);
		buf_append(&cell, columns[c].title, strlen(columns[c].title));
		put_aligned(out, &cell, &m[c], c + 1 == n);
	}
	for (uint32_t i = 0; n && i < rows->size; i++) {
		pad(out, indent);
		for (unsigned c = 0; c < n; c++) {
			buf_clear(&cell);
			put_cell(&cell, &columns[c], object_get(&rows->ptr[i], columns[c].key));
			put_aligned(out, &cell, &m[c], c + 1 == n);
		}
	}
}

/* Well-known names have a form of their own; every other key is plain. */
static enum column_form form_of(const char *key)
{
	if (strcmp(key, "ts") == 0)
		return COLUMN_TIME;
	return strcmp(key, "bytes") == 0 || strcmp(key, "rss") == 0 ? COLUMN_BYTES : COLUMN_PLAIN;
}

static bool has_column(const struct column *columns, unsigned n, const char *key, size_t len)
{
	for (unsigned i = 0; i < n; i++)
		if (strlen(columns[i].key) == len && memcmp(columns[i].key, key, len) == 0)
			return true;
	return false;
}

static unsigned add_columns(struct column *columns, unsigned n, const msgpack_object *row)
{
	for (uint32_t i = 0; row->type == MSGPACK_OBJECT_MAP && i < row->via.map.size; i++) {
		const msgpack_object *key = &row->via.map.ptr[i].key;
		char *name;

		if (key->type != MSGPACK_OBJECT_STR || n + 1 >= COLUMNS_MAX ||
		    has_column(columns, n, key->via.str.ptr, key->via.str.size))
			continue;
		name = strndup(key->via.str.ptr, key->via.str.size);
		if (!name)
			break;
		columns[n++] = (struct column){ name, name, form_of(name) };
	}
	return n;
}

static void put_all_columns(struct buf *out, const msgpack_object_array *rows, unsigned indent)
{
	struct column columns[COLUMNS_MAX] = { 0 };
	unsigned n = 0;

	for (uint32_t i = 0; i < rows->size; i++)
		n = add_columns(columns, n, &rows->ptr[i]);
	put_table(out, rows, columns, indent);
	for (unsigned i = 0; i < n; i++)
		free((char *)columns[i].key);
}

static bool is_table(const msgpack_object *o)
{
	return o->type == MSGPACK_OBJECT_ARRAY && o->via.array.size > 0 &&
	       o->via.array.ptr[0].type == MSGPACK_OBJECT_MAP;
}

void print_rows(struct buf *out, const msgpack_object *rows, const struct column *columns)
{
	if (columns)
		put_table(out, &rows->via.array, columns, 0);
	else if (is_table(rows))
		put_all_columns(out, &rows->via.array, 0);
	else
		for (uint32_t i = 0; i < rows->via.array.size; i++) {
			print_plain(out, &rows->via.array.ptr[i]);
			buf_append(out, "\n", 1);
		}
}

static void put_map(struct buf *out, const msgpack_object_map *m, unsigned indent);

static void put_member(struct buf *out, const msgpack_object *v, const char *name, unsigned indent,
		       size_t room)
{
	const struct column c = { name, name, form_of(name) };
	bool nested = v->type == MSGPACK_OBJECT_MAP && v->via.map.size > 0;

	if (!nested && !is_table(v)) {
		pad(out, room + COLUMN_GAP);
		put_cell(out, &c, v);
		buf_append(out, "\n", 1);
		return;
	}
	buf_append(out, "\n", 1);
	if (nested)
		put_map(out, &v->via.map, indent + 2);
	else
		put_all_columns(out, &v->via.array, indent + 2);
}

static void put_map(struct buf *out, const msgpack_object_map *m, unsigned indent)
{
	_buf_ struct buf key = BUF_INIT;
	size_t width = 0;

	for (uint32_t i = 0; i < m->size; i++) {
		buf_clear(&key);
		print_plain(&key, &m->ptr[i].key);
		width = key.len > width ? key.len : width;
	}
	for (uint32_t i = 0; i < m->size; i++) {
		buf_clear(&key);
		print_plain(&key, &m->ptr[i].key);
		pad(out, indent);
		buf_append(out, key.data, key.len);
		buf_append(&key, "", 1);
		if (buf_ok(&key))
			put_member(out, &m->ptr[i].val, (const char *)key.data, indent,
				   width - (key.len - 1));
	}
}

void print_people(struct buf *out, const msgpack_object *o)
{
	if (o->type == MSGPACK_OBJECT_MAP) {
		put_map(out, &o->via.map, 0);
		return;
	}
	print_plain(out, o);
	buf_append(out, "\n", 1);
}
