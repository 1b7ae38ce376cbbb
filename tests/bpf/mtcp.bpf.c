// SPDX-License-Identifier: MIT
/* mtcp.bpf.c - a TCP congestion control of the smallest kind, for its struct_ops map. A test puts
 * a name of its own in place of the digits before it loads this.
 */
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

char LICENSE[] SEC("license") = "GPL";

struct sock;

/* Of the kernel's struct only what is set; the loader matches members by name. */
struct tcp_congestion_ops {
	unsigned int (*ssthresh)(struct sock *sk);
	void (*cong_avoid)(struct sock *sk, unsigned int ack, unsigned int acked);
	unsigned int (*undo_cwnd)(struct sock *sk);
	char name[16];
};

SEC("struct_ops/mt_ssthresh")
unsigned int BPF_PROG(mt_ssthresh, struct sock *sk)
{
	return 2;
}

SEC("struct_ops/mt_cong_avoid")
void BPF_PROG(mt_cong_avoid, struct sock *sk, unsigned int ack, unsigned int acked)
{
}

SEC("struct_ops/mt_undo_cwnd")
unsigned int BPF_PROG(mt_undo_cwnd, struct sock *sk)
{
	return 2;
}

SEC(".struct_ops")
struct tcp_congestion_ops mt_ops = {
	.ssthresh = (void *)mt_ssthresh,
	.cong_avoid = (void *)mt_cong_avoid,
	.undo_cwnd = (void *)mt_undo_cwnd,
	.name = "mt00000000",
};
