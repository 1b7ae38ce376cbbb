/* SPDX-License-Identifier: MIT */
/* executor.h - a thread that stores or captures in a loop, as fast as it goes or on time. */
#ifndef KSNAP_BENCH_EXECUTOR_H
#define KSNAP_BENCH_EXECUTOR_H

#include <stdbool.h>

#include "base/hist.h"
#include "ksnap.h"

struct executor;

struct executor_opts {
	const char *url;
	char bridge[16];
	unsigned number;           /* of this executor: part of its tags */
	struct ksnap_blob *report; /* what is stored; NULL: capture_snapshot */
	uint64_t ops;
	unsigned in_flight;
	uint64_t period_ns; /* 0: as fast as it goes */
	bool one_tag;       /* the same tag each time */
};

struct executor_result {
	uint64_t accepted, refused;
	uint64_t bytes;      /* of the last report, as the broker told */
	struct hist latency; /* from when it was due, or sent when nothing is due, to its answer */
};

/* NULL and told. */
struct executor *executor_start(const struct executor_opts *opts);
bool executor_is_done(const struct executor *e);
/* Wait for its end. 0, or -1 when it could not do its work, and told. */
int executor_join(struct executor *e, struct executor_result *ret);

#endif
