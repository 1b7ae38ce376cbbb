/* SPDX-License-Identifier: MIT */
/* gdb.h - a client of QEMU's gdbstub, for watches.
 *
 * qemu takes commands of a stub while the guest stands still, and stops it at any byte that comes
 * while it runs: all calls but gdb_poll and gdb_close want it stopped. Connecting stops it, too.
 * Closing the socket leaves watches armed and the guest stopped, so a child of ours holds it, and
 * takes leave of qemu when this process is gone (capture/live/freeze_guard.h). */
#ifndef KSNAP_CAPTURE_GUEST_GDB_H
#define KSNAP_CAPTURE_GUEST_GDB_H

#include "capture/guest/packet.h"
#include "capture/live/freeze_guard.h"

/* A stop by a watch, a breakpoint or a step. */
struct gdb_trap {
	struct packet_stop at;
	unsigned stirs; /* of struct gdb, then: when it has more of them, others let the guest go on
			 */
	struct registers before; /* of its CPU, behind the write, when it came with a step, or none:
				  * whoever steps sets them */
};

struct gdb {
	int fd;   /* -1: not connected */
	int news; /* readable while there is a stop to be taken, or the connection was lost */
	struct buf in;
	struct freeze_guard guard;
	bool is_lost; /* it was connected, and the other side ended */
	bool can_step;
	unsigned stirs; /* stops that came by themselves */
	bool has_trap;
	struct gdb_trap trap;  /* the last one, not taken yet */
	unsigned pauses;       /* that it was stopped by other means, by anybody */
	char text[PACKET_MAX]; /* the last packet */
};

#define GDB_INIT ((struct gdb){ .fd = -1, .news = -1, .guard = FREEZE_GUARD_NONE })

/* Make what does not depend on a connection. */
int gdb_init(struct gdb *g, struct ksnap_err *err);
void gdb_fini(struct gdb *g);

/* Connect to @at, the path of a socket or host:port, and forget all that a debugger before us has
 * armed. A guest that runs is stopped by it; when it fails, no more than the moment it takes.
 * E_TARGET: nobody listens, or it is no stub; E_BUSY: another debugger has it. */
int gdb_open(struct gdb *g, const char *at, uint64_t deadline_mono_ns, struct ksnap_err *err);
/* Have the child, when it was killed. */
int gdb_guard(struct gdb *g, struct ksnap_err *err);
/* None is to be had: do what it does. */
void gdb_take_leave(struct gdb *g);
/* Nothing may be armed any more, and the guest stands still. */
void gdb_leave(struct gdb *g);
/* The same without a word, when there is nobody to say it to. */
void gdb_close(struct gdb *g);

/* Watch writes to [@addr, @addr + @len) on all CPUs, or cease to. E_UNSUPPORTED: this stub cannot;
 * E_LIMIT: it refuses, as when no register is free. */
int gdb_watch(struct gdb *g, uint64_t addr, unsigned len, uint64_t deadline, struct ksnap_err *err);
int gdb_unwatch(struct gdb *g, uint64_t addr, unsigned len, uint64_t deadline,
		struct ksnap_err *err);
/* Registers of the CPU that is thread @thread. */
int gdb_registers(struct gdb *g, uint64_t thread, uint64_t deadline, struct registers *ret,
		  struct ksnap_err *err);
/* Did it stand still from @trap on until now, so that what was read of it belongs together? Others
 * may have let it go on, and be stopped by the question. */
bool gdb_stands_since(struct gdb *g, const struct gdb_trap *trap, uint64_t deadline_mono_ns);
/* Let the guest go on. What stops it next is told by gdb_poll. */
int gdb_continue(struct gdb *g, struct ksnap_err *err);
/* Interrupt all CPUs with @vector, upon which those that are halted wake up once they may run.
 * E_UNSUPPORTED: qemu before 4.1 cannot. */
int gdb_interrupt(struct gdb *g, uint8_t vector, uint64_t deadline, struct ksnap_err *err);
/* One instruction of the CPU that is thread @thread, or the begin of an interrupt, while the others
 * stand still: what it traps for is told by gdb_poll. E_STATE: it is halted, and not @is_woken, or
 * does not get on; E_UNSUPPORTED. */
int gdb_step(struct gdb *g, uint64_t thread, bool is_woken, uint64_t deadline,
	     struct ksnap_err *err);

/* Read what came, without waiting. True: there is a trap in g->trap. */
bool gdb_poll(struct gdb *g);
/* It is to be taken, too. */
void gdb_put_trap(struct gdb *g, const struct gdb_trap *trap);
/* They have been dealt with. */
void gdb_forget_trap(struct gdb *g);
void gdb_forget_pauses(struct gdb *g);
/* One of them was ours. */
void gdb_forget_pause(struct gdb *g);

#endif
