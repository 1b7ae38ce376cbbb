// SPDX-License-Identifier: MIT
/* walk.c - packed bytes and their types, into a sink. */
#include "report/walk.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "report/value.h"

/* A place that is being shown. */
struct place {
	const uint8_t *p;
	uint64_t have; /* bytes that are there */
	unsigned depth;
};

static void walk_form(struct walk *w, const struct form *f, uint32_t type, struct place at);

int walk_init(struct walk *w, const struct ksnap_snapshot *s, struct sink *k, uint64_t bytes)
{
	*w = (struct walk){ .snap = s, .sink = k, .little_endian = s->is_little_endian };
	w->left = WALK_BASE + WALK_PER_BYTE * bytes;
	w->deref_left = WALK_DEREF;
	if (s->nchased && !(w->shown = calloc(s->nchased, sizeof(*w->shown))))
		return -1;
	return forms_init(&w->forms, s->types, !k->opts.raw);
}

int walk_fini(struct walk *w)
{
	bool failed = w->forms.failed || w->scratch.failed || !buf_ok(w->sink->out);

	forms_fini(&w->forms);
	free(w->shown);
	buf_fini(&w->scratch);
	return failed ? -1 : 0;
}

void walk_note(struct walk *w, const char *fmt, ...)
{
	char text[192];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	w->sink->ops->note(w->sink, text);
}

void walk_key(struct walk *w, const char *name)
{
	w->sink->ops->key(w->sink, &(struct label){ .name = name, .len = strlen(name) });
}

/* Things that are long count for more than one value. */
static void charge(struct walk *w, uint64_t bytes)
{
	uint64_t cost = bytes / WALK_FREE;

	w->left -= cost < w->left ? cost : w->left;
}

static void note_short(struct walk *w, uint64_t need, uint64_t have)
{
	if (!need)
		walk_note(w, "<truncated: has %llu bytes>", (unsigned long long)have);
	else
		walk_note(w, "<truncated: needs %llu bytes, has %llu>", (unsigned long long)need,
			  (unsigned long long)have);
}

/* ---- numbers ------------------------------------------------------------------------------- */

static void put_number(struct walk *w, u128 v, unsigned bits, bool is_signed)
{
	const struct sink_ops *ops = w->sink->ops;

	if (is_signed && (i128)(v = scalar_sign(v, bits)) < 0) {
		if ((i128)v >= INT64_MIN)
			ops->sint(w->sink, v);
		else
			ops->wide(w->sink, v, true);
	} else if (v <= UINT64_MAX) {
		ops->uint(w->sink, v);
	} else {
		ops->wide(w->sink, v, false);
	}
}

/* @v of an int, enum or pointer type, @bits wide. */
static void put_typed(struct walk *w, const struct form *f, u128 v, unsigned bits)
{
	const struct type_row *row = f->row;
	bool is_signed = row->enc == TYPE_SIGNED;

	if (row->kind == TYPE_ENUM && bits <= 64) {
		i128 n = is_signed ? scalar_sign(v, bits) : (i128)v;

		w->sink->ops->enumerator(w->sink, enum_name(row, v, bits), n, n < 0);
	} else if (row->kind == TYPE_INT && row->enc == TYPE_BOOL) {
		w->sink->ops->boolean(w->sink, v != 0);
	} else if (row->kind == TYPE_PTR && bits <= 64) {
		w->sink->ops->address(w->sink, v);
	} else {
		put_number(w, v, bits, is_signed && row->kind != TYPE_PTR);
	}
}

static void walk_bitfield(struct walk *w, const struct form *f, struct place at, unsigned bit_off,
			  uint32_t bits)
{
	uint64_t span = scalar_span(bit_off, bits);

	if (bits > 128)
		walk_note(w, "<bitfield of %u bits>", bits);
	else if (f->row->kind != TYPE_INT && f->row->kind != TYPE_ENUM && f->row->kind != TYPE_PTR)
		walk_note(w, "<bitfield of no integer type>");
	else if (span > at.have)
		note_short(w, span, at.have);
	else
		put_typed(w, f, scalar_bits(at.p, bit_off, bits, w->little_endian), bits);
}

