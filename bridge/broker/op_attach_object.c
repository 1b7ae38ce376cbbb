// SPDX-License-Identifier: MIT
/* op_attach_object.c - a worker loads a BPF object; the session owns it. */
#include <stdio.h>

#include "base/error.h"
#include "broker/request.h"
#include "broker/session.h"
#include "broker/workers.h"

static int run(struct request *rq, struct ksnap_err *err)
{
	const struct wire_attach_object_params *p = rq->params;
	struct job_spec spec = { .target = p->target, .blob = rq->blobs[0] };
	struct owned *o = sessions_find_owned(rq->broker->sessions, p->name);

	if (o)
		return err_set(err, KSNAP_E_STATE,
			       "name: an object '%s' is attached already, by %s; detach it, or "
			       "choose another name",
			       o->name, session_name(o->session));
	if (!request_bridge(rq, err))
		return err->code;
	return workers_submit(rq->broker->workers, rq, &spec, err);
}

static int own(struct request *rq, struct ksnap_err *err)
{
	const struct wire_attach_object_params *p = rq->params;
	struct owned what;

	snprintf(what.name, sizeof(what.name), "%.*s", (int)p->name.len, p->name.p);
	snprintf(what.target, sizeof(what.target), "%s",
		 workers_target(rq->broker->workers, p->target, NULL));
	snprintf(what.worker, sizeof(what.worker), "%s", workers_current(rq->broker->workers));
	return session_own(rq->session, &what, err);
}

static int done(struct request *rq, struct wire_slice result, struct ksnap_blob *blob,
		struct ksnap_err *err)
{
	const struct wire_attach_object_params *p = rq->params;
	int rc = own(rq, err);
	char name[65];

	if (rc) {
		snprintf(name, sizeof(name), "%.*s", (int)p->name.len, p->name.p);
		workers_detach(rq->broker->workers, workers_current(rq->broker->workers), name);
		return rc;
	}
	request_answer_raw(rq, result, NULL, 0);
	return 0;
}

const struct op op_attach_object = { .run = run, .done = done };
