/* SPDX-License-Identifier: MIT */
/* watch.h - what the worker and the BPF program of its watches share. */
#ifndef KSNAP_CAPTURE_BPF_WATCH_H
#define KSNAP_CAPTURE_BPF_WATCH_H

#define WATCH_SLOTS          16 /* watches of one worker; the registers of a CPU are fewer */
#define WATCH_FRAMES         32 /* of the kernel's stack */
#define WATCH_COMM           16
#define WATCH_SCRATCH_WRITES 1000 /* in one run of the program that measures */

/* One watch. User space writes it before the first hit; then the program changes what stands behind
 * `burst_ns`. */
struct watch_slot {
	unsigned long long id;
	unsigned long long addr;
	unsigned long long len;         /* 1, 2, 4, 8 */
	unsigned long long interval_ns; /* between told hits in the long run */
	unsigned long long burst_ns;    /* how far `due` may run ahead of now */
	unsigned long long due;         /* when the next hit would be told if they came evenly */
	unsigned long long old;         /* the value after the hit before */
	unsigned long long told, quiet; /* hits for which the program was run */
	unsigned long long unseen;      /* those that perf had counted besides when one was told */
};

/* Of one watch on one CPU: what perf counts there beyond `seen` was not seen. */
struct watch_here {
	unsigned long long seen, unseen;
};

/* Where the running kernel keeps what a told hit says, in bytes from the begin of what holds it, as
 * its BTF has it. What is not known is asked for by helpers, which takes longer. */
struct watch_layout {
	int knows_count; /* of perf: behind the context, struct perf_event */
	int event, count;
	int knows_task; /* struct task_struct, css_set, cgroup, kernfs_node */
	int pid, tgid, comm, cgroups, dfl_cgrp, kn, id;
};

/* In the order of the kernel's struct pt_regs. */
enum watch_reg {
	WATCH_R15,
	WATCH_R14,
	WATCH_R13,
	WATCH_R12,
	WATCH_RBP,
	WATCH_RBX,
	WATCH_R11,
	WATCH_R10,
	WATCH_R9,
	WATCH_R8,
	WATCH_RAX,
	WATCH_RCX,
	WATCH_RDX,
	WATCH_RSI,
	WATCH_RDI,
	WATCH_RIP,
	WATCH_EFLAGS,
	WATCH_RSP,
	WATCH_REGS
};

/* One told hit, as it comes through the ring buffer. */
struct watch_record {
	unsigned long long id; /* of the watch */
	unsigned long long mono_ns;
	unsigned long long old, new;
	unsigned long long quiet, unseen; /* of the slot: hits before this one */
	unsigned long long cgroup;
	unsigned int pid, tid;
	unsigned int cpu;
	int stack_bytes; /* of `stack`; or a negative errno */
	char comm[WATCH_COMM];
	unsigned long long regs[WATCH_REGS];
	unsigned long long stack[WATCH_FRAMES];
};

#endif
