/* SPDX-License-Identifier: MIT */
/* watches.h - the watch slots of one bridge.
 *
 *   take a slot (compare-and-swap) → row ARMING → callback or job → ARMED → LEAVING → slot back
 *                                       └─ fails, is cancelled, worker dies ───────→ slot back
 *
 * The slot is taken before anything is armed, so `held` can never pass the cap, not even for an
 * instant, whoever else is arming. Taking needs no lock; rows need the bridge's. */
#ifndef KSNAP_CORE_WATCHES_H
#define KSNAP_CORE_WATCHES_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ksnap.h"

#define WATCH_SYMBOL_MAX 511 /* bytes of a symbol */

enum watch_state {
	WATCH_ARMING, /* slot held, the outside world is asked */
	WATCH_ARMED,
	WATCH_LEAVING, /* being disarmed; no longer found by its id */
};

struct watch_row {
	struct watch_row *next;
	uint64_t id;
	enum watch_state state;
	char symbol[]; /* as it was asked for */
};

struct watches {
	uint64_t cap;
	_Atomic uint64_t held; /* slots taken, from before the callback until after the release */
	_Atomic uint64_t last_id; /* ids begin at 1 and are never used again */
	_Atomic uint64_t *ids;    /* the last id: last_id, or one that bridges share */
	struct watch_row *rows;   /* oldest first */
};

void watches_init(struct watches *w, uint64_t cap);
void watches_fini(struct watches *w);

/* E_ARG: no symbol, longer than WATCH_SYMBOL_MAX, or control characters. */
int watch_symbol_check(const char *symbol, struct ksnap_err *err);
/* In no list yet and without an id; NULL when memory is out. Free with free(). */
struct watch_row *watch_row_create(const char *symbol);

/* false: all are held. */
bool watches_take_slot(struct watches *w);
void watches_give_slot(struct watches *w);
/* E_LIMIT, naming the holders and the ways out. */
int watches_full(const struct watches *w, struct ksnap_err *err);

/* Give @row an id and list it; the slot has been taken. */
void watches_add(struct watches *w, struct watch_row *row);
/* By id, NULL when there is none. */
struct watch_row *watches_find(struct watches *w, uint64_t id);
/* E_NOTFOUND, naming up to three that are there. */
int watches_miss(const struct watches *w, uint64_t id, struct ksnap_err *err);
/* Unlist, free, and give the slot back. */
void watches_remove(struct watches *w, struct watch_row *row);

#endif
