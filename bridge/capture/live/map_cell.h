/* SPDX-License-Identifier: MIT */
/* map_cell.h - bytes of one value of a live map, where they are.
 *
 * A small BPF program looks the key up and does its work on the value at once: an element cannot be
 * freed under it, and bytes beside those that were named are neither read nor written. */
#ifndef KSNAP_CAPTURE_LIVE_MAP_CELL_H
#define KSNAP_CAPTURE_LIVE_MAP_CELL_H

#include "ksnap.h"

struct map_cell {
	int map_fd;
	uint32_t map_type; /* BPF_MAP_TYPE_* */
	const void *key;
	uint32_t key_size;
	uint32_t cpu;    /* of per-CPU maps */
	uint32_t offset; /* within the value */
	uint32_t len;
};

/* Can values of maps of this type be reached? *ret_percpu: they are one a CPU. */
bool map_cell_has(uint32_t map_type, bool *ret_percpu);

/* All of these: E_NOTFOUND: the map has no such key now; E_DENIED; E_TARGET with the verifier's
 * words. */

/* The kernel's address of the value's first byte. Good as long as the map and the element are. */
int map_cell_address(const struct map_cell *c, uint64_t *ret, struct ksnap_err *err);
/* c->len bytes to @to; 1, 2, 4 and 8 aligned bytes are read at once. */
int map_cell_read(const struct map_cell *c, void *to, struct ksnap_err *err);
/* c->len bytes from @from; 1, 2, 4 and 8 aligned bytes are written at once, others one after the
 * other. */
int map_cell_write(const struct map_cell *c, const void *from, struct ksnap_err *err);
/* Set the bits of @mask, atomically; c->len is 1, 2, 4 or 8 and the offset a multiple of it. Narrow
 * ones by the 4 bytes that they are in (@value_size bounds them), of which the others keep whatever
 * they have. */
int map_cell_or(const struct map_cell *c, uint64_t mask, uint32_t value_size,
		struct ksnap_err *err);

#endif
