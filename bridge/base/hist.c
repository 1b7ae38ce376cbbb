// SPDX-License-Identifier: MIT
/* hist.c - log-linear buckets: values below HIST_SUB each have their own, above that every power
 * of two is split in HIST_SUB equal ones.
 */
#include "base/hist.h"

#include <stddef.h>
#include <string.h>

#define SUB_BITS 5

_Static_assert(1 << SUB_BITS == HIST_SUB, "HIST_SUB is not 2^SUB_BITS");

static size_t bucket_of(uint64_t ns)
{
	unsigned shift;

	if (ns < HIST_SUB)
		return ns;
	shift = 63 - SUB_BITS - (unsigned)__builtin_clzll(ns);
	return (size_t)(shift + 1) * HIST_SUB + (ns >> shift) - HIST_SUB;
}

static uint64_t bucket_end(size_t bucket)
{
	uint64_t first = HIST_SUB + bucket % HIST_SUB;

	if (bucket < HIST_SUB)
		return bucket;
	return ((first + 1) << (bucket / HIST_SUB - 1)) - 1; /* the last one wraps to UINT64_MAX */
}

void hist_clear(struct hist *h)
{
	memset(h, 0, sizeof(*h));
}

void hist_add(struct hist *h, uint64_t ns)
{
	h->count[bucket_of(ns)]++;
	h->n++;
	if (ns > h->max)
		h->max = ns;
	if (__builtin_add_overflow(h->sum, ns, &h->sum))
		h->sum = UINT64_MAX;
}

void hist_merge(struct hist *to, const struct hist *from)
{
	for (size_t i = 0; i < HIST_BUCKETS; i++)
		to->count[i] += from->count[i];
	to->n += from->n;
	if (from->max > to->max)
		to->max = from->max;
	if (__builtin_add_overflow(to->sum, from->sum, &to->sum))
		to->sum = UINT64_MAX;
}

uint64_t hist_quantile(const struct hist *h, double q)
{
	double rank = q * (double)h->n;
	uint64_t seen = 0;

	for (size_t i = 0; i < HIST_BUCKETS; i++) {
		seen += h->count[i];
		if (seen && (double)seen >= rank)
			return bucket_end(i) < h->max ? bucket_end(i) : h->max;
	}
	return h->max;
}
