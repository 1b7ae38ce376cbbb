/* SPDX-License-Identifier: MIT */
/* vmlinux.h - an uncompressed kernel image: its symbols, and what tells it from another one. */
#ifndef KSNAP_CAPTURE_MEMORY_VMLINUX_H
#define KSNAP_CAPTURE_MEMORY_VMLINUX_H

#include "capture/memory/symbols.h"

#define BANNER_MAX   512
#define BUILD_ID_MAX 41 /* hex digits of a build id and a NUL */

struct vmlinux {
	char banner[BANNER_MAX];     /* linux_banner; "": the file does not hold it */
	char build_id[BUILD_ID_MAX]; /* "": it has none */
};

/* Its symbols, at link addresses, are added to @s. E_ARG: it is no x86-64 ELF file with symbols;
 * E_TARGET: it cannot be read. */
int vmlinux_read(struct vmlinux *v, const char *path, struct symbols *s, struct ksnap_err *err);
/* The build id in the notes file @path, /sys/kernel/notes; "": it cannot be read or has none. */
void vmlinux_running_id(const char *path, char buf[BUILD_ID_MAX]);

#endif
