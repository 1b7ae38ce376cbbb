/* SPDX-License-Identifier: MIT */
/* stray.h - traps that are lost on the way, or come of a watch that is no more.
 *
 * qemu notes with a CPU which watch it hit, and forgets that only when it tells. When the guest is
 * stopped by other means in between, nothing is told: the CPU has its note still, and traps with it
 * at its next write to a page with any watch. When that watch is gone by then, what the note says
 * is garbage, or qemu takes it for one of the guest's own and drops the trap altogether: that of
 * the next write that matters.
 *
 * So each CPU is stepped after connecting, which makes it give up such a note. One that is halted
 * is woken up for it, by the interrupt with which Linux wakes up CPUs itself, and does nothing for
 * when there is nothing to do. Of one that does not wake up, the first trap is no write when
 * nothing changed, and what is dropped for it shows by the value only. Not with KVM, where a note
 * makes no trap.
 *
 * And when a value changed without a trap, the CPU that did it is stepped, and tells. */
#ifndef KSNAP_CAPTURE_GUEST_STRAY_H
#define KSNAP_CAPTURE_GUEST_STRAY_H

#include "capture/guest/gdb.h"

struct target;

struct stray {
	unsigned n;       /* CPUs, in the order of the stub's threads */
	bool *is_suspect; /* [thread - 1]: it may still have a note of a watch before */
};

/* The guest stands still, and a watch may just have been taken out: of a debugger before us, or of
 * ours. When nobody else has stopped it, the CPUs are stepped; what they trap for is counted.
 * E_NOMEM. */
int stray_begin(struct target *t, struct ksnap_err *err);
/* They are gone with the connection. */
void stray_fini(struct stray *s);
/* Is @s the first trap of a suspect? */
bool stray_is_first(struct target *t, const struct packet_stop *s);
/* A value changed, and the trap that came, if any, of thread @but, may not be that of the write.
 * True: it is in t->gdb.trap. It wants the guest stopped, by us: others would see it go on. */
bool stray_find(struct target *t, uint64_t but);

#endif
