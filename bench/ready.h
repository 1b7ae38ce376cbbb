/* SPDX-License-Identifier: MIT */
/* ready.h - a broker that has answered before it is asked.
 *
 * Its client finds each answer when it looks for it: nothing sleeps, nothing is woken, and no other
 * thread runs for it. What the client's thread needs is then its own work, all of it. The answers
 * are those of a real broker, asked once. Belongs to one thread and serves one client. */
#ifndef KSNAP_BENCH_READY_H
#define KSNAP_BENCH_READY_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "ksnap.h"

#define READY_MAX 500 /* answers at a time, and requests */

struct ready {
	void *front, *broker;     /* to the client, to the broker */
	pthread_t greeter;        /* answers the hello, and ends */
	bool is_greeting, failed; /* @failed: of the greeter, which has told it */
	struct ksnap_blob *peer;  /* what the client is called */
	uint64_t last_id;         /* of its newest request */
	uint64_t learned;         /* ids the broker has had */
	struct ksnap_blob *answer;
	const void *r; /* within @answer: one encoded object */
	size_t r_len;
};

/* Bind to @url (inproc://) in @context and wait, beside the caller, for one client and its
 * hello; the broker is at @broker. 0, or -1 and told. */
int ready_open(struct ready *r, void *context, const char *url, const char *broker);
/* The client has connected. */
int ready_greeted(struct ready *r);
/* Ask the broker for its answer to an op; @params: one encoded map, or NULL. */
int ready_learn(struct ready *r, const char *op, const void *params, size_t params_len);
/* Answer the next @n requests, READY_MAX at most. */
int ready_put(struct ready *r, unsigned n);
/* Take the requests that came: these must be just those that were answered. */
int ready_take(struct ready *r, unsigned n);
/* When the client is closed. */
void ready_close(struct ready *r);

#endif
