// SPDX-License-Identifier: MIT
/* sched_probe.bpf.c - who ran, for how long: a BPF program to take snapshots of.
 *
 * It needs no vmlinux.h: the few kernel fields it reads are declared here, and libbpf finds where
 * the running kernel has them (CO-RE).
 */
#include <linux/bpf.h>

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

typedef __u32 u32;
typedef __u64 u64;

struct task_struct {
	int pid;
	int prio;
	char comm[16];
} __attribute__((preserve_access_index));

enum task_state { TASK_OFF_CPU, TASK_ON_CPU };

struct cpu_time {
	u64 run_ns;
	u64 last_on_ns; /* when it last got a CPU */
};

struct task_row {
	char comm[16];
	struct cpu_time time;
	u64 switches; /* times it left a CPU */
	enum task_state state;
	u32 cpu : 12;      /* where it last ran */
	u32 priority : 9;  /* as the kernel counts: 120 is nice 0 */
	u32 preempted : 1; /* left its CPU though it could have gone on */
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 8192);
	__type(key, u32);
	__type(value, struct task_row);
} tasks SEC(".maps");

struct cpu_row {
	u64 switches;
	u64 preemptions;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct cpu_row);
} cpus SEC(".maps");

u64 nr_switches;
u64 nr_wakeups;

static struct task_row *find_row(struct task_struct *task, u32 pid)
{
	struct task_row *row = bpf_map_lookup_elem(&tasks, &pid);
	struct task_row fresh = {};

	if (row)
		return row;
	bpf_map_update_elem(&tasks, &pid, &fresh, BPF_NOEXIST);
	row = bpf_map_lookup_elem(&tasks, &pid);
	if (row)
		bpf_core_read_str(row->comm, sizeof(row->comm), &task->comm);
	return row;
}

static void leave_cpu(struct task_struct *task, u32 pid, u64 now, _Bool preempted)
{
	struct task_row *row = find_row(task, pid);

	if (!row)
		return;
	if (row->time.last_on_ns)
		row->time.run_ns += now - row->time.last_on_ns;
	row->switches++;
	row->state = TASK_OFF_CPU;
	row->preempted = preempted;
}

static void enter_cpu(struct task_struct *task, u32 pid, u64 now)
{
	struct task_row *row = find_row(task, pid);

	if (!row)
		return;
	row->time.last_on_ns = now;
	row->state = TASK_ON_CPU;
	row->cpu = bpf_get_smp_processor_id();
	row->priority = task->prio;
}

SEC("tp_btf/sched_switch")
int BPF_PROG(on_switch, _Bool preempted, struct task_struct *prev, struct task_struct *next)
{
	u64 now = bpf_ktime_get_ns();
	u32 zero = 0;
	struct cpu_row *cpu = bpf_map_lookup_elem(&cpus, &zero);

	__sync_fetch_and_add(&nr_switches, 1);
	if (cpu) {
		cpu->switches++;
		cpu->preemptions += preempted;
	}
	if (prev->pid) /* 0 is the idle task of every CPU */
		leave_cpu(prev, prev->pid, now, preempted);
	if (next->pid)
		enter_cpu(next, next->pid, now);
	return 0;
}

SEC("tp_btf/sched_wakeup")
int BPF_PROG(on_wakeup, struct task_struct *task)
{
	__sync_fetch_and_add(&nr_wakeups, 1);
	return 0;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
