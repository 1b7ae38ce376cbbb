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
 * Of several CPUs that hit a watch at once qemu tells one; the others have their notes, too. So
 * those that are not halted are stepped before the guest goes on: what they trap for then is
 * counted, and no note is left that a write to another place could bring up. As qemu translates all
 * code anew after a step, this is not done at each of many stops; meanwhile what a CPU traps for
 * may be an earlier write, and is not told.
 *
 * When others stop the guest, nobody can be stepped: they would see it go on. Nor for a second
 * after that: when they say cont in the middle of a step, nobody knows what that step did. What
 * changed before is counted by its value, and the next trap of each CPU may then be for that write,
 * and its place another one: unless its CPU stands behind an instruction that writes there
 * (writes.h), it is counted, not told. When nothing changed since, its write was an earlier one; a
 * write of the same value cannot be told from that.
 *
 * And when our stop keeps a CPU from telling, it is stepped, and tells. */
#ifndef KSNAP_CAPTURE_GUEST_STRAY_H
#define KSNAP_CAPTURE_GUEST_STRAY_H

#include "capture/guest/gdb.h"

struct guest_watch;
struct target;

/* What note a CPU may have. */
enum stray_note {
	STRAY_NONE,
	STRAY_BEFORE, /* of a watch that is no more: there was no write */
	STRAY_PAUSED, /* of a write before others stopped the guest, which changed nothing */
	STRAY_UNTOLD  /* of a write that was one with another CPU's, or that others hid by a stop */
};

struct stray {
	unsigned n; /* CPUs, in the order of the stub's threads */
	bool has_kvm;
	enum stray_note *notes; /* [thread - 1] */
	uint64_t settled_ns;    /* when all were stepped last */
	uint64_t doubted_ns;    /* when one got a note last */
	uint64_t alone_ns;      /* when CPUs may be stepped again */
};

/* The guest stands still, and a watch may just have been taken out: of a debugger before us, or of
 * ours. When nobody else has stopped it, and it is neither frozen nor captured for a hit, the CPUs
 * are stepped; what they trap for is counted. E_NOMEM. */
int stray_begin(struct target *t, struct ksnap_err *err);
/* May a CPU have a note of a write? */
bool stray_is_in_doubt(const struct stray *s);
/* Is there a CPU whose next write would not be told, and has the guest been left alone for a while?
 * Then stray_clean is due, which wants it stopped for a job: so that a rare write is told. */
bool stray_is_due(const struct target *t);
void stray_clean(struct target *t);
/* They are gone with the connection. */
void stray_fini(struct stray *s);
/* What note may be the cause of the trap @s? It is gone with it. */
enum stray_note stray_take(struct target *t, const struct packet_stop *s);
/* Others have stopped the guest, or let it go on when it was ours. */
void stray_paused(struct stray *s);
/* Have they left it alone for a while? Else they might let it go on in the middle of a step. */
bool stray_may_step(const struct target *t);
/* Any CPU but that of thread @but may have such a one now. */
void stray_doubt(struct target *t, uint64_t but, enum stray_note note);
/* Is there a CPU that was kept from trapping, besides that of thread @but? True: that is its trap.
 * It wants the guest stopped, by us. */
bool stray_find(struct target *t, uint64_t but, struct gdb_trap *ret);
/* Have all notes given up, besides that of thread @but, which has told, and count what they are of;
 * @told: the watch whose hit is told now, or NULL. It wants the guest stopped, by us. */
void stray_settle(struct target *t, uint64_t but, const struct guest_watch *told);

#endif
