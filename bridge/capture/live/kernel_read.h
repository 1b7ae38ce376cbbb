/* SPDX-License-Identifier: MIT */
/* kernel_read.h - bytes at kernel addresses, read by a BPF program of our own.
 *
 * A read never faults: an address that is not mapped gives an error for that address alone. */
#ifndef KSNAP_CAPTURE_LIVE_KERNEL_READ_H
#define KSNAP_CAPTURE_LIVE_KERNEL_READ_H

#include "ksnap.h"

#define KERNEL_READ_MAX 4096 /* bytes of one read */

struct kernel_reader;

struct kernel_read {
	uint64_t addr;
	uint32_t len;  /* 1 to KERNEL_READ_MAX */
	int error;     /* after the read: 0, or an errno, and then the bytes mean nothing */
	uint8_t *data; /* where they go */
};

/* Load the program. E_DENIED: names the capability that is missing. E_TARGET: the kernel does not
 * take it, in the verifier's words. */
struct kernel_reader *kernel_reader_create(struct ksnap_err *err);
void kernel_reader_destroy(struct kernel_reader *r);
/* Do @n reads, many in one run of the program. Negative: the program could not be run. */
int kernel_reader_run(struct kernel_reader *r, struct kernel_read *reads, size_t n,
		      struct ksnap_err *err);

#endif
