// SPDX-License-Identifier: MIT
/* paging.c - walk from the top table down to a page. */
#include "capture/memory/paging.h"

#define ENTRY_PRESENT 0x1ull
#define ENTRY_LARGE   0x80ull
#define ENTRY_ADDRESS 0x000ffffffffff000ull
#define INDEX_BITS    9
#define PAGE_SHIFT    12
#define LARGEST_SHIFT 30 /* of a page: 1 GiB */

static bool is_canonical(const struct paging *pg, uint64_t va)
{
	unsigned bits = PAGE_SHIFT + INDEX_BITS * pg->levels;
	int64_t high = (int64_t)va >> (bits - 1);

	return high == 0 || high == -1;
}

static bool read_entry(const struct paging *pg, uint64_t table, uint64_t va, unsigned shift,
		       uint64_t *ret)
{
	uint64_t index = va >> shift & ((1u << INDEX_BITS) - 1);

	return physical_read(pg->mem, table + index * sizeof(*ret), ret, sizeof(*ret)) &&
	       *ret & ENTRY_PRESENT;
}

bool paging_translate(const struct paging *pg, uint64_t va, uint64_t *ret_pa, uint64_t *ret_left)
{
	uint64_t table = pg->root & ENTRY_ADDRESS, entry, within;
	unsigned shift = PAGE_SHIFT + INDEX_BITS * (pg->levels - 1);

	if (!is_canonical(pg, va))
		return false;
	for (;; shift -= INDEX_BITS) {
		within = (1ull << shift) - 1;
		*ret_left = within + 1 - (va & within);
		if (!read_entry(pg, table, va, shift, &entry))
			return false;
		if (shift == PAGE_SHIFT || (shift <= LARGEST_SHIFT && entry & ENTRY_LARGE))
			break;
		table = entry & ENTRY_ADDRESS;
	}
	*ret_pa = (entry & ENTRY_ADDRESS & ~within) | (va & within);
	return true;
}
