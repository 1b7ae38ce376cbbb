/* SPDX-License-Identifier: MIT */
/* events.h - the bounded log of one bridge's events.
 *
 * raise -> number and time stamp -> sink (at once) -> log, oldest out when full -> drain.
 *
 * A fact is never lost without trace: when the log is full, or memory for one more entry is out,
 * the sink still sees the event and the drop is counted; the next drain ends with a mark that
 * tells the count. raised = kept + drained + dropped, always. The bridge's lock protects it. */
#ifndef KSNAP_CORE_EVENTS_H
#define KSNAP_CORE_EVENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ksnap.h"

/* Bytes kept of one string field; more is cut at a character. */
#define EVENT_TEXT_MAX (KSNAP_ERR_TEXT - 1)

#define EVENT_STR(field, s) ((struct ksnap_event_field){ .name = (field), .str = (s) })
#define EVENT_NUM(field, v) ((struct ksnap_event_field){ .name = (field), .num = (v) })

/* Where a copy of a snapshot or event is kept; whoever keeps it sets this, the core never looks. */
struct kept {
	uint64_t in; /* number of the file; 0: in none */
	uint64_t bytes;
};

struct event_node {
	struct event_node *prev, *next; /* older, newer */
	size_t text_bytes;
	struct kept kept;
	struct ksnap_event event;
	char text[]; /* the strings of its fields */
};

struct events {
	uint64_t cap;                   /* events kept */
	struct event_node *head, *tail; /* oldest, newest */
	uint64_t kept;
	size_t text_bytes;   /* of all string fields kept, with their ends */
	uint64_t raised;     /* since creation; also the last seq */
	uint64_t dropped;    /* since creation */
	uint64_t untold;     /* dropped since the last drain */
	ksnap_event_fn sink; /* may be NULL */
	void *sink_arg;
	struct event_node *spare; /* room for one event when memory is out */
};

/* 0, or E_NOMEM. */
int events_init(struct events *ev, uint64_t cap, ksnap_event_fn sink, void *arg);
void events_fini(struct events *ev);
/* Copies the strings; names must be static. */
void events_raise(struct events *ev, enum ksnap_event_kind kind,
		  const struct ksnap_event_field *fields, unsigned n);
/* Append an event of an earlier life, with its number and times: above all that are there. The sink
 * does not see it and it does not count as raised. Returns its node, NULL when memory is out. */
struct event_node *events_revive(struct events *ev, const struct ksnap_event *event);
/* Number of the oldest event kept, or the next one to be given when none is. */
uint64_t events_first_seq(const struct events *ev);
/* The mark that a drain would end with; false: it would have none. */
bool events_mark(const struct events *ev, struct ksnap_event *ret);
/* Take all, the mark last; 0 or E_NOMEM with nothing taken. One allocation holds all of it. */
int events_drain(struct events *ev, struct ksnap_event **ret, size_t *ret_n, struct ksnap_err *err);

#endif
