// SPDX-License-Identifier: MIT
/* op_detach_object.c - the worker that holds the object lets it go. */
#include <string.h>

#include "base/error.h"
#include "broker/request.h"
#include "broker/session.h"
#include "broker/workers.h"

static int run(struct request *rq, struct ksnap_err *err)
{
	const struct wire_detach_object_params *p = rq->params;
	struct owned *o = sessions_find_owned(rq->broker->sessions, OWNED_OBJECT, p->name);
	struct job_spec spec = { 0 };

	if (!o)
		return err_set(err, KSNAP_E_NOTFOUND, "name: no object '%.*s' is attached",
			       (int)p->name.len, p->name.p);
	spec.target = wire_slice_of(o->target);
	spec.worker = o->worker;
	return workers_submit(rq->broker->workers, rq, &spec, err);
}

static int done(struct request *rq, struct wire_slice result, struct ksnap_blob *blob,
		struct ksnap_err *err)
{
	const struct wire_detach_object_params *p = rq->params;
	struct owned *o = sessions_find_owned(rq->broker->sessions, OWNED_OBJECT, p->name);
	struct wire_detach_object_reply reply;

	if (o)
		sessions_disown(rq->broker->sessions, o);
	request_answer(rq, &reply, NULL, 0);
	return 0;
}

static void late(struct broker *b, struct wire_slice params, struct wire_slice result,
		 const char *worker)
{
	struct wire_detach_object_params p;
	struct owned *o;

	if (wire_decode(&wire_shape_detach_object_params, params.p, params.len, WIRE_SKIP_UNKNOWN,
			NULL, &p, NULL))
		return;
	o = sessions_find_owned(b->sessions, OWNED_OBJECT, p.name);
	if (o && !strcmp(o->worker, worker))
		sessions_disown(b->sessions, o);
}

const struct op op_detach_object = { .run = run, .done = done, .late = late };
