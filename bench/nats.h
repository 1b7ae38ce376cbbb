/* SPDX-License-Identifier: MIT */
/* nats.h - a NATS server of our own: a JetStream stream in memory that keeps its newest 64. */
#ifndef KSNAP_BENCH_NATS_H
#define KSNAP_BENCH_NATS_H

#include "bench/rival.h"

#define NATS_PROGRAM "nats-server"

/* Start it on a port of loopback, connect, and make the stream: max_msgs 64, discard old. 0, or -1
 * and told. */
int nats_start(struct rival *r);
/* Publish @ops messages of @bytes, @in_flight not yet acknowledged at once. The last
 * acknowledgement has to have the number of all that were ever published: @before and @ops. */
int nats_store(struct rival *r, const void *data, size_t bytes, unsigned ops, unsigned in_flight,
	       unsigned long before);

#endif
