// SPDX-License-Identifier: MIT
/* op_bye.c - the session ends in good order: what it owns is released at once. */
#include <stdio.h>

#include "broker/request.h"
#include "broker/session.h"

#define NAMES_TOLD 64

static int run(struct request *rq, struct ksnap_err *err)
{
	struct wire_slice names[NAMES_TOLD];
	unsigned n = session_owned_names(rq->session, names, NAMES_TOLD);
	char words[NAMES_TOLD][80];
	struct wire_bye_reply reply = { .released = { names, n } };

	for (unsigned i = 0; i < n; i++) {
		snprintf(words[i], sizeof(words[i]), "object %.*s", (int)names[i].len, names[i].p);
		names[i] = wire_slice_of(words[i]);
	}
	session_release(rq->session);
	session_leaves(rq->session);
	request_answer(rq, &reply, NULL, 0);
	return 0;
}

const struct op op_bye = { .run = run };
