/* SPDX-License-Identifier: MIT */
/* pointers.h - what pointers.bpf.c fills, for it and for the test that reads it. */
#ifndef KSNAP_TESTS_BPF_POINTERS_H
#define KSNAP_TESTS_BPF_POINTERS_H

#define CHAIN_NODES 6
#define MANY_WIDE   300                   /* together above MAX_CHASED_BYTES */
#define MANY_NODES  5000                  /* above MAX_CHASED */
#define BOGUS       0xdead000000000010ULL /* no kernel maps this */
#define USER_SPACE  0x1000ULL

struct pt_node {
	struct pt_node *next, *back;
	unsigned long long value;
};

struct pt_wide {
	unsigned long long first;
	unsigned char bytes[8184];
};

struct pt_hold {
	struct pt_wide *wide;
};

struct pt_refs {
	struct pt_node *none;
	struct pt_node *bogus;
	struct pt_node *user;
	struct pt_node *again; /* where first points, too */
	struct pt_node *first;
	void *untyped;
	int (*call)(int);
	struct pt_node **twice; /* to refs.first */
	struct pt_wide *wide;
	const struct pt_nowhere *declared; /* a type that nobody knows */
};

#endif
