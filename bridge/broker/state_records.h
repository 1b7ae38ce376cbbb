/* SPDX-License-Identifier: MIT */
/* state_records.h - the records of schemas/kept.lua, written and read. */
#ifndef KSNAP_BROKER_STATE_RECORDS_H
#define KSNAP_BROKER_STATE_RECORDS_H

#include "broker/batch.h"
#include "broker/bridges.h"
#include "core/bridge.h"
#include "wire/shapes.h"

#define KEPT_SCHEMA "ksnap.kept/1"

/* All open bridges. */
void record_head(struct batch *b, struct broker *broker);
/* The books of @h; with @counts those that say how much lives. */
void record_bridge(struct batch *b, const struct hosted *h, const struct bridge_books *books,
		   bool counts);
void record_snapshot(struct batch *b, const struct hosted *h, struct store_node *node);
void record_event(struct batch *b, const struct hosted *h, struct event_node *node);

/* Make a node of a snapshot's record and report; NULL: no memory. */
struct store_node *record_node(const struct wire_kept_snapshot *r, struct ksnap_blob *report);
/* Put an event's record back; a field or kind that nobody knows is E_ARG. Returns its node in
 * *ret. */
int record_revive_event(const struct wire_kept_event *r, struct events *events,
			struct event_node **ret, struct ksnap_err *err);
void record_books(const struct wire_kept_bridge *r, struct bridge_books *ret);

#endif
