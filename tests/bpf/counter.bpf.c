// SPDX-License-Identifier: MIT
/* counter.bpf.c - counts context switches: a small object that attaches itself. */
#include <linux/bpf.h>

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "GPL";

/* Of the kernel's struct only what is read; the loader finds the offset. */
struct task_struct {
	int pid;
} __attribute__((preserve_access_index));

unsigned long long nr_switches;
int last_pid;

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, int);
	__type(value, unsigned long long);
} switches SEC(".maps");

SEC("raw_tp/sched_switch")
int count_switch(struct bpf_raw_tracepoint_args *ctx)
{
	struct task_struct *next = (struct task_struct *)ctx->args[2];
	unsigned long long one = 1, *n;
	int pid = BPF_CORE_READ(next, pid);

	__sync_fetch_and_add(&nr_switches, 1);
	last_pid = pid;
	n = bpf_map_lookup_elem(&switches, &pid);
	if (n)
		__sync_fetch_and_add(n, 1);
	else
		bpf_map_update_elem(&switches, &pid, &one, BPF_ANY);
	return 0;
}
