// SPDX-License-Identifier: MIT
/* op_drain_kernel_ops.c - every record of a kernel read or write of the bridge, in order. */
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "broker/bridges.h"
#include "broker/request.h"
#include "core/bridge.h"

static struct wire_slice bytes_of(struct ksnap_blob *blob)
{
	return (struct wire_slice){ ksnap_blob_data(blob), ksnap_blob_size(blob) };
}

/* Records that somebody else made, through the library, may be of another form: they have no op. */
static void fill_row(struct wire_kernel_op_record *row, const struct ksnap_kernel_op *op)
{
	struct wire_kernel_op_asked asked = { 0 };
	struct wire_slice request = bytes_of(op->request);

	*row = (struct wire_kernel_op_record){ .tag = wire_slice_of(op->tag), .ok = op->success };
	if (!wire_decode(&wire_shape_kernel_op_asked, request.p, request.len, WIRE_SKIP_UNKNOWN,
			 NULL, &asked, NULL)) {
		row->op = asked.op;
		row->params = asked.params;
	}
	row->has_op = asked.has_op;
	row->has_params = asked.has_params;
	row->has_result = op->reply;
	if (op->reply)
		row->result = bytes_of(op->reply);
	row->has_error = !op->success;
	row->error = wire_slice_of(op->reason);
}

/* As a drain gives them. */
static int prepare(struct request *rq, const struct oplog *log, uint64_t dropped,
		   struct ksnap_err *err)
{
	_free_ struct wire_kernel_op_record *rows = calloc(log->kept + 1, sizeof(*rows));
	struct wire_drain_kernel_ops_reply reply = { .records = { rows, log->kept },
						     .dropped = dropped };
	size_t n = 0;

	if (!rows)
		return err_nomem(err);
	for (const struct oplog_node *node = log->head; node; node = node->next)
		fill_row(&rows[n++], &node->op);
	return request_prepare(rq, &reply, err);
}

static int run(struct request *rq, struct ksnap_err *err)
{
	struct hosted *h = request_bridge(rq, err);
	struct ksnap_bridge_stats stats;
	struct ksnap_kernel_op *ops;
	size_t n;
	int rc;

	if (!h)
		return err->code;
	ksnap_bridge_stats(h->core, &stats);
	rc = prepare(rq, bridge_oplog(h->core),
		     stats.kernel_ops_dropped - h->drained_kernel_ops_dropped, err);
	rc = rc ? rc : ksnap_bridge_drain_kernel_ops(h->core, &ops, &n, err);
	if (rc)
		return rc;
	h->drained_kernel_ops_dropped = stats.kernel_ops_dropped;
	ksnap_kernel_ops_free(ops, n);
	request_send(rq);
	return 0;
}

const struct op op_drain_kernel_ops = { .run = run };
