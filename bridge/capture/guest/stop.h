/* SPDX-License-Identifier: MIT */
/* stop.h - a guest that stands still while it is looked at, and runs again whatever happens.
 *
 * Several may want it still at once: it goes on when the last one is done. While it is stopped by
 * QMP, a child of ours holds qemu's socket and the end of a pipe: when this process is gone, it
 * says cont. A guest that somebody else has stopped is left so. */
#ifndef KSNAP_CAPTURE_GUEST_STOP_H
#define KSNAP_CAPTURE_GUEST_STOP_H

#include "capture/guest/gdb.h"
#include "capture/guest/qmp.h"
#include "capture/live/freeze_guard.h"

#define STOP_WAIT_MS 5000 /* for qemu to stop, and to go on, when not said */

/* Who wants it still. */
enum {
	STOP_JOB = 1,    /* a capture, a cold op, arming */
	STOP_FREEZE = 2, /* the op freeze */
	STOP_HIT = 4,    /* a watch, until its hit is dealt with */
};

struct stop {
	unsigned by;     /* STOP_* */
	bool is_stopped; /* by us, or by a watch of ours: it must go on */
	unsigned wait_ms;
	struct freeze_guard guard;
	char status[24]; /* in which qemu's word was last that it does not run */
	struct gdb *gdb; /* once connected, it is told to go on there; or NULL */
};

#define STOP_INIT ((struct stop){ .wait_ms = STOP_WAIT_MS, .guard = FREEZE_GUARD_NONE })

/* Stop all CPUs. 0, also when they stood still already. E_TIMEOUT: qemu did not do it within
 * wait_ms, and has been told to go on; other errors as qmp_call. */
int stop_begin(struct stop *s, struct qmp *q, unsigned by, struct ksnap_err *err);
/* As stop_begin, of CPUs that a connection to the stub has just stopped. */
int stop_keep(struct stop *s, struct qmp *q, unsigned by, struct ksnap_err *err);
/* A watch of ours has stopped them. */
void stop_caught(struct stop *s);
/* Have the child, when it is not there: it was killed, or a watch has stopped the guest. */
int stop_guard(struct stop *s, struct qmp *q, struct ksnap_err *err);
/* Does the guest run? */
int stop_is_running(struct stop *s, struct qmp *q, bool *ret, struct ksnap_err *err);
/* They stand still. NULL: they go on when the job at hand is done; "frozen": when the op thaw says
 * so; or qemu's word for what somebody else did, such as "paused". Good until the next call. */
const char *stop_by_others(const struct stop *s);
/* Let them go on, when nobody else wants them still and it was us who stopped them; a watch that
 * was hit meanwhile wants them still. When qemu does not answer, the child keeps trying. */
int stop_end(struct stop *s, struct qmp *q, unsigned by, struct ksnap_err *err);

#endif
