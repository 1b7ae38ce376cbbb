// SPDX-License-Identifier: MIT
/* books.c - status, list and drain_events, and what has to be true of them. */
#include "bench/books.h"

#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "bench/bench.h"
#include "wire/shapes.h"

#define NUM(v) ((unsigned long long)(v))

static void copy_text(char *to, size_t cap, struct wire_slice s)
{
	snprintf(to, cap, "%.*s", (int)s.len, s.p);
}

static int ask(struct ksnap_client *c, const char *op, const char *bridge, struct ksnap_reply *ret)
{
	KSNAP_OPTS(ksnap_call, call, .op = op, .bridge = bridge);
	struct ksnap_err err = { 0 };

	return ksnap_client_call(c, &call, ret, &err) ? bench_wrong("%s: %s", op, err.text) : 0;
}

/* ---- status --------------------------------------------------------------------------------- */

static void take_bridge(struct books_bridge *to, const struct wire_bridge_row *row)
{
	*to = (struct books_bridge){
		.stored = row->stored,
		.bytes = row->bytes,
		.accepted = row->accepted,
		.evicted = row->evicted,
		.overwritten = row->overwritten,
		.drained = row->drained,
		.events_kept = row->events_kept,
		.events_raised = row->events_raised,
		.events_dropped = row->events_dropped,
		.unavailable = row->unavailable,
		.watches = row->watches,
		.limits = { row->limits.snapshots, row->limits.bytes, row->limits.events },
	};
	copy_text(to->name, sizeof(to->name), row->name);
}

static int take_status(struct books *b, const struct wire_status_reply *s)
{
	const struct wire_bridge_row *bridges = s->bridges.items;
	const struct wire_channel_row *channels = s->channels.items;
	const struct wire_target_row *targets = s->targets.items;

	if (s->bridges.n > BOOKS_BRIDGES || s->channels.n > BOOKS_CHANNELS)
		return bench_wrong("%zu bridges, %zu channels: more than expected", s->bridges.n,
				   s->channels.n);
	*b = (struct books){ .rss = s->rss_bytes };
	for (; b->nbridges < s->bridges.n; b->nbridges++)
		take_bridge(&b->bridges[b->nbridges], &bridges[b->nbridges]);
	for (size_t i = 0; i < s->channels.n; i++) {
		struct books_channel *to = &b->channels[b->nchannels++];

		copy_text(to->name, sizeof(to->name), channels[i].channel);
		to->published = channels[i].published;
		to->retained = channels[i].retained;
	}
	for (size_t i = 0; i < s->targets.n; i++)
		b->queued += targets[i].queued;
	return 0;
}

int books_read(struct ksnap_client *c, struct books *ret)
{
	struct wire_arena arena = { 0 };
	struct wire_status_reply s;
	struct ksnap_reply reply;
	struct ksnap_err err = { 0 };
	int code;

	if (ask(c, "status", NULL, &reply))
		return -1;
	if (wire_decode(&wire_shape_status_reply, reply.r, reply.r_len, WIRE_SKIP_UNKNOWN, &arena,
			&s, &err))
		code = bench_wrong("status: %s", err.text);
	else
		code = take_status(ret, &s);
	wire_arena_fini(&arena);
	ksnap_reply_clear(&reply);
	return code;
}

/* ---- at any moment -------------------------------------------------------------------------- */

static int check_caps(const struct books_bridge *b)
{
	if (b->stored > b->limits.snapshots || b->bytes > b->limits.bytes ||
	    b->events_kept > b->limits.events || b->watches > LIMIT_MAX_WATCH_SNAPSHOTS)
		return bench_wrong(
			"%s: %llu snapshots, %llu bytes, %llu events, %llu watches: above a cap",
			b->name, NUM(b->stored), NUM(b->bytes), NUM(b->events_kept),
			NUM(b->watches));
	return 0;
}

static int check_sums(const struct books_bridge *b)
{
	if (b->accepted != b->stored + b->evicted + b->overwritten + b->drained)
		return bench_wrong("%s: %llu accepted, but %llu stored, %llu evicted, %llu "
				   "overwritten, %llu drained",
				   b->name, NUM(b->accepted), NUM(b->stored), NUM(b->evicted),
				   NUM(b->overwritten), NUM(b->drained));
	if (b->events_kept + b->events_dropped > b->events_raised ||
	    b->events_raised < b->evicted + b->overwritten)
		return bench_wrong("%s: %llu events raised, %llu kept, %llu dropped; %llu left",
				   b->name, NUM(b->events_raised), NUM(b->events_kept),
				   NUM(b->events_dropped), NUM(b->evicted + b->overwritten));
	return 0;
}

uint64_t books_published(const struct books *b, const char *prefix, const char *name)
{
	char full[KSNAP_TAG_MAX + 16];

	snprintf(full, sizeof(full), "%s/%s", prefix, name);
	for (unsigned i = 0; i < b->nchannels; i++) {
		if (!strcmp(b->channels[i].name, full))
			return b->channels[i].published;
	}
	return 0;
}

