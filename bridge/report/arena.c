// SPDX-License-Identifier: MIT
/* arena.c - a list of chunks, filled front to back. */
#include <stdalign.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "report/arena.h"

#define CHUNK_MIN 4096

struct arena_chunk {
	struct arena_chunk *next;
	size_t used, cap;
	max_align_t data[];
};

static struct arena_chunk *add_chunk(struct arena *a, size_t size)
{
	size_t cap = size > CHUNK_MIN ? size : CHUNK_MIN;
	struct arena_chunk *c = malloc(sizeof(*c) + cap);

	if (!c)
		return NULL;
	c->used = 0;
	c->cap = cap;
	if (a->cur) {
		c->next = a->cur->next;
		a->cur->next = c;
	} else {
		c->next = a->first;
		a->first = c;
	}
	return c;
}

void *arena_alloc(struct arena *a, size_t size)
{
	struct arena_chunk *c = a->cur;
	size_t need;

	if (__builtin_add_overflow(size, alignof(max_align_t) - 1, &need) || need > SIZE_MAX / 2)
		return NULL;
	need &= ~(alignof(max_align_t) - 1);
	if (c && c->cap - c->used < need)
		c = c->next && c->next->cap - c->next->used >= need ? c->next : NULL;
	if (!c)
		c = add_chunk(a, need);
	if (!c)
		return NULL;
	a->cur = c;
	c->used += need;
	return (char *)c->data + c->used - need;
}

char *arena_strn(struct arena *a, const char *s, size_t len)
{
	char *copy = len < SIZE_MAX ? arena_alloc(a, len + 1) : NULL;

	if (!copy)
		return NULL;
	memcpy(copy, s, len);
	copy[len] = '\0';
	return copy;
}

void arena_clear(struct arena *a)
{
	for (struct arena_chunk *c = a->first; c; c = c->next)
		c->used = 0;
	a->cur = a->first;
}

void arena_fini(struct arena *a)
{
	struct arena_chunk *c = a->first, *next;

	for (; c; c = next) {
		next = c->next;
		free(c);
	}
	*a = (struct arena){ 0 };
}
