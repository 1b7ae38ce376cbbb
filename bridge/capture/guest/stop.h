/* SPDX-License-Identifier: MIT */
/* stop.h - a guest that stands still while it is looked at, and runs again whatever happens.
 *
 * While it is stopped, a child of ours holds qemu's socket and the end of a pipe: when this process
 * is gone, it says cont. A guest that somebody else has stopped is left so. */
#ifndef KSNAP_CAPTURE_GUEST_STOP_H
#define KSNAP_CAPTURE_GUEST_STOP_H

#include "capture/guest/qmp.h"
#include "capture/live/freeze_guard.h"

#define STOP_WAIT_MS 5000 /* for qemu to stop, and to go on, when not said */

struct stop {
	bool is_stopped; /* by us: it must go on */
	unsigned wait_ms;
	struct freeze_guard guard;
};

#define STOP_INIT ((struct stop){ .wait_ms = STOP_WAIT_MS, .guard = FREEZE_GUARD_NONE })

/* Stop all CPUs. 0, also when they stood still already. E_TIMEOUT: qemu did not do it within
 * wait_ms, and has been told to go on; other errors as qmp_call. */
int stop_begin(struct stop *s, struct qmp *q, struct ksnap_err *err);
/* Let them go on, when it was us who stopped them. When qemu does not answer, the child keeps
 * trying. */
int stop_end(struct stop *s, struct qmp *q, struct ksnap_err *err);

#endif