/* Ints of odd widths, enums and pointers. */
static void walk_bits(struct walk *w, const struct form *f, struct place at)
{
	const struct type_row *row = f->row;
	unsigned bits = row->kind == TYPE_INT && row->bits && row->bits < 8 * f->size ? row->bits
										      : 8 * f->size;
	uint64_t skip = w->little_endian ? 0 : 8 * f->size - bits;

	if (bits == 8 * f->size && scalar_is_plain(f->size)) {
		put_typed(w, f, scalar_u64(at.p, f->size, w->little_endian), bits);
		return;
	}
	if (!f->size || f->size > 16) {
		walk_note(w, "<integer of %llu bytes>", (unsigned long long)f->size);
		return;
	}
	put_typed(w, f, scalar_bits(at.p + skip / 8, skip % 8, bits, w->little_endian), bits);
}

static void put_bytes(struct walk *w, const uint8_t *p, uint64_t len)
{
	charge(w, len);
	w->sink->ops->bytes(w->sink, p, len);
}

static void walk_float(struct walk *w, const struct form *f, struct place at)
{
	const struct sink_ops *ops = w->sink->ops;

	if (f->size == 4 || f->size == 8)
		ops->real(w->sink, value_float(at.p, f->size, w->little_endian), f->size == 4);
	else
		put_bytes(w, at.p, f->size);
}

static bool mask_has(const struct walk *w, const uint8_t *mask, uint64_t cpu)
{
	uint64_t byte = w->little_endian ? cpu / 8 : cpu / 64 * 8 + 7 - cpu % 64 / 8;

	return mask[byte] >> (cpu % 8) & 1;
}

static void walk_cpus(struct walk *w, const struct form *f, struct place at)
{
	const uint8_t *mask = at.p + f->skip;
	uint64_t n = 8 * f->each, end;

	if (w->snap->cpus && w->snap->cpus < n)
		n = w->snap->cpus;
	buf_clear(&w->scratch);
	for (uint64_t cpu = 0; cpu < n; cpu = end + 1) {
		for (end = cpu; end < n && mask_has(w, mask, end); end++)
			;
		if (end == cpu)
			continue;
		buf_printf(&w->scratch, end - cpu > 1 ? "%s%llu-%llu" : "%s%llu",
			   w->scratch.len ? "," : "", (unsigned long long)cpu,
			   (unsigned long long)end - 1);
	}
	w->sink->ops->text(w->sink, (const char *)w->scratch.data, w->scratch.len);
}

/* ---- arrays -------------------------------------------------------------------------------- */

static bool is_printable(uint32_t rune)
{
	return rune >= 0xa0 || (rune >= 0x20 && rune < 0x7f) || rune == '\t' || rune == '\n';
}

/* Is it text people would read: UTF-8 up to a NUL or the end? Raw is as strict as bpftool: ASCII,
 * and the NUL is there. */
static bool is_text(const struct walk *w, const char *s, size_t size, size_t *ret_len)
{
	size_t len = strnlen(s, size), step;
	bool raw = w->sink->opts.raw;
	uint32_t rune;

	if (raw && len == size)
		return false;
	for (size_t i = sink_plain(s, len); i < len; i += step) {
		if (s[i] >= 0x20 && s[i] < 0x7f) {
			step = 1;
			continue;
		}
		step = utf8_next(s + i, len - i, &rune);
		if (!step || !is_printable(rune) || (raw && (rune < 0x20 || rune > 0x7e)))
			return false;
	}
	for (size_t i = 1; !len && !raw && i < size; i++)
		if (s[i])
			return false;
	*ret_len = len;
	return true;
}

static uint64_t read_plain(const struct walk *w, const uint8_t *p, unsigned size, bool is_signed)
{
	uint64_t v = scalar_u64(p, size, w->little_endian);
	unsigned shift = 64 - 8 * size;

	return is_signed ? (uint64_t)((int64_t)(v << shift) >> shift) : v;
}

/* What walk_form does, for the first of at most @len whole numbers, as far as they are there;
 * returns how many. */
