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
/* Write the key `cpus`: a row for each possible CPU, with the registers of the first @n of them. */
int cpus_report(struct kernel *k, const struct registers *regs, size_t n, struct report_builder *rb,
		struct ksnap_err *err);

#endif
