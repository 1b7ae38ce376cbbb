/* SPDX-License-Identifier: MIT */
/* kallsyms.h - the symbols that a kernel carries in its own memory. */
#ifndef KSNAP_CAPTURE_MEMORY_KALLSYMS_H
#define KSNAP_CAPTURE_MEMORY_KALLSYMS_H

#include "capture/memory/space.h"
#include "capture/memory/symbols.h"
#include "capture/memory/vmcoreinfo.h"

/* Unpack them into @s, sealed. E_TARGET: @v does not say where they are (Linux before 6.0), they
 * are not sound, or they contradict @v. */
int kallsyms_read(struct symbols *s, struct space *mem, const struct vmcoreinfo *v,
		  struct ksnap_err *err);

#endif
