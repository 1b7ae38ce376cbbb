// SPDX-License-Identifier: MIT
/* op_capture_snapshot.c - a worker reads the target; its report is stored and published. */
#include <stdio.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "broker/bridges.h"
#include "broker/freezing.h"
#include "broker/request.h"
#include "broker/snapshot_row.h"
#include "broker/store_report.h"
#include "broker/workers.h"

static int run(struct request *rq, struct ksnap_err *err)
{
	const struct wire_capture_snapshot_params *p = rq->params;
	struct job_spec spec = { .target = p->target };

	_buf_ struct buf params = BUF_INIT;

	if (!request_bridge(rq, err))
		return err->code;
	if (p->has_freeze) {
		freezing_pin(rq, p->freeze, &spec);
		if (freezing_params(rq, &wire_shape_capture_snapshot_params, p, &params, &spec,
				    err))
			return err->code;
	}
	return workers_submit(rq->broker->workers, rq, &spec, err);
}

#define ABANDON_AFTER 2 /* timeouts of periodic captures in a row */

/* What may be tried again is not over yet. */
static void count_timeouts(struct hosted *h, const char *tag, const struct ksnap_err *err)
{
	struct ksnap_event_field f[] = { { .name = "tag", .str = tag },
					 { .name = "timeouts", .num = ABANDON_AFTER },
					 { .name = "reason", .str = err->text } };

	if (err->code != KSNAP_E_TIMEOUT) {
		h->periodic_timeouts = ksnap_err_retry(err->code) ? h->periodic_timeouts : 0;
		return;
	}
	if (++h->periodic_timeouts < ABANDON_AFTER)
		return;
	h->periodic_timeouts = 0;
	hosted_raise(h, KSNAP_EV_PERIODIC_ABANDONED, f, ARRAY_SIZE(f));
}

static void failed(struct request *rq, const struct ksnap_err *err)
{
	const struct wire_capture_snapshot_params *p = rq->params;
	struct hosted *h = request_bridge_if_open(rq, NULL);
	char tag[KSNAP_TAG_MAX + 1];

	tag_copy(tag, p->tag);
	if (!h)
		return;
	ksnap_bridge_capture_failed(h->core, tag, err->text);
	if (p->has_boundary_ms)
		count_timeouts(h, tag, err);
}

/* What the worker says of a capture whose placeholder it sent; 0: it was none. */
static int outcome_of(const struct wire_captured *c, struct ksnap_err *err)
{
	char code[32];

	if (!c->has_e)
		return 0;
	snprintf(code, sizeof(code), "%.*s", (int)c->e.code.len, c->e.code.p);
	return err_set(err, ksnap_err_code(code), "%.*s", (int)c->e.msg.len, c->e.msg.p);
}

static int done(struct request *rq, struct wire_slice result, struct ksnap_blob *blob,
		struct ksnap_err *err)
{
	const struct wire_capture_snapshot_params *p = rq->params;
	struct wire_captured c;
	struct wire_captured_reasons why;
	struct ksnap_store_args args = { .size = sizeof(args),
					 .report = blob,
					 .has_step = p->has_step,
					 .step = (uint16_t)p->step,
					 .has_elapsed_ms = p->has_elapsed_ms,
					 .elapsed_ms = p->elapsed_ms,
					 .has_boundary_ms = p->has_boundary_ms,
					 .boundary_ms = p->boundary_ms };
	struct wire_capture_snapshot_reply reply;
	struct hosted *h;
	struct capture_counts counts;
	int rc;

	if (!blob)
		return err_set(err, KSNAP_E_TARGET, "the worker sent no report");
	rc = request_result(rq, &wire_shape_captured, result, &c, err);
	rc = rc ? rc : request_result(rq, &wire_shape_captured_reasons, result, &why, err);
	if (rc)
		return rc;
	args.complete = c.complete;
	args.placeholder = c.placeholder;
	reply = (struct wire_capture_snapshot_reply){ .tag = p->tag,
						      .bytes = ksnap_blob_size(blob),
						      .maps = c.maps,
						      .complete = c.complete,
						      .reasons = why.reasons };
	h = request_bridge_if_open(rq, err);
	if (!h)
		return err->code;
	counts = (struct capture_counts){ .maps = c.maps, .reasons = why.reasons.n };
	rc = store_report(h, p->tag, &args, &counts, &reply.seq, err);
	if (!rc)
		rc = outcome_of(&c, err);
	if (rc)
		return rc;
	if (p->has_boundary_ms)
		h->periodic_timeouts = 0;
	reply.elapsed_us = request_elapsed_us(rq);
	request_answer(rq, &reply, NULL, 0);
	return 0;
}

const struct op op_capture_snapshot = { .run = run, .done = done, .failed = failed };
