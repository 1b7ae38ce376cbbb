// SPDX-License-Identifier: MIT
/* watch.bpf.c - what runs when a watched place was written: on the writer's CPU, after the write.
 *
 * Every hit exchanges the old value for the new one, so that the next hit knows what it changed. A
 * hit is told only when its watch is not ahead of its rate; those that are not told cost as little
 * as can be, and perf itself counts them.
 *
 * Perf also counts hits for which it does not run this program, as when another one runs on that
 * CPU at the moment. A hit that is told says how many there were.
 *
 * A writer waits meanwhile, and a call costs it more than a look into the kernel's structures: with
 * the kernel's BTF at hand user space says where to look.
 */
#include <linux/types.h>

#include <linux/bpf.h>
#include <linux/bpf_perf_event.h>

#include <bpf/bpf_helpers.h>

#include "watch.h"

#define TRIES 4 /* to take a place in the rate; whoever loses more often is counted only */

char LICENSE[] SEC("license") = "GPL";

struct watch_slots {
	struct watch_slot slot[WATCH_SLOTS];
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, unsigned int);
	__type(value, struct watch_slots);
} ksnap_watches SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 256 * 1024);
} ksnap_hits SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, WATCH_SLOTS);
	__type(key, unsigned int);
	__type(value, struct watch_here);
} ksnap_here SEC(".maps");

/* Set before it is loaded: the verifier sees constants, and drops what is not used. */
volatile const struct watch_layout ksnap_layout;

/* For measuring what a trap costs here: user space watches it and has it written. */
unsigned long long ksnap_scratch;

static __always_inline int take_place(struct watch_slot *s, unsigned long long now)
{
	for (int i = 0; i < TRIES; i++) {
		unsigned long long due = *(volatile unsigned long long *)&s->due;
		unsigned long long from = due > now ? due : now;

		if (from - now > s->burst_ns)
			return 0;
		if (__sync_val_compare_and_swap(&s->due, due, from + s->interval_ns) == due)
			return 1;
	}
	return 0;
}

static __always_inline void copy_regs(struct watch_record *r, struct bpf_perf_event_data *ctx)
{
	r->regs[WATCH_R15] = ctx->regs.r15;
	r->regs[WATCH_R14] = ctx->regs.r14;
	r->regs[WATCH_R13] = ctx->regs.r13;
	r->regs[WATCH_R12] = ctx->regs.r12;
	r->regs[WATCH_RBP] = ctx->regs.rbp;
	r->regs[WATCH_RBX] = ctx->regs.rbx;
	r->regs[WATCH_R11] = ctx->regs.r11;
	r->regs[WATCH_R10] = ctx->regs.r10;
	r->regs[WATCH_R9] = ctx->regs.r9;
	r->regs[WATCH_R8] = ctx->regs.r8;
	r->regs[WATCH_RAX] = ctx->regs.rax;
	r->regs[WATCH_RCX] = ctx->regs.rcx;
	r->regs[WATCH_RDX] = ctx->regs.rdx;
	r->regs[WATCH_RSI] = ctx->regs.rsi;
	r->regs[WATCH_RDI] = ctx->regs.rdi;
	r->regs[WATCH_RIP] = ctx->regs.rip;
	r->regs[WATCH_EFLAGS] = ctx->regs.eflags;
	r->regs[WATCH_RSP] = ctx->regs.rsp;
}

#define AT(base, field) ((void *)((char *)(base) + ksnap_layout.field))

static __always_inline long read_count(struct bpf_perf_event_data *ctx, unsigned long long *ret)
{
	struct bpf_perf_event_value v;
	void *event;
	long code;

	if (ksnap_layout.knows_count) {
		code = bpf_probe_read_kernel(&event, sizeof(event), AT(ctx, event));
		return code ? code : bpf_probe_read_kernel(ret, sizeof(*ret), AT(event, count));
	}
	code = bpf_perf_prog_read_value(ctx, &v, sizeof(v));
	if (!code)
		*ret = v.counter;
	return code;
}

