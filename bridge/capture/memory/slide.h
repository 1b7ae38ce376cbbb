/* SPDX-License-Identifier: MIT */
/* slide.h - how far a running kernel lies above where a file of its symbols has it. */
#ifndef KSNAP_CAPTURE_MEMORY_SLIDE_H
#define KSNAP_CAPTURE_MEMORY_SLIDE_H

#include "capture/memory/symbols.h"

/* Of all names that @file and @running, both sealed, have once each: the distance, which must be
 * the same for every one. Absolute and per-CPU symbols are left out. E_TARGET: it is not, or there
 * is no such name, so that @file, called @path, is of another kernel. */
int slide_find(const struct symbols *file, const char *path, const struct symbols *running,
	       uint64_t *ret, struct ksnap_err *err);

#endif
