// SPDX-License-Identifier: MIT
/* map_shapes.c - maps that are neither arrays nor hash tables: tries, queues, rings, stack traces,
 * struct_ops. */
#include <linux/bpf.h>
#include <string.h>

#include "capture/outside/map_walk.h"

/* ---- tries ----------------------------------------------------------------------------------- */

#define NODE_INNER 1 /* in flags: it only joins two others */

static void take_node(struct map_walk *w, uint64_t node, uint64_t data_size)
{
	const struct layout *at = &w->k->at;
	uint64_t data = node + at->lpm_trie_node__data.off;
	uint8_t *key, *val;

	if (!walk_room(w, &key, &val))
		return;
	if (walk_read(w, node + at->lpm_trie_node__prefixlen.off, key, 4) &&
	    walk_read(w, data, key + 4, data_size) &&
	    walk_read(w, data + data_size, val, w->val_size))
		walk_take(w);
	else
		w->missing++;
}

static void push(struct buf *todo, uint64_t node)
{
	if (node)
		buf_append(todo, &node, sizeof(node));
}

static uint64_t pop(struct buf *todo)
{
	uint64_t node;

	todo->len -= sizeof(node);
	memcpy(&node, todo->data + todo->len, sizeof(node));
	return node;
}

static void visit(struct map_walk *w, uint64_t node, uint64_t data_size, struct buf *todo)
{
	const struct layout *at = &w->k->at;
	uint64_t child[2], flags;

	if (!walk_read(w, node + at->lpm_trie_node__child.off, child, sizeof(child)) ||
	    !kernel_member(w->k, node, at->lpm_trie_node__flags, &flags)) {
		walk_break(w, "a node of it is not in memory");
		return;
	}
	if (!(flags & NODE_INNER))
		take_node(w, node, data_size);
	push(todo, child[1]);
	push(todo, child[0]);
}

/* A trie of n entries has fewer than 2 n nodes; more means that it leads back to itself. */
void trie_walk(struct map_walk *w)
{
	_buf_ struct buf todo = BUF_INIT;
	uint64_t root, size, left = 2ull * w->map->max_entries + 64;

	if (!kernel_member(w->k, w->map->at, w->k->at.lpm_trie__root, &root) ||
	    !kernel_member(w->k, w->map->at, w->k->at.lpm_trie__data_size, &size) ||
	    size + 4 != w->key_size) {
		walk_break(w, "its head is not that of a trie");
		return;
	}
	push(&todo, root);
	while (todo.len && buf_ok(&todo) && w->end == WALK_DONE) {
		if (!left--)
			walk_break(w, "it has more nodes than it may have");
		else
			visit(w, pop(&todo), size, &todo);
	}
	w->vals.failed |= !buf_ok(&todo);
}

/* ---- queues and stacks ----------------------------------------------------------------------- */

struct ends {
	uint64_t head, tail, size;
};

static bool read_ends(struct map_walk *w, struct ends *e)
{
	const struct layout *at = &w->k->at;

	if (kernel_member(w->k, w->map->at, at->bpf_queue_stack__head, &e->head) &&
	    kernel_member(w->k, w->map->at, at->bpf_queue_stack__tail, &e->tail) &&
	    kernel_member(w->k, w->map->at, at->bpf_queue_stack__size, &e->size) &&
	    e->head < e->size && e->tail < e->size)
		return true;
	walk_break(w, "its head is not that of a queue");
	return false;
}

static void take_element(struct map_walk *w, uint64_t i)
{
	uint64_t at = w->map->at + w->k->at.bpf_queue_stack__elements.off;
	uint8_t *key, *val;

	if (!walk_room(w, &key, &val))
		return;
	if (walk_read(w, at + i * w->val_size, val, w->val_size))
		walk_take(w);
	else
		w->missing++;
}

/* In the order they would come out. */
void queue_walk(struct map_walk *w)
{
	struct ends e;

	if (!read_ends(w, &e))
		return;
	for (uint64_t i = e.tail; i != e.head && w->end == WALK_DONE; i = (i + 1) % e.size)
		take_element(w, i);
}

