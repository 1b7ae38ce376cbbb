/* SPDX-License-Identifier: MIT */
/* sched_ext.h - the state of sched_ext in a kernel seen from outside, as far as its own types tell.
 *
 * Kernels keep it in variables of their own, later ones in what scx_root points to: both are looked
 * for, by name. Lists are followed for so long as SCHED_EXT_TASKS threads and no longer. */
#ifndef KSNAP_CAPTURE_OUTSIDE_SCHED_EXT_H
#define KSNAP_CAPTURE_OUTSIDE_SCHED_EXT_H

#include <msgpack.h>

#include "capture/outside/kernel.h"
#include "report/builder.h"

#define SCHED_EXT_TASKS  65536 /* entries of all lists together */
#define SCHED_EXT_QUEUES 65536 /* queues, and buckets of the table they are in */

/* Write the key `sched`, when the kernel has sched_ext. What cannot be read is a reason. */
int sched_ext_report(struct kernel *k, uint64_t deadline_mono_ns, struct report_builder *rb,
		     struct ksnap_err *err);
/* Append the key `scx` of a row of `cpus`, or of `tasks`, with its value. How many keys that are: 0
 * when the kernel has none of it, and for a thread that sched_ext has nothing to do with. */
unsigned sched_ext_pack_cpu(struct kernel *k, uint64_t rq, msgpack_packer *pk);
unsigned sched_ext_pack_task(struct kernel *k, uint64_t task, msgpack_packer *pk);

#endif
