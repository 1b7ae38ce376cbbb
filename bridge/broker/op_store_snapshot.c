// SPDX-License-Identifier: MIT
/* op_store_snapshot.c - an executor brings its own report; only the head of it is read. */
#include "base/cleanup.h"
#include "base/error.h"
#include "broker/bridges.h"
#include "broker/request.h"
#include "broker/snapshot_row.h"
#include "broker/store_report.h"
#include "wire/report_head.h"

static int run(struct request *rq, struct ksnap_err *err)
{
	const struct wire_store_snapshot_params *p = rq->params;
	struct ksnap_blob *report = rq->blobs[0];
	_blob_ struct ksnap_blob *stats = NULL;
	struct report_head head;
	struct hosted *h;
	struct ksnap_store_args args = {
		.size = sizeof(args),
		.report = report,
		.step = (uint16_t)p->step,
		.has_step = p->has_step,
		.elapsed_ms = p->elapsed_ms,
		.has_elapsed_ms = p->has_elapsed_ms,
		.boundary_ms = p->boundary_ms,
		.has_boundary_ms = p->has_boundary_ms,
	};
	struct wire_store_snapshot_reply reply = { .tag = p->tag,
						   .bytes = ksnap_blob_size(report) };
	int rc = report_head_read(ksnap_blob_data(report), ksnap_blob_size(report), &head, err);

	if (rc)
		return rc;
	if (p->has_stats && p->has_stats_reason)
		return err_set(err, KSNAP_E_ARG,
			       "stats_reason: says why there are no stats, but stats are there");
	args.schema = head.schema;
	args.complete = head.complete;
	args.placeholder = head.placeholder;
	args.stats_reason =
		p->has_stats_reason ? stats_reason_of(p->stats_reason) : KSNAP_STATS_NO_CLIENT;
	if (p->has_stats && !(args.stats = stats = ksnap_blob_copy(p->stats.p, p->stats.len)))
		return err_nomem(err);
	h = request_bridge(rq, err);
	if (!h)
		return err->code;
	rc = store_report(h, p->tag, &args, NULL, &reply.seq, err);
	if (rc)
		return rc;
	reply.complete = head.complete;
	reply.elapsed_us = request_elapsed_us(rq);
	request_answer(rq, &reply, NULL, 0);
	return 0;
}

const struct op op_store_snapshot = { .run = run };
