// SPDX-License-Identifier: MIT
/* op_close_bridge.c - the bridge and all it holds go. */
#include "broker/bridges.h"
#include "broker/request.h"
#include "broker/watching.h"

static int run(struct request *rq, struct ksnap_err *err)
{
	struct hosted *h = request_bridge_if_open(rq, err);
	struct ksnap_bridge_stats stats;
	struct wire_close_bridge_reply reply;

	if (!h)
		return KSNAP_E_NOTFOUND;
	ksnap_bridge_stats(h->core, &stats);
	reply = (struct wire_close_bridge_reply){ .snapshots = stats.stored,
						  .events = stats.events_kept,
						  .bytes = stats.bytes };
	watching_bridge_closes(rq->broker->watching, h);
	bridges_close(rq->broker->bridges, h);
	request_answer(rq, &reply, NULL, 0);
	return 0;
}

const struct op op_close_bridge = { .run = run };
