// SPDX-License-Identifier: MIT
/* kernel_read.bpf.c - read many kernel addresses in one run, without ever faulting.
 *
 * Compiled at build time and embedded in the worker, which runs it by BPF_PROG_TEST_RUN. It uses
 * nothing of the kernel's types, so that it loads on any kernel with programs of type SYSCALL.
 */
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

#include "kernel_read.h"

char LICENSE[] SEC("license") = "GPL";

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, unsigned int);
	__type(value, struct kernel_read_batch);
} ksnap_reads SEC(".maps");

SEC("syscall")
int ksnap_read(void *ctx)
{
	unsigned int zero = 0;
	struct kernel_read_batch *b = bpf_map_lookup_elem(&ksnap_reads, &zero);

	if (!b)
		return 1;
	for (unsigned int i = 0; i < KERNEL_READ_BATCH; i++) {
		unsigned int len = b->slots[i].len;

		if (!len)
			break;
		if (len > KERNEL_READ_BYTES)
			len = KERNEL_READ_BYTES;
		b->slots[i].error =
			bpf_probe_read_kernel(b->data[i], len, (void *)b->slots[i].addr);
	}
	return 0;
}
