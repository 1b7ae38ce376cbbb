// SPDX-License-Identifier: MIT
/* op_has.c - is this tag stored? */
#include "broker/bridges.h"
#include "broker/request.h"
#include "broker/snapshot_row.h"

static int run(struct request *rq, struct ksnap_err *err)
{
	const struct wire_has_params *p = rq->params;
	struct hosted *h = request_bridge(rq, err);
	struct wire_has_reply reply;
	char tag[KSNAP_TAG_MAX + 1];

	if (!h)
		return err->code;
	tag_copy(tag, p->tag);
	reply.r = ksnap_bridge_has(h->core, tag);
	request_answer(rq, &reply, NULL, 0);
	return 0;
}

const struct op op_has = { .run = run };
