// SPDX-License-Identifier: MIT
/* key_set.c - open addressing over positions. */
#include "capture/live/key_set.h"

#include <stdlib.h>
#include <string.h>

void key_set_init(struct key_set *s, size_t key_size)
{
	*s = (struct key_set){ .key_size = key_size };
}

void key_set_fini(struct key_set *s)
{
	free(s->slots);
	*s = (struct key_set){ .key_size = s->key_size };
}

/* FNV-1a, then a multiplication to bring high bits down. */
static size_t hash(const uint8_t *key, size_t len)
{
	uint64_t h = 0xcbf29ce484222325;

	for (size_t i = 0; i < len; i++)
		h = (h ^ key[i]) * 0x100000001b3;
	return (h * 0x9e3779b97f4a7c15) >> 20;
}

/* The slot that holds the key, or the free one where it belongs. */
static uint32_t *slot_of(const struct key_set *s, const uint8_t *keys, const void *key)
{
	size_t i = hash(key, s->key_size) & (s->cap - 1);

	while (s->slots[i] && memcmp(keys + (s->slots[i] - 1) * s->key_size, key, s->key_size))
		i = (i + 1) & (s->cap - 1);
	return &s->slots[i];
}

bool key_set_has(const struct key_set *s, const uint8_t *keys, const void *key)
{
	return s->cap && *slot_of(s, keys, key);
}

static int grow(struct key_set *s, const uint8_t *keys)
{
	struct key_set bigger = { .cap = s->cap ? 2 * s->cap : 256, .key_size = s->key_size };

	bigger.slots = calloc(bigger.cap, sizeof(*bigger.slots));
	if (!bigger.slots)
		return -1;
	for (size_t i = 0; i < s->cap; i++) {
		if (s->slots[i])
			*slot_of(&bigger, keys, keys + (s->slots[i] - 1) * s->key_size) =
				s->slots[i];
	}
	bigger.n = s->n;
	free(s->slots);
	*s = bigger;
	return 0;
}

int key_set_add(struct key_set *s, const uint8_t *keys, uint32_t pos)
{
	if (2 * (s->n + 1) > s->cap && grow(s, keys))
		return -1;
	*slot_of(s, keys, keys + pos * s->key_size) = pos + 1;
	s->n++;
	return 0;
}
