/* SPDX-License-Identifier: MIT */
/* served.h - `ksnap serve` as a process of its own, as users run it. */
#ifndef KSNAP_BENCH_SERVED_H
#define KSNAP_BENCH_SERVED_H

#include <stdint.h>
#include <sys/types.h>

struct served {
	pid_t pid;
	int said; /* read end of its stderr */
	char folder[64], url[96];
};

/* Start the program that KSNAP names, with a worker for @target, and wait until it serves. 0, or -1
 * and told. */
int served_start(struct served *s, const char *target);
/* SIGTERM, and wait. It has to end with 0 and to leave no socket behind; -1 and told otherwise. */
int served_stop(struct served *s);
/* Nanoseconds of CPU that the broker and its workers have had; 0: the kernel does not tell. */
uint64_t served_cpu(const struct served *s);
/* Resident bytes of the broker, now and at its highest; 0: the kernel does not tell. */
uint64_t served_rss(const struct served *s);
uint64_t served_peak(const struct served *s);

#endif
