// SPDX-License-Identifier: MIT
/* op_freeze.c - a worker freezes a cgroup; the session owns that. */
#include <string.h>

#include "base/error.h"
#include "broker/freezing.h"
#include "broker/session.h"

static int check_free(struct request *rq, struct wire_slice cgroup, struct ksnap_err *err)
{
	struct owned *o = sessions_find_owned(rq->broker->sessions, OWNED_FREEZE, cgroup);

	if (!o)
		return 0;
	return err_set(err, KSNAP_E_STATE, "cgroup: %s is frozen already, by session %s", o->name,
		       session_name(o->session));
}

static int run(struct request *rq, struct ksnap_err *err)
{
	const struct wire_freeze_params *p = rq->params;
	struct job_spec spec = { .target = p->target };
	_buf_ struct buf params = BUF_INIT;

	if (check_free(rq, p->cgroup, err))
		return err->code;
	if (!request_bridge(rq, err))
		return err->code;
	if (freezing_params(rq, &wire_shape_freeze_params, p, &params, &spec, err))
		return err->code;
	return workers_submit(rq->broker->workers, rq, &spec, err);
}

/* What nobody owns must not stay. */
static void undo(struct broker *b, struct wire_slice cgroup, const char *worker)
{
	struct wire_thaw_params p = { .cgroup = cgroup };
	_buf_ struct buf params = BUF_INIT;

	wire_encode(&wire_shape_thaw_params, &p, &params);
	workers_undo(b->workers, worker, "thaw", &params, NULL, NULL);
}

static int done(struct request *rq, struct wire_slice result, struct ksnap_blob *blob,
		struct ksnap_err *err)
{
	const struct wire_freeze_params *p = rq->params;
	struct workers *ws = rq->broker->workers;
	struct wire_freeze_reply reply;
	int rc = request_result(rq, rq->row->reply, result, &reply, err);

	if (rc) {
		undo(rq->broker, p->cgroup, workers_current(ws));
		return rc;
	}
	rc = session_own(rq->session, OWNED_FREEZE, reply.cgroup,
			 workers_target(ws, p->target, NULL), workers_current(ws), err);
	if (rc)
		undo(rq->broker, reply.cgroup, workers_current(ws));
	else
		request_answer(rq, &reply, NULL, 0);
	return rc;
}

static void late(struct broker *b, struct wire_slice params, struct wire_slice result,
		 const char *worker)
{
	struct wire_freeze_params p;

	if (!wire_decode(&wire_shape_freeze_params, params.p, params.len, WIRE_SKIP_UNKNOWN, NULL,
			 &p, NULL))
		undo(b, p.cgroup, worker);
}

const struct op op_freeze = { .run = run, .done = done, .late = late };
