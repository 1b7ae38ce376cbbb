// SPDX-License-Identifier: MIT
/* op_unwatch.c - the worker that armed a watch ends it and tells its totals. */
#include <inttypes.h>

#include "base/error.h"
#include "broker/request.h"
#include "broker/watch.h"
#include "broker/workers.h"

static struct watch *find(struct request *rq, struct ksnap_err *err)
{
	const struct wire_unwatch_params *p = rq->params;
	struct watching *all = rq->broker->watching;
	struct wire_slice bridge = request_bridge_name(rq);
	struct watch *w;

	if (p->has_watch == p->has_symbol) {
		err_set(err, KSNAP_E_ARG, "name the watch by its id (watch) or by its symbol");
		return NULL;
	}
	if (p->has_symbol)
		return watching_find_symbol(all, bridge, p->symbol, err);
	w = watching_find(all, p->watch);
	if (w && wire_slice_is(bridge, w->bridge))
		return w;
	err_set(err, KSNAP_E_NOTFOUND, "watch: this bridge has no watch %" PRIu64 " that is armed",
		p->watch);
	return NULL;
}

static int run(struct request *rq, struct ksnap_err *err)
{
	struct watch *w = find(rq, err);
	struct wire_work_unwatch job;
	_buf_ struct buf params = BUF_INIT;
	struct job_spec spec;

	if (!w)
		return err->code;
	job.id = rq->watch = w->id;
	if (wire_encode(&wire_shape_work_unwatch, &job, &params))
		return err_nomem(err);
	spec = (struct job_spec){ .target = wire_slice_of(w->lane[0].target),
				  .worker = w->worker,
				  .params = { (char *)params.data, params.len } };
	return workers_submit(rq->broker->workers, rq, &spec, err);
}

static int done(struct request *rq, struct wire_slice result, struct ksnap_blob *blob,
		struct ksnap_err *err)
{
	struct watch *w = watching_find(rq->broker->watching, rq->watch);
	struct wire_watch_totals t;
	struct wire_unwatch_reply reply;
	int rc;

	if (!w)
		return err_set(err, KSNAP_E_NOTFOUND, "watch %" PRIu64 " ended by itself meanwhile",
			       rq->watch);
	rc = request_result(rq, &wire_shape_watch_totals, result, &t, err);
	if (!rc) {
		reply = (struct wire_unwatch_reply){ .watch = w->id,
						     .symbol = wire_slice_of(w->symbol),
						     .hits = t.hits,
						     .suppressed = t.suppressed,
						     .has_unseen = t.has_unseen,
						     .unseen = t.unseen };
		watching_total(w, &t);
		w->holds++; /* the reply's symbol is the watch's */
		watching_end(w, "unwatch");
		request_answer(rq, &reply, NULL, 0);
		w->holds--;
		watch_reap(w);
	} else {
		watching_end(w, "unwatch");
	}
	return rc;
}

/* What the worker does not know is over, whatever became of it. */
static void failed(struct request *rq, const struct ksnap_err *err)
{
	struct watch *w = watching_find(rq->broker->watching, rq->watch);

	if (w && err->code == KSNAP_E_NOTFOUND)
		watching_end(w, "unwatch");
}

static void late(struct broker *b, struct wire_slice params, struct wire_slice result,
		 const char *worker)
{
	watching_ended_late(b, params, result);
}

const struct op op_unwatch = { .run = run, .done = done, .failed = failed, .late = late };
