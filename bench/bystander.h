/* SPDX-License-Identifier: MIT */
/* bystander.h - another client, in a thread, while a storm goes on: one that asks for nothing but a
 * ping each few milliseconds, one that drains. */
#ifndef KSNAP_BENCH_BYSTANDER_H
#define KSNAP_BENCH_BYSTANDER_H

#include <sys/types.h>

#include "base/hist.h"
#include "bench/books.h"

struct bystander;

struct bystander_result {
	struct hist latency; /* from when it was due: what waits behind a late one is late, too */
	/* The same as if no thread that it passes had waited for a CPU, nor the bystander: of pings
	 * and echoes. Waiting behind a late one counts here, too. */
	struct hist own;
	uint64_t drained; /* snapshots taken */
	struct books_events events;
};

/* The same without a broker: a raw DEALER that sends the bytes of a ping to a raw ROUTER at @url,
 * of process @pid, which sends them back. What the machine makes of a round trip at that moment.
 * NULL and told. */
struct bystander *bystander_echo(const char *url, pid_t pid, uint64_t period_ns);
/* Ping a broker that is process @pid, or drain snapshots and events of @bridge in turn, each
 * @period_ns. No other thread may begin meanwhile. NULL and told. */
struct bystander *bystander_ping(const char *url, pid_t pid, uint64_t period_ns);
struct bystander *bystander_drain(const char *url, const char *bridge, uint64_t period_ns);
/* 0, or -1 when something went wrong, and told. NULL: 0, and nothing in *ret. */
int bystander_finish(struct bystander *b, struct bystander_result *ret);

#endif
