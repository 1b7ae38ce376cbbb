/* SPDX-License-Identifier: MIT */
/* hole.h - how much of a guest's memory is below the hole that its devices need under 4 GiB. */
#ifndef KSNAP_CAPTURE_GUEST_HOLE_H
#define KSNAP_CAPTURE_GUEST_HOLE_H

#include "capture/guest/qmp.h"

/* Ask qemu for its map of memory. 0 when there is no memory above 4 GiB, or qemu does not tell. */
uint64_t hole_find(struct qmp *q, uint64_t deadline_mono_ns);
/* The same from what "info mtree -f" says: where in its file the memory at 4 GiB begins. */
uint64_t hole_in_text(const char *text);

#endif
