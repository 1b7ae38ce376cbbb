/* SPDX-License-Identifier: MIT */
/* spot.h - the memory that a symbol, or a field of a task, names in a kernel seen from outside. */
#ifndef KSNAP_CAPTURE_OUTSIDE_SPOT_H
#define KSNAP_CAPTURE_OUTSIDE_SPOT_H

#include "capture/btf_path.h"
#include "capture/kernel_op.h"
#include "capture/outside/map_list.h"

struct spot {
	uint64_t addr;       /* of the first byte */
	struct btf_spot btf; /* what is there; size 0: nothing tells */
	uint64_t room;       /* bytes there that belong to it: the rest of a map's value; 0: any */
	const char *name;    /* for people; of @at */
};

/* Find it, the maps of @k listed in @s anew when they are needed. Pointers on the way are followed.
 * E_NOTFOUND: nothing has the name, the key, or the task's id and start; E_ARG: several have it, or
 * key, CPU or path do not fit; E_UNSUPPORTED: values of such maps cannot be reached one by one;
 * E_TARGET: a pointer on the way leads nowhere. */
int spot_find(struct kernel *k, struct seen *s, const struct kernel_at *at, struct spot *ret,
	      struct ksnap_err *err);

/* Read and write there; the promises of target.h. A value {or} is not atomic: nothing may run
 * meanwhile. */
int spot_read(struct kernel *k, const struct spot *s, struct kernel_width width, struct buf *room,
	      struct kernel_value *ret, struct ksnap_err *err);
int spot_write(struct kernel *k, const struct spot *s, struct kernel_width width,
	       const struct kernel_value *value, struct ksnap_err *err);

#endif
