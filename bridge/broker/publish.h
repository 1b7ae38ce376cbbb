/* SPDX-License-Identifier: MIT */
/* publish.h - the live bus: channels with a hole-free number each, and what they keep for replay.
 *
 * A message gets its number before anything that can fail, so that a failure shows as a gap and
 * never as silence. */
#ifndef KSNAP_BROKER_PUBLISH_H
#define KSNAP_BROKER_PUBLISH_H

#include "broker/parts.h"

struct publisher;
struct channel;
struct retained_header;

struct publisher *publisher_create(struct broker *b, const struct broker_opts *opts,
				   struct ksnap_err *err);
void publisher_destroy(struct publisher *p);
/* Throw all subscribers on tcp out; those that have the right come back by themselves, and see what
 * they missed by its numbers. */
void publisher_cut(struct publisher *p);
const char *const *publisher_endpoints(const struct publisher *p);

/* The channel <prefix>/<name>, or <prefix> alone when @name is NULL; made when new. It outlives the
 * bridge it belongs to, so that what was published can still be replayed. */
struct channel *publisher_channel(struct publisher *p, const char *prefix, const char *name,
				  struct ksnap_err *err);
/* Nobody publishes on @c any more (NULL: nothing to do). Once MAX_RETIRED younger ones are retired,
 * it is forgotten. Numbers never start over all the same: a channel of that name then begins above
 * its last one. */
void publisher_retire(struct publisher *p, struct channel *c);
struct channel *publisher_find(struct publisher *p, struct wire_slice name);

/* A bridge's event, on event/<bridge>. */
void publish_event(struct channel *c, const struct ksnap_event *ev);
/* What a worker said of a report that it captured. */
struct capture_counts {
	uint64_t maps, reasons;
};
/* A stored snapshot: its row on @snapshot, its row and report on @report. @counts: NULL when no
 * worker captured it. */
void publish_snapshot(struct channel *snapshot, struct channel *report, const struct ksnap_entry *e,
		      const struct capture_counts *counts);
/* Any other message: @shape's fields of @body stand beside the header's own. */
void publish(struct channel *c, const char *kind, const struct wire_shape *shape, const void *body);
/* `beat`: the last number of each channel. */
void publish_beat(struct publisher *p);

/* Numbers of the headers kept: first (0: none) and last given. */
void channel_range(const struct channel *c, uint64_t *ret_first, uint64_t *ret_last);
/* Hold the kept header @seq; false when it is gone or could not be kept. */
bool channel_header(const struct channel *c, uint64_t seq, struct retained_header *ret);
/* Rows of the status reply; the list's memory is the caller's to free. */
int publisher_status(struct publisher *p, struct wire_list *ret);

#endif
