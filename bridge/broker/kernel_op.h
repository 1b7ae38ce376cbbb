/* SPDX-License-Identifier: MIT */
/* kernel_op.h - what reads and writes of a target's memory have in common: a worker does them, and
 * whatever becomes of them is in the bridge's log. */
#ifndef KSNAP_BROKER_KERNEL_OP_H
#define KSNAP_BROKER_KERNEL_OP_H

#include "broker/request.h"

/* Hand the request to a worker of @target. @freeze, when it has a length, is a cgroup to hold still
 * meanwhile; @shape and @params are then the op's own. A refusal is logged, too. */
int kernel_op_submit(struct request *rq, struct wire_slice target, struct wire_slice freeze,
		     const struct wire_shape *shape, const void *params, struct ksnap_err *err);
/* The handlers `done` and `failed` of such an op. */
int kernel_op_done(struct request *rq, struct wire_slice result, struct ksnap_blob *blob,
		   struct ksnap_err *err);
void kernel_op_failed(struct request *rq, const struct ksnap_err *err);

#endif
