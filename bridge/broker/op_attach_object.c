// SPDX-License-Identifier: MIT
/* op_attach_object.c - a worker loads a BPF object; the session owns it. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "broker/request.h"
#include "broker/session.h"
#include "broker/workers.h"

/* It is shown to others, by status and in errors. */
static int check_name(struct wire_slice name, struct ksnap_err *err)
{
	int rc = ksnap_tag_check(name.p, name.len, err);

	return rc ? err_prefix(err, "name") : 0;
}

static int check_free(struct request *rq, struct ksnap_err *err)
{
	const struct wire_attach_object_params *p = rq->params;
	struct owned *o = sessions_find_owned(rq->broker->sessions, OWNED_OBJECT, p->name);

	char pid[32] = "";

	if (!o)
		return 0;
	if (session_pid(o->session))
		snprintf(pid, sizeof(pid), " (pid %" PRIu64 ")", session_pid(o->session));
	return err_set(err, KSNAP_E_STATE,
		       "name: an object '%s' is attached already, by %s%s; detach it, or choose "
		       "another name",
		       o->name, session_name(o->session), pid);
}

static int run(struct request *rq, struct ksnap_err *err)
{
	const struct wire_attach_object_params *p = rq->params;
	struct job_spec spec = { .target = p->target, .blob = rq->blobs[0] };

	if (check_name(p->name, err) || check_free(rq, err))
		return err->code;
	if (!request_bridge(rq, err))
		return err->code;
	return workers_submit(rq->broker->workers, rq, &spec, err);
}

static int own(struct request *rq, struct ksnap_err *err)
{
	const struct wire_attach_object_params *p = rq->params;
	struct workers *ws = rq->broker->workers;

	return session_own(rq->session, OWNED_OBJECT, p->name, workers_target(ws, p->target, NULL),
			   workers_current(ws), err);
}

/* What nobody owns must not stay; but another worker's object of that name stays owned. */
static void undo(struct broker *b, struct wire_slice object, const char *worker)
{
	struct wire_detach_object_params p = { .name = object };
	struct owned *o = sessions_find_owned(b->sessions, OWNED_OBJECT, object);
	_buf_ struct buf params = BUF_INIT;

	if (o && !strcmp(o->worker, worker))
		return;
	wire_encode(&wire_shape_detach_object_params, &p, &params);
	workers_undo(b->workers, worker, "detach_object", &params, NULL, NULL);
}

/* While the worker was busy with it, another one may have attached an object of that name. */
static int done(struct request *rq, struct wire_slice result, struct ksnap_blob *blob,
		struct ksnap_err *err)
{
	const struct wire_attach_object_params *p = rq->params;
	struct wire_attach_object_reply ids;
	int rc = request_result(rq, rq->row->reply, result, &ids, err);

	rc = rc ? rc : check_free(rq, err);
	rc = rc ? rc : own(rq, err);
	if (rc)
		undo(rq->broker, p->name, workers_current(rq->broker->workers));
	else
		request_answer(rq, &ids, NULL, 0);
	return rc;
}

static void late(struct broker *b, struct wire_slice params, struct wire_slice result,
		 const char *worker)
{
	struct wire_attach_object_params p;

	if (!wire_decode(&wire_shape_attach_object_params, params.p, params.len, WIRE_SKIP_UNKNOWN,
			 NULL, &p, NULL))
		undo(b, p.name, worker);
}

const struct op op_attach_object = { .run = run, .done = done, .late = late };
