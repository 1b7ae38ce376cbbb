/* SPDX-License-Identifier: MIT */
/* map_key.h - the bytes of a map's key that a symbol names, as a number, a string or in hex. */
#ifndef KSNAP_CAPTURE_MAP_KEY_H
#define KSNAP_CAPTURE_MAP_KEY_H

#include <bpf/btf.h>

#include "capture/symbol.h"

struct map_key_of {
	const char *map;       /* its name, for messages */
	const struct btf *btf; /* NULL: no types are known */
	uint32_t type;         /* of the key */
	uint32_t size;
};

/* Write the key of @s, an element, to @key. E_ARG: it does not fit; E_UNSUPPORTED: the map's keys
 * are longer than a symbol may be. */
int map_key_encode(const struct symbol *s, const struct map_key_of *of, uint8_t key[SYMBOL_MAX],
		   struct ksnap_err *err);

#endif
