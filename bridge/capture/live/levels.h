/* SPDX-License-Identifier: MIT */
/* levels.h - how many levels the page tables of the running kernel have, and so where its half of
 * the addresses begins. */
#ifndef KSNAP_CAPTURE_LIVE_LEVELS_H
#define KSNAP_CAPTURE_LIVE_LEVELS_H

#include <stdint.h>

/* 5 when @cpuinfo, a file as /proc/cpuinfo, has the flag la57, which the kernel hides when it does
 * not use what the CPU could; 4 without; 5 when there are no flags to be read, which refuses
 * nothing that might be there. */
unsigned levels_in(const char *cpuinfo);
/* Of the running kernel; looked up once. */
unsigned levels_in_use(void);
/* The lowest address of the kernel's half. */
uint64_t levels_kernel_half(unsigned levels);

#endif
