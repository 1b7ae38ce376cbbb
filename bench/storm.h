/* SPDX-License-Identifier: MIT */
/* storm.h - one runaway loop against a broker, and whether its books are right afterwards.
 *
 * While it goes on a bystander pings by the clock, and the broker's status is read again and again:
 * caps and sums have to hold each time. Afterwards
 *
 *   accepted = stored + evicted + overwritten + drained, and is what the executors were told
 *   what is stored are the newest, in order, and the newest of all has the bytes that were sent
 *   events taken + dropped = raised, in order
 *   on each channel and for each monitor, received + told as lost = published
 *   the broker's highest memory is within storm_allowed
 *   of watches: hits are what perf counted, and what was told or suppressed; what was told was
 *     captured or missed; the debug registers are free
 *   it ends with 0 and leaves no socket. */
#ifndef KSNAP_BENCH_STORM_H
#define KSNAP_BENCH_STORM_H

#include "base/hist.h"
#include "bench/books.h"
#include "bench/hitter.h"
#include "bench/peer.h"

enum storm_hits {
	HITS_NONE,
	HITS_MADE,    /* by a fixture, all at once */
	HITS_WRITTEN, /* into the kernel's memory, at full speed with rests in between */
	HITS_HOT,     /* without a rest, until the worker ends the watches */
};

struct storm {
	const char *name;
	const char *target;      /* what a worker captures; NULL: a small fixture */
	uint64_t ops, quick_ops; /* of each executor */
	size_t bytes;            /* of each report; 0: captured by a worker */
	uint64_t period_ns;      /* 0: as fast as it goes */
	unsigned executors, bridges, in_flight;
	unsigned monitors, stuck; /* who read, who never do */
	bool one_tag, drains;
	/* Instead of executors: watches of the bridge, all of one place; ops is how often they are
	 * armed, and writes how often it is written meanwhile. */
	enum storm_hits hits;
	unsigned watches;
	uint64_t writes, quick_writes;
};

struct storm_sample {
	uint64_t ns; /* since the begin */
	uint64_t rss, stored_bytes, accepted, evicted, events_kept, events_dropped;
};

#define STORM_SAMPLES 2048

struct storm_result {
	double seconds;
	uint64_t cpu_ns; /* of the broker and its workers, from begin to end */
	uint64_t accepted, refused, evicted, events_dropped, drained;
	uint64_t report_bytes;
	uint64_t received, lost; /* by all monitors */
	struct hitter_result hits;
	uint64_t base, peak, allowed;
	struct hist op, ping, echo;
	struct hist ping_own, echo_own; /* as if no thread had waited for a CPU */
	uint64_t looks; /* at the books while it raged; of each a sample is kept, or of some */
	size_t nsamples;
	struct storm_sample samples[STORM_SAMPLES];
};

/* What it needs that this machine lacks; NULL: nothing. */
const char *storm_lacks(const struct storm *s);
/* @echo: a raw ROUTER that echoes, for a second bystander who does without the broker, or NULL. 0,
 * or -1: something of the above is not so, and was told. */
int storm_run(const struct storm *s, bool quick, const struct peer *echo, struct storm_result *ret);
/* The highest memory that the broker may have: what it had before, and
 *
 *   what the caps let it store, and what a monitor that is behind may have queued, at most 1000
 *     messages and MAX_BEHIND_BYTES; together no more than there ever was, for they are the same
 *     bytes
 *   what a drain is sending, and requests on their way in
 *   events, headers kept for replay, headers queued to monitors
 *   room for the allocator and for sockets */
uint64_t storm_allowed(const struct storm *s, const struct storm_result *r, uint64_t ops);

#endif