static uint64_t walk_numbers(struct walk *w, const struct form *of, uint64_t len, struct place at)
{
	const struct sink_ops *ops = w->sink->ops;
	bool is_signed = of->class == FORM_SINT;
	uint64_t n = len < WALK_ELEMENTS ? len : WALK_ELEMENTS;

	if ((of->class != FORM_UINT && !is_signed) || at.depth + 1 >= ops->depth)
		return 0;
	if (n > at.have / of->size)
		n = at.have / of->size;
	if (n > w->left)
		n = w->left;
	w->left -= n;
	for (uint64_t i = 0; i < n; i++) {
		uint64_t v = read_plain(w, at.p + i * of->size, of->size, is_signed);

		if (is_signed)
			ops->sint(w->sink, v);
		else
			ops->uint(w->sink, v);
	}
	return n;
}

static void walk_array(struct walk *w, const struct form *f, struct place at)
{
	const struct form *of = form_of(&w->forms, f->row->target);
	uint64_t len = f->row->len, off, i;

	if (!len && f->each)
		len = at.have / f->each;
	w->sink->ops->open(w->sink, false);
	if (!f->each && len)
		walk_note(w, "<%llu elements without a size>", (unsigned long long)len);
	i = f->each ? walk_numbers(w, of, len, at) : 0;
	off = i * f->each;
	for (; f->each && i < len && i < WALK_ELEMENTS && w->left; i++, off += f->each) {
		if (off >= at.have) {
			note_short(w, f->size, at.have);
			break;
		}
		walk_form(w, of, f->row->target,
			  (struct place){ at.p + off, at.have - off, at.depth + 1 });
	}
	if (i < len && (i == WALK_ELEMENTS || !w->left))
		walk_note(w, "<%llu more elements>", (unsigned long long)(len - i));
	w->sink->ops->close(w->sink, false);
}

static void walk_text(struct walk *w, const struct form *f, struct place at)
{
	size_t size = f->row->len ? f->row->len : at.have, len;

	charge(w, size <= at.have ? size : 0);
	if (size <= at.have && size && is_text(w, (const char *)at.p, size, &len))
		w->sink->ops->text(w->sink, (const char *)at.p, len);
	else
		walk_array(w, f, at);
}

/* ---- records ------------------------------------------------------------------------------- */

static struct place member_place(const struct walk *w, const struct form *f, uint32_t i,
				 const struct form *mf, struct place at)
{
	const struct form_member *m = &f->members[i];
	uint64_t off = m->bit_off / 8;
	uint64_t left = off < at.have ? at.have - off : 0;
	bool is_flexible = mf->row->kind == TYPE_ARRAY && !mf->row->len;

	if (is_flexible ? i + 1 < f->nmembers : !m->bits && left > mf->size)
		left = mf->size;
	return (struct place){ at.p + (off < at.have ? off : at.have), left, at.depth + 1 };
}

#define WORD 8

/* The same for a member whose bytes are there: mostly one load, and a shift of what is not its. */
static inline uint64_t read_member(const struct walk *w, const struct form_member *m,
				   struct place at)
{
	uint64_t off = m->bit_off / 8, v;
	unsigned shift = 8 * (WORD - m->plain);

	if (__BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__ || !w->little_endian || at.have < WORD ||
	    off > at.have - WORD)
		return read_plain(w, at.p + off, m->plain, m->is_signed);
	memcpy(&v, at.p + off, sizeof(v));
	return m->is_signed ? (uint64_t)((int64_t)(v << shift) >> shift) : v << shift >> shift;
}

static void walk_members(struct walk *w, const struct form *f, struct place at)
{
	const struct sink_ops *ops = w->sink->ops;
	bool is_there = at.have >= f->plain_end && at.depth + 1 < ops->depth;

	for (uint32_t i = 0; i < f->nmembers && w->left; i++) {
		const struct form_member *m = &f->members[i];
		const struct form *mf;
		struct place place;

		if (m->plain && is_there && w->left >= m->cost) {
			w->left -= m->cost;
			ops->member(w->sink, &m->label, read_member(w, m, at), m->is_signed);
			continue;
		}
		mf = form_of(&w->forms, m->type);
		place = member_place(w, f, i, mf, at);
		w->left--;
		if (!m->label.name && mf->class == FORM_RECORD &&
		    place.depth < w->sink->ops->depth) {
			walk_members(w, mf, place);
			continue;
		}
		charge(w, m->label.len);
		w->sink->ops->key(w->sink, &m->label);
		if (m->bits)
			walk_bitfield(w, mf, place, m->bit_off % 8, m->bits);
		else if (m->bit_off % 8)
			walk_note(w, "<member at bit %llu>", (unsigned long long)m->bit_off);
		else
			walk_form(w, mf, m->type, place);
	}
}

