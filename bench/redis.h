/* SPDX-License-Identifier: MIT */
/* redis.h - a Redis server of our own: a stream that keeps its newest 64. */
#ifndef KSNAP_BENCH_REDIS_H
#define KSNAP_BENCH_REDIS_H

#include "bench/rival.h"

#define REDIS_PROGRAM "redis-server"

/* Start it on a Unix socket, nothing written to disk, and connect. 0, or -1 and told. */
int redis_start(struct rival *r);
/* XADD with MAXLEN 64, @ops entries of @bytes, @in_flight at once; then its length has to be 64, or
 * the ops there ever were. */
int redis_store(struct rival *r, const void *data, size_t bytes, unsigned ops, unsigned in_flight);
/* PUBLISH @ops messages, one after the other's answer; @subscribers is what each has to tell. */
int redis_publish(struct rival *r, const void *data, size_t bytes, unsigned ops,
		  unsigned subscribers);
/* One more connection to the same server that has subscribed. 0, or -1 and told. */
int redis_subscribe(const struct rival *server, struct rival *ret);
/* Read @ops messages of @bytes off it. */
int redis_read_messages(struct rival *r, size_t bytes, unsigned ops);

#endif
