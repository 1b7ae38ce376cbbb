// SPDX-License-Identifier: MIT
/* op_thaw.c - the worker that froze a cgroup lets it go on. */
#include <string.h>

#include "base/error.h"
#include "broker/freezing.h"
#include "broker/session.h"

static int run(struct request *rq, struct ksnap_err *err)
{
	const struct wire_thaw_params *p = rq->params;
	struct owned *o = freezing_find(rq->broker->sessions, p->cgroup);
	struct job_spec spec = { 0 };

	if (!o)
		return err_set(err, KSNAP_E_NOTFOUND,
			       "cgroup: no session of this broker has frozen %.*s",
			       (int)p->cgroup.len, p->cgroup.p);
	if (o->session != rq->session && !p->force)
		return err_set(err, KSNAP_E_STATE,
			       "cgroup: %s was frozen by session %s, which must thaw it; force "
			       "does it all the same",
			       o->name, session_name(o->session));
	spec.target = wire_slice_of(o->target);
	spec.worker = o->worker;
	return workers_submit(rq->broker->workers, rq, &spec, err);
}

static void disown(struct broker *b, struct wire_slice cgroup, const char *worker)
{
	struct owned *o = freezing_find(b->sessions, cgroup);

	if (o && !strcmp(o->worker, worker))
		sessions_disown(b->sessions, o);
}

static int done(struct request *rq, struct wire_slice result, struct ksnap_blob *blob,
		struct ksnap_err *err)
{
	const struct wire_thaw_params *p = rq->params;
	struct wire_thaw_reply reply;
	int rc;

	disown(rq->broker, p->cgroup, workers_current(rq->broker->workers));
	rc = request_result(rq, &wire_shape_thaw_reply, result, &reply, err);
	if (!rc)
		request_answer(rq, &reply, NULL, 0);
	return rc;
}

static void late(struct broker *b, struct wire_slice params, struct wire_slice result,
		 const char *worker)
{
	struct wire_thaw_params p;

	if (!wire_decode(&wire_shape_thaw_params, params.p, params.len, WIRE_SKIP_UNKNOWN, NULL, &p,
			 NULL))
		disown(b, p.cgroup, worker);
}

const struct op op_thaw = { .run = run, .done = done, .late = late };
