// SPDX-License-Identifier: MIT
/* op_read_kernel_hot.c - a worker reads memory of its target while that runs. */
#include "broker/kernel_op.h"

static int run(struct request *rq, struct ksnap_err *err)
{
	const struct wire_read_kernel_hot_params *p = rq->params;

	return kernel_op_submit(rq, p->target, (struct wire_slice){ 0 }, rq->row->params, p, err);
}

const struct op op_read_kernel_hot = { .run = run,
				       .done = kernel_op_done,
				       .failed = kernel_op_failed };
