// SPDX-License-Identifier: MIT
/* op_freeze.c - a worker freezes a cgroup; the session owns that. */
#include <string.h>

#include "base/error.h"
#include "broker/freezing.h"
#include "broker/session.h"

/* The worker that holds it knows whether it is the same cgroup still, or another one of that path.
 */
static int check_free(struct request *rq, struct wire_slice cgroup, struct job_spec *spec,
		      struct ksnap_err *err)
{
	struct owned *o = sessions_find_owned(rq->broker->sessions, OWNED_FREEZE, cgroup);
	char by[FREEZING_BY];

	freezing_pin(rq, cgroup, spec);
	if (!o || spec->worker)
		return 0;
	return err_set(err, KSNAP_E_STATE, "cgroup: %s is frozen already, by %s", o->name,
		       freezing_by(o->session, by));
}

static int run(struct request *rq, struct ksnap_err *err)
{
	const struct wire_freeze_params *p = rq->params;
	struct job_spec spec = { .target = p->target };
	_buf_ struct buf params = BUF_INIT;

	if (check_free(rq, p->cgroup, &spec, err))
		return err->code;
	if (!request_bridge(rq, err))
		return err->code;
	if (freezing_params(rq, &wire_shape_freeze_params, p, &params, &spec, err))
		return err->code;
	return workers_submit(rq->broker->workers, rq, &spec, err);
}

/* It was removed, and this worker has let it go. */
static void disown_former(struct sessions *all, struct wire_slice cgroup, const char *worker)
{
	struct owned *o = sessions_find_owned(all, OWNED_FREEZE, cgroup);

	if (o && !strcmp(o->worker, worker))
		sessions_disown(all, o);
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
	disown_former(rq->broker->sessions, reply.cgroup, workers_current(ws));
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
