/* SPDX-License-Identifier: MIT */
/* written.h - a BPF global that is written on demand, as fast as the machine can, and a perf event
 * of its own that counts the trapped writes, whoever else watches them. */
#ifndef KSNAP_BENCH_WRITTEN_H
#define KSNAP_BENCH_WRITTEN_H

#include <stdbool.h>
#include <stdint.h>

struct written;

/* What is missing here to watch memory; NULL: nothing. */
const char *written_lacks(void);
/* Takes one debug register of each CPU, and keeps other tests of this machine away from the rest.
 * NULL and told. */
struct written *written_create(void);
/* What a watch calls it, and a pattern for the map it is in. */
const char *written_symbol(const struct written *w);
const char *written_map(const struct written *w);
uint64_t written_address(const struct written *w);
/* Instead of counting: have the BPF program @prog, of type perf_event, run after each write; -1:
 * none, its own register is free. 0, or -1 and told. */
int written_run(struct written *w, int prog);
/* Write @n times. 0, or -1 and told. */
int written_write(struct written *w, uint64_t n);
/* How often it was written, by what it holds; and how often that was trapped, by the perf event. */
uint64_t written_times(const struct written *w);
uint64_t written_perf(const struct written *w);
/* Gives back its own register, and takes all of all CPUs for a moment: who had watches has none
 * any more. 0, or -1 and told. */
int written_destroy(struct written *w);

#endif
