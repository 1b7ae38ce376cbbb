/* SPDX-License-Identifier: MIT */
/* kernel_maps.h - BPF maps with types, of a known content, and captures of them without a broker.
 */
#ifndef KSNAP_BENCH_KERNEL_MAPS_H
#define KSNAP_BENCH_KERNEL_MAPS_H

#include <stdint.h>

#include "bench/bench.h"
#include "capture/target.h"

/* What an entry holds: 120 bytes of everyday members. */
struct kernel_entry {
	uint64_t weight, vtime, runtime, last_run;
	uint32_t cpu, state, prio, flags;
	int32_t nice, pid;
	char comm[16];
	uint64_t hist[4];
	uint64_t runs, wakeups;
};

/* Can BPF be used here? 0, or -1 after bench_skip. */
int kernel_maps_try(struct bench *b);
/* A hash map with BTF and @n entries, from key 0 on. Its descriptor, or -1 and told. */
int kernel_map_make(const char *name, uint32_t n, uint32_t *ret_id);
/* An array of one entry, to be one more map. */
int kernel_map_make_tiny(const char *name);

/* A live target and its builder, as a worker has them. */
struct capturer {
	struct target *target;
	struct report_builder *rb;
};

int capturer_open(struct capturer *c);
void capturer_close(struct capturer *c);
/* One capture of what @maps selects. NULL and told. */
struct ksnap_blob *capturer_take(struct capturer *c, const char *const *maps, size_t n);
/* Does @report hold one map of @entries entries, complete? 0, or -1 and told. */
int capturer_check(struct ksnap_blob *report, size_t maps, size_t entries);

#endif
