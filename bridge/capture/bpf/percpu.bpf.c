// SPDX-License-Identifier: MIT
/* percpu.bpf.c - where a CPU keeps its run queue, which tells where it keeps all its variables.
 *
 * The kernel's own table of that is not always in reach of programs; but the task that runs on a
 * CPU leads to that CPU's run queue. User space has it run on the CPU in question.
 */
#include <linux/bpf.h>

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "GPL";

/* Of the kernel's structs only what is read; the loader finds the offsets. */
struct rq {
	int cpu;
} __attribute__((preserve_access_index));

struct cfs_rq {
	struct rq *rq;
} __attribute__((preserve_access_index));

struct sched_entity {
	struct cfs_rq *cfs_rq;
} __attribute__((preserve_access_index));

struct task_struct {
	struct sched_entity se;
} __attribute__((preserve_access_index));

struct {
	unsigned long long rq;
	unsigned long long cpu; /* as the run queue itself says */
} ksnap_found;

SEC("raw_tp")
int ksnap_find_rq(void *ctx)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();
	struct rq *rq = BPF_CORE_READ(task, se.cfs_rq, rq);

	ksnap_found.cpu = BPF_CORE_READ(rq, cpu);
	ksnap_found.rq = (unsigned long long)rq;
	return 0;
}
