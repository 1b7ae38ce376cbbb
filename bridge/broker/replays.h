/* SPDX-License-Identifier: MIT */
/* replays.h - long replays under way.
 *
 * A replay may have thousands of parts, and monitors that fall behind ask for one after the other.
 * A slice of one is sent each turn of the loop, the sessions taking turns, so that nobody else
 * waits longer than that for an answer. */
#ifndef KSNAP_BROKER_REPLAYS_H
#define KSNAP_BROKER_REPLAYS_H

#include "broker/request.h"

struct replays;

struct retained_header;

struct replays *replays_create(struct broker *b, struct ksnap_err *err);
/* What is under way is refused with E_STATE. NULL is allowed. */
void replays_destroy(struct replays *all);
/* Send each of the @n @headers as a part of @rq, then @end as its answer, now or later. The list,
 * from malloc, and what it holds are taken over when it returns 0; then the request is no longer
 * the caller's either. E_BUSY: MAX_REPLAYS are under way. */
int replays_begin(struct replays *all, struct request *rq, struct retained_header *headers,
		  size_t n, const struct wire_replay_reply *end, struct ksnap_err *err);
/* For headers that were not handed over. */
void replays_free_headers(struct retained_header *headers, size_t n);

#endif
