// SPDX-License-Identifier: MIT
/* pointers.bpf.c - typed fields that hold kernel addresses: of this object's own map values, whose
 * bytes a test knows, and of the task that runs fill(). */
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

#include "pointers.h"

char LICENSE[] SEC("license") = "GPL";

/* A view of the kernel's struct, with offsets of its own. */
struct task_struct {
	int pid;
	char comm[16];
	struct task_struct *group_leader;
} __attribute__((preserve_access_index));

struct pt_own {
	struct task_struct *task;
	int pid;
	char comm[16];
};

#define ARRAY(map, of, n)                         \
	struct {                                  \
		__uint(type, BPF_MAP_TYPE_ARRAY); \
		__uint(max_entries, n);           \
		__type(key, unsigned int);        \
		__type(value, of);                \
	} map SEC(".maps")

ARRAY(pt_circle, struct pt_node, 2);
ARRAY(pt_chain, struct pt_node, CHAIN_NODES);
ARRAY(pt_entry, struct pt_node, 1);
ARRAY(pt_refs, struct pt_refs, 1);
ARRAY(pt_far, struct pt_wide, MANY_WIDE);
ARRAY(pt_holds, struct pt_hold, MANY_WIDE);
ARRAY(pt_self, struct pt_own, 1);
ARRAY(pt_many, struct pt_node, MANY_NODES);

struct pt_node *head;      /* .bss */
struct pt_wide whole_type; /* compilers leave out structs that only pointers name */

static struct pt_node *node(void *map, unsigned int i)
{
	return bpf_map_lookup_elem(map, &i);
}

static int fill_circle(void)
{
	struct pt_node *a = node(&pt_circle, 0), *b = node(&pt_circle, 1);

	if (!a || !b)
		return 1;
	a->next = a->back = b;
	b->next = b->back = a;
	a->value = 1;
	b->value = 2;
	return 0;
}

/* One into the other, the first from head and from pt_entry. */
static int fill_chain(void)
{
	struct pt_node *entry = node(&pt_entry, 0);

	for (unsigned int i = 0; i < CHAIN_NODES; i++) {
		struct pt_node *n = node(&pt_chain, i), *next = node(&pt_chain, i + 1);

		if (!n)
			return 2;
		n->value = 100 + i;
		n->next = next;
	}
	head = node(&pt_chain, 0);
	if (!entry)
		return 3;
	entry->next = head;
	entry->value = 99;
	return 0;
}

static int fill_refs(void)
{
	unsigned int zero = 0;
	struct pt_refs *r = bpf_map_lookup_elem(&pt_refs, &zero);
	struct pt_wide *far = bpf_map_lookup_elem(&pt_far, &zero);

	if (!r || !far)
		return 4;
	far->first = 77;
	r->bogus = (void *)BOGUS;
	r->user = (void *)USER_SPACE;
	r->first = r->again = node(&pt_chain, 0);
	r->untyped = far;
	r->call = (void *)BOGUS;
	r->twice = &r->first;
	r->wide = far;
	r->declared = (void *)far;
	return 0;
}

static int fill_self(void)
{
	unsigned int zero = 0;
	struct pt_own *own = bpf_map_lookup_elem(&pt_self, &zero);

	if (!own)
		return 5;
	own->task = (void *)bpf_get_current_task();
	own->pid = (int)bpf_get_current_pid_tgid();
	return bpf_get_current_comm(own->comm, sizeof(own->comm)) ? 6 : 0;
}

SEC("syscall")
int fill(void *ctx)
{
	return fill_circle() ?: fill_chain() ?: fill_refs() ?: fill_self();
}

static long fill_one(unsigned int i, void *ctx)
{
	struct pt_node *n = node(&pt_many, i);

	if (n)
		n->next = n->back = n;
	return 0;
}

static long fill_hold(unsigned int i, void *ctx)
{
	struct pt_hold *h = bpf_map_lookup_elem(&pt_holds, &i);

	if (h)
		h->wide = bpf_map_lookup_elem(&pt_far, &i);
	return 0;
}

SEC("syscall")
int fill_many(void *ctx)
{
	bpf_loop(MANY_NODES, fill_one, (void *)0, 0);
	bpf_loop(MANY_WIDE, fill_hold, (void *)0, 0);
	return 0;
}
