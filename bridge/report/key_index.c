// SPDX-License-Identifier: MIT
/* key_index.c - a hash table over a map's keys, seeded so that no report can make it slow. */
#include "report/key_index.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

static uint64_t mix(uint64_t a, uint64_t b)
{
	unsigned __int128 p = (unsigned __int128)a * b;

	return (uint64_t)p ^ (uint64_t)(p >> 64);
}

static uint64_t hash(const struct key_index *x, const uint8_t *p, size_t len)
{
	uint64_t h = x->seed ^ len, word;

	for (; len > 8; p += 8, len -= 8) {
		memcpy(&word, p, 8);
		h = mix(h ^ word, x->seed | 1) + word;
	}
	word = 0;
	memcpy(&word, p, len);
	return mix(mix(h ^ word, 0x9e3779b97f4a7c15), x->seed | 1);
}

static const uint8_t *key_at(const struct key_index *x, uint64_t i)
{
	return x->map->keys + i * x->map->key_size;
}

/* The slot with this key, or the free one where it belongs. */
static uint32_t *find(const struct key_index *x, const uint8_t *key)
{
	size_t len = x->map->key_size;
	uint64_t at = hash(x, key, len) & x->mask;

	while (x->slots[at] && memcmp(key_at(x, x->slots[at] - 1), key, len) != 0)
		at = (at + 1) & x->mask;
	return &x->slots[at];
}

static void take(struct key_index *x, uint64_t i)
{
	x->taken[i / 8] |= 1 << i % 8;
}

int key_index_make(struct key_index *x, const struct ksnap_map *m)
{
	uint64_t size = 16;

	*x = (struct key_index){ .map = m };
	if (m->count >= UINT32_MAX)
		return -1;
	while (size < 2 * m->count)
		size *= 2;
	x->mask = size - 1;
	x->seed = mix(clock_mono_ns() ^ (uintptr_t)x, 0xd6e8feb86659fd93);
	x->slots = calloc(size, sizeof(*x->slots));
	x->taken = calloc(m->count / 8 + 1, 1);
	if (!x->slots || !x->taken) {
		key_index_fini(x);
		return -1;
	}
	for (uint64_t i = 0; i < m->count; i++) {
		uint32_t *slot = find(x, key_at(x, i));

		if (*slot)
			take(x, i);
		else
			*slot = i + 1;
	}
	return 0;
}

void key_index_fini(struct key_index *x)
{
	free(x->slots);
	free(x->taken);
	x->slots = NULL;
	x->taken = NULL;
}

uint64_t key_index_take(struct key_index *x, const uint8_t *key)
{
	uint32_t slot = x->map->count ? *find(x, key) : 0; /* an empty map may have other keys */

	if (!slot)
		return KEY_NONE;
	take(x, slot - 1);
	return slot - 1;
}

bool key_index_is_taken(const struct key_index *x, uint64_t i)
{
	return x->taken[i / 8] >> i % 8 & 1;
}