static void walk_record(struct walk *w, const struct form *f, struct place at)
{
	w->sink->ops->open(w->sink, true);
	walk_members(w, f, at);
	if (!w->left) {
		walk_key(w, "...");
		walk_note(w, "<too much to show>");
	}
	w->sink->ops->close(w->sink, true);
}

/* ---- pointers ------------------------------------------------------------------------------ */

/* What is behind the pointer at @at, when it is to be shown here. */
static const struct chased *chased_at(struct walk *w, const struct form *f, struct place at)
{
	const struct chased *c;
	uint32_t *shown;

	if (!w->snap->nchased || w->is_flat || w->sink->opts.raw || f->size != 8)
		return NULL;
	c = chased_find(w->snap, scalar_u64(at.p, 8, w->little_endian));
	if (!c || at.depth + 2 >= w->sink->ops->depth || !w->deref_left)
		return NULL;
	shown = &w->shown[c - w->snap->chased];
	if (*shown == w->turn)
		return NULL;
	*shown = w->turn;
	return c;
}

static void walk_target(struct walk *w, const struct chased *c, unsigned depth)
{
	uint64_t left = w->left;

	w->left = w->deref_left;
	walk_form(w, form_of(&w->forms, c->type), c->type,
		  (struct place){ c->data, c->size, depth });
	w->deref_left = w->left;
	w->left = left;
}

static void walk_pointer(struct walk *w, const struct form *f, struct place at)
{
	const struct chased *c = chased_at(w, f, at);

	if (!c) {
		walk_bits(w, f, at);
		return;
	}
	w->sink->ops->open(w->sink, true);
	walk_key(w, "addr");
	w->sink->ops->address(w->sink, c->addr);
	walk_key(w, c->error ? "error" : "deref");
	if (c->error)
		walk_object(w, c->error);
	else
		walk_target(w, c, at.depth + 2);
	w->sink->ops->close(w->sink, true);
}

/* ---- any type ------------------------------------------------------------------------------ */

static void walk_nothing(struct walk *w, uint32_t type)
{
	char what[128];

	type_describe(w->snap->types, type, what, sizeof(what));
	walk_note(w, "<no size: %s>", what);
}

static void walk_sized(struct walk *w, const struct form *f, struct place at)
{
	const struct sink_ops *ops = w->sink->ops;

	switch (f->class) {
	case FORM_UINT:
		ops->uint(w->sink, scalar_u64(at.p, f->size, w->little_endian));
		break;
	case FORM_SINT:
		ops->sint(w->sink, read_plain(w, at.p, f->size, true));
		break;
	case FORM_BOOL:
		ops->boolean(w->sink, *at.p != 0);
		break;
	case FORM_FLOAT:
		walk_float(w, f, at);
		break;
	case FORM_CPUS:
		walk_cpus(w, f, at);
		break;
	case FORM_PTR:
		walk_pointer(w, f, at);
		break;
	default:
		walk_bits(w, f, at);
		break;
	}
}

static void walk_form(struct walk *w, const struct form *f, uint32_t type, struct place at)
{
	if (w->left)
		w->left--;
	if (at.depth >= w->sink->ops->depth)
		walk_note(w, "<deeper than %u levels>", w->sink->ops->depth);
	else if (f->class == FORM_NONE)
		walk_nothing(w, type);
	else if (f->class == FORM_RECORD)
		walk_record(w, f, at);
	else if (f->class == FORM_ARRAY)
		walk_array(w, f, at);
	else if (f->class == FORM_TEXT)
		walk_text(w, f, at);
	else if (f->size > at.have)
		note_short(w, f->size, at.have);
	else
		walk_sized(w, f, at);
}

