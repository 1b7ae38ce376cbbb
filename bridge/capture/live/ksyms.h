/* SPDX-License-Identifier: MIT */
/* ksyms.h - the kernel's functions by address, from /proc/kallsyms. */
#ifndef KSNAP_CAPTURE_LIVE_KSYMS_H
#define KSNAP_CAPTURE_LIVE_KSYMS_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

struct ksym {
	uint64_t addr;
	uint32_t name; /* offset in names */
};

/* Zeroed is empty. */
struct ksyms {
	struct buf syms;  /* struct ksym each, in order of address */
	struct buf names; /* NUL-terminated, "name" or "name [module]" */
};

void ksyms_fini(struct ksyms *k);
/* Read @path anew. 0, or a negative code: E_TARGET when it cannot be read or hides its addresses,
 * with nothing in @k then. */
int ksyms_load(struct ksyms *k, const char *path, struct ksnap_err *err);
/* The function @addr is in, and how far; NULL when none begins within KSYM_FAR before it. */
const char *ksyms_find(const struct ksyms *k, uint64_t addr, uint64_t *ret_off);

#define KSYM_FAR (1u << 20)

#endif
