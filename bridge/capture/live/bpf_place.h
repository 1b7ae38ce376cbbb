/* SPDX-License-Identifier: MIT */
/* bpf_place.h - the bytes of a live BPF map that a symbol names: a global, a field of an element.
 *
 * A place names the map by id and the element by key. Nothing is held open: a map or an element
 * that went away since is found missing when the place is used. */
#ifndef KSNAP_CAPTURE_LIVE_BPF_PLACE_H
#define KSNAP_CAPTURE_LIVE_BPF_PLACE_H

#include "capture/btf_path.h"
#include "capture/symbol.h"
#include "ksnap.h"

struct target;

#define PLACE_NAME 128

/* What the text of an E_NOTFOUND says beside it. */
enum bpf_miss {
	BPF_MISS_ALL,    /* nothing is called so, or nearly */
	BPF_MISS_NEAR,   /* what is called nearly so, or is no global */
	BPF_MISS_MEMBER, /* the global is there, and its members */
};

struct bpf_place {
	uint32_t map_id, map_type, map_flags;
	uint32_t key_size, value_size;
	uint8_t key[SYMBOL_MAX];
	uint32_t cpu;          /* of per-CPU maps */
	struct btf_spot spot;  /* within the value; of no BTF type: the whole value */
	uint32_t btf_id;       /* where spot.type is from; 0: nowhere */
	uint32_t len;          /* spot.size when that is 1, 2, 4 or 8; else 0 */
	char name[PLACE_NAME]; /* for people: "tasks[7].ctx.weight (map 12)" */
	enum bpf_miss miss;    /* when it was not found */
};

/* Find what @s names: SYMBOL_GLOBAL, SYMBOL_ELEMENT, and SYMBOL_NAME when one BPF global has it.
 * E_NOTFOUND lists near names or the members there are; E_ARG: several have the name (all are
 * listed, as they can be named one by one), or key or path do not fit; E_UNSUPPORTED: values of
 * such maps cannot be reached. Does not look for the key. */
int bpf_place_find(struct target *t, const struct symbol *s, struct bpf_place *ret,
		   struct ksnap_err *err);
/* Open the map. E_NOTFOUND: it is gone. */
int bpf_place_open(const struct bpf_place *p, struct ksnap_err *err);
/* The kernel's address of the place. Its memory is that of the map @fd (bpf_place_open), and good
 * as long as somebody holds that; of a hash map only until the element is deleted. E_NOTFOUND: no
 * such key now. */
int bpf_place_address(const struct bpf_place *p, int fd, uint64_t *ret, struct ksnap_err *err);

/* Bytes of the place from @off on; see map_cell.h. */
int bpf_place_read(const struct bpf_place *p, uint64_t off, uint32_t len, void *to,
		   struct ksnap_err *err);
int bpf_place_write(const struct bpf_place *p, uint64_t off, uint32_t len, const void *from,
		    struct ksnap_err *err);
int bpf_place_or(const struct bpf_place *p, uint32_t len, uint64_t mask, struct ksnap_err *err);

#endif
