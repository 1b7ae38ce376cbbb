// SPDX-License-Identifier: MIT
/* op_replace_object.c - the worker that holds the object puts another one in its place; it stays
 * its owner's. */
#include "base/error.h"
#include "broker/request.h"
#include "broker/session.h"
#include "broker/workers.h"

static int run(struct request *rq, struct ksnap_err *err)
{
	const struct wire_replace_object_params *p = rq->params;
	struct owned *o = sessions_find_owned(rq->broker->sessions, OWNED_OBJECT, p->name);
	struct job_spec spec = { .blob = rq->blobs[0] };

	if (!o)
		return err_set(err, KSNAP_E_NOTFOUND,
			       "name: no object '%.*s' is attached; attach_object attaches one",
			       (int)p->name.len, p->name.p);
	spec.target = wire_slice_of(o->target);
	spec.worker = o->worker;
	return workers_submit(rq->broker->workers, rq, &spec, err);
}

static int done(struct request *rq, struct wire_slice result, struct ksnap_blob *blob,
		struct ksnap_err *err)
{
	struct wire_replace_object_reply ids;
	int rc = request_result(rq, rq->row->reply, result, &ids, err);

	if (!rc)
		request_answer(rq, &ids, NULL, 0);
	return rc;
}

const struct op op_replace_object = { .run = run, .done = done };
