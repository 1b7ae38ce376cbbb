/* SPDX-License-Identifier: MIT */
/* key_set.h - which keys of a packed array were met already. */
#ifndef KSNAP_CAPTURE_LIVE_KEY_SET_H
#define KSNAP_CAPTURE_LIVE_KEY_SET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Holds positions within an array of keys that the caller keeps, and may move, but not change. */
struct key_set {
	uint32_t *slots; /* position + 1; 0: free */
	size_t cap;      /* a power of two, or 0 */
	size_t n;
	size_t key_size;
};

void key_set_init(struct key_set *s, size_t key_size);
void key_set_fini(struct key_set *s);
/* Is the key at @key among those of @keys that were added? */
bool key_set_has(const struct key_set *s, const uint8_t *keys, const void *key);
/* Add keys[@pos], which is not in the set. -1 when memory is out. */
int key_set_add(struct key_set *s, const uint8_t *keys, uint32_t pos);

#endif
