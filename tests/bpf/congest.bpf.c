// SPDX-License-Identifier: MIT
/* congest.bpf.c - a struct_ops that every kernel with TCP takes: congestion control that keeps the
 * window as it is. A test writes a name of its own over the one below before it loads this. */
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

char LICENSE[] SEC("license") = "GPL";

struct sock;

/* Of the kernel's struct what is used; the loader finds the members by name. */
struct tcp_congestion_ops {
	unsigned int (*ssthresh)(struct sock *sk);
	void (*cong_avoid)(struct sock *sk, unsigned int ack, unsigned int acked);
	unsigned int (*undo_cwnd)(struct sock *sk);
	char name[16];
};

unsigned long long nr_asked; /* in .bss, which every instance of this object has */
unsigned int window = 10;    /* in .data */

SEC("struct_ops/keep_ssthresh")
unsigned int BPF_PROG(keep_ssthresh, struct sock *sk)
{
	nr_asked++;
	return window;
}

SEC("struct_ops/keep_window")
void BPF_PROG(keep_window, struct sock *sk, unsigned int ack, unsigned int acked)
{
	nr_asked++;
}

SEC("struct_ops/keep_undo")
unsigned int BPF_PROG(keep_undo, struct sock *sk)
{
	return window;
}

SEC(".struct_ops")
struct tcp_congestion_ops congest = {
	.ssthresh = (void *)keep_ssthresh,
	.cong_avoid = (void *)keep_window,
	.undo_cwnd = (void *)keep_undo,
	.name = "ksnap_t_000000",
};
