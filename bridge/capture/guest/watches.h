/* SPDX-License-Identifier: MIT */
/* watches.h - watches of a guest: armed in qemu's gdbstub, told at their rate, counted without a
 * gap.
 *
 * Each write stops the guest, behind the instruction that wrote. When the hit is told, the guest
 * stays stopped until the capture that follows it has been made, or for stop_ms; when it is only
 * counted, the guest goes on at once. */
#ifndef KSNAP_CAPTURE_GUEST_WATCHES_H
#define KSNAP_CAPTURE_GUEST_WATCHES_H

#include "base/buf.h"
#include "capture/guest/gdb.h"
#include "capture/symbol.h"
#include "capture/watch.h"

#define GUEST_WATCHES     4  /* as a CPU has registers; KVM uses those */
#define GUEST_HOT_PERCENT 20 /* of its time that a guest may stand still for uncaptured hits */
#define GUEST_HOT_NEVER   100

struct guest_watch {
	uint64_t id; /* 0: free */
	uint64_t addr;
	unsigned len;
	bool is_signed;                      /* what is there, by its type */
	unsigned boot;                       /* of target.boots, that the address is of */
	uint64_t old;                        /* the value after the hit before */
	uint64_t interval_ns, burst_ns, due; /* the rate: when a hit would come if evenly */
	uint64_t told, suppressed, max_hits;
	uint64_t since_ns, hits_then, still_ns; /* the window over which it is judged */
	uint64_t suppressed_then;               /* at the last tick */
	unsigned calm_ticks;                    /* since a hit was suppressed */
	bool must_tell, must_count;
	bool is_owed;     /* a write was counted by its value: the trap of it may still come */
	const char *over; /* why it ends; NULL: it does not */
	char symbol[SYMBOL_MAX];
	const char *gone; /* the word for its end, of what may go away; NULL: it stays */
	unsigned misses;  /* that it was looked for in vain, one after the other */
};

struct guest_watches {
	int epoll, timer; /* -1: not made */
	struct guest_watch armed[GUEST_WATCHES];
	uint64_t held;          /* id of the watch whose capture is awaited; 0: none */
	uint64_t held_until_ns; /* of the guest's time */
	struct buf hit;         /* of the last news */
};

#define GUEST_WATCHES_INIT ((struct guest_watches){ .epoll = -1, .timer = -1 })

struct target;

/* @news is what struct gdb has. */
int guest_watches_init(struct guest_watches *w, int news, struct ksnap_err *err);
/* Disarm all, close the stub. The guest goes on. */
void guest_watches_fini(struct target *t);

/* The slots of the target. */
int guest_watches_arm(struct target *t, const struct watch_request *rq, struct watch_place *ret,
		      struct ksnap_err *err);
int guest_watches_disarm(struct target *t, uint64_t id, struct watch_counts *ret,
			 struct ksnap_err *err);
int guest_watches_counts(struct target *t, uint64_t id, struct watch_counts *ret,
			 struct ksnap_err *err);
int guest_watches_next(struct target *t, struct watch_news *ret);

/* Nothing can be said to the stub, or nothing to qemu: all are over, @why is the word for it. */
void guest_watches_abandon(struct target *t, const char *why);
/* The one that the trap is of, or NULL. */
struct guest_watch *guest_watches_at(struct guest_watches *all, const struct packet_stop *s);
/* Is the guest the one that they were armed in? If not, they are over. */
bool guest_watches_are_of_boot(struct target *t);
/* The value that is at @w now, and those of all. */
uint64_t guest_watches_value(struct target *t, const struct guest_watch *w);
void guest_watches_look(struct target *t, uint64_t ret[GUEST_WATCHES]);
/* A capture that follows a hit of watch @id has been made. */
void guest_watches_captured(struct target *t, uint64_t id);

#endif
