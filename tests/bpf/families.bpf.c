// SPDX-License-Identifier: MIT
/* families.bpf.c - maps that only a program can make or fill: stacks, rings, storage, struct_ops.
 * Nothing attaches itself; a test runs `fill` once.
 */
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "families.h"

char LICENSE[] SEC("license") = "GPL";

#define MAP_TYPE_CGRP_STORAGE 32 /* newer than the headers it may be built with */

struct {
	__uint(type, BPF_MAP_TYPE_STACK_TRACE);
	__uint(max_entries, 16);
	__uint(key_size, 4);
	__uint(value_size, FAMILY_FRAMES * 8);
} stacks SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} ring SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct family_note);
} of_tasks SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct family_note);
} of_sockets SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_INODE_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct family_note);
} of_inodes SEC(".maps");

struct {
	__uint(type, MAP_TYPE_CGRP_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct family_note);
} of_cgroups SEC(".maps");

int stack_id = -1;

SEC("raw_tp")
int fill(struct bpf_raw_tracepoint_args *ctx)
{
	struct family_record r = { .n = 1 };

	stack_id = bpf_get_stackid(ctx, &stacks, 0);
	for (int i = 0; i < FAMILY_RECORDS; i++)
		bpf_ringbuf_output(&ring, &r, sizeof(r), BPF_RB_NO_WAKEUP);
	return 0;
}
