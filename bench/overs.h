/* SPDX-License-Identifier: MIT */
/* overs.h - what the last message of each watch says: how often it fired, in all. */
#ifndef KSNAP_BENCH_OVERS_H
#define KSNAP_BENCH_OVERS_H

#include "ksnap.h"

/* Of all watches that are over. */
struct overs {
	uint64_t n, hits, suppressed, missed;
	uint64_t told; /* messages about hits */
};

/* Follow what is told of the watches of @bridge. NULL and told. */
struct ksnap_subscriber *overs_follow(struct ksnap_client *c, const char *bridge);
/* Read what is there: more than some hundreds must not wait. 0, or -1 and told. */
int overs_catch_up(struct ksnap_subscriber *s, struct overs *o);
/* Read on until @n are over. 0, or -1 and told: it does not come to that, a message was lost, or
 * totals are not exact. */
int overs_read(struct ksnap_subscriber *s, uint64_t n, struct overs *o);

#endif
