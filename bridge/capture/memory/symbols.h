/* SPDX-License-Identifier: MIT */
/* symbols.h - names and addresses of a kernel that is looked at from outside. */
#ifndef KSNAP_CAPTURE_MEMORY_SYMBOLS_H
#define KSNAP_CAPTURE_MEMORY_SYMBOLS_H

#include <stdbool.h>

#include "base/buf.h"
#include "ksnap.h"

#define SYMBOL_NAME_MAX 511        /* bytes of a name; the kernel's own bound */
#define SYMBOLS_MAX     (1u << 22) /* of one kernel */
#define SYMBOL_FAR      (1u << 20) /* bytes behind its begin that an address may still be in one */

struct symbol_row {
	uint64_t addr;
	uint32_t name; /* offset in names */
	char type;     /* as nm has it: T, d, A, ... */
};

/* Zeroed is empty. */
struct symbols {
	struct buf rows;    /* struct symbol_row each; in order of address once sealed */
	struct buf names;   /* NUL-terminated */
	struct buf by_name; /* uint32_t each: rows in order of name */
};

void symbols_fini(struct symbols *s);
void symbols_clear(struct symbols *s);
size_t symbols_count(const struct symbols *s);
/* Before symbols_seal only. Failure to allocate is told there. */
void symbols_add(struct symbols *s, uint64_t addr, char type, const char *name, size_t len);
/* Add @slide to every address but absolute and per-CPU ones, which are below the kernel's half. */
void symbols_slide(struct symbols *s, uint64_t slide);
/* Make it ready for looking up. E_NOMEM. */
int symbols_seal(struct symbols *s, struct ksnap_err *err);

/* System.map or a copy of /proc/kallsyms, up to sealing. E_TARGET: it cannot be read, is no such
 * text, or all its addresses are hidden. */
int symbols_read_text(struct symbols *s, const char *path, struct ksnap_err *err);

/* How many are called so; the lowest one's address. */
size_t symbols_find(const struct symbols *s, const char *name, uint64_t *ret);
/* The function or variable that @addr is in, and how far; NULL when none begins within SYMBOL_FAR
 * before it. */
const char *symbols_at(const struct symbols *s, uint64_t addr, uint64_t *ret_off);

#endif
