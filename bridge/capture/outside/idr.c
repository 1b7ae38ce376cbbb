// SPDX-License-Identifier: MIT
/* idr.c - an idr is an xarray: nodes of slots, each level a few bits of the index. */
#include "capture/outside/idr.h"

#define NODE_TAG   2 /* low bits of an entry that is a node */
#define TAG_MASK   3
#define NODE_LEAST 4096 /* smaller entries with that tag mean something else */
#define SLOTS_MAX  256

struct table {
	uint64_t base, head;
	unsigned bits; /* of the index that one node decides */
};

struct listing {
	struct kernel *k;
	struct buf *rows;
	uint64_t base;
	unsigned bits;
	bool is_partial;
};

static bool is_node(uint64_t entry)
{
	return (entry & TAG_MASK) == NODE_TAG && entry > NODE_LEAST;
}

static bool open_table(struct kernel *k, uint64_t idr, struct table *ret)
{
	struct layout_member slots = k->at.xa_node__slots;
	unsigned n = slots.size / 8;

	*ret = (struct table){ 0 };
	if (!idr || !n || n > SLOTS_MAX || n & (n - 1))
		return false;
	ret->bits = __builtin_ctz(n);
	kernel_member(k, idr, k->at.idr__idr_base, &ret->base);
	return kernel_member(k, idr + k->at.idr__idr_rt.off, k->at.xarray__xa_head, &ret->head);
}

/* The slots of the node that @entry stands for, and its shift: less than @below, of whole levels.
 */
static bool read_node(struct kernel *k, uint64_t entry, unsigned bits, unsigned below,
		      uint64_t *slots, unsigned *ret_shift)
{
	uint64_t node = entry - NODE_TAG, shift;

	if (!kernel_member(k, node, k->at.xa_node__shift, &shift) || shift >= below ||
	    shift % bits ||
	    !space_read(&k->image.space, node + k->at.xa_node__slots.off, slots, 8ull << bits))
		return false;
	*ret_shift = shift;
	return true;
}

static void take(struct listing *l, uint64_t index, uint64_t entry)
{
	struct idr_row row = { index + l->base, entry };

	if (entry & TAG_MASK || index + l->base > UINT32_MAX)
		return;
	if (l->rows->len / sizeof(row) >= IDR_MAX) {
		l->is_partial = true;
		return;
	}
	buf_append(l->rows, &row, sizeof(row));
}

/* Shifts get smaller from level to level, so no more levels than an id has bits. */
static void walk(struct listing *l, uint64_t entry, uint64_t index, unsigned below)
{
	uint64_t slots[SLOTS_MAX];
	unsigned shift;

	if (!read_node(l->k, entry, l->bits, below, slots, &shift)) {
		l->is_partial = true;
		return;
	}
	for (uint64_t i = 0; i < 1ull << l->bits && !l->is_partial; i++) {
		if (!slots[i])
			continue;
		if (shift && is_node(slots[i]))
			walk(l, slots[i], index + (i << shift), shift);
		else
			take(l, index + (i << shift), slots[i]);
	}
}

int idr_list(struct kernel *k, uint64_t idr, struct buf *rows)
{
	struct listing l = { .k = k, .rows = rows };
	struct table t;

	if (!open_table(k, idr, &t))
		return 1;
	l.base = t.base;
	l.bits = t.bits;
	if (is_node(t.head))
		walk(&l, t.head, 0, 32 + t.bits);
	else if (t.head)
		take(&l, 0, t.head);
	if (!buf_ok(rows))
		return KSNAP_E_NOMEM;
	return l.is_partial;
}

uint64_t idr_find(struct kernel *k, uint64_t idr, uint32_t id)
{
	uint64_t slots[SLOTS_MAX], entry, index;
	unsigned shift = 0, below;
	struct table t;

	if (!open_table(k, idr, &t) || id < t.base)
		return 0;
	index = id - t.base;
	entry = t.head;
	if (!is_node(entry))
		return index ? 0 : entry;
	for (below = 32 + t.bits; is_node(entry); below = shift) {
		if (!below || !read_node(k, entry, t.bits, below, slots, &shift) ||
		    index >> shift >> t.bits)
			return 0;
		entry = slots[index >> shift];
		index &= (1ull << shift) - 1;
	}
	return entry & TAG_MASK || shift ? 0 : entry;
}
