// SPDX-License-Identifier: MIT
/* shapes.bpf.c - one map of every type a capture reads, with values of every shape. Nothing here
 * attaches itself: what is in the maps is what a test wrote. */
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

#include "shapes.h"

char LICENSE[] SEC("license") = "GPL";

unsigned long long nr_touched; /* .bss */
int last_cpu = -1;             /* .data */
unsigned char pattern[6] = { 1, 2, 3, 5, 8, 13 };
struct shape_pair edge = { 7, 9 };
__int128 wide = ((__int128)1 << 100) + 5;
enum shape_signed sign = SHAPE_BELOW;
const volatile unsigned int version = 42; /* .rodata */
const volatile char label[8] = "shapes";

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, SHAPE_LEVELS);
	__type(key, unsigned int);
	__type(value, struct shape_stat);
} levels SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, SHAPE_TASKS);
	__type(key, unsigned int);
	__type(value, struct shape_task);
} tasks SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1024);
	__type(key, unsigned long long);
	__type(value, unsigned long long);
} recent SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 64);
	__type(key, struct shape_pair);
	__type(value, unsigned int);
} pairs SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, SHAPE_CPUS);
	__type(key, unsigned int);
	__type(value, struct shape_cpu);
} cpu_array SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, 64);
	__type(key, unsigned int);
	__type(value, unsigned int);
} cpu_hash SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(max_entries, 1024);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct shape_route_key);
	__type(value, unsigned int);
} routes SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} ring SEC(".maps");

/* Uses every map, so that each has an owner. */
SEC("tc")
int touch(struct __sk_buff *ctx)
{
	unsigned int zero = 0;
	unsigned long long wide_zero = 0;
	struct shape_pair pair = edge;
	struct shape_route_key route = { .prefixlen = version };

	nr_touched++;
	last_cpu = bpf_get_smp_processor_id();
	bpf_map_lookup_elem(&levels, &zero);
	bpf_map_lookup_elem(&tasks, &zero);
	bpf_map_lookup_elem(&recent, &wide_zero);
	bpf_map_lookup_elem(&pairs, &pair);
	bpf_map_lookup_elem(&cpu_array, &zero);
	bpf_map_lookup_elem(&cpu_hash, &zero);
	bpf_map_lookup_elem(&routes, &route);
	bpf_ringbuf_query(&ring, 0);
	return pattern[zero] + (int)wide + sign + label[0];
}