static void walk_one(struct walk *w, const struct ksnap_value *v)
{
	struct place at = { v->data, v->size, 0 };

	if (v->type == TYPE_NONE && !v->size)
		w->sink->ops->null(w->sink);
	else if (v->type == TYPE_NONE)
		put_bytes(w, v->data, v->size);
	else if (v->bit_size)
		walk_bitfield(w, form_of(&w->forms, v->type), at, v->bit_off, v->bit_size);
	else
		walk_form(w, form_of(&w->forms, v->type), v->type, at);
}

void walk_value(struct walk *w, const struct ksnap_value *v)
{
	struct ksnap_value one = *v;
	unsigned cpu;

	w->turn++;
	if (!v->ncpu) {
		walk_one(w, v);
		return;
	}
	one.ncpu = 0;
	w->sink->ops->open(w->sink, false);
	for (cpu = 0; cpu < v->ncpu && w->left; cpu++, one.data += v->stride)
		walk_one(w, &one);
	if (cpu < v->ncpu)
		walk_note(w, "<%u more CPUs>", v->ncpu - cpu);
	w->sink->ops->close(w->sink, false);
}

/* ---- msgpack ------------------------------------------------------------------------------- */

static void walk_object_key(struct walk *w, const msgpack_object *key)
{
	char text[32];
	struct label label = { .name = text };

	if (key->type == MSGPACK_OBJECT_STR)
		label = (struct label){ .name = key->via.str.ptr, .len = key->via.str.size };
	else if (key->type == MSGPACK_OBJECT_POSITIVE_INTEGER)
		label.len = snprintf(text, sizeof(text), "%llu", (unsigned long long)key->via.u64);
	else if (key->type == MSGPACK_OBJECT_NEGATIVE_INTEGER)
		label.len = snprintf(text, sizeof(text), "%lld", (long long)key->via.i64);
	else
		label.len = snprintf(text, sizeof(text), "<key>");
	w->sink->ops->key(w->sink, &label);
}

static void walk_container(struct walk *w, const msgpack_object *o)
{
	bool is_map = o->type == MSGPACK_OBJECT_MAP;

	w->sink->ops->open(w->sink, is_map);
	for (uint32_t i = 0; is_map && i < o->via.map.size; i++) {
		walk_object_key(w, &o->via.map.ptr[i].key);
		walk_object(w, &o->via.map.ptr[i].val);
	}
	for (uint32_t i = 0; !is_map && i < o->via.array.size; i++)
		walk_object(w, &o->via.array.ptr[i]);
	w->sink->ops->close(w->sink, is_map);
}

void walk_object(struct walk *w, const msgpack_object *o)
{
	const struct sink_ops *ops = w->sink->ops;

	switch (o->type) {
	case MSGPACK_OBJECT_BOOLEAN:
		ops->boolean(w->sink, o->via.boolean);
		break;
	case MSGPACK_OBJECT_POSITIVE_INTEGER:
		ops->uint(w->sink, o->via.u64);
		break;
	case MSGPACK_OBJECT_NEGATIVE_INTEGER:
		ops->sint(w->sink, o->via.i64);
		break;
	case MSGPACK_OBJECT_FLOAT32:
	case MSGPACK_OBJECT_FLOAT64:
		ops->real(w->sink, o->via.f64, o->type == MSGPACK_OBJECT_FLOAT32);
		break;
	case MSGPACK_OBJECT_STR:
		ops->text(w->sink, o->via.str.ptr, o->via.str.size);
		break;
	case MSGPACK_OBJECT_ARRAY:
	case MSGPACK_OBJECT_MAP:
		walk_container(w, o);
		break;
	case MSGPACK_OBJECT_BIN:
		ops->bytes(w->sink, (const uint8_t *)o->via.bin.ptr, o->via.bin.size);
		break;
	case MSGPACK_OBJECT_EXT:
		ops->bytes(w->sink, (const uint8_t *)o->via.ext.ptr, o->via.ext.size);
		break;
	default:
		ops->null(w->sink);
		break;
	}
}
