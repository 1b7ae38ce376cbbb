// SPDX-License-Identifier: MIT
/* load_probe.bpf.c - who waits for a CPU, for how long, and which programs are there.
 *
 * The examples about load take snapshots of its two maps.
 */
#include <linux/bpf.h>

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

typedef __u32 u32;
typedef __u64 u64;

struct task_struct {
	int pid;
	int tgid;
	char comm[16];
} __attribute__((preserve_access_index));

struct waiting {
	u64 total_ns;
	u64 longest_ns;
	u64 since_ns; /* 0: it does not wait for a CPU */
};

struct task_row {
	char comm[16];
	struct waiting wait;
	u64 run_ns;
	u64 on_since_ns; /* 0: it is on no CPU */
	u64 runs;
};

/* Also those that are over, until another one has their number. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__type(key, u32);
	__type(value, struct task_row);
} tasks SEC(".maps");

/* Programs that were started since, and are not over; by process. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__type(key, u32);
	__type(value, u64); /* when it was started */
} programs SEC(".maps");

u64 now_ns; /* of the latest switch: what still waits has done so until then at least */

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

static void wants_cpu(struct task_struct *task)
{
	struct task_row *row = find_row(task, task->pid);

	if (row && !row->wait.since_ns)
		row->wait.since_ns = bpf_ktime_get_ns();
}

static void leave_cpu(struct task_struct *task, u64 now, _Bool runnable)
{
	struct task_row *row = find_row(task, task->pid);

	if (!row)
		return;
	if (row->on_since_ns)
		row->run_ns += now - row->on_since_ns;
	row->on_since_ns = 0;
	row->wait.since_ns = runnable ? now : 0;
}

static void enter_cpu(struct task_struct *task, u64 now)
{
	struct task_row *row = find_row(task, task->pid);
	u64 waited;

	if (!row)
		return;
	waited = row->wait.since_ns ? now - row->wait.since_ns : 0;
	row->wait.total_ns += waited;
	if (waited > row->wait.longest_ns)
		row->wait.longest_ns = waited;
	row->wait.since_ns = 0;
	row->on_since_ns = now;
	row->runs++;
}

SEC("tp_btf/sched_switch")
int BPF_PROG(on_switch, _Bool preempted, struct task_struct *prev, struct task_struct *next,
	     unsigned int prev_state)
{
	u64 now = bpf_ktime_get_ns();

	now_ns = now;
	if (prev->pid) /* 0 is the idle task of every CPU */
		leave_cpu(prev, now, preempted || !prev_state);
	if (next->pid)
		enter_cpu(next, now);
	return 0;
}

SEC("tp_btf/sched_wakeup")
int BPF_PROG(on_wakeup, struct task_struct *task)
{
	wants_cpu(task);
	return 0;
}

SEC("tp_btf/sched_wakeup_new")
int BPF_PROG(on_wakeup_new, struct task_struct *task)
{
	u32 pid = task->pid;

	bpf_map_delete_elem(&tasks, &pid); /* of one that had this number before */
	wants_cpu(task);
	return 0;
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(on_exec, struct task_struct *task)
{
	u32 pid = task->tgid;
	u64 now = bpf_ktime_get_ns();
	struct task_row *row = find_row(task, pid);

	if (row)
		bpf_core_read_str(row->comm, sizeof(row->comm), &task->comm);
	bpf_map_update_elem(&programs, &pid, &now, BPF_ANY);
	return 0;
}

SEC("tp_btf/sched_process_exit")
int BPF_PROG(on_exit, struct task_struct *task)
{
	u32 pid = task->pid;

	if (task->pid == task->tgid)
		bpf_map_delete_elem(&programs, &pid);
	return 0;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
