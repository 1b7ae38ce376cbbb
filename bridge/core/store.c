// SPDX-License-Identifier: MIT
/* store.c - keep the newest snapshots of a bridge, and no more than its caps allow. */
#include "core/store.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/fault.h"
#include "base/limits.h"
#include "base/near.h"

#define DEFAULT_SCHEMA "ksnap.report/1"
#define CACHE_LINE     64
#define TOUCHED        (offsetof(struct store_node, entry.schema) + sizeof(DEFAULT_SCHEMA))
#define NEAR_LOOKED_AT 1024 /* newest entries compared for the text of a miss */

void store_init(struct store *s, uint64_t cap, uint64_t cap_bytes, struct events *events)
{
	*s = (struct store){ .cap = cap, .cap_bytes = cap_bytes, .events = events };
	tag_table_init(&s->table);
}

static struct store_node *node_of(struct tag_link *link)
{
	return (struct store_node *)link;
}

/* ---- nodes --------------------------------------------------------------------------------- */

static void fill_entry(struct ksnap_entry *e, const struct ksnap_store_args *args)
{
	strcpy(e->tag, args->tag);
	strcpy(e->schema, args->schema ? args->schema : DEFAULT_SCHEMA);
	e->report = ksnap_blob_ref(args->report);
	e->placeholder = args->placeholder;
	e->complete = args->complete;
	e->has_step = args->has_step;
	e->step = args->has_step ? args->step : 0;
	e->has_elapsed_ms = args->has_elapsed_ms;
	e->elapsed_ms = args->has_elapsed_ms ? args->elapsed_ms : 0;
	e->has_boundary_ms = args->has_boundary_ms;
	e->boundary_ms = args->has_boundary_ms ? args->boundary_ms : 0;
	if (args->stats)
		e->stats = ksnap_blob_ref(args->stats);
	else if (args->stats_reason == KSNAP_STATS_PRESENT)
		e->stats_reason = KSNAP_STATS_NO_CLIENT;
	else
		e->stats_reason = args->stats_reason;
}

void store_fetch(const struct store *s, uint64_t hash)
{
	tag_table_fetch_bucket(&s->table, hash);
}

struct store_node *store_node_create(const struct ksnap_store_args *args, uint64_t hash)
{
	struct store_node *node = malloc(sizeof(*node)); /* calloc passes by what was just freed */

	if (!node)
		return NULL;
	memset(node, 0, offsetof(struct store_node, entry.tag)); /* texts end where they end */
	fill_entry(&node->entry, args);
	node->bytes = ksnap_blob_size(args->report);
	if (args->stats)
		node->bytes += ksnap_blob_size(args->stats);
	node->link.tag = node->entry.tag;
	node->link.hash = hash;
	return node;
}

void ksnap_entry_clear(struct ksnap_entry *e)
{
	int saved = errno;

	if (!e)
		return;
	ksnap_blob_unref(e->report);
	ksnap_blob_unref(e->stats);
	*e = (struct ksnap_entry){ 0 };
	errno = saved;
}

void ksnap_entries_free(struct ksnap_entry *entries, size_t n)
{
	if (!entries)
		return;
	for (size_t i = 0; i < n; i++)
		ksnap_entry_clear(&entries[i]);
	free(entries);
}

void store_nodes_free(struct store_node *chain)
{
	while (chain) {
		struct store_node *next = chain->next;

		ksnap_blob_unref(chain->entry.report);
		ksnap_blob_unref(chain->entry.stats);
		free(chain);
		chain = next;
	}
}

/* ---- order --------------------------------------------------------------------------------- */

static void order_append(struct store *s, struct store_node *node)
{
	node->prev = s->tail;
	node->next = NULL;
	if (s->tail)
		s->tail->next = node;
	else
		s->head = node;
	s->tail = node;
	node->ordered = true;
}

static void order_remove(struct store *s, struct store_node *node)
{
	if (!node->ordered)
		return;
	if (node->prev)
		node->prev->next = node->next;
	else
		s->head = node->next;
	if (node->next)
		node->next->prev = node->prev;
	else
		s->tail = node->prev;
	node->prev = node->next = NULL;
	node->ordered = false;
}

void store_break_order(struct store *s, const char *tag)
{
	struct tag_link *link;

	while (!tag && s->head)
		order_remove(s, s->head);
	link = tag ? tag_table_find(&s->table, tag, tag_hash(tag)) : NULL;
	if (link)
		order_remove(s, node_of(link));
}

/* ---- put ----------------------------------------------------------------------------------- */

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_periodic_real(const struct ksnap_entry *e)
{
	const char *t = e->tag;

	return !e->placeholder && strncmp(t, "periodic_", 9) == 0 && is_digit(t[9]) &&
	       is_digit(t[10]) && is_digit(t[11]) && t[12] == '\0';
}

