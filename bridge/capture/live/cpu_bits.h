/* SPDX-License-Identifier: MIT */
/* cpu_bits.h - which CPUs are online. */
#ifndef KSNAP_CAPTURE_LIVE_CPU_BITS_H
#define KSNAP_CAPTURE_LIVE_CPU_BITS_H

#include <stdbool.h>
#include <stdint.h>

#include "ksnap.h"

#define CPU_BITS_MAX 8192 /* the kernel's own limit on x86-64 */

struct cpu_bits {
	uint64_t words[CPU_BITS_MAX / 64];
};

static inline bool cpu_bits_has(const struct cpu_bits *b, unsigned cpu)
{
	return cpu < CPU_BITS_MAX && (b->words[cpu / 64] >> (cpu % 64) & 1);
}

/* A list as the kernel writes it, "0-3,6". E_TARGET: it is none. */
int cpu_bits_parse(const char *list, struct cpu_bits *ret, struct ksnap_err *err);
/* Those that are online now, of /sys/devices/system/cpu/online. */
int cpu_bits_online(struct cpu_bits *ret, struct ksnap_err *err);

#endif