static int check_published(const struct books *b, const struct books_bridge *of)
{
	if (books_published(b, "snapshot", of->name) != of->accepted ||
	    books_published(b, "report", of->name) != of->accepted ||
	    books_published(b, "event", of->name) != of->events_raised)
		return bench_wrong("%s: %llu accepted and %llu events, published as %llu and %llu",
				   of->name, NUM(of->accepted), NUM(of->events_raised),
				   NUM(books_published(b, "snapshot", of->name)),
				   NUM(books_published(b, "event", of->name)));
	return 0;
}

int books_check(const struct books *b)
{
	for (unsigned i = 0; i < b->nbridges; i++) {
		const struct books_bridge *of = &b->bridges[i];

		if (check_caps(of) || check_sums(of) || check_published(b, of))
			return -1;
	}
	for (unsigned i = 0; i < b->nchannels; i++) {
		if (b->channels[i].retained > LIMIT_MAX_RETAINED_HEADERS)
			return bench_wrong("%s keeps %llu headers", b->channels[i].name,
					   NUM(b->channels[i].retained));
	}
	if (b->queued > LIMIT_MAX_QUEUED_JOBS)
		return bench_wrong("%llu jobs wait", NUM(b->queued));
	return 0;
}

/* ---- at the end ----------------------------------------------------------------------------- */

static int check_rows(const struct wire_list *list, const struct books_bridge *b)
{
	const struct wire_snapshot_row *rows = list->items;
	uint64_t bytes = 0;

	if (list->n != b->stored)
		return bench_wrong("%s: %zu rows of %llu stored", b->name, list->n, NUM(b->stored));
	for (size_t i = 0; i < list->n; i++) {
		uint64_t due = b->accepted - b->stored + 1 + i;

		bytes += rows[i].bytes;
		if (rows[i].seq != due)
			return bench_wrong(
				"%s: place %zu holds number %llu, not %llu: another than "
				"the oldest has left",
				b->name, i, NUM(rows[i].seq), NUM(due));
	}
	return bytes == b->bytes ? 0
				 : bench_wrong("%s: the rows have %llu bytes, the bridge %llu",
					       b->name, NUM(bytes), NUM(b->bytes));
}

int books_check_order(struct ksnap_client *c, const struct books_bridge *b)
{
	struct wire_list_reply list;
	struct wire_arena arena = { 0 };
	struct ksnap_reply reply;
	struct ksnap_err err = { 0 };
	int code;

	if (ask(c, "list", b->name, &reply))
		return -1;
	if (wire_decode(&wire_shape_list_reply, reply.r, reply.r_len, WIRE_SKIP_UNKNOWN, &arena,
			&list, &err))
		code = bench_wrong("list: %s", err.text);
	else
		code = check_rows(&list.r, b);
	wire_arena_fini(&arena);
	ksnap_reply_clear(&reply);
	return code;
}

static uint64_t number_in(struct wire_slice map, const char *key)
{
	struct wire_slice at;
	msgpack_unpacked u;
	uint64_t n = 0;

	if (!wire_map_find(map, key, &at))
		return 0;
	msgpack_unpacked_init(&u);
	if (msgpack_unpack_next(&u, at.p, at.len, NULL) == MSGPACK_UNPACK_SUCCESS)
		n = u.data.via.u64;
	msgpack_unpacked_destroy(&u);
	return n;
}

/* The mark has no number of its own, and is the last. */
static int follow_events(const struct wire_list *list, const char *bridge, struct books_events *e)
{
	const struct wire_slice *events = list->items;
	size_t n = list->n;
	uint64_t dropped = n ? number_in(events[n - 1], "dropped_count") : 0;

	n -= dropped > 0;
	e->last += dropped;
	e->dropped += dropped;
	for (size_t i = 0; i < n; i++) {
		uint64_t seq = number_in(events[i], "seq");

		if (seq != ++e->last)
			return bench_wrong("%s: event %llu came where %llu is due; %llu told as "
					   "dropped",
					   bridge, NUM(seq), NUM(e->last), NUM(dropped));
	}
	e->taken += n;
	return 0;
}

int books_take_events(struct ksnap_client *c, const char *bridge, struct books_events *e)
{
	struct wire_drain_events_reply all;
	struct wire_arena arena = { 0 };
	struct ksnap_reply reply;
	struct ksnap_err err = { 0 };
	int code;

	if (ask(c, "drain_events", bridge, &reply))
		return -1;
	if (wire_decode(&wire_shape_drain_events_reply, reply.r, reply.r_len, WIRE_SKIP_UNKNOWN,
			&arena, &all, &err))
		code = bench_wrong("drain_events: %s", err.text);
	else
		code = follow_events(&all.r, bridge, e);
	wire_arena_fini(&arena);
	ksnap_reply_clear(&reply);
	return code;
}
