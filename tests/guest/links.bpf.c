// SPDX-License-Identifier: MIT
/* links.bpf.c - programs that do nothing, one for each kind of link that says what it is attached
 * to. */
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

char LICENSE[] SEC("license") = "GPL";

SEC("fentry/do_sys_openat2")
int BPF_PROG(on_open)
{
	return 0;
}

SEC("cgroup_skb/egress")
int on_egress(struct __sk_buff *skb)
{
	return 1;
}

SEC("iter/task")
int on_task(void *ctx)
{
	return 0;
}

SEC("sk_lookup")
int on_lookup(struct bpf_sk_lookup *ctx)
{
	return SK_PASS;
}

SEC("xdp")
int on_packet(struct xdp_md *ctx)
{
	return XDP_PASS;
}
