// SPDX-License-Identifier: MIT
/* breakpoint.c - debug registers by perf events, one a CPU. */
#include "capture/live/breakpoint.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/hw_breakpoint.h>
#include <linux/perf_event.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "capture/live/cpu_bits.h"
#include "capture/live/perf_holders.h"
#include "capture/live/privilege.h"

/* Somewhere in the kernel's half of the addresses, on every 64-bit machine; it is never armed. */
#define SOME_KERNEL_ADDRESS 0xffffffff81000000

struct breakpoint_cpu {
	int event, link;     /* -1: the CPU is not watched */
	uint64_t enabled_ns; /* that the event had been on when it was looked at last */
};

/* What a read of an event gives. */
struct reading {
	uint64_t hits, enabled_ns;
};

static int open_event(const struct breakpoint_spec *spec, unsigned cpu)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_BREAKPOINT,
		.size = sizeof(attr),
		.bp_type = HW_BREAKPOINT_W,
		.bp_addr = spec->addr,
		.bp_len = spec->len,
		.sample_period = 1,
		.read_format = PERF_FORMAT_TOTAL_TIME_ENABLED,
		.disabled = 1,
	};

	return syscall(SYS_perf_event_open, &attr, -1, (int)cpu, -1, PERF_FLAG_FD_CLOEXEC);
}

static int refuse(int errnum, unsigned cpu, struct ksnap_err *err)
{
	char holders[200];

	if (errnum == EPERM || errnum == EACCES)
		return privilege_denied(err, "set a debug register");
	if (errnum != ENOSPC)
		return err_errno(err, KSNAP_E_TARGET, errnum,
				 "cannot set a debug register of CPU %u", cpu);
	perf_holders_words(holders, sizeof(holders));
	return err_set(err, KSNAP_E_LIMIT,
		       "CPU %u has no free debug register, it has 4 for the whole host; perf "
		       "events are held by %s; drop one of their watches, or capture by time "
		       "instead",
		       cpu, holders);
}

static void close_cpu(struct breakpoint_cpu *c)
{
	cleanup_close(&c->link);
	cleanup_close(&c->event);
	*c = (struct breakpoint_cpu){ -1, -1, 0 };
}

static int open_cpu(struct breakpoint *bp, unsigned cpu, struct ksnap_err *err)
{
	LIBBPF_OPTS(bpf_link_create_opts, opts, .perf_event.bpf_cookie = bp->spec.cookie);
	struct breakpoint_cpu *c = &bp->cpus[cpu];

	c->event = open_event(&bp->spec, cpu);
	if (c->event < 0)
		return refuse(errno, cpu, err);
	c->link = bpf_link_create(bp->spec.prog_fd, c->event, BPF_PERF_EVENT, &opts);
	if (c->link >= 0 && !ioctl(c->event, PERF_EVENT_IOC_ENABLE, 0))
		return 0;
	err_errno(err, KSNAP_E_TARGET, errno, "cannot have the program run at writes on CPU %u",
		  cpu);
	close_cpu(c);
	return KSNAP_E_TARGET;
}

static struct reading read_cpu(const struct breakpoint_cpu *c)
{
	struct reading r;

	if (c->event < 0 || read(c->event, &r, sizeof(r)) != sizeof(r))
		return (struct reading){ 0 };
	return r;
}

/* A CPU that goes takes its event's life: should it be back already, only the event's clock tells,
 * which stands still. */
static bool is_alive(struct breakpoint_cpu *c)
{
	uint64_t then = c->enabled_ns;

	c->enabled_ns = read_cpu(c).enabled_ns;
	return c->enabled_ns > then;
}

int breakpoint_follow(struct breakpoint *bp, struct ksnap_err *err)
{
	struct cpu_bits online;
	int ret = cpu_bits_online(&online, err);

	if (ret)
		return ret;
	for (unsigned cpu = 0; cpu < bp->ncpus; cpu++) {
		struct breakpoint_cpu *c = &bp->cpus[cpu];
		bool is_on = cpu_bits_has(&online, cpu);
		int rc = 0;

		if (c->event >= 0 && (!is_on || !is_alive(c))) {
			bp->past += read_cpu(c).hits;
			close_cpu(c);
		}
		if (c->event < 0 && is_on)
			rc = open_cpu(bp, cpu, ret ? NULL : err);
		ret = ret ? ret : rc;
	}
	return ret;
}

int breakpoint_open(struct breakpoint *bp, const struct breakpoint_spec *spec,
		    struct ksnap_err *err)
{
	int n = libbpf_num_possible_cpus(), ret;

	if (n < 0)
		return err_errno(err, KSNAP_E_TARGET, -n, "cannot count the CPUs");
	*bp = (struct breakpoint){ .spec = *spec, .ncpus = n };
	bp->cpus = malloc(n * sizeof(*bp->cpus));
	if (!bp->cpus)
		return err_nomem(err);
	for (int i = 0; i < n; i++)
		bp->cpus[i] = (struct breakpoint_cpu){ -1, -1, 0 };
	ret = breakpoint_follow(bp, err);
	if (ret)
		breakpoint_close(bp);
	return ret;
}

void breakpoint_close(struct breakpoint *bp)
{
	for (size_t i = 0; i < bp->ncpus; i++)
		close_cpu(&bp->cpus[i]);
	free(bp->cpus);
	*bp = (struct breakpoint){ 0 };
}

void breakpoint_stop(struct breakpoint *bp)
{
	for (size_t i = 0; i < bp->ncpus; i++)
		if (bp->cpus[i].event >= 0)
			ioctl(bp->cpus[i].event, PERF_EVENT_IOC_DISABLE, 0);
}

uint64_t breakpoint_count(const struct breakpoint *bp)
{
	uint64_t n = bp->past;

	for (size_t i = 0; i < bp->ncpus; i++)
		n += read_cpu(&bp->cpus[i]).hits;
	return n;
}

int breakpoint_try(struct ksnap_err *err)
{
	const struct breakpoint_spec spec = { .addr = SOME_KERNEL_ADDRESS, .len = 8 };
	struct cpu_bits online;
	int ret = cpu_bits_online(&online, err), n = libbpf_num_possible_cpus();

	for (int cpu = 0; cpu < n && !ret; cpu++) {
		int event = cpu_bits_has(&online, cpu) ? open_event(&spec, cpu) : -1;

		if (event >= 0)
			close(event);
		else if (cpu_bits_has(&online, cpu))
			ret = refuse(errno, cpu, err);
	}
	return ret;
}
