/* SPDX-License-Identifier: MIT */
/* shapes.h - what the maps of shapes.bpf.c hold; the same for BPF and for user space. */
#ifndef KSNAP_TESTS_SHAPES_H
#define KSNAP_TESTS_SHAPES_H

enum shape_state { SHAPE_IDLE, SHAPE_QUEUED, SHAPE_RUNNING, SHAPE_DEAD = 100 };

enum shape_signed { SHAPE_BELOW = -2, SHAPE_ZERO = 0 };

struct shape_stat {
	unsigned long long runs;
	unsigned int hist[4];
};

struct shape_task {
	unsigned long long weight;
	unsigned int cpu;
	enum shape_state state;
	unsigned int flags : 3;
	unsigned int prio : 7;
	int nice : 6;
	char comm[16];
	struct shape_stat stat;
	union {
		unsigned long long raw;
		struct {
			unsigned int lo, hi;
		};
	};
	struct shape_task *parent;
	_Bool active;
	short delta;
};

struct shape_pair {
	unsigned int from, to;
};

struct shape_cpu {
	unsigned long long n;
	unsigned int last;
};

struct shape_route_key {
	unsigned int prefixlen;
	unsigned char addr[4];
};

#define SHAPE_LEVELS 8
#define SHAPE_TASKS  4096 /* max_entries of tasks */
#define SHAPE_CPUS   16   /* entries of both per-CPU maps */

#endif
