/* SPDX-License-Identifier: MIT */
/* behind.h - bytes of reports that wait in libzmq for subscribers of one channel.
 *
 * libzmq bounds what waits for a subscriber in messages only, and that bound cannot be lowered
 * later: it learns what a peer has read in steps of the old one, and takes a peer that is up to
 * date for one that is full, for ever. So bytes are counted here, and a report for which there is
 * no room goes out as its header alone.
 *
 * One that is stuck must not keep reports from the others for good. Once SUBSCRIBER_HWM further
 * messages were sent on the channel its queue is full, and it gets no more, whatever is sent; what
 * it holds is no longer counted. */
#ifndef KSNAP_BROKER_BEHIND_H
#define KSNAP_BROKER_BEHIND_H

#include <stdint.h>

#include "ksnap.h"

/* Messages queued to a subscriber before it loses some. */
#define SUBSCRIBER_HWM 1000
/* The newest half of a queue, in part, and two whole ones. */
#define BEHIND_AGES 3

struct unread;

struct behind {
	struct unread *age[BEHIND_AGES]; /* youngest first; NULL: no report */
	unsigned messages;               /* of the youngest */
};

void behind_fini(struct behind *b);
/* One message is about to be sent on the channel. */
void behind_step(struct behind *b);
uint64_t behind_bytes(const struct behind *b);
/* The same bytes as @report, counted until libzmq lets go of them. NULL: no memory. */
struct ksnap_blob *behind_blob(struct behind *b, struct ksnap_blob *report);

#endif
