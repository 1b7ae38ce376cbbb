// SPDX-License-Identifier: MIT
/* tag_table.c - keyed hash table with intrusive chains that grows a little at a time. */
#include "core/tag_table.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/clock.h"

#define BUCKETS_A_STEP 4

static uint64_t secret[3];
static pthread_once_t secret_once = PTHREAD_ONCE_INIT;

static void draw_secret(void)
{
	/* Early in boot there may be no randomness yet: then the clocks have to do. */
	if (getrandom(secret, sizeof(secret), GRND_NONBLOCK) != sizeof(secret)) {
		secret[0] = clock_mono_ns() * 0x9e3779b97f4a7c15u;
		secret[1] = (uint64_t)clock_real_ns() ^ (uintptr_t)&secret;
		secret[2] = secret[0] ^ (secret[1] << 21);
	}
	secret[1] |= 1;
	secret[2] |= 1;
}

static uint64_t fold(uint64_t a, uint64_t b)
{
	unsigned __int128 wide = (unsigned __int128)a * b;

	return (uint64_t)wide ^ (uint64_t)(wide >> 64);
}

uint64_t tag_hash(const char *tag)
{
	size_t len = strlen(tag);
	uint64_t h;

	pthread_once(&secret_once, draw_secret);
	h = secret[0] ^ len;
	while (len) {
		size_t n = len < 8 ? len : 8;
		uint64_t word = 0;

		memcpy(&word, tag, n);
		h = fold(h ^ word, secret[1]) + word;
		tag += n;
		len -= n;
	}
	return fold(h ^ secret[0], secret[2]);
}

static size_t bucket_of(const struct tag_buckets *b, uint64_t hash)
{
	return hash & (b->n - 1);
}

static uint8_t bit_of(uint64_t hash)
{
	return (uint8_t)(1u << (hash >> 61));
}

void tag_table_init(struct tag_table *t)
{
	memset(t, 0, sizeof(*t));
	t->now = (struct tag_buckets){ t->first_heads, t->first_seen, TAG_TABLE_FIRST };
}

static void free_buckets(struct tag_table *t, struct tag_buckets *b)
{
	if (b->heads != t->first_heads)
		free(b->heads);
	*b = (struct tag_buckets){ 0 };
}

void tag_table_fini(struct tag_table *t)
{
	free_buckets(t, &t->old);
	free_buckets(t, &t->now);
}

static struct tag_link *find_in(const struct tag_buckets *b, const char *tag, uint64_t hash)
{
	size_t at = bucket_of(b, hash);

	if (!b->n || !(b->seen[at] & bit_of(hash)))
		return NULL;
	for (struct tag_link *l = b->heads[at]; l; l = l->next) {
		if (l->hash == hash && strcmp(l->tag, tag) == 0)
			return l;
	}
	return NULL;
}

struct tag_link *tag_table_find(const struct tag_table *t, const char *tag, uint64_t hash)
{
	struct tag_link *l = find_in(&t->now, tag, hash);

	return l ? l : find_in(&t->old, tag, hash);
}

void tag_table_fetch_bucket(const struct tag_table *t, uint64_t hash)
{
	size_t at = bucket_of(&t->now, hash);

	__builtin_prefetch(&t->now.seen[at], 1);
	__builtin_prefetch(&t->now.heads[at], 1);
}

void tag_table_fetch_chain(const struct tag_table *t, uint64_t hash)
{
	__builtin_prefetch(t->now.heads[bucket_of(&t->now, hash)], 1);
}

static void push(struct tag_buckets *b, struct tag_link *link)
{
	size_t at = bucket_of(b, link->hash);

	link->next = b->heads[at];
	b->heads[at] = link;
	b->seen[at] |= bit_of(link->hash);
}

static void move_buckets(struct tag_table *t, size_t n)
{
	for (; t->old.n && n; n--) {
		struct tag_link *l = t->old.heads[t->moved];

		t->old.heads[t->moved] = NULL;
		t->old.seen[t->moved++] = 0;
		while (l) {
			struct tag_link *next = l->next;

			push(&t->now, l);
			l = next;
		}
		if (t->moved == t->old.n)
			free_buckets(t, &t->old);
	}
}

static void grow(struct tag_table *t)
{
	size_t n = t->now.n * 2;
	struct tag_link **heads = calloc(n, sizeof(*heads) + 1);

	if (!heads)
		return;
	move_buckets(t, SIZE_MAX);
	t->old = t->now;
	t->now = (struct tag_buckets){ heads, (uint8_t *)(heads + n), n };
	t->moved = 0;
}

void tag_table_insert(struct tag_table *t, struct tag_link *link)
{
	if (t->count >= t->now.n - t->now.n / 4)
		grow(t);
	move_buckets(t, BUCKETS_A_STEP);
	push(&t->now, link);
	t->count++;
}

static int unlink_in(struct tag_buckets *b, struct tag_link *link)
{
	size_t bucket = bucket_of(b, link->hash);
	struct tag_link **at = b->n ? &b->heads[bucket] : NULL;

	while (at && *at && *at != link)
		at = &(*at)->next;
	if (!at || !*at)
		return 0;
	*at = link->next;
	link->next = NULL;
	if (!b->heads[bucket])
		b->seen[bucket] = 0;
	return 1;
}

void tag_table_remove(struct tag_table *t, struct tag_link *link)
{
	if (unlink_in(&t->now, link) || unlink_in(&t->old, link))
		t->count--;
}

static struct tag_link *any_in(const struct tag_buckets *b)
{
	for (size_t i = 0; i < b->n; i++) {
		if (b->heads[i])
			return b->heads[i];
	}
	return NULL;
}

struct tag_link *tag_table_any(const struct tag_table *t)
{
	struct tag_link *l = any_in(&t->now);

	return l ? l : any_in(&t->old);
}

void tag_table_shrink(struct tag_table *t)
{
	if (t->count || t->now.heads == t->first_heads)
		return;
	tag_table_fini(t);
	tag_table_init(t);
}
