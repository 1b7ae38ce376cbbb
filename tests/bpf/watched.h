/* SPDX-License-Identifier: MIT */
/* watched.h - what user space asks of the programs of watched.bpf.c. */
#ifndef KSNAP_TESTS_WATCHED_H
#define KSNAP_TESTS_WATCHED_H

struct watched_order {
	unsigned long long times; /* to write; the value rises by one each time */
	unsigned long long addr;  /* out: of what was written */
};

#endif
