// SPDX-License-Identifier: MIT
/* op_event_count.c - how many events wait for a drain, without the truncation mark. */
#include "broker/bridges.h"
#include "broker/request.h"

static int run(struct request *rq, struct ksnap_err *err)
{
	struct hosted *h = request_bridge(rq, err);
	struct wire_event_count_reply reply;

	if (!h)
		return err->code;
	reply.r = ksnap_bridge_event_count(h->core);
	request_answer(rq, &reply, NULL, 0);
	return 0;
}

const struct op op_event_count = { .run = run };
