// SPDX-License-Identifier: MIT
/* op_bye.c - the session ends in good order: what it owns is released at once. */
#include <stdlib.h>

#include "base/error.h"
#include "broker/request.h"
#include "broker/session.h"

static int run(struct request *rq, struct ksnap_err *err)
{
	struct wire_bye_reply reply = { .released = session_owned(rq->session) };
	int rc;

	if (!reply.released.items)
		return err_nomem(err);
	/* The words are gone once it has released. */
	rc = request_prepare(rq, &reply, err);
	free(reply.released.items);
	if (rc)
		return rc;
	session_release(rq->session, "bye");
	session_leaves(rq->session);
	request_send(rq);
	return 0;
}

const struct op op_bye = { .run = run };
