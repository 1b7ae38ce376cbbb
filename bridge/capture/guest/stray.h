/* SPDX-License-Identifier: MIT */
/* stray.h - traps that are lost on the way, or come of a watch that is no more.
 *
 * qemu notes with a CPU which watch it hit, and forgets that only when it tells. When the guest is
 * stopped by other means in between, nothing is told: the CPU has its note still, and traps with it
 * at its next access near any watch. When that watch is gone by then, what the note says is
 * garbage, or qemu drops the trap of a write altogether.
 *
 * So each CPU that runs is stepped once after connecting, which makes it give up such a note; of
 * one that is halted, the first trap is no write when nothing changed. And when a value changed
 * without a trap, the CPU that did it is stepped, and tells. */
#ifndef KSNAP_CAPTURE_GUEST_STRAY_H
#define KSNAP_CAPTURE_GUEST_STRAY_H

#include "capture/guest/gdb.h"

struct target;

struct stray {
	uint64_t suspects; /* bit n: thread n + 1 may still have a note of a watch before */
};

/* The stub was connected, and nothing is armed yet. The guest stands still. */
void stray_begin(struct target *t);
/* Is @s the first trap of a suspect? */
bool stray_is_first(struct target *t, const struct packet_stop *s);
/* A value changed without a trap. True: it has one now, in t->gdb.trap. It wants the guest stopped,
 * by us: others would see it go on. */
bool stray_find(struct target *t);

#endif
