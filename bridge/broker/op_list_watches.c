// SPDX-License-Identifier: MIT
/* op_list_watches.c - the watches of the bridge, the oldest first. */
#include "base/cleanup.h"
#include "base/error.h"
#include "broker/request.h"
#include "broker/watching.h"

static int run(struct request *rq, struct ksnap_err *err)
{
	struct wire_list_watches_reply reply;

	if (!request_bridge(rq, err))
		return err->code;
	if (watching_rows(rq->broker->watching, request_bridge_name(rq), &reply.r))
		return err_nomem(err);
	request_answer(rq, &reply, NULL, 0);
	free(reply.r.items);
	return 0;
}

const struct op op_list_watches = { .run = run };
