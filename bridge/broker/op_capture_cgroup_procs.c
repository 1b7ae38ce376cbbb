// SPDX-License-Identifier: MIT
/* op_capture_cgroup_procs.c - a worker reads cgroup.procs; the record is appended to the bridge's
 * log. */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "broker/bridges.h"
#include "broker/request.h"
#include "broker/snapshot_row.h"
#include "broker/workers.h"

static int run(struct request *rq, struct ksnap_err *err)
{
	const struct wire_capture_cgroup_procs_params *p = rq->params;
	struct job_spec spec = { .target = p->target };

	if (!request_bridge(rq, err))
		return err->code;
	return workers_submit(rq->broker->workers, rq, &spec, err);
}

static int record(struct request *rq, const struct wire_list *pids, struct ksnap_err *err)
{
	const struct wire_capture_cgroup_procs_params *p = rq->params;
	struct hosted *h = request_bridge_if_open(rq, err);
	_free_ char *cgroup = strndup(p->cgroup.p, p->cgroup.len);
	_free_ uint32_t *list = calloc(pids->n ? pids->n : 1, sizeof(*list));
	const uint64_t *wide = pids->items;
	char tag[KSNAP_TAG_MAX + 1];

	if (!h)
		return err->code;
	if (!cgroup || !list)
		return err_nomem(err);
	for (size_t i = 0; i < pids->n; i++)
		list[i] = (uint32_t)wide[i];
	tag_copy(tag, p->tag);
	return ksnap_bridge_record_procs(h->core, tag, cgroup, list, pids->n, err);
}

static int done(struct request *rq, struct wire_slice result, struct ksnap_blob *blob,
		struct ksnap_err *err)
{
	struct wire_capture_cgroup_procs_reply reply;
	int rc = request_result(rq, rq->row->reply, result, &reply, err);

	rc = rc ? rc : record(rq, &reply.pids, err);
	if (rc)
		return rc;
	request_answer(rq, &reply, NULL, 0);
	return 0;
}

const struct op op_capture_cgroup_procs = { .run = run, .done = done };
