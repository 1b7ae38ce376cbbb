// SPDX-License-Identifier: MIT
/* orc.c - two tables of the same length: addresses in order, and what holds from each on. */
#include "capture/outside/orc.h"

#include <string.h>

#include "base/cleanup.h"

#define ENTRY_MAX   16 /* bytes of one; today's have 6 */
#define ENTRIES_MAX (1u << 24)

/* ---- finding --------------------------------------------------------------------------------- */

static struct orc_field field_of(const struct btf *btf, const struct btf_type *t, const char *name)
{
	const struct btf_member *m = btf_members(t);

	for (uint32_t i = 0; i < btf_vlen(t); i++) {
		const char *is = btf__name_by_offset(btf, m[i].name_off);
		unsigned bits = btf_member_bitfield_size(t, i);
		int64_t size = bits ? 0 : btf__resolve_size(btf, m[i].type);

		if (is && !strcmp(is, name))
			return (struct orc_field){ btf_member_bit_offset(t, i),
						   bits ?: (size > 0 ? 8 * size : 0) };
	}
	return (struct orc_field){ 0 };
}

static bool is_within(const struct orc *o, struct orc_field f)
{
	return f.len && f.len <= 32 && f.at + f.len <= 8 * o->size;
}

static bool take_form(struct orc *o, const struct btf *btf)
{
	int32_t id = btf__find_by_name_kind(btf, "orc_entry", BTF_KIND_STRUCT);
	const struct btf_type *t = id > 0 ? btf__type_by_id(btf, id) : NULL;

	if (!t || !t->size || t->size > ENTRY_MAX)
		return false;
	o->size = t->size;
	o->sp_off = field_of(btf, t, "sp_offset");
	o->bp_off = field_of(btf, t, "bp_offset");
	o->sp_reg = field_of(btf, t, "sp_reg");
	o->bp_reg = field_of(btf, t, "bp_reg");
	o->type = field_of(btf, t, "type");
	o->end = field_of(btf, t, "end");
	return is_within(o, o->sp_off) && is_within(o, o->bp_off) && is_within(o, o->sp_reg) &&
	       is_within(o, o->bp_reg) && is_within(o, o->type) &&
	       (!o->end.len || is_within(o, o->end));
}

void orc_find(struct orc *o, const struct image *im, const struct btf *btf)
{
	const struct symbols *s = &im->symbols;
	uint64_t stop;

	*o = (struct orc){ 0 };
	if (symbols_find(s, "__start_orc_unwind_ip", &o->ips) &&
	    symbols_find(s, "__stop_orc_unwind_ip", &stop) &&
	    symbols_find(s, "__start_orc_unwind", &o->entries) &&
	    symbols_find(s, "_stext", &o->text) && symbols_find(s, "_etext", &o->text_end) &&
	    stop > o->ips && stop - o->ips <= 4ull * ENTRIES_MAX && take_form(o, btf))
		o->n = (stop - o->ips) / 4;
	if (!o->n)
		*o = (struct orc){ 0 };
}

/* ---- looking up ------------------------------------------------------------------------------ */

/* Each address is kept as its distance from where that stands. */
static bool address_of(const struct orc *o, struct space *mem, uint64_t i, uint64_t *ret)
{
	int32_t distance;

	if (!space_read(mem, o->ips + 4 * i, &distance, sizeof(distance)))
		return false;
	*ret = o->ips + 4 * i + distance;
	return true;
}

/* The last one that begins at or before @ip. */
static bool place_of(const struct orc *o, struct space *mem, uint64_t ip, uint64_t *ret)
{
	uint64_t low = 0, high = o->n, at;

	while (high - low > 1) {
		uint64_t mid = low + (high - low) / 2;

		if (!address_of(o, mem, mid, &at))
			return false;
		if (at <= ip)
			low = mid;
		else
			high = mid;
	}
	*ret = low;
	return address_of(o, mem, low, &at) && at <= ip;
}

static unsigned take(const uint8_t *bytes, struct orc_field f)
{
	uint64_t v = 0;

	memcpy(&v, bytes + f.at / 8, sizeof(v));
	return v >> f.at % 8 & ((1ull << f.len) - 1);
}

static int take_signed(const uint8_t *bytes, struct orc_field f)
{
	unsigned v = take(bytes, f);

	return f.len < 32 && v >> (f.len - 1) ? (int)v - (1 << f.len) : (int)v;
}

/* Kernels whose type has three bits count from "undefined" and the end, older ones from a call. */
static bool take_kind(const struct orc *o, const uint8_t *bytes, enum orc_kind *ret)
{
	static const enum orc_kind kinds[] = { ORC_END, ORC_CALL, ORC_FULL, ORC_IRET };
	unsigned type = take(bytes, o->type) + (o->type.len < 3 ? 2 : 0);

	if (o->end.len && take(bytes, o->end))
		type = 1;
	if (!type || type > ARRAY_SIZE(kinds))
		return false;
	*ret = kinds[type - 1];
	return true;
}

static bool read_entry(const struct orc *o, struct space *mem, uint64_t i, struct orc_entry *ret)
{
	uint8_t bytes[ENTRY_MAX + 8] = { 0 };

	if (!space_read(mem, o->entries + i * o->size, bytes, o->size) ||
	    !take_kind(o, bytes, &ret->kind))
		return false;
	ret->sp_reg = take(bytes, o->sp_reg);
	ret->bp_reg = take(bytes, o->bp_reg);
	ret->sp_off = take_signed(bytes, o->sp_off);
	ret->bp_off = take_signed(bytes, o->bp_off);
	return ret->sp_reg < ORC_REGS && ret->bp_reg < ORC_REGS;
}

bool orc_look_up(const struct orc *o, struct space *mem, uint64_t ip, struct orc_entry *ret)
{
	uint64_t i;

	*ret = (struct orc_entry){ ORC_CALL, ORC_REG_BP, ORC_REG_PREV_SP, 16, -16 };
	if (ip < o->text || ip >= o->text_end)
		return true;
	return place_of(o, mem, ip, &i) && read_entry(o, mem, i, ret);
}
