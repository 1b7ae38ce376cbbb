/* SPDX-License-Identifier: MIT */
/* store.h - the stored snapshots of one bridge: by tag, in order, within two caps.
 *
 *   order list   head (oldest) ⇄ … ⇄ tail (newest): who leaves first, what a drain gives
 *   tag table    tag → node, so that put, replace, evict and look-up take constant time
 *
 * A node is made outside the bridge's lock (store_node_create), put under it, and whatever leaves
 * is handed back in a list that the caller frees after unlocking: releasing a blob runs foreign
 * code. Nothing allocates between the first change and the last, so a put happens or does not.
 *
 * What always holds, in this order of importance:
 *   table.count <= cap, bytes <= cap_bytes (bytes: of each report and its stats)
 *   every node of the list is in the table and the other way round
 *   accepted = table.count + evicted + overwritten + drained
 *
 * The bridge's lock protects all of it. */
#ifndef KSNAP_CORE_STORE_H
#define KSNAP_CORE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/events.h"
#include "core/tag_table.h"
#include "ksnap.h"

struct store_node {
	struct tag_link link;           /* first; link.tag is entry.tag */
	struct store_node *prev, *next; /* older, newer; next also chains nodes that left */
	bool ordered;                   /* in the order list */
	uint64_t bytes;                 /* of report and stats */
	struct kept kept;               /* the store's owner's */
	struct ksnap_entry entry;
};

struct store {
	uint64_t cap, cap_bytes;
	uint64_t bytes;                 /* of all nodes in the table */
	struct store_node *head, *tail; /* oldest, newest */
	struct tag_table table;
	size_t periodic_real; /* nodes named periodic_NNN that are no placeholder */
	uint64_t last_seq;    /* insertions so far */
	uint64_t accepted, evicted, overwritten, drained, refused;
	struct events *events; /* where evictions and the like are told; the bridge's */
};

/* Which call drains: named in drain_ordering_invariant_violation. */
enum store_drain_variant {
	STORE_DRAIN,
	STORE_DRAIN_ORDERED,
	STORE_DRAIN_ORDERED_WITH_STATS,
};

void store_init(struct store *s, uint64_t cap, uint64_t cap_bytes, struct events *events);
void store_fini(struct store *s);

/* Have the place of the tag with this hash at hand soon: for who will put a node of it, and has
 * something else to do before. */
void store_fetch(const struct store *s, uint64_t hash);
/* A node with references of its own. The tag has been checked, @hash is its tag_hash(). NULL when
 * memory is out. */
struct store_node *store_node_create(const struct ksnap_store_args *args, uint64_t hash);
/* Free a chain of nodes that are in no store; NULL is none. */
void store_nodes_free(struct store_node *chain);

/* Put @node at the tail, replacing its tag, evicting until both caps hold. Nodes that left are
 * chained in front of *left. E_LIMIT: the node alone is above the byte cap; it stays the
 * caller's, event report_refused, nothing else changed. */
int store_put(struct store *s, struct store_node *node, struct store_node **left,
	      struct ksnap_err *err);
/* Put @node of an earlier life at the tail, with the number and time that its entry has: above all
 * that are there. Its tag is not stored. Caps hold as above, but a node that is alone above the
 * byte cap is evicted too, and nothing is counted as accepted. */
void store_revive(struct store *s, struct store_node *node, struct store_node **left);
/* Number of the oldest node, or the next one to be given when nothing is stored. */
uint64_t store_first_seq(const struct store *s);
/* What was put last, NULL when nothing is stored. Good until the next put or drain. */
const struct ksnap_entry *store_newest(const struct store *s);
/* NULL: not there. Good until the next put or drain. */
const struct ksnap_entry *store_find(const struct store *s, const char *tag);
/* E_NOTFOUND, naming up to three stored tags that are near. */
int store_miss(const struct store *s, const char *tag, struct ksnap_err *err);
/* Copy with new references. */
void store_entry_copy(struct ksnap_entry *to, const struct ksnap_entry *from);
/* Copies of all, in order. 0 or E_NOMEM. */
int store_list(const struct store *s, struct ksnap_entry **ret, size_t *ret_n,
	       struct ksnap_err *err);
/* Move all out, in order, then what the order list had lost, each with an event. E_NOMEM:
 * nothing was taken. */
int store_drain(struct store *s, enum store_drain_variant variant, struct ksnap_entry **ret,
		size_t *ret_n, struct ksnap_err *err);

/* For tests only: take @tag (all when NULL) off the order list and leave it in the table, as a
 * bug would. The only way to see the two invariant violations. */
void store_break_order(struct store *s, const char *tag);

#endif
