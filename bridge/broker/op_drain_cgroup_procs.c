// SPDX-License-Identifier: MIT
/* op_drain_cgroup_procs.c - every cgroup.procs record of the bridge, in order. */
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "broker/bridges.h"
#include "broker/procs_rows.h"
#include "broker/request.h"

static int fill(struct wire_procs_record *rows, const struct ksnap_procs *procs, size_t n,
		struct ksnap_err *err)
{
	for (size_t i = 0; i < n; i++) {
		rows[i] = (struct wire_procs_record){ .tag = wire_slice_of(procs[i].tag),
						      .cgroup = wire_slice_of(procs[i].cgroup),
						      .pids = pids_list(&procs[i]) };
		if (!rows[i].pids.items)
			return err_nomem(err);
	}
	return 0;
}

static int answer(struct request *rq, struct hosted *h, const struct ksnap_procs *procs, size_t n,
		  struct ksnap_err *err)
{
	_free_ struct wire_procs_record *rows = calloc(n ? n : 1, sizeof(*rows));
	struct wire_drain_cgroup_procs_reply reply = { .records = { rows, n } };
	struct ksnap_bridge_stats stats;
	int rc = rows ? fill(rows, procs, n, err) : err_nomem(err);

	ksnap_bridge_stats(h->core, &stats);
	reply.dropped = stats.procs_dropped - h->drained_procs_dropped;
	if (!rc) {
		h->drained_procs_dropped = stats.procs_dropped;
		request_answer(rq, &reply, NULL, 0);
	}
	for (size_t i = 0; rows && i < n; i++)
		free(rows[i].pids.items);
	return rc;
}

static int run(struct request *rq, struct ksnap_err *err)
{
	struct hosted *h = request_bridge(rq, err);
	struct ksnap_procs *procs;
	size_t n;
	int rc;

	if (!h)
		return err->code;
	rc = ksnap_bridge_drain_procs(h->core, &procs, &n, err);
	if (rc)
		return rc;
	rc = answer(rq, h, procs, n, err);
	ksnap_procs_free(procs, n);
	return rc;
}

const struct op op_drain_cgroup_procs = { .run = run };