static void detach(struct store *s, struct store_node *node)
{
	order_remove(s, node);
	tag_table_remove(&s->table, &node->link);
	s->bytes -= node->bytes;
	s->periodic_real -= is_periodic_real(&node->entry);
}

static void leave(struct store *s, struct store_node *node, struct store_node **left)
{
	detach(s, node);
	node->next = *left;
	*left = node;
}

/* More is stored than allowed and nobody is the oldest: a bug, after which a clean start is the
 * only order there is. */
static void clear_disordered(struct store *s, struct store_node **left)
{
	struct tag_link *link;

	events_raise(s->events, KSNAP_EV_CAP_INVARIANT_VIOLATION,
		     (struct ksnap_event_field[]){
			     EVENT_NUM("reports_len", s->table.count),
			     EVENT_NUM("cap", s->cap),
		     },
		     2);
	while ((link = tag_table_any(&s->table))) {
		leave(s, node_of(link), left);
		s->evicted++;
	}
}

static bool above_bytes(const struct store *s, uint64_t more)
{
	return s->bytes > s->cap_bytes - more;
}

/* Those to leave next have lain untouched since they came. To have them ready by then: the third's
 * own memory, the second's place in the table, what stands before the first there. */
static void fetch_oldest(const struct store *s)
{
	const struct store_node *first = s->head, *second = first ? first->next : NULL;
	const char *third = (const char *)(second ? second->next : NULL);

	if (!third)
		return;
	for (size_t at = 0; at < TOUCHED; at += CACHE_LINE)
		__builtin_prefetch(third + at, 1);
	tag_table_fetch_bucket(&s->table, second->link.hash);
	tag_table_fetch_chain(&s->table, first->link.hash);
}

static void evict_oldest(struct store *s, const struct store_node *node, struct store_node **left)
{
	struct store_node *oldest = FAULT_IS(FAULT_EVICT_NEWEST) ? s->tail : s->head;

	events_raise(s->events, KSNAP_EV_EVICTION,
		     (struct ksnap_event_field[]){
			     EVENT_STR("evicted_tag", oldest->entry.tag),
			     EVENT_STR("new_tag", node->entry.tag),
			     EVENT_NUM("cap", s->cap),
			     EVENT_NUM("cap_bytes", s->cap_bytes),
		     },
		     above_bytes(s, node->bytes) ? 4 : 3);
	leave(s, oldest, left);
	s->evicted++;
	fetch_oldest(s);
}

static void make_room(struct store *s, const struct store_node *node, struct store_node **left)
{
	while (s->table.count >= s->cap + FAULT_IS(FAULT_ABOVE_CAP) ||
	       above_bytes(s, node->bytes)) {
		if (s->head)
			evict_oldest(s, node, left);
		else
			clear_disordered(s, left);
	}
}

static void replace(struct store *s, struct store_node *old, struct store_node **left)
{
	events_raise(s->events, KSNAP_EV_OVERWRITE,
		     (struct ksnap_event_field[]){
			     EVENT_STR("tag", old->entry.tag),
			     EVENT_STR("prior_schema", old->entry.schema),
		     },
		     2);
	leave(s, old, left);
	s->overwritten++;
}

static int refuse(struct store *s, const struct store_node *node, struct ksnap_err *err)
{
	const struct limit_info *limit = &limit_table[LIMIT_ID_MAX_STORED_BYTES];

	events_raise(s->events, KSNAP_EV_REPORT_REFUSED,
		     (struct ksnap_event_field[]){
			     EVENT_STR("tag", node->entry.tag),
			     EVENT_NUM("bytes", node->bytes),
			     EVENT_NUM("cap_bytes", s->cap_bytes),
		     },
		     3);
	s->refused++;
	return err_set(err, KSNAP_E_LIMIT,
		       "report \"%s\" has %llu bytes, %s of this bridge is %llu; raise it with "
		       "limits.%s of open_bridge or ksnap serve %s",
		       node->entry.tag, (unsigned long long)node->bytes, limit->name,
		       (unsigned long long)s->cap_bytes, limit->key, limit->change);
}

static void add(struct store *s, struct store_node *node)
{
	tag_table_insert(&s->table, &node->link);
	order_append(s, node);
	s->bytes += node->bytes;
	s->periodic_real += is_periodic_real(&node->entry);
}

int store_put(struct store *s, struct store_node *node, struct store_node **left,
	      struct ksnap_err *err)
{
	struct tag_link *old;

	if (node->bytes > s->cap_bytes)
		return refuse(s, node, err);
	node->entry.ts = clock_real_ns(); /* first: the place of the tag is on its way meanwhile */
	old = tag_table_find(&s->table, node->link.tag, node->link.hash);
	if (old)
		replace(s, node_of(old), left);
	make_room(s, node, left);
	node->entry.seq = ++s->last_seq;
	add(s, node);
	s->accepted++;
	return 0;
}

