/* SPDX-License-Identifier: MIT */
/* parts.h - what a broker is made of. Every part has a file of its own; the op files reach them
 * through the broker of their request. */
#ifndef KSNAP_BROKER_PARTS_H
#define KSNAP_BROKER_PARTS_H

#include "base/buf.h"
#include "base/loop.h"
#include "broker/broker.h"
#include "broker/tally.h"
#include "wire/shapes.h"

struct broker {
	struct loop *loop; /* the owner's */
	uint64_t epoch;    /* random, below 2^53 so that every language can hold it */
	uint64_t started_mono_ns;
	uint64_t max_frame; /* bytes of one envelope */
	uint64_t max_blob;  /* bytes of one blob */
	uint64_t max_bridges, max_sessions, max_queued_jobs;
	uint64_t max_unread;        /* bytes of reports on their way to one session */
	uint64_t max_behind;        /* bytes of reports queued to one subscriber */
	struct ksnap_limits limits; /* of bridges, and the most that open_bridge may ask for */
	enum wire_right role;       /* the most that any session may do */
	struct zap *zap;            /* keys; NULL: there are none */
	struct router *router;      /* control socket */
	struct sessions *sessions;
	struct bridges *bridges;
	struct watching *watching;
	struct workers *workers;     /* work socket */
	struct publisher *publisher; /* live socket */
	struct replays *replays;     /* long ones, under way */
	struct tally tally;
	struct buf result, reply;      /* being encoded; nothing in between */
	const struct wire_op *last_op; /* that was asked for; NULL: none, or no such op */
	int beat_timer;
	uint64_t ticked_ns;  /* when it last looked who is silent */
	uint64_t awake_ns;   /* since then it was always there to hear them; monotonic */
	struct state *state; /* what is kept on disk; NULL: nothing */
	uint64_t (*refused_connections)(void); /* by the owner's process; NULL: none */
	int statm; /* /proc/self/statm, for the time when no other file can be opened */
};

#endif
