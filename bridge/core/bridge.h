/* SPDX-License-Identifier: MIT */
/* bridge.h - what a broker needs of a bridge beyond ksnap.h: everything that takes time, cut in
 * two so that nothing has to wait.
 *
 *   ksnap_bridge (bridge.c): the lock, the callbacks, and
 *     store.c     snapshots by tag and in order  ── tag_table.c
 *     events.c    the event log                  ── event_kinds.c
 *     watches.c   watch slots
 *     oplog.c     kernel ops
 *     procs.c     cgroup.procs records
 *   active.c      which bridge a thread works on
 *   accessor.c    whether a target's symbols are ready
 *
 * Each part raises its facts as events on the same log, under the bridge's lock (which a bridge
 * made with single_threaded does not have). Blobs are released and callbacks are called with the
 * lock released, except the event callback. */
#ifndef KSNAP_CORE_BRIDGE_H
#define KSNAP_CORE_BRIDGE_H

#include "core/oplog.h"
#include "core/procs.h"
#include "core/store.h"
#include "ksnap.h"

/* Raise an event that came from outside: watch_throttled, worker_lost, session_lost. Strings are
 * copied. Field names are those of the schema. E_ARG: no such kind or field, or the mark of
 * truncation, which only a drain makes. */
int bridge_raise(struct ksnap_bridge *b, enum ksnap_event_kind kind,
		 const struct ksnap_event_field *fields, unsigned n);

/* Number watches from *@last, which bridges share and which outlives them, so that an id names one
 * watch among all of them. Call it before the first watch. */
void bridge_share_watch_ids(struct ksnap_bridge *b, _Atomic uint64_t *last);
/* Arming that takes time. reserve: the slot is held and has an id; E_LIMIT names the holders.
 * Then exactly one of commit (event watch_armed) and release. Neither calls a callback. */
int bridge_watch_reserve(struct ksnap_bridge *b, const char *symbol, uint64_t *ret_id,
			 struct ksnap_err *err);
/* E_NOTFOUND: @id is not being armed. */
int bridge_watch_commit(struct ksnap_bridge *b, uint64_t id);
/* Give the slot back: after a failure or a cancel without a trace, of an armed watch with event
 * watch_disarmed{reason} ("unwatch" when NULL). E_NOTFOUND: no such watch. */
int bridge_watch_release(struct ksnap_bridge *b, uint64_t id, const char *reason);
/* Give the slot of an armed watch back before it is known how it ended: the event is the caller's
 * to raise, by bridge_raise. E_NOTFOUND: no such watch is armed. */
int bridge_watch_leave(struct ksnap_bridge *b, uint64_t id);

/* Log a kernel op that was run elsewhere; the log takes references of its own. */
int bridge_record_kernel_op(struct ksnap_bridge *b, const struct ksnap_kernel_op *op,
			    struct ksnap_err *err);

/* For whoever keeps a single_threaded bridge beyond its life: its parts, to read what is stored and
 * to put back what was (store_revive, events_revive). Tests also break the store's order. */
struct store *bridge_store(struct ksnap_bridge *b);
struct events *bridge_events(struct ksnap_bridge *b);
/* The same, to read what a drain would take. */
const struct oplog *bridge_oplog(const struct ksnap_bridge *b);
const struct procs_log *bridge_procs(const struct ksnap_bridge *b);

/* All numbers that outlive a bridge's process. */
struct bridge_books {
	uint64_t evicted, overwritten, drained, refused, unavailable;
	uint64_t stored, first_seq, last_seq; /* stored: those within first_seq to last_seq */
	uint64_t events_kept, first_event, last_event; /* last_event: raised so far */
	uint64_t events_dropped, events_untold;
};

void bridge_books(struct ksnap_bridge *b, struct bridge_books *ret);
/* The counts of an earlier life, on a bridge that has none yet; @books->stored snapshots and
 * events_kept events are put back by its parts afterwards. */
void bridge_revive(struct ksnap_bridge *b, const struct bridge_books *books);

#endif
