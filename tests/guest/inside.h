/* SPDX-License-Identifier: MIT */
/* inside.h - what the maps of inside.bpf.c hold; the same for BPF and for user space. */
#ifndef KSNAP_TESTS_INSIDE_H
#define KSNAP_TESTS_INSIDE_H

struct inside_note {
	unsigned long long n;
	unsigned int cpu, pid;
};

/* All there is in its .bss. */
struct inside_state {
	int flag;                    /* 1: count, and note who runs */
	unsigned long long nr_seen;  /* switches while the flag is set */
	unsigned long long trail[4]; /* 0 */
	unsigned int also;           /* as nr_seen, on its page, by another instruction */
	char apart[4096];            /* qemu looks at each write to a page that is watched */
	int below;                   /* one less at each of those switches */
	unsigned int a : 3, b : 5;
};

#define INSIDE_FRAMES 16

#endif
