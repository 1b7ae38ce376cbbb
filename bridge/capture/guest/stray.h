/* SPDX-License-Identifier: MIT */
/* stray.h - traps that are lost on the way, or come of a watch that is no more.
 *
 * qemu notes with a CPU which watch it hit, and forgets that only when it tells. When the guest is
 * stopped by other means in between, nothing is told: the CPU has its note still, and traps with it
 * at its next write to a page with any watch. When that watch is gone by then, what the note says
 * is garbage, or qemu takes it for one of the guest's own and drops the trap altogether: that of
 * the next write that matters.
 *
 * So each CPU must give up such a note before it may write. One that runs is stepped after
 * connecting. One that is halted gets a tripwire, a watch beside its counts of interrupts, which is
 * where it writes when it wakes: with no note nothing comes of that, and with one, no more than a
 * trap that is no write. (Its stack would be earlier: but qemu dies of a note that it meets while
 * it pushes for an interrupt.) Not with KVM, where a note makes no trap, and there are four watches
 * in all.
 *
 * And when a value changed without a trap, the CPU that did it is stepped, and tells. */
#ifndef KSNAP_CAPTURE_GUEST_STRAY_H
#define KSNAP_CAPTURE_GUEST_STRAY_H

#include "capture/guest/gdb.h"

struct target;

struct stray_cpu {
	bool is_suspect;     /* it may still have a note of a watch before */
	uint64_t wire;       /* where its tripwire is; 0: it has none */
	uint64_t counts;     /* its counts of interrupts, */
	unsigned len, times; /* their bytes, and how often they were seen to have changed */
	uint64_t sum;        /* of what they were then */
};

struct stray {
	unsigned n; /* CPUs, in the order of the stub's threads */
	struct stray_cpu *cpus;
	unsigned nwires;
};

/* The guest stands still, and a watch may just have been taken out: of a debugger before us, or of
 * ours. When nobody else has stopped it, the CPUs that run are stepped; what they trap for is
 * counted. E_NOMEM. */
int stray_begin(struct target *t, struct ksnap_err *err);
/* It has trapped, and that was dealt with: take out the tripwires of CPUs that have passed them. */
void stray_tidy(struct target *t);
/* Take all out. The guest stands still. */
void stray_end(struct target *t);
/* They are gone with the connection. */
void stray_fini(struct stray *s);
/* Is @s the first trap of a suspect? */
bool stray_is_first(struct target *t, const struct packet_stop *s);
/* A value changed, and the trap that came, if any, of thread @but, may not be that of the write.
 * True: it is in t->gdb.trap. It wants the guest stopped, by us: others would see it go on. */
bool stray_find(struct target *t, uint64_t but);

#endif
