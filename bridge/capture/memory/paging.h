/* SPDX-License-Identifier: MIT */
/* paging.h - x86-64 page tables: which physical address a virtual one stands for.
 *
 * Total: whatever the tables hold, a walk looks at no more than five entries. */
#ifndef KSNAP_CAPTURE_MEMORY_PAGING_H
#define KSNAP_CAPTURE_MEMORY_PAGING_H

#include "capture/memory/physical.h"

struct paging {
	const struct physical *mem;
	uint64_t root;   /* physical address of the top table */
	unsigned levels; /* 4 or 5 */
};

#define PAGE_BYTES 4096u

/* False: @va is not canonical, not present, or its tables are not in memory. *ret_left: bytes from
 * @va to the end of its page, of 4 KiB, 2 MiB or 1 GiB; of a canonical one that is not there, to
 * the end of what is missing with it. */
bool paging_translate(const struct paging *pg, uint64_t va, uint64_t *ret_pa, uint64_t *ret_left);

#endif
