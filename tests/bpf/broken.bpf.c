// SPDX-License-Identifier: MIT
/* broken.bpf.c - compiles, and is refused by every verifier: it reads through a number. */
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "GPL";

SEC("raw_tp/sched_switch")
int read_nowhere(struct bpf_raw_tracepoint_args *ctx)
{
	return *(volatile int *)(ctx->args[0] & 0xffff);
}
