/* SPDX-License-Identifier: MIT */
/* key_index.h - find the entry of a map that has given bytes as its key. */
#ifndef KSNAP_REPORT_KEY_INDEX_H
#define KSNAP_REPORT_KEY_INDEX_H

#include "report/snapshot.h"

#define KEY_NONE UINT64_MAX

struct key_index {
	const struct ksnap_map *map;
	uint64_t seed;
	uint32_t *slots; /* number of an entry, from 1; open addressing */
	uint64_t mask;
	uint8_t *taken; /* a bit an entry */
};

/* Of entries with one key the first counts. 0 or -1 when memory is out. */
int key_index_make(struct key_index *x, const struct ksnap_map *m);
void key_index_fini(struct key_index *x);
/* The entry with the key at @key, of the map's key_size bytes, which is then taken; KEY_NONE. */
uint64_t key_index_take(struct key_index *x, const uint8_t *key);
bool key_index_is_taken(const struct key_index *x, uint64_t i);

#endif
