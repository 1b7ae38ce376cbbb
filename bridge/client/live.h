/* SPDX-License-Identifier: MIT */
/* live.h - reading what the live bus carries, and a queue of what is to be delivered. */
#ifndef KSNAP_CLIENT_LIVE_H
#define KSNAP_CLIENT_LIVE_H

#include <stdbool.h>
#include <stddef.h>

#include "ksnap.h"
#include "wire/frames.h"

#define LIVE_BEAT    "beat"
#define LIVE_SEQ_MAX INT64_MAX /* a number above is refused: counting must not wrap */

/* Make a MESSAGE of an encoded header; takes a reference of @header. E_PROTO when it is no header.
 */
int live_from_header(struct ksnap_blob *header, struct ksnap_live_msg *ret, struct ksnap_err *err);
/* Make a MESSAGE of [channel] [header] [payload?]; the channel must be the header's. */
int live_from_frames(const struct frames *f, struct ksnap_live_msg *ret, struct ksnap_err *err);
bool live_is_beat(const struct ksnap_live_msg *m);

typedef int (*live_last_fn)(void *arg, const char *channel, size_t len, uint64_t last,
			    struct ksnap_err *err);
/* Call @fn for each channel that a beat tells, until it returns other than 0; that is returned. */
int live_beat_each(const struct ksnap_live_msg *beat, live_last_fn fn, void *arg,
		   struct ksnap_err *err);

/* First in, first out; the longest it gets is the caller's matter. */
struct live_queue {
	struct ksnap_live_msg *items;
	size_t head, len, cap; /* len counts from head */
};

/* 0 and @m is the queue's, or E_NOMEM and it is still the caller's. */
int live_queue_push(struct live_queue *q, const struct ksnap_live_msg *m);
/* False when empty. */
bool live_queue_pop(struct live_queue *q, struct ksnap_live_msg *ret);
void live_queue_fini(struct live_queue *q);

#endif
