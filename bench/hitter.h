/* SPDX-License-Identifier: MIT */
/* hitter.h - a thread that arms watches of one bridge, has what they watch written as fast as the
 * machine can, ends them, and again. */
#ifndef KSNAP_BENCH_HITTER_H
#define KSNAP_BENCH_HITTER_H

#include "base/hist.h"
#include "bench/written.h"
#include "ksnap.h"

#define HITTER_WATCHES 3

struct hitter;

struct hitter_opts {
	const char *url;
	char bridge[16];
	unsigned watches;        /* armed at once, all on the same place */
	uint64_t arms;           /* how often they are armed */
	uint64_t writes;         /* while they are armed */
	struct written *written; /* NULL: a fixture, which makes its hits itself */
	bool until_hot;          /* never rest: the worker ends each watch, which is told as hot */
};

/* Of all watches. */
struct hitter_result {
	uint64_t armed, ended;                               /* the latter by itself */
	uint64_t hits, suppressed, captured, missed, failed; /* the last: captures */
	uint64_t writing_ns;                                 /* time in which it was written */
	uint64_t writes;                                     /* by what the variable holds */
	uint64_t traps;      /* of them, by the perf event that is not ksnap's */
	struct hist latency; /* of arming, of ending */
};

/* NULL and told. */
struct hitter *hitter_start(const struct hitter_opts *opts);
bool hitter_is_done(const struct hitter *h);
/* Wait for its end. 0, or -1 and told: it could not do its work, or what a watch says of its hits
 * is not what was trapped, or told hits are neither captured, nor missed, nor is
 * their capture known as failed. */
int hitter_join(struct hitter *h, struct hitter_result *ret);

#endif
