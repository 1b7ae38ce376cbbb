// SPDX-License-Identifier: MIT
/* clock.c - the system clocks, behind one pointer that tests may turn. */
#include "base/clock.h"

#include <stddef.h>
#include <time.h>

static uint64_t read_clock(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (uint64_t)ts.tv_sec * NS_PER_S + (uint64_t)ts.tv_nsec;
}

static uint64_t system_mono(void)
{
	return read_clock(CLOCK_MONOTONIC);
}

static int64_t system_real(void)
{
	return (int64_t)read_clock(CLOCK_REALTIME);
}

static const struct clock_source system_clocks = { system_mono, system_real };
static const struct clock_source *clocks = &system_clocks;

uint64_t clock_mono_ns(void)
{
	return clocks->mono_ns();
}

int64_t clock_real_ns(void)
{
	return clocks->real_ns();
}

void clock_replace(const struct clock_source *src)
{
	clocks = src ? src : &system_clocks;
}
