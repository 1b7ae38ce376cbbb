/* SPDX-License-Identifier: MIT */
/* hist.h - latency histogram: fixed memory, 1/32 relative error, 1 ns to 584 years. */
#ifndef KSNAP_BASE_HIST_H
#define KSNAP_BASE_HIST_H

#include <stdint.h>

#define HIST_SUB     32
#define HIST_BUCKETS (60 * HIST_SUB)

struct hist {
	uint64_t count[HIST_BUCKETS];
	uint64_t n, max, sum;
};

void hist_clear(struct hist *h);
void hist_add(struct hist *h, uint64_t ns);
/* Add all of @from to @to. */
void hist_merge(struct hist *to, const struct hist *from);
/* Upper bound of the bucket that holds quantile @q (0 to 1), never above max; 0 when empty. */
uint64_t hist_quantile(const struct hist *h, double q);

#endif
