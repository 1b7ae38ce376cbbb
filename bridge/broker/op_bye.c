// SPDX-License-Identifier: MIT
/* op_bye.c - the session ends in good order: what it owns is released at once. */
#include <stdio.h>

#include "broker/request.h"
#include "broker/session.h"

#define WORDS_TOLD 64

static int run(struct request *rq, struct ksnap_err *err)
{
	struct wire_slice released[WORDS_TOLD];
	unsigned n = session_owned_words(rq->session, released, WORDS_TOLD);
	char words[WORDS_TOLD][80]; /* the session's own are gone once it has released */
	struct wire_bye_reply reply = { .released = { released, n } };

	for (unsigned i = 0; i < n; i++) {
		snprintf(words[i], sizeof(words[i]), "%.*s", (int)released[i].len, released[i].p);
		released[i] = wire_slice_of(words[i]);
	}
	session_release(rq->session, "bye");
	session_leaves(rq->session);
	request_answer(rq, &reply, NULL, 0);
	return 0;
}

const struct op op_bye = { .run = run };
