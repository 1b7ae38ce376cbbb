// SPDX-License-Identifier: MIT
/* least.bpf.c - the least that a program can do at a write and yet tell of it: when, and what is
 * there now. */
#include <linux/types.h>

#include <linux/bpf.h>
#include <linux/bpf_perf_event.h>

#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "GPL";

/* User space sets it. */
unsigned long long least_addr;

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1024 * 1024);
} least_hits SEC(".maps");

struct least_hit {
	unsigned long long ns, value;
};

SEC("perf_event")
int least(struct bpf_perf_event_data *ctx)
{
	struct least_hit *h = bpf_ringbuf_reserve(&least_hits, sizeof(*h), 0);

	if (!h)
		return 0;
	h->ns = bpf_ktime_get_ns();
	bpf_probe_read_kernel(&h->value, sizeof(h->value), (void *)least_addr);
	bpf_ringbuf_submit(h, 0);
	return 0;
}
