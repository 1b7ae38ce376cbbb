/* SPDX-License-Identifier: MIT */
/* tally.h - what a broker counts. Whatever is dropped anywhere has a row here. */
#ifndef KSNAP_BROKER_TALLY_H
#define KSNAP_BROKER_TALLY_H

#include <stdint.h>

#include "wire/shapes.h"

enum tally_drop {
	DROP_REPLY_GONE,     /* the peer left before its reply */
	DROP_REPLY_FULL,     /* the peer does not read: its queue was full */
	DROP_REPLY_UNREAD,   /* a report refused to a peer that has not read the others */
	DROP_REPLY_MEMORY,   /* a final reply for which memory ran out */
	DROP_REQUEST_MEMORY, /* a request for which memory ran out before it could be answered */
	DROP_LATE_RESULT,    /* a worker's result came after the deadline of its request */
	DROP_WORK_FRAME,     /* a work message that made no sense, or did not fit */
	DROP_LATE_HIT,       /* a worker told of a watch that is over */
	DROP_LIVE_MEMORY,    /* a live message for which memory ran out; its number is used up */
	DROP_LIVE_REPORT, /* a report left out of its live message: too many bytes wait already */
	DROP_LIVE_SEND,   /* a live message that the socket refused */
	DROP_SESSION_FORGOTTEN, /* a session, because there were MAX_SESSIONS */
	DROP_ANSWERS_FORGOTTEN, /* what an absent client might ask for again: too many are absent */
	DROP_CONNECTION_UNHEARD, /* a connection ended, because nothing was heard on it */
	DROP_ROUTING_ID,         /* a message under a routing id of more than 255 bytes */
	TALLY_DROPS
};

#define TALLY_LATENCIES 12 /* bounds in microseconds, and one row above them all */

struct tally {
	uint64_t ops[OP_COUNT];
	uint64_t failed[OP_COUNT];
	uint64_t unknown_ops; /* requests that never got to an op */
	uint64_t errors[32];  /* by row of the error table */
	uint64_t drops[TALLY_DROPS];
	uint64_t latencies[TALLY_LATENCIES + 1]; /* requests that ended, by time since receipt */
	uint64_t latency_us;                     /* their sum */
};

void tally_error(struct tally *t, int code);
/* Name of the i-th error code counted, and how often; NULL behind the last. */
const char *tally_error_row(const struct tally *t, unsigned i, uint64_t *ret_n);
void tally_latency(struct tally *t, uint64_t us);
/* Upper bound, inclusive, of the i-th row of latencies. */
uint64_t tally_latency_bound(unsigned i);
/* "reply_gone" for DROP_REPLY_GONE. */
const char *tally_drop_name(enum tally_drop d);

#endif
