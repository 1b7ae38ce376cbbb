/* SPDX-License-Identifier: MIT */
/* tag_table.h - from a tag to its place, in constant time at any size.
 *
 * A hash table with chains through links that live inside the caller's nodes, so that inserting
 * and removing never allocate and never fail. It starts with a few buckets inside the struct and
 * doubles when it has three links for four buckets; the links move over a few buckets an insert, so
 * that no single insert pays for a whole table. When memory for a larger table is out the chains
 * just get longer. The hash is keyed by random numbers of this process: nobody outside can choose
 * tags that fall into one chain. */
#ifndef KSNAP_CORE_TAG_TABLE_H
#define KSNAP_CORE_TAG_TABLE_H

#include <stddef.h>
#include <stdint.h>

#define TAG_TABLE_FIRST 16

struct tag_link {
	struct tag_link *next; /* in the chain */
	const char *tag;       /* owned by the node around the link */
	uint64_t hash;         /* tag_hash(tag) */
};

struct tag_buckets {
	struct tag_link **heads; /* of the chains */
	/* A bit for each link that came since its chain was empty: most tags that are not there are
	 * known by it. Apart from the heads and so small that it stays close to the CPU. */
	uint8_t *seen;
	size_t n; /* a power of two; 0: not in use */
};

/* Points into itself: never copy or move it. */
struct tag_table {
	struct tag_buckets now; /* where links are inserted */
	struct tag_buckets old; /* being emptied into `now` */
	size_t moved;           /* buckets of `old` that are empty for good */
	size_t count;           /* links in both */
	struct tag_link *first_heads[TAG_TABLE_FIRST];
	uint8_t first_seen[TAG_TABLE_FIRST];
};

void tag_table_init(struct tag_table *t);
/* Frees the buckets; links are the caller's. */
void tag_table_fini(struct tag_table *t);

uint64_t tag_hash(const char *tag);
struct tag_link *tag_table_find(const struct tag_table *t, const char *tag, uint64_t hash);
/* A link with this hash will be removed soon: begin to fetch its bucket; then, a while later, the
 * link that its chain begins with. */
void tag_table_fetch_bucket(const struct tag_table *t, uint64_t hash);
void tag_table_fetch_chain(const struct tag_table *t, uint64_t hash);
/* @link->tag and ->hash are set and the tag is not in the table. */
void tag_table_insert(struct tag_table *t, struct tag_link *link);
/* @link is in the table. */
void tag_table_remove(struct tag_table *t, struct tag_link *link);
/* Some link, NULL when there is none; for emptying a table in no order. Takes time by the number
 * of buckets. */
struct tag_link *tag_table_any(const struct tag_table *t);
/* Give the memory of a large table back; only when it is empty. */
void tag_table_shrink(struct tag_table *t);

#endif
