/* SPDX-License-Identifier: MIT */
/* image.h - the kernel in a machine's memory: where it is, its symbols, its address space.
 *
 * Nothing is believed that does not prove itself: page tables must map the kernel where its symbols
 * say, and the version text must stand there. */
#ifndef KSNAP_CAPTURE_MEMORY_IMAGE_H
#define KSNAP_CAPTURE_MEMORY_IMAGE_H

#include "capture/memory/space.h"
#include "capture/memory/symbols.h"
#include "capture/memory/vmcoreinfo.h"
#include "capture/memory/vmlinux.h"

/* Where symbols come from; both NULL: from the memory itself. And the tables that the machine's
 * CPUs use (CR3): memory keeps kernels that ran before the last reset, and only one that a CPU has
 * mapped is taken. @ncr3 0: they are not known. */
struct image_source {
	const char *vmlinux, *kallsyms;
	const uint64_t *cr3;
	size_t ncr3;
};

struct image {
	struct vmcoreinfo info; /* empty: the memory has none */
	struct symbols symbols; /* at the addresses they have there */
	struct space space;
	uint64_t slide;          /* of its addresses against vmlinux; 0 with kallsyms alone */
	bool has_slide;          /* false: nothing told, which is not the same as 0 */
	uint64_t phys_base;      /* physical address of what is linked at KERNEL_MAP */
	char banner[BANNER_MAX]; /* "Linux version 6.1.0-..." */
	char release[65];        /* "6.1.0-..." */
};

#define KERNEL_MAP 0xffffffff80000000ull /* where x86-64 maps its text */

/* Find the kernel in @mem, which must outlive @im. E_NOTFOUND: there is none that @src would be of;
 * E_TARGET: it is another one than @src says, or its symbols cannot be had; E_ARG, E_NOMEM. After a
 * failure @im is empty. */
int image_find(struct image *im, const struct physical *mem, const struct image_source *src,
	       struct ksnap_err *err);
void image_fini(struct image *im);
/* Is the kernel still the one that was found? False after a reboot. */
bool image_is_there(struct image *im);
/* The address of @name: 0, or E_NOTFOUND. */
int image_symbol(const struct image *im, const char *name, uint64_t *ret, struct ksnap_err *err);

#endif
