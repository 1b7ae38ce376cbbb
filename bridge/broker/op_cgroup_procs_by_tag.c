// SPDX-License-Identifier: MIT
/* op_cgroup_procs_by_tag.c - the first cgroup.procs record under a tag; it stays. */
#include <stdlib.h>

#include "base/error.h"
#include "broker/bridges.h"
#include "broker/procs_rows.h"
#include "broker/request.h"
#include "broker/snapshot_row.h"

static int run(struct request *rq, struct ksnap_err *err)
{
	const struct wire_cgroup_procs_by_tag_params *p = rq->params;
	struct hosted *h = request_bridge(rq, err);
	struct wire_cgroup_procs_by_tag_reply reply = { 0 };
	struct ksnap_procs record;
	char tag[KSNAP_TAG_MAX + 1];
	int rc;

	if (!h)
		return err->code;
	tag_copy(tag, p->tag);
	rc = ksnap_bridge_procs_by_tag(h->core, tag, &record, err);
	if (rc)
		return rc;
	reply.cgroup = wire_slice_of(record.cgroup);
	reply.pids = pids_list(&record);
	if (reply.pids.items)
		request_answer(rq, &reply, NULL, 0);
	else
		rc = err_nomem(err);
	free(reply.pids.items);
	ksnap_procs_clear(&record);
	return rc;
}

const struct op op_cgroup_procs_by_tag = { .run = run };