static void evict_revived(struct store *s, struct store_node *node, struct store_node **left)
{
	events_raise(s->events, KSNAP_EV_EVICTION,
		     (struct ksnap_event_field[]){
			     EVENT_STR("evicted_tag", node->entry.tag),
			     EVENT_STR("new_tag", node->entry.tag),
			     EVENT_NUM("cap", s->cap),
			     EVENT_NUM("cap_bytes", s->cap_bytes),
		     },
		     4);
	node->next = *left;
	*left = node;
	s->evicted++;
}

void store_revive(struct store *s, struct store_node *node, struct store_node **left)
{
	if (node->bytes > s->cap_bytes) {
		evict_revived(s, node, left);
		return;
	}
	make_room(s, node, left);
	add(s, node);
}

uint64_t store_first_seq(const struct store *s)
{
	return s->head ? s->head->entry.seq : s->last_seq + 1;
}

/* ---- reading and draining ------------------------------------------------------------------- */

const struct ksnap_entry *store_newest(const struct store *s)
{
	return s->tail ? &s->tail->entry : NULL;
}

const struct ksnap_entry *store_find(const struct store *s, const char *tag)
{
	struct tag_link *link = tag_table_find(&s->table, tag, tag_hash(tag));

	return link ? &node_of(link)->entry : NULL;
}

int store_miss(const struct store *s, const char *tag, struct ksnap_err *err)
{
	struct near near = { .want = tag };
	const struct store_node *node = s->tail;
	char there[NEAR_TEXT];

	for (unsigned i = 0; node && i < NEAR_LOOKED_AT; i++, node = node->prev)
		near_add(&near, node->entry.tag);
	near.seen = s->table.count;
	near_text(&near, there, sizeof(there));
	return err_set(err, KSNAP_E_NOTFOUND, "no snapshot \"%.*s\"; stored: %s", KSNAP_TAG_MAX,
		       tag, there);
}

void store_entry_copy(struct ksnap_entry *to, const struct ksnap_entry *from)
{
	*to = *from;
	ksnap_blob_ref(to->report);
	if (to->stats)
		ksnap_blob_ref(to->stats);
}

int store_list(const struct store *s, struct ksnap_entry **ret, size_t *ret_n,
	       struct ksnap_err *err)
{
	struct ksnap_entry *all;
	size_t n = 0;

	if (!s->table.count) {
		*ret = NULL;
		*ret_n = 0;
		return 0;
	}
	all = malloc(s->table.count * sizeof(*all));
	if (!all)
		return err_nomem(err);
	for (const struct store_node *node = s->head; node; node = node->next)
		store_entry_copy(&all[n++], &node->entry);
	*ret = all;
	*ret_n = n;
	return 0;
}

static void move_out(struct store *s, struct store_node *node, struct ksnap_entry *to)
{
	detach(s, node);
	*to = node->entry;
	free(node);
	s->drained++;
}

static void tell_stray(struct store *s, const char *tag, enum store_drain_variant variant)
{
	static const char *const names[] = {
		[STORE_DRAIN] = "drain",
		[STORE_DRAIN_ORDERED] = "drain_ordered",
		[STORE_DRAIN_ORDERED_WITH_STATS] = "drain_ordered_with_stats",
	};

	events_raise(s->events, KSNAP_EV_DRAIN_ORDERING_INVARIANT_VIOLATION,
		     (struct ksnap_event_field[]){
			     EVENT_STR("tag", tag),
			     EVENT_STR("drain_variant", names[variant]),
		     },
		     2);
}

int store_drain(struct store *s, enum store_drain_variant variant, struct ksnap_entry **ret,
		size_t *ret_n, struct ksnap_err *err)
{
	size_t total = s->table.count, n = 0;
	struct ksnap_entry *all;
	struct tag_link *stray;

	if (!total) {
		*ret = NULL;
		*ret_n = 0;
		return 0;
	}
	all = malloc(total * sizeof(*all));
	if (!all)
		return err_nomem(err);
	while (s->head)
		move_out(s, s->head, &all[n++]);
	while (n < total && (stray = tag_table_any(&s->table))) {
		tell_stray(s, stray->tag, variant);
		move_out(s, node_of(stray), &all[n++]);
	}
	tag_table_shrink(&s->table);
	*ret = all;
	*ret_n = n;
	return 0;
}

void store_fini(struct store *s)
{
	struct store_node *left = NULL;
	struct tag_link *link;

	while (s->head)
		leave(s, s->head, &left);
	while (s->table.count && (link = tag_table_any(&s->table)))
		leave(s, node_of(link), &left);
	store_nodes_free(left);
	tag_table_fini(&s->table);
}
