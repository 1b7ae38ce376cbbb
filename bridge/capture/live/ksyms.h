/* SPDX-License-Identifier: MIT */
/* ksyms.h - the kernel's functions by address, from /proc/kallsyms. Those of BPF programs are left
 * out: they tell themselves where they end, see bpf_text.h. */
#ifndef KSNAP_CAPTURE_LIVE_KSYMS_H
#define KSNAP_CAPTURE_LIVE_KSYMS_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

struct ksym {
	uint64_t addr;
	uint32_t name; /* offset in names */
	uint32_t room; /* bytes that it can be long, when none begins before */
	bool stays;    /* of the kernel itself: as long as that runs */
};

/* Zeroed is empty. */
struct ksyms {
	struct buf syms;  /* struct ksym each, in order of address */
	struct buf names; /* NUL-terminated, "name" or "name [module]" */
};

void ksyms_fini(struct ksyms *k);
/* Read @path anew, and out of @modules, when there is such a file, where modules end. 0, or a
 * negative code: E_TARGET when @path cannot be read or hides its addresses, with nothing in @k
 * then. */
int ksyms_load(struct ksyms *k, const char *path, const char *modules, struct ksnap_err *err);
/* The function @addr is in; NULL: in none. Good until the next load. */
const struct ksym *ksyms_at(const struct ksyms *k, uint64_t addr);
const char *ksyms_name(const struct ksyms *k, const struct ksym *s, uint64_t addr,
		       uint64_t *ret_off);
/* Both in one: its name, and how far @addr is in it. */
const char *ksyms_find(const struct ksyms *k, uint64_t addr, uint64_t *ret_off);

#define KSYM_FAR  (1u << 20) /* at most, of the kernel itself */
#define KSYM_PAGE 4096       /* at most, of what it makes while it runs: trampolines */

#endif
