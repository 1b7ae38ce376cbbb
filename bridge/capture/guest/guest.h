/* SPDX-License-Identifier: MIT */
/* guest.h - what the parts of the guest target share. */
#ifndef KSNAP_CAPTURE_GUEST_GUEST_H
#define KSNAP_CAPTURE_GUEST_GUEST_H

#include "capture/guest/stop.h"
#include "capture/guest/stray.h"
#include "capture/guest/watches.h"
#include "capture/outside/observed.h"

struct target {
	struct observed machine;
	uint64_t low, stop_ms;
	uint64_t hot;     /* percent of its time that the guest may stand still for a watch */
	unsigned boots;   /* kernels that were found */
	uint64_t resets;  /* of qmp.resets, when the kernel was found */
	uint64_t jiffies; /* when it was last looked at */
	struct qmp qmp;
	struct gdb gdb;
	struct stray stray;
	struct stop stop;
	struct guest_watches watches;
	char frozen_by[112]; /* who holds it still; "": nobody */
};

/* Connected to qemu, or an error of qmp_open. */
int guest_need_qmp(struct target *t, struct ksnap_err *err);
/* Is the kernel still the one that was found? */
bool guest_is_same(struct target *t);
/* Find the kernel that runs now, when it is not the one that was found. */
int guest_need_kernel(struct target *t, struct ksnap_err *err);

#endif
