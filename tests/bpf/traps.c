// SPDX-License-Identifier: MIT
/* traps.c - perf events of debug registers that only count. */
#include "traps.h"

#include <errno.h>
#include <linux/hw_breakpoint.h>
#include <linux/perf_event.h>
#include <sys/syscall.h>
#include <unistd.h>

int traps_event(uint64_t addr, int cpu)
{
	struct perf_event_attr attr = { .type = PERF_TYPE_BREAKPOINT,
					.size = sizeof(attr),
					.bp_type = HW_BREAKPOINT_W,
					.bp_addr = addr,
					.bp_len = 8 };

	return syscall(SYS_perf_event_open, &attr, -1, cpu, -1, PERF_FLAG_FD_CLOEXEC);
}

int traps_begin(struct traps *t, uint64_t addr)
{
	int ncpus = sysconf(_SC_NPROCESSORS_ONLN);

	*t = (struct traps){ 0 };
	if (ncpus > TRAPS_CPUS) {
		errno = E2BIG;
		return -1;
	}
	for (; t->ncpus < ncpus; t->ncpus++) {
		t->fds[t->ncpus] = traps_event(addr, t->ncpus);
		if (t->fds[t->ncpus] < 0) {
			int code = errno;

			traps_end(t);
			errno = code;
			return -1;
		}
	}
	return 0;
}

uint64_t traps_end(struct traps *t)
{
	uint64_t sum = 0, n;

	for (int i = 0; i < t->ncpus; i++) {
		if (read(t->fds[i], &n, sizeof(n)) == sizeof(n))
			sum += n;
		close(t->fds[i]);
	}
	t->ncpus = 0;
	return sum;
}

int traps_are_enough(uint64_t traps, uint64_t writes)
{
	return traps <= writes && traps >= writes - writes / 100;
}