/* A CPU that went and came back counts from nothing again. */
static __always_inline void count_unseen(struct watch_slot *s, struct watch_here *h,
					 struct bpf_perf_event_data *ctx)
{
	unsigned long long count, unseen;

	if (read_count(ctx, &count))
		return;
	if (count < h->seen) {
		h->seen = count;
		h->unseen = 0;
	}
	unseen = count - h->seen;
	if (unseen <= h->unseen)
		return;
	__sync_fetch_and_add(&s->unseen, unseen - h->unseen);
	h->unseen = unseen;
}

static __always_inline void look_at_task(struct watch_record *r)
{
	void *task = (void *)bpf_get_current_task_btf(), *cgroup;
	unsigned long long *comm = AT(task, comm), *to = (void *)r->comm;

	r->pid = *(int *)AT(task, tgid);
	r->tid = *(int *)AT(task, pid);
	for (int i = 0; i < WATCH_COMM / sizeof(*to); i++)
		to[i] = comm[i];
	cgroup = *(void **)AT(*(void **)AT(task, cgroups), dfl_cgrp);
	r->cgroup = *(unsigned long long *)AT(*(void **)AT(cgroup, kn), id);
}

static __always_inline void ask_for_task(struct watch_record *r)
{
	unsigned long long ids = bpf_get_current_pid_tgid();

	r->pid = ids >> 32;
	r->tid = (unsigned int)ids;
	bpf_get_current_comm(r->comm, sizeof(r->comm));
	r->cgroup = bpf_get_current_cgroup_id();
}

/* 0: the ring has no room. */
static __always_inline int tell(struct watch_slot *s, struct bpf_perf_event_data *ctx,
				unsigned long long now, unsigned long long old,
				unsigned long long new)
{
	struct watch_record *r = bpf_ringbuf_reserve(&ksnap_hits, sizeof(*r), 0);

	if (!r)
		return 0;
	r->id = s->id;
	r->mono_ns = now;
	r->old = old;
	r->new = new;
	r->quiet = *(volatile unsigned long long *)&s->quiet;
	r->unseen = *(volatile unsigned long long *)&s->unseen;
	r->cpu = bpf_get_smp_processor_id();
	if (ksnap_layout.knows_task)
		look_at_task(r);
	else
		ask_for_task(r);
	copy_regs(r, ctx);
	r->stack_bytes = bpf_get_stack(ctx, r->stack, sizeof(r->stack), 0);
	__sync_fetch_and_add(&s->told, 1);
	bpf_ringbuf_submit(r, 0);
	return 1;
}

SEC("perf_event")
int ksnap_watch(struct bpf_perf_event_data *ctx)
{
	unsigned int zero = 0, key;
	unsigned long long index = bpf_get_attach_cookie(ctx), new = 0, old, len, now;
	struct watch_slots *all = bpf_map_lookup_elem(&ksnap_watches, &zero);
	struct watch_here *here;
	struct watch_slot *s;

	if (!all || index >= WATCH_SLOTS)
		return 0;
	key = index;
	here = bpf_map_lookup_elem(&ksnap_here, &key);
	if (!here)
		return 0;
	s = &all->slot[index];
	len = s->len;
	if (!len)
		return 0;
	asm volatile("" : "+r"(len)); /* two comparisons stay two: Linux 6.1 follows no sum */
	if (len > sizeof(new))
		return 0;
	if (bpf_probe_read_kernel(&new, len, (void *)s->addr))
		new = 0;
	old = __sync_lock_test_and_set(&s->old, new);
	here->seen++;
	now = bpf_ktime_get_ns();
	if (take_place(s, now)) {
		count_unseen(s, here, ctx);
		if (tell(s, ctx, now, old, new))
			return 0;
	}
	__sync_fetch_and_add(&s->quiet, 1);
	return 0;
}

/* Into ctx, 8 bytes, goes the address of the scratch variable. */
SEC("syscall")
int ksnap_write_scratch(unsigned long long *ctx)
{
	volatile unsigned long long *p = &ksnap_scratch;

	*ctx = (unsigned long long)p;
	for (int i = 0; i < WATCH_SCRATCH_WRITES; i++)
		*p = i;
	return 0;
}
