// SPDX-License-Identifier: MIT
/* verdict.c - what lies further apart than the goal is away says nothing. */
#include "bench/verdict.h"

#include <math.h>
#include <string.h>

#include "bench/bench.h"

const char *verdict_of_ratios(struct summary ratios, double goal, bool is_factor)
{
	double distance = is_factor ? ratios.median - goal : goal - ratios.median;

	if (ratios.high - ratios.low > fabs(distance))
		return "inconclusive";
	return distance >= 0 ? "better" : "worse";
}

/* A round is above the median as often as below: how many of n are below is binomial, and within
 * n/2 -+ 2.576 * sqrt(n)/2 in 99 of 100 cases. */
bool verdict_median_interval(double *rounds, unsigned n, double *ret_low, double *ret_high)
{
	double out = floor(n / 2.0 - 2.576 * sqrt(n) / 2);
	unsigned at = out < 1 ? 0 : (unsigned)out;

	if (!at)
		return false;
	*ret_low = bench_quantile(rounds, n, (at - 1.0) / (n - 1));
	*ret_high = bench_quantile(rounds, n, (n - at) / (n - 1.0));
	return true;
}

const char *verdict_of_many(double *ratios, unsigned n, double goal, bool is_factor)
{
	double low, high;

	if (!verdict_median_interval(ratios, n, &low, &high))
		return "inconclusive";
	if (is_factor ? low >= goal : high <= goal)
		return "better";
	return (is_factor ? high < goal : low > goal) ? "worse" : "inconclusive";
}

double verdict_median(const double *rounds, unsigned n)
{
	double copy[VERDICT_ROUNDS_MAX];

	memcpy(copy, rounds, n * sizeof(*rounds));
	return bench_quantile(copy, n, 0.5);
}

static double width(const double *rounds, unsigned n)
{
	double low = rounds[0], high = rounds[0];

	for (unsigned i = 1; i < n; i++) {
		low = rounds[i] < low ? rounds[i] : low;
		high = rounds[i] > high ? rounds[i] : high;
	}
	return high - low;
}

double verdict_spread(const double *rounds, unsigned n)
{
	return width(rounds, n) / 2;
}

static bool is_clear(const double *rounds, unsigned n, double goal)
{
	return width(rounds, n) <= fabs(goal - verdict_median(rounds, n));
}

static bool is_within(const double *rounds, unsigned n, double goal)
{
	return is_clear(rounds, n, goal) && verdict_median(rounds, n) <= goal;
}

/* Without the broker it is no better: beyond the goal, where pings are too; not clearly within it,
 * where pings are not either. */
static bool is_the_echo(const struct verdict_pings *p, double goal)
{
	if (is_clear(p->ping, p->n, goal))
		return verdict_median(p->echo, p->n) > goal;
	return !is_within(p->echo, p->n, goal);
}

/* Pings that are late only as far as their threads, or the broker's, had to wait for a CPU say what
 * the machine lacks; so do late round trips without the broker. */
const char *verdict_of_pings(const struct verdict_pings *p, double goal)
{
	if (p->n < 2)
		return "not judged";
	if (is_within(p->ping, p->n, goal))
		return "better";
	if (is_within(p->own, p->n, goal))
		return "no CPU";
	if (is_the_echo(p, goal))
		return "so is the echo";
	return is_clear(p->ping, p->n, goal) ? "worse" : "inconclusive";
}
