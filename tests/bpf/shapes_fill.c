// SPDX-License-Identifier: MIT
/* shapes_fill.c - values made from an entry's number, one function a map. */
#include "shapes_fill.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FEW 16

static int fd_of(const struct bpf_object *obj, const char *name)
{
	return bpf_object__find_map_fd_by_name(obj, name);
}

void shapes_stat(unsigned i, struct shape_stat *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->runs = 1000ull * i;
	for (unsigned j = 0; j < 4; j++)
		ret->hist[j] = i * 4 + j;
}

void shapes_task(unsigned i, struct shape_task *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->weight = (1ull << 40) + i;
	ret->cpu = i % 4;
	ret->state = i % 5 == 4 ? SHAPE_DEAD : (enum shape_state)(i % 3);
	ret->flags = i % 8;
	ret->prio = i % 100;
	ret->nice = (int)(i % 40) - 20;
	snprintf(ret->comm, sizeof(ret->comm), "task-%u", i);
	shapes_stat(i, &ret->stat);
	ret->lo = i;
	ret->hi = ~i;
	ret->parent = (struct shape_task *)(0xffff888000000000ull + i);
	ret->active = i & 1;
	ret->delta = -(short)(i % 1000);
}

static int fill_levels(int fd)
{
	struct shape_stat v;
	int ret = 0;

	for (unsigned i = 0; i < SHAPE_LEVELS && !ret; i++) {
		shapes_stat(i, &v);
		ret = bpf_map_update_elem(fd, &i, &v, BPF_ANY);
	}
	return ret;
}

static int fill_tasks(int fd, unsigned n)
{
	struct shape_task v;
	int ret = 0;

	for (unsigned i = 0; i < n && !ret; i++) {
		shapes_task(i, &v);
		ret = bpf_map_update_elem(fd, &i, &v, BPF_ANY);
	}
	return ret;
}

static int fill_small(const struct bpf_object *obj)
{
	int recent = fd_of(obj, "recent"), pairs = fd_of(obj, "pairs"),
	    routes = fd_of(obj, "routes");
	int ret = 0;

	for (unsigned i = 0; i < FEW && !ret; i++) {
		unsigned long long k = 0x100000000ull + i, v = k * 3;
		struct shape_pair pair = { i, i * i };
		struct shape_route_key route = { 32, { 10, 0, 0, i } };
		unsigned sum = i + 100;

		ret = bpf_map_update_elem(recent, &k, &v, BPF_ANY);
		if (!ret)
			ret = bpf_map_update_elem(pairs, &pair, &sum, BPF_ANY);
		if (!ret)
			ret = bpf_map_update_elem(routes, &route, &sum, BPF_ANY);
	}
	return ret;
}

/* Per-CPU values are 8 bytes apart or more, whatever their type. */
static int fill_percpu(const struct bpf_object *obj)
{
	int array = fd_of(obj, "cpu_array"), hash = fd_of(obj, "cpu_hash");
	int ncpu = libbpf_num_possible_cpus(), ret = 0;
	struct shape_cpu *wide = calloc(ncpu, sizeof(*wide));
	unsigned long long *narrow = calloc(ncpu, sizeof(*narrow));

	for (unsigned i = 0; wide && narrow && i < FEW && !ret; i++) {
		for (int c = 0; c < ncpu; c++) {
			wide[c].n = i * 1000ull + c;
			wide[c].last = c;
			narrow[c] = i * 10 + c;
		}
		ret = bpf_map_update_elem(array, &i, wide, BPF_ANY);
		if (!ret)
			ret = bpf_map_update_elem(hash, &i, narrow, BPF_ANY);
	}
	if (!wide || !narrow)
		ret = -ENOMEM;
	free(wide);
	free(narrow);
	return ret;
}

int shapes_fill(const struct bpf_object *obj, unsigned ntasks)
{
	int ret = fill_levels(fd_of(obj, "levels"));

	if (!ret)
		ret = fill_tasks(fd_of(obj, "tasks"), ntasks);
	if (!ret)
		ret = fill_small(obj);
	return ret ? ret : fill_percpu(obj);
}
