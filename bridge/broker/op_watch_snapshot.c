// SPDX-License-Identifier: MIT
/* op_watch_snapshot.c - a worker arms a watch; the session owns it. */
#include "base/error.h"
#include "broker/bridges.h"
#include "broker/request.h"
#include "broker/watch.h"
#include "broker/workers.h"

#define DEFAULT_RATE  20
#define DEFAULT_BURST 10

/* The op's own, with their defaults, and the id. */
static int encode_job(const struct request *rq, struct buf *out, struct ksnap_err *err)
{
	struct wire_watch_snapshot_params p =
		*(const struct wire_watch_snapshot_params *)rq->params;
	struct wire_watching own = { .id = rq->watch };

	p.rate = p.has_rate ? p.rate : DEFAULT_RATE;
	p.burst = p.has_burst ? p.burst : DEFAULT_BURST;
	p.has_rate = p.has_burst = true;
	if (wire_encode(&wire_shape_watch_snapshot_params, &p, out))
		return err_nomem(err);
	return wire_encode_beside(&wire_shape_watching, &own, out, err);
}

static int submit(struct request *rq, struct ksnap_err *err)
{
	const struct wire_watch_snapshot_params *p = rq->params;
	struct job_spec spec = { .target = p->target };
	_buf_ struct buf params = BUF_INIT;
	int rc = encode_job(rq, &params, err);

	spec.params = (struct wire_slice){ (char *)params.data, params.len };
	return rc ? rc : workers_submit(rq->broker->workers, rq, &spec, err);
}

static int run(struct request *rq, struct ksnap_err *err)
{
	struct hosted *h = request_bridge(rq, err);
	struct watching *all = rq->broker->watching;
	uint64_t id;
	int rc;

	if (!h)
		return err->code;
	rc = watching_reserve(rq, h, err);
	if (rc)
		return rc;
	id = rq->watch;
	rc = submit(rq, err);
	if (rc)
		watching_cancel(all, id);
	return rc;
}

static void failed(struct request *rq, const struct ksnap_err *err)
{
	watching_cancel(rq->broker->watching, rq->watch);
}

static int done(struct request *rq, struct wire_slice result, struct ksnap_blob *blob,
		struct ksnap_err *err)
{
	struct broker *b = rq->broker;
	const char *worker = workers_current(b->workers);
	struct wire_armed place;
	struct wire_watch_snapshot_reply reply;
	int rc = request_result(rq, &wire_shape_armed, result, &place, err);

	rc = rc ? rc : watching_commit(rq, worker, &place, err);
	if (rc) {
		watching_undo(b, rq->watch, worker);
		return rc;
	}
	reply = (struct wire_watch_snapshot_reply){
		.watch = rq->watch,
		.addr = place.addr,
		.len = place.len,
		.slot = place.slot,
		.has_still = place.has_still,
		.still = place.still,
		.tag = wire_slice_of(watching_find(b->watching, rq->watch)->base),
	};
	request_answer(rq, &reply, NULL, 0);
	return 0;
}

/* Its slot was given back at the deadline. */
static void late(struct broker *b, struct wire_slice params, struct wire_slice result,
		 const char *worker)
{
	struct wire_watching own;

	if (!wire_decode(&wire_shape_watching, params.p, params.len, WIRE_SKIP_UNKNOWN, NULL, &own,
			 NULL))
		watching_undo(b, own.id, worker);
}

const struct op op_watch_snapshot = { .run = run, .done = done, .failed = failed, .late = late };
