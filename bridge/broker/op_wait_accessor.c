// SPDX-License-Identifier: MIT
/* op_wait_accessor.c - wait, by event, until a target can be read. */
#include "broker/request.h"
#include "broker/workers.h"

static int run(struct request *rq, struct ksnap_err *err)
{
	const struct wire_wait_accessor_params *p = rq->params;

	return workers_wait_accessor(rq->broker->workers, rq, p->target,
				     p->has_after ? &p->after : NULL, err);
}

const struct op op_wait_accessor = { .run = run };
