// SPDX-License-Identifier: MIT
/* inside.bpf.c - what runs in the test guest: a program at every context switch, which does nothing
 * but look at a flag until that says otherwise. */
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

#include "inside.h"

char LICENSE[] SEC("license") = "GPL";

struct inside_state state;
const volatile unsigned int mark = 0x5eed;

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, unsigned int);
	__type(value, struct inside_note);
} notes SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_STACK_TRACE);
	__uint(max_entries, 64);
	__uint(key_size, 4);
	__uint(value_size, INSIDE_FRAMES * 8);
} stacks SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} ring SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct inside_note);
} of_tasks SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 3);
	__type(key, unsigned int);
	__type(value, unsigned int);
} per_cpu SEC(".maps");

SEC("raw_tp/sched_switch")
int see_switch(struct bpf_raw_tracepoint_args *ctx)
{
	struct inside_note note = { .cpu = bpf_get_smp_processor_id() };
	unsigned int zero = 0, *n;

	if (!*(volatile int *)&state.flag)
		return 0;
	note.pid = bpf_get_current_pid_tgid() >> 32;
	note.n = __sync_fetch_and_add(&state.nr_seen, 1) + mark + state.trail[0];
	(*(volatile unsigned int *)&state.also)++;
	bpf_map_update_elem(&notes, &note.pid, &note, BPF_ANY);
	bpf_get_stackid(ctx, &stacks, 0);
	bpf_ringbuf_output(&ring, &note, sizeof(note), BPF_RB_NO_WAKEUP);
	n = bpf_map_lookup_elem(&per_cpu, &zero);
	if (n)
		(*n)++;
	(*(volatile int *)&state.below)--;
	return 0;
}
