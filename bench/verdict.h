/* SPDX-License-Identifier: MIT */
/* verdict.h - better, worse, or why nothing can be said. */
#ifndef KSNAP_BENCH_VERDICT_H
#define KSNAP_BENCH_VERDICT_H

#include <stdbool.h>

struct summary {
	double median, low, high; /* low and high: quartiles */
};

/* Of ratios that have a goal: at least it (@is_factor) or at most. "inconclusive" when the
 * quartiles lie further apart than the median lies from the goal. */
const char *verdict_of_ratios(struct summary ratios, double goal, bool is_factor);

/* Where the median lies of that which @n rounds were taken from: an interval that misses it once in
 * a hundred times, whatever the distribution is. false: there are too few to say. Sorts @rounds. */
bool verdict_median_interval(double *rounds, unsigned n, double *ret_low, double *ret_high);
/* Of many short rounds, each of which compares for itself: "better" or "worse" when all of that
 * interval is. It is narrower the more rounds there are, however far these lie apart. */
const char *verdict_of_many(double *ratios, unsigned n, double goal, bool is_factor);

#define VERDICT_ROUNDS_MAX 100

/* The 99th percentile of each round: of pings, of them as if no thread had waited for a CPU, and of
 * a raw echo beside them. */
struct verdict_pings {
	unsigned n;
	double ping[VERDICT_ROUNDS_MAX], own[VERDICT_ROUNDS_MAX], echo[VERDICT_ROUNDS_MAX];
};

/* Half of what the rounds lie apart; their median. */
double verdict_spread(const double *rounds, unsigned n);
double verdict_median(const double *rounds, unsigned n);
/* Of pings that should be at most @goal. */
const char *verdict_of_pings(const struct verdict_pings *p, double goal);

#endif
