/* SPDX-License-Identifier: MIT */
/* tasks.h - the threads of a kernel seen from outside, and what its CPUs do. */
#ifndef KSNAP_CAPTURE_OUTSIDE_TASKS_H
#define KSNAP_CAPTURE_OUTSIDE_TASKS_H

#include "capture/outside/kernel.h"
#include "capture/outside/registers.h"
#include "report/builder.h"

#define TASKS_MAX 65536 /* threads listed */

/* Write the key `tasks`: every thread, in the order of the kernel's lists. What cannot be read is a
 * reason. */
int tasks_report(struct kernel *k, uint64_t deadline_mono_ns, struct report_builder *rb,
		 struct ksnap_err *err);
/* The struct task_struct of thread @tid; 0: there is none. */
uint64_t task_find(struct kernel *k, uint64_t tid);
/* Who runs on the CPU at place @cpu among the possible ones. */
struct running {
	uint64_t task;     /* its struct task_struct; 0: not known, and all else is 0 */
	uint64_t pid, tid; /* 0: the idle task */
	uint64_t cgroup;   /* id in the v2 hierarchy */
	char comm[17];     /* text */
};
void task_running(struct kernel *k, unsigned cpu, struct running *ret);
/* Ids of the processes, or with @threads of all threads, that are in the struct cgroup at @cgroup:
 * uint32_t each, in @ids, which is overwritten. E_TARGET: the lists are broken; E_UNSUPPORTED. */
int tasks_of_cgroup(struct kernel *k, uint64_t cgroup, bool threads, struct buf *ids,
		    struct ksnap_err *err);
/* Write the key `cpus`: a row for each possible CPU, with the registers of the first @n of them. */
int cpus_report(struct kernel *k, const struct registers *regs, size_t n, struct report_builder *rb,
		struct ksnap_err *err);

#endif
