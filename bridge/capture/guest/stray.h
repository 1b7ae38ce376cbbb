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
 * Of several CPUs that hit a watch at once qemu tells one; the others have their notes, too, and
 * trap later: behind a write to another place, perhaps. When a CPU that others may have overtaken
 * traps and nothing changed, its write was an earlier one: it is counted, and not told, for nobody
 * knows where it was. A write of the same value cannot be told from that; and when such a trap
 * comes with the next write of another CPU, it is told in its place.
 *
 * And when a value changed without a trap, the CPU that did it is stepped, and tells. */
#ifndef KSNAP_CAPTURE_GUEST_STRAY_H
#define KSNAP_CAPTURE_GUEST_STRAY_H

#include "capture/guest/gdb.h"

struct target;

/* What note a CPU may have. */
enum stray_note {
	STRAY_NONE,
	STRAY_BEFORE, /* of a watch that is no more: there was no write */
	STRAY_UNTOLD  /* of a write that was overtaken */
};

struct stray {
	unsigned n; /* CPUs, in the order of the stub's threads */
	bool has_kvm;
	enum stray_note *notes; /* [thread - 1] */
};

/* The guest stands still, and a watch may just have been taken out: of a debugger before us, or of
 * ours. When nobody else has stopped it, the CPUs are stepped; what they trap for is counted.
 * E_NOMEM. */
int stray_begin(struct target *t, struct ksnap_err *err);
/* They are gone with the connection. */
void stray_fini(struct stray *s);
/* What note may be the cause of the trap @s? It is gone with it. */
enum stray_note stray_take(struct target *t, const struct packet_stop *s);
/* The trap @s is of a write: others may have written at the same time. */
void stray_overtake(struct target *t, const struct packet_stop *s);
/* A value changed, and the trap that came, if any, of thread @but, may not be that of the write.
 * True: it is in t->gdb.trap. It wants the guest stopped, by us: others would see it go on. */
bool stray_find(struct target *t, uint64_t but);

#endif
