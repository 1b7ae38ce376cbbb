// SPDX-License-Identifier: MIT
/* op_read_kernel_cold.c - a worker reads memory of its target, which stands still. */
#include "broker/kernel_op.h"

static int run(struct request *rq, struct ksnap_err *err)
{
	const struct wire_read_kernel_cold_params *p = rq->params;

	return kernel_op_submit(rq, p->target, p->freeze, rq->row->params, p, err);
}

const struct op op_read_kernel_cold = { .run = run,
					.done = kernel_op_done,
					.failed = kernel_op_failed };
