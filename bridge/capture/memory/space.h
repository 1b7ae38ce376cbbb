/* SPDX-License-Identifier: MIT */
/* space.h - bytes by virtual address.
 *
 * Translations are remembered until space_forget: a walker forgets them whenever the machine may
 * have run meanwhile. */
#ifndef KSNAP_CAPTURE_MEMORY_SPACE_H
#define KSNAP_CAPTURE_MEMORY_SPACE_H

#include "capture/memory/paging.h"

#define SPACE_REMEMBERED 1024

struct space {
	struct paging pg;
	struct space_page {
		uint64_t page; /* virtual page number + 1; 0: free */
		uint8_t *at;   /* where it is mapped */
		uint64_t pa;
	} pages[SPACE_REMEMBERED];
};

void space_init(struct space *s, const struct physical *mem, uint64_t root, unsigned levels);
void space_forget(struct space *s);

/* All of [@va, @va + @len) is copied to @buf, or false; @buf may then hold its begin. */
bool space_read(struct space *s, uint64_t va, void *buf, size_t len);
/* All of it is written; or false with nothing written: a page is not there, or the memory is not
 * writable. */
bool space_write(struct space *s, uint64_t va, const void *buf, size_t len);
/* A string with its NUL, cut to @cap; false when it cannot be read to its end. */
bool space_string(struct space *s, uint64_t va, char *buf, size_t cap);
/* Where @va is in physical memory. */
bool space_physical(struct space *s, uint64_t va, uint64_t *ret);

static inline bool space_u64(struct space *s, uint64_t va, uint64_t *ret)
{
	return space_read(s, va, ret, sizeof(*ret));
}
static inline bool space_u32(struct space *s, uint64_t va, uint32_t *ret)
{
	return space_read(s, va, ret, sizeof(*ret));
}

#endif
