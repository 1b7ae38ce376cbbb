/* SPDX-License-Identifier: MIT */
/* watching.h - the watches of all bridges: their slots, their hits, their ends.
 *
 *   reserve (the bridge's slot is held) → a worker arms it → commit → over, the slot is free
 *      └─ refused, failed, late, lost, bridge closed: cancel ─────────────────┘
 *
 * A watch is over when it is unwatched, when its session, worker or bridge is, or when its worker
 * says so. What is captured because of it (hits.h) may end later. When its session or bridge goes,
 * its slot is free at once, and that it is over is told with the totals, which its worker is asked
 * for. */
#ifndef KSNAP_BROKER_WATCHING_H
#define KSNAP_BROKER_WATCHING_H

#include "broker/parts.h"

struct watching;
struct watch;
struct hosted;
struct request;

struct watching *watching_create(struct broker *b, struct ksnap_err *err);
/* Forgets without undoing: the workers are told to leave anyway. */
void watching_destroy(struct watching *all);
/* The last id given to a watch, for all bridges. */
_Atomic uint64_t *watching_ids(struct watching *all);

/* Hold a slot of the bridge for the watch_snapshot that @rq is, and note the id in rq->watch.
 * E_ARG: its params contradict themselves; E_NOTFOUND: no such target; E_LIMIT: no slot is free,
 * the text names the holders. */
int watching_reserve(struct request *rq, struct hosted *h, struct ksnap_err *err);
/* @worker has armed it there, and the session owns it from now on. E_STATE: its bridge was closed
 * meanwhile. */
int watching_commit(struct request *rq, const char *worker, const struct wire_armed *place,
		    struct ksnap_err *err);
/* It was not armed. */
void watching_cancel(struct watching *all, uint64_t id);

/* The armed watch with this id; NULL: there is none. */
struct watch *watching_find(struct watching *all, uint64_t id);
/* The bridge's one on this symbol. E_NOTFOUND naming what there is, E_STATE: several are. */
struct watch *watching_find_symbol(struct watching *all, struct wire_slice bridge,
				   struct wire_slice symbol, struct ksnap_err *err);
/* An armed watch is over; @w is gone. Whoever has its totals gives them to watching_total before.
 */
void watching_total(struct watch *w, const struct wire_watch_totals *t);
void watching_end(struct watch *w, const char *reason);
/* The job unwatch with these @params has ended it, when nobody waited any more. */
void watching_ended_late(struct broker *b, struct wire_slice params, struct wire_slice result);
/* Rows of list_watches; memory is the caller's to free. */
int watching_rows(struct watching *all, struct wire_slice bridge, struct wire_list *ret);

/* Events from elsewhere. */
void watching_worker_lost(struct watching *all, const char *worker);
void watching_bridge_closes(struct watching *all, struct hosted *h);
/* The session that owned it under that name does not any more: it is ended. @why is static. */
void watching_disowned(struct broker *b, const char *name, const char *why);
/* Have the worker end the watch with this id, which nobody owns. */
void watching_undo(struct broker *b, uint64_t id, const char *worker);

/* What a worker tells. What makes no sense is counted, and so is what is about a watch that is
 * over. */
void watching_fired(struct watching *all, const char *worker, const struct wire_work_fired *m);
void watching_told(struct watching *all, const char *worker, const struct wire_work_watched *m);

#endif
