/* SPDX-License-Identifier: MIT */
/* state.h - what a broker holds, on disk: stored snapshots, events that nobody drained, counts.
 *
 * Nothing tells the state what changed. Before each final answer, and every heartbeat, it compares
 * the books of the bridges with those it wrote last, and writes what is new as one batch: so what
 * was answered is in the file, and a broker that is killed comes back with it. Whether it is on
 * the disk too, for a machine that stops, is a matter of the policy.
 *
 * Files stay below twice what is stored and four segments: what still lives in the barest file is
 * written once more, to the newest, and the file removed. When writing fails the broker goes on
 * from memory and tries again every heartbeat. */
#ifndef KSNAP_BROKER_STATE_H
#define KSNAP_BROKER_STATE_H

#include "broker/parts.h"

enum state_sync {
	STATE_SYNC_SECOND, /* every heartbeat, on another thread */
	STATE_SYNC_NO,     /* only before files are removed */
	STATE_SYNC_ALWAYS, /* before each final answer */
};

struct state;

/* Read @folder, made when it is not there, and put what it has back to the broker's bridges, of
 * which there are none yet. E_STATE: another broker uses the folder, or a file is damaged. */
struct state *state_create(struct broker *b, const char *folder, enum state_sync sync,
			   struct ksnap_err *err);
/* Writes what is new, and brings all to the disk. */
void state_destroy(struct state *s);
/* Write what is new. NULL: nothing to do. */
void state_settle(struct state *s);
void state_tick(struct state *s);
/* For status. Strings live as long as @s, or until the next call. */
void state_row(struct state *s, struct wire_state_row *ret);
/* "no", "second" or "always"; E_ARG. */
int state_sync_of(const char *word, enum state_sync *ret, struct ksnap_err *err);

#endif
