/* SPDX-License-Identifier: MIT */
/* object_ends.h - watches that wait for the end of an attached struct_ops: "object:NAME". A
 * scheduler of sched_ext also ends when the kernel aborts it, and goes by its own name, too.
 *
 * While one waits it holds the struct_ops map, and with it the programs and all maps they use: when
 * the object is torn down, its last state is still there to be captured. */
#ifndef KSNAP_CAPTURE_LIVE_OBJECT_ENDS_H
#define KSNAP_CAPTURE_LIVE_OBJECT_ENDS_H

#include "base/buf.h"
#include "capture/live/object.h"
#include "capture/watch.h"
#include "ksnap.h"

#define OBJECT_ENDS_MAX  8  /* waiting at once, of one worker */
#define OBJECT_ENDS_HOLD 30 /* seconds that maps are held for the capture that follows */

struct object_ends {
	int timer; /* readable: call object_ends_next; -1: not made */
	struct object_end *first;
	struct buf hit; /* of the last news */
	/* SCHED_DIR, and the kernel's type of what is below it; others for tests. */
	const char *sched_dir, *sched_type;
};

int object_ends_init(struct object_ends *e, struct ksnap_err *err);
void object_ends_fini(struct object_ends *e);

/* @name: of an attached struct_ops map, of an object in @objects that has one, or of the scheduler
 * that runs. E_NOTFOUND names
 * what is attached; E_LIMIT; E_DENIED. */
int object_ends_arm(struct object_ends *e, const struct object_list *objects, uint64_t id,
		    const char *name, struct ksnap_err *err);
/* False: no such watch. */
bool object_ends_counts(const struct object_ends *e, uint64_t id, struct watch_counts *ret);
bool object_ends_disarm(struct object_ends *e, uint64_t id, struct watch_counts *ret);
/* The capture that followed the end is done: what was held may go. */
void object_ends_captured(struct object_ends *e, uint64_t id);
/* Look at once, not at the next tick: something was detached. */
void object_ends_look(struct object_ends *e);
/* As target_ops.watch_next: one HIT at the end, DISARMED "object_gone" when it was captured. */
int object_ends_next(struct object_ends *e, struct watch_news *ret);

#endif
