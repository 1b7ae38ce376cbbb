/* SPDX-License-Identifier: MIT */
/* traps.h - how often this machine trapped writes to 8 bytes, by perf alone: a debug register of
 * each CPU, no program on it.
 *
 * What a watch counts is held against that, and not against how often was written: the host of a
 * virtual machine may lose a trap of it. On a KVM guest with two CPUs, 9 times more to do than they
 * could, perf lost 4 of 8,000,000, whoever else watched; two events on the same place always lost
 * the same. KVM before Linux 6.14 could give a guest back an old DR6, which tells no trap. */
#ifndef KSNAP_TESTS_TRAPS_H
#define KSNAP_TESTS_TRAPS_H

#include <stdint.h>

#define TRAPS_CPUS 256

struct traps {
	int ncpus;
	int fds[TRAPS_CPUS];
};

/* An event that counts from now on; -1 with errno. */
int traps_event(uint64_t addr, int cpu);
/* On all CPUs. 0; -1 with errno: nothing is held. */
int traps_begin(struct traps *t, uint64_t addr);
/* What was counted; the registers are free again. */
uint64_t traps_end(struct traps *t);
/* May so many traps of @writes be all that there were? Not if this machine loses more than one of a
 * hundred: then there is something else wrong. */
int traps_are_enough(uint64_t traps, uint64_t writes);

#endif
