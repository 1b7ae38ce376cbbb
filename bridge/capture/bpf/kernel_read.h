/* SPDX-License-Identifier: MIT */
/* kernel_read.h - what the worker and its BPF program share: one batch of reads. */
#ifndef KSNAP_CAPTURE_BPF_KERNEL_READ_H
#define KSNAP_CAPTURE_BPF_KERNEL_READ_H

#define KERNEL_READ_BATCH 64   /* reads in one run of the program */
#define KERNEL_READ_BYTES 4096 /* of one read */

/* The one value of the map that both sides see; user space has it mapped. */
struct kernel_read_batch {
	struct kernel_read_slot {
		unsigned long long addr;
		unsigned int len; /* 1 to KERNEL_READ_BYTES; 0 ends the batch */
		int error;        /* 0, or a negative errno, after the run */
	} slots[KERNEL_READ_BATCH];
	unsigned char data[KERNEL_READ_BATCH][KERNEL_READ_BYTES];
};

#endif
