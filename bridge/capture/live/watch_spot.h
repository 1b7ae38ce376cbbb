/* SPDX-License-Identifier: MIT */
/* watch_spot.h - where in the kernel's memory a watch's symbol is, and whether a debug register can
 * watch it. */
#ifndef KSNAP_CAPTURE_LIVE_WATCH_SPOT_H
#define KSNAP_CAPTURE_LIVE_WATCH_SPOT_H

#include "capture/live/bpf_place.h"
#include "capture/live/watch_set.h"

struct watch_spot {
	struct target *target;
	struct watch_memory at;
	struct bpf_place place; /* when it is in a BPF map */
	int map_fd;             /* which keeps the map's memory what it is; -1: no map */
	size_t users;           /* programs that used the map when it was found; 0: none is known */
};

/* Is @addr one that a register can watch for @len bytes, of a kernel whose page tables have
 * @levels? E_ARG: of user space or of neither half, or not aligned. */
int watch_spot_check(uint64_t addr, unsigned len, unsigned levels, const char *symbol,
		     struct ksnap_err *err);

/* @len 0: as many bytes as the type says. E_NOTFOUND with near names; E_ARG; E_UNSUPPORTED: this
 * kernel does not tell where such a symbol is; E_TARGET. Free with watch_spot_destroy. */
struct watch_spot *watch_spot_find(struct target *t, const char *symbol, unsigned len,
				   struct ksnap_err *err);
/* What is there by now, as far as it can be read. */
void watch_spot_look(struct watch_spot *s);
void watch_spot_destroy(void *spot);
/* For watch_set_arm: "map_gone" when no program uses the map any more, "element_gone" when the
 * element is not where it was, else NULL. */
const char *watch_spot_gone(void *spot);

#endif
