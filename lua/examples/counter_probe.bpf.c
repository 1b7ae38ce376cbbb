// SPDX-License-Identifier: MIT
/* counter_probe.bpf.c - a counter with two writers, one of them wrong: something to watch. */
#include <linux/bpf.h>

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

struct task_struct {
	char comm[16];
} __attribute__((preserve_access_index));

/* Starts of the program "uname"; that is what it is meant to be. */
__u64 nr_starts;

static _Bool is_called(struct task_struct *task, const char *name, int len)
{
	char comm[16] = {};

	bpf_core_read_str(comm, sizeof(comm), &task->comm);
	for (int i = 0; i <= len; i++)
		if (comm[i] != name[i])
			return 0;
	return 1;
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(on_start, struct task_struct *task)
{
	if (is_called(task, "uname", 5))
		nr_starts++;
	return 0;
}

/* The bug: the end of another program throws the count away. */
SEC("tp_btf/sched_process_exit")
int BPF_PROG(on_end, struct task_struct *task)
{
	if (is_called(task, "factor", 6))
		nr_starts = 0;
	return 0;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
