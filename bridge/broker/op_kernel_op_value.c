// SPDX-License-Identifier: MIT
/* op_kernel_op_value.c - the first value that was read under a tag. */
#include "base/cleanup.h"
#include "base/error.h"
#include "broker/bridges.h"
#include "broker/request.h"
#include "broker/snapshot_row.h"

static int run(struct request *rq, struct ksnap_err *err)
{
	const struct wire_kernel_op_value_params *p = rq->params;
	struct hosted *h = request_bridge(rq, err);
	struct wire_kernel_op_value_reply reply = { 0 };
	_blob_ struct ksnap_blob *found = NULL;
	char tag[KSNAP_TAG_MAX + 1];

	if (!h)
		return err->code;
	tag_copy(tag, p->tag);
	found = ksnap_bridge_kernel_op_value(h->core, tag);
	if (!found ||
	    !wire_map_find((struct wire_slice){ ksnap_blob_data(found), ksnap_blob_size(found) },
			   "value", &reply.value))
		return err_set(err, KSNAP_E_NOTFOUND,
			       "no kernel op under tag \"%s\" succeeded with a value", tag);
	request_answer(rq, &reply, NULL, 0);
	return 0;
}

const struct op op_kernel_op_value = { .run = run };
