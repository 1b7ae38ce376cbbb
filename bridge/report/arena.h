/* SPDX-License-Identifier: MIT */
/* arena.h - small allocations that are all forgotten at once.
 *
 * Memory is kept over arena_clear(); pointers stay good until then. */
#ifndef KSNAP_REPORT_ARENA_H
#define KSNAP_REPORT_ARENA_H

#include <stddef.h>

struct arena_chunk;

/* Zeroed is empty. */
struct arena {
	struct arena_chunk *first, *cur;
};

/* @size bytes, aligned for any type; NULL when memory is out. @size 0 gives a pointer too. */
void *arena_alloc(struct arena *a, size_t size);
/* A NUL-terminated copy. */
char *arena_strn(struct arena *a, const char *s, size_t len);
void arena_clear(struct arena *a);
void arena_fini(struct arena *a);

#endif
