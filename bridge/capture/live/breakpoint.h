/* SPDX-License-Identifier: MIT */
/* breakpoint.h - one kernel address in a debug register of every CPU, by perf, with a BPF program
 * that runs after each write. */
#ifndef KSNAP_CAPTURE_LIVE_BREAKPOINT_H
#define KSNAP_CAPTURE_LIVE_BREAKPOINT_H

#include <stddef.h>
#include <stdint.h>

#include "ksnap.h"

struct breakpoint_spec {
	uint64_t addr;
	unsigned len;    /* bytes: 1, 2, 4, 8; addr is a multiple of it */
	int prog_fd;     /* of type PERF_EVENT; stays the caller's */
	uint64_t cookie; /* what bpf_get_attach_cookie gives it */
};

struct breakpoint {
	struct breakpoint_spec spec;
	struct breakpoint_cpu *cpus;
	size_t ncpus;  /* possible ones */
	uint64_t past; /* hits counted by CPUs that went */
};

/* Take a register of every CPU that is online; hits come from then on. On failure none is taken.
 * E_LIMIT: a CPU has no free register; @err names the processes that hold perf events. E_DENIED;
 * E_TARGET. */
int breakpoint_open(struct breakpoint *bp, const struct breakpoint_spec *spec,
		    struct ksnap_err *err);
/* Give them back. A zeroed one is accepted. */
void breakpoint_close(struct breakpoint *bp);
/* No more hits; the registers stay taken and the count stays. */
void breakpoint_stop(struct breakpoint *bp);
/* Hits so far, all that the CPUs trapped: those for which the program could not run too. */
uint64_t breakpoint_count(const struct breakpoint *bp);
/* CPUs may have come or gone: take registers of those that came. Fails as open does, with those
 * that could be had taken. */
int breakpoint_follow(struct breakpoint *bp, struct ksnap_err *err);
/* Has every online CPU a free register at this moment? Errors as of open; nothing stays taken. */
int breakpoint_try(struct ksnap_err *err);

#endif
