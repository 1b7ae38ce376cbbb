/* SPDX-License-Identifier: MIT */
/* books.h - what a broker says of itself, and the sums and caps that hold at any moment. */
#ifndef KSNAP_BENCH_BOOKS_H
#define KSNAP_BENCH_BOOKS_H

#include <stdbool.h>

#include "ksnap.h"

#define BOOKS_BRIDGES  128
#define BOOKS_CHANNELS (4 * BOOKS_BRIDGES + 8)

struct books_bridge {
	char name[KSNAP_TAG_MAX + 1];
	uint64_t stored, bytes, accepted, evicted, overwritten, drained;
	uint64_t events_kept, events_raised, events_dropped;
	uint64_t unavailable, watches;
	struct ksnap_limits limits;
};

struct books_channel {
	char name[KSNAP_TAG_MAX + 16];
	uint64_t published, retained;
};

struct books {
	uint64_t rss, queued; /* resident bytes; jobs that wait */
	unsigned nbridges, nchannels;
	struct books_bridge bridges[BOOKS_BRIDGES];
	struct books_channel channels[BOOKS_CHANNELS];
};

/* Ask for the status. 0, or -1 and told. */
int books_read(struct ksnap_client *c, struct books *ret);
/* Caps are kept, accepted = stored + evicted + overwritten + drained, kept and dropped events are
 * no more than were raised, each snapshot was published. 0, or -1 and told. */
int books_check(const struct books *b);
/* How many messages there were on channel @prefix/@name. */
uint64_t books_published(const struct books *b, const char *prefix, const char *name);
/* What is stored are the newest @b->stored, the oldest first, without a hole: nothing but the
 * oldest ever left. */
int books_check_order(struct ksnap_client *c, const struct books_bridge *b);
/* What was taken of one bridge's events so far. */
struct books_events {
	uint64_t last, taken, dropped;
};
/* Take all events: each number follows the one before it, or the mark at their end tells how many
 * were dropped before them. 0, or -1 and told. */
int books_take_events(struct ksnap_client *c, const char *bridge, struct books_events *e);

#endif
