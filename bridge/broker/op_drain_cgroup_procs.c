// SPDX-License-Identifier: MIT
/* op_drain_cgroup_procs.c - every cgroup.procs record of the bridge, in order. */
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "broker/bridges.h"
#include "broker/procs_rows.h"
#include "broker/request.h"
#include "core/bridge.h"

static int fill(struct wire_procs_record *rows, const struct procs_log *log, struct ksnap_err *err)
{
	for (const struct procs_node *node = log->head; node; node = node->next, rows++) {
		*rows = (struct wire_procs_record){ .tag = wire_slice_of(node->procs.tag),
						    .cgroup = wire_slice_of(node->procs.cgroup),
						    .pids = pids_list(&node->procs) };
		if (!rows->pids.items)
			return err_nomem(err);
	}
	return 0;
}

/* As a drain gives them. */
static int prepare(struct request *rq, const struct procs_log *log, uint64_t dropped,
		   struct ksnap_err *err)
{
	_free_ struct wire_procs_record *rows = calloc(log->kept + 1, sizeof(*rows));
	struct wire_drain_cgroup_procs_reply reply = { .records = { rows, log->kept },
						       .dropped = dropped };
	int rc = rows ? fill(rows, log, err) : err_nomem(err);

	rc = rc ? rc : request_prepare(rq, &reply, err);
	for (size_t i = 0; rows && i < log->kept; i++)
		free(rows[i].pids.items);
	return rc;
}

static int run(struct request *rq, struct ksnap_err *err)
{
	struct hosted *h = request_bridge(rq, err);
	struct ksnap_bridge_stats stats;
	struct ksnap_procs *procs;
	size_t n;
	int rc;

	if (!h)
		return err->code;
	ksnap_bridge_stats(h->core, &stats);
	rc = prepare(rq, bridge_procs(h->core), stats.procs_dropped - h->drained_procs_dropped,
		     err);
	rc = rc ? rc : ksnap_bridge_drain_procs(h->core, &procs, &n, err);
	if (rc)
		return rc;
	h->drained_procs_dropped = stats.procs_dropped;
	ksnap_procs_free(procs, n);
	request_send(rq);
	return 0;
}

const struct op op_drain_cgroup_procs = { .run = run };