void stack_walk(struct map_walk *w)
{
	struct ends e;

	if (!read_ends(w, &e))
		return;
	for (uint64_t i = e.head; i != e.tail && w->end == WALK_DONE;) {
		i = i ? i - 1 : e.size - 1;
		take_element(w, i);
	}
}

/* ---- rings ----------------------------------------------------------------------------------- */

void ring_walk(struct map_walk *w)
{
	const struct layout *at = &w->k->at;
	uint64_t rb;

	w->ring.capacity = w->map->max_entries;
	if (!kernel_member(w->k, w->map->at, at->bpf_ringbuf_map__rb, &rb) ||
	    !kernel_member(w->k, rb, at->bpf_ringbuf__consumer_pos, &w->ring.consumer) ||
	    !kernel_member(w->k, rb, at->bpf_ringbuf__producer_pos, &w->ring.producer))
		walk_break(w, "its positions are not in memory");
}

/* ---- stack traces ---------------------------------------------------------------------------- */

static void take_trace(struct map_walk *w, uint32_t id, uint64_t bucket)
{
	const struct layout *at = &w->k->at;
	uint64_t nr, unit = w->map->flags & BPF_F_STACK_BUILD_ID ? sizeof(struct bpf_stack_build_id)
								 : sizeof(uint64_t);
	uint8_t *key, *val;

	if (!walk_room(w, &key, &val))
		return;
	memset(val, 0, w->val_size);
	memcpy(key, &id, sizeof(id));
	if (kernel_member(w->k, bucket, at->stack_map_bucket__nr, &nr) &&
	    nr * unit <= w->val_size &&
	    walk_read(w, bucket + at->stack_map_bucket__data.off, val, nr * unit))
		walk_take(w);
	else
		w->missing++;
}

void traces_walk(struct map_walk *w)
{
	const struct layout *at = &w->k->at;
	uint64_t n, bucket;

	if (!kernel_member(w->k, w->map->at, at->bpf_stack_map__n_buckets, &n) ||
	    n / 2 > w->map->max_entries) {
		walk_break(w, "its head is not that of stack traces");
		return;
	}
	for (uint64_t i = 0; i < n && w->end == WALK_DONE; i++) {
		if (!walk_u64(w, w->map->at + at->bpf_stack_map__buckets.off + 8 * i, &bucket))
			walk_break(w, "its buckets are not all in memory");
		else if (bucket)
			take_trace(w, i, bucket);
	}
}

/* ---- struct_ops ------------------------------------------------------------------------------ */

/* References that are not held by descriptors: who counts them otherwise has it in the value. */
static void take_references(struct map_walk *w, uint8_t *val)
{
	uint64_t all, by_user;
	uint32_t n;

	memcpy(&n, val, sizeof(n));
	if (n || !kernel_member(w->k, w->map->at, w->k->at.bpf_map__refcnt, &all) ||
	    !kernel_member(w->k, w->map->at, w->k->at.bpf_map__usercnt, &by_user))
		return;
	n = all > by_user ? all - by_user : 0;
	memcpy(val, &n, sizeof(n));
}

/* Reference count and state, which begin the value, are kept apart from the rest. */
void struct_ops_walk(struct map_walk *w)
{
	const struct layout *at = &w->k->at;
	uint64_t state = w->map->at + at->bpf_struct_ops_map__kvalue.off, rest;
	uint8_t *key, *val;

	if (!at->bpf_struct_ops_map__kvalue.size || w->val_size < 8 ||
	    !kernel_member(w->k, w->map->at, at->bpf_struct_ops_map__uvalue, &rest)) {
		walk_break(w, "its head is not that of a struct_ops map");
		return;
	}
	if (!walk_room(w, &key, &val))
		return;
	memset(key, 0, w->key_size);
	if (!walk_read(w, rest, val, w->val_size) || !walk_read(w, state, val, 8)) {
		w->missing++;
		return;
	}
	take_references(w, val);
	walk_take(w);
}
