/* SPDX-License-Identifier: MIT */
/* machine.h - a made-up machine: a few MiB of memory in a file, with page tables and a kernel of
 * which there is just enough to be found. Fails the test that calls it on every error. */
#ifndef KSNAP_TESTS_MACHINE_H
#define KSNAP_TESTS_MACHINE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "capture/memory/image.h"

#define MACHINE_BYTES (8u << 20)
#define MACHINE_ROOT  0x400000ull /* of the top table; others follow */

struct machine {
	char path[64];
	uint8_t *mem; /* MACHINE_BYTES, not yet in the file */
	uint64_t next_table;
	unsigned levels;
	struct physical phys; /* once saved */
};

void machine_begin(struct machine *m, unsigned levels);
void machine_end(struct machine *m);
/* Write the memory to the file and open it. */
void machine_save(struct machine *m, bool writable);
void machine_put(struct machine *m, uint64_t pa, const void *data, size_t len);
void machine_put64(struct machine *m, uint64_t pa, uint64_t v);
/* Map a page of 1 << @shift bytes. */
void machine_map(struct machine *m, uint64_t va, uint64_t pa, unsigned shift);

/* ---- a kernel ------------------------------------------------------------------------------ */

#define KERNEL_LINK   0xffffffff81000000ull /* of _stext in its vmlinux */
#define KERNEL_PHYS   0x600000ull           /* where that is in memory */
#define KERNEL_BANNER "Linux version 6.9.1-made (us@here) #1 SMP\n"

struct kernel_plan {
	uint64_t slide;
	unsigned levels;
	bool without_info;    /* no VMCOREINFO in memory */
	bool without_symbols; /* VMCOREINFO names no kallsyms tables */
	bool from_base;       /* kallsyms offsets go up from their base */
	const char *release;  /* in VMCOREINFO; NULL: the banner's */
	const char *build_id; /* in VMCOREINFO; NULL: none */
};

/* Put the kernel into a machine that is begun. */
void machine_boot(struct machine *m, const struct kernel_plan *plan);
/* The same kernel's symbols as text, and as a vmlinux with the given banner and build id. */
void machine_write_text(const char *path, uint64_t slide);
void machine_write_vmlinux(const char *path, const char *banner, const uint8_t build_id[20]);
/* A path for a file of this test program. */
const char *machine_file(char *buf, size_t cap, const char *name);

#endif
