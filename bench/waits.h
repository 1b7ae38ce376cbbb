/* SPDX-License-Identifier: MIT */
/* waits.h - how long the threads that a message passes had to wait for a CPU, as their kernel
 * counts it. What a round trip took beyond that is not the machine's. */
#ifndef KSNAP_BENCH_WAITS_H
#define KSNAP_BENCH_WAITS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define WAITS_THREADS 16

struct waits {
	struct waits_thread {
		pid_t tid;
		int fd;
		uint64_t ns; /* waited so far */
	} threads[WAITS_THREADS];
	size_t n;
};

/* Threads of this process at one time. */
struct waits_known {
	pid_t tids[512];
	size_t n;
};

void waits_know(struct waits_known *ret);
/* Add all threads of @pid but those in @known, which may be NULL. Those that do not fit, and those
 * of a kernel that does not count, are left out: nothing is excused for them. */
void waits_add(struct waits *w, pid_t pid, const struct waits_known *known);
void waits_add_thread(struct waits *w, pid_t pid, pid_t tid);
/* Nanoseconds that the thread which waited longest has waited since the last call. They may have
 * waited one after the other; so this is the least that the round trip has waited. */
uint64_t waits_longest(struct waits *w);
void waits_fini(struct waits *w);

#endif
