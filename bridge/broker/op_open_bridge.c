// SPDX-License-Identifier: MIT
/* op_open_bridge.c - open a bridge with limits of its own. */
#include "broker/bridges.h"
#include "broker/request.h"
#include "broker/status_rows.h"

static int run(struct request *rq, struct ksnap_err *err)
{
	const struct wire_open_bridge_params *p = rq->params;
	const struct wire_bridge_limits *l = &p->limits; /* all 0 when absent: the defaults */
	struct ksnap_limits limits = { l->snapshots, l->bytes, l->events, l->watches };
	struct hosted *h =
		bridges_open_with(rq->broker->bridges, request_bridge_name(rq), &limits, err);
	struct wire_open_bridge_reply reply;

	if (!h)
		return err->code;
	ksnap_bridge_limits(h->core, &limits);
	reply = (struct wire_open_bridge_reply){ .bridge = wire_slice_of(h->name),
						 .limits = limits_row(&limits) };
	request_answer(rq, &reply, NULL, 0);
	return 0;
}

const struct op op_open_bridge = { .run = run };
