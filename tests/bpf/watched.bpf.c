// SPDX-License-Identifier: MIT
/* watched.bpf.c - variables that change when, and only when, user space says so. */
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

#include "watched.h"

#define MOST 1000000

char LICENSE[] SEC("license") = "GPL";

unsigned long long watched_u64;
unsigned int watched_u32;
unsigned short watched_u16;
unsigned char watched_u8;
int watched_s32 = -5;
struct {
	unsigned int a : 3, b : 5, c : 10;
} watched_bits;

struct task_row {
	unsigned int runs;
	struct {
		unsigned int weight;
		int flags[3];
	} ctx;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 64);
	__type(key, unsigned int);
	__type(value, struct task_row);
} watched_rows SEC(".maps");

static long bump(unsigned long long i, void *ctx)
{
	volatile unsigned long long *p = &watched_u64;

	*p = *p + 1;
	return 0;
}

SEC("syscall")
int write_u64(struct watched_order *o)
{
	o->addr = (unsigned long long)&watched_u64;
	bpf_loop(o->times < MOST ? o->times : MOST, bump, 0, 0);
	return 0;
}

#define WRITER(name, type)                          \
	SEC("syscall")                              \
	int write_##name(struct watched_order *o)   \
	{                                           \
		volatile type *p = &watched_##name; \
                                                    \
		o->addr = (unsigned long long)p;    \
		for (int i = 0; i < 100; i++)       \
			if (i < o->times)           \
				*p = *p + 1;        \
		return 0;                           \
	}

WRITER(u32, unsigned int)
WRITER(u16, unsigned short)
WRITER(u8, unsigned char)
WRITER(s32, int)

/* Run by perf, which runs no other program on that CPU until it is over. */
SEC("perf_event")
int write_for_perf(void *ctx)
{
	return bump(0, ctx);
}

/* Row 7's ctx.weight. */
SEC("syscall")
int write_weight(struct watched_order *o)
{
	unsigned int key = 7;
	struct task_row *row = bpf_map_lookup_elem(&watched_rows, &key);

	if (!row)
		return 1;
	o->addr = (unsigned long long)&row->ctx.weight;
	for (int i = 0; i < 100; i++)
		if (i < o->times)
			*(volatile unsigned int *)&row->ctx.weight = row->ctx.weight + 1;
	return 0;
}
