// SPDX-License-Identifier: MIT
/* op_thaw.c - the worker that froze a cgroup lets it go on. */
#include <string.h>

#include "base/error.h"
#include "broker/freezing.h"
#include "broker/session.h"

static int check_owner(const struct request *rq, const struct owned *o, struct ksnap_err *err)
{
	const char *name = session_name(o->session);
	bool is_namesake = !strcmp(name, session_name(rq->session));
	char by[FREEZING_BY];

	if (o->session == rq->session || session_succeeds(rq->session, o->session))
		return 0;
	return err_set(err, KSNAP_E_STATE,
		       "cgroup: %s was frozen by %s%s, which must thaw it; force does it all the "
		       "same",
		       o->name, is_namesake ? "another session called " : "session ",
		       freezing_by(o->session, by) + strlen("session "));
}

/* A worker tells whether a ksnap whose processes were killed has left it frozen. */
static int thaw_left(struct request *rq, const struct wire_thaw_params *p, struct ksnap_err *err)
{
	struct job_spec spec = { .target = p->target };

	if (p->force)
		return workers_submit(rq->broker->workers, rq, &spec, err);
	return err_set(
		err, KSNAP_E_NOTFOUND,
		"cgroup: no session of this broker has frozen %.*s; force thaws what a ksnap "
		"that was killed has left frozen",
		(int)p->cgroup.len, p->cgroup.p);
}

static int run(struct request *rq, struct ksnap_err *err)
{
	const struct wire_thaw_params *p = rq->params;
	struct owned *o = freezing_find(rq->broker->sessions, p->cgroup);
	struct job_spec spec = { 0 };

	if (!o)
		return thaw_left(rq, p, err);
	if (!p->force && check_owner(rq, o, err))
		return err->code;
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
