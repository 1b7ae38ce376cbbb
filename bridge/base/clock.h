/* SPDX-License-Identifier: MIT */
/* clock.h - the two clocks, replaceable in tests. */
#ifndef KSNAP_BASE_CLOCK_H
#define KSNAP_BASE_CLOCK_H

#include <stdint.h>

struct clock_source {
	uint64_t (*mono_ns)(void); /* CLOCK_MONOTONIC */
	int64_t (*real_ns)(void);  /* CLOCK_REALTIME */
};

uint64_t clock_mono_ns(void);
int64_t clock_real_ns(void);

/* Use @src in place of the system clocks until NULL is set again. For tests, before threads. */
void clock_replace(const struct clock_source *src);

#define NS_PER_US 1000ull
#define NS_PER_MS 1000000ull
#define NS_PER_S  1000000000ull

#endif
