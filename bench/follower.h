/* SPDX-License-Identifier: MIT */
/* follower.h - a monitor in a thread, and one that never reads. */
#ifndef KSNAP_BENCH_FOLLOWER_H
#define KSNAP_BENCH_FOLLOWER_H

#include "bench/books.h"

struct follower;

/* Follow everything from the oldest on. Returns when it is subscribed. NULL and told. */
struct follower *follower_start(const char *url, void *zmq_context);
/* Let it come to the end of what @b says was published, and end it. On each channel it has to have
 * received, or been told as lost, every number once. 0 with what it received and lost added, or -1
 * and told. */
int follower_finish(struct follower *f, const struct books *b, uint64_t *received, uint64_t *lost);

/* A subscriber to everything who never reads; NULL and told. zmq_close it. */
void *stuck_subscriber(const char *live_url, void *zmq_context);

#endif
