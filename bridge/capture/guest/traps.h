/* SPDX-License-Identifier: MIT */
/* traps.h - what a stop of a watched guest means: who wrote, and what else was written by others.
 *
 * qemu tells one of several CPUs that trap at once, and of the others later, when they write to any
 * place of a watched page. What is told must have the registers behind its own write: so all CPUs
 * are stepped at a stop that is told (stray.h), and a trap that may be late is not told.
 *
 * Without KVM each write is counted once, but where hits come faster than they are told: the CPUs
 * are stepped every 50 ms then, and writes of the same moment may be one in between. */
#ifndef KSNAP_CAPTURE_GUEST_TRAPS_H
#define KSNAP_CAPTURE_GUEST_TRAPS_H

#include "capture/guest/gdb.h"

struct guest_watch;
struct target;

/* The watch whose hit must be told, and whose place in its rate that takes; NULL: all is counted,
 * and the guest may go on. @trap is of another CPU behind it when that one's must be told. */
struct guest_watch *traps_settle(struct target *t, struct gdb_trap *trap, uint64_t now);
/* Count a write by its trap: who wrote is not told. When it is to @told, whose hit is told now,
 * that has the value. */
void traps_take(struct target *t, const struct packet_stop *s, const struct guest_watch *told);
/* The guest was stopped for a job, or by somebody. A write in that very moment has no trap yet. */
void traps_stopped(struct target *t);
/* When others have stopped the guest, and may have let it go on since: count what changed. */
void traps_pause(struct target *t);
/* Has the value of any watch changed without that being counted? */
bool traps_changed(struct target *t);

#endif
