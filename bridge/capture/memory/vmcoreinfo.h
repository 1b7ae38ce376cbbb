/* SPDX-License-Identifier: MIT */
/* vmcoreinfo.h - what a kernel says about itself for those who look at its memory: lines KEY=VALUE.
 */
#ifndef KSNAP_CAPTURE_MEMORY_VMCOREINFO_H
#define KSNAP_CAPTURE_MEMORY_VMCOREINFO_H

#include "capture/memory/physical.h"

#define VMCOREINFO_MAX 4096 /* bytes that a kernel gives it */

/* Zeroed: there is none. */
struct vmcoreinfo {
	char text[VMCOREINFO_MAX + 1];
	size_t len;
};

/* From ELF notes. False: there is none, or the notes are cut or broken before it. */
bool vmcoreinfo_from_notes(struct vmcoreinfo *v, const uint8_t *notes, size_t len);
/* The next page of @mem at or behind *at that holds one; *at moves behind it. */
bool vmcoreinfo_search(struct vmcoreinfo *v, const struct physical *mem, uint64_t *at);

/* The value of @key, copied and cut to @cap. */
bool vmcoreinfo_text(const struct vmcoreinfo *v, const char *key, char *buf, size_t cap);
/* "SYMBOL(name)=hex", "NUMBER(name)=decimal". */
bool vmcoreinfo_symbol(const struct vmcoreinfo *v, const char *name, uint64_t *ret);
bool vmcoreinfo_number(const struct vmcoreinfo *v, const char *name, int64_t *ret);

#endif
