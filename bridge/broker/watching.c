// SPDX-License-Identifier: MIT
/* watching.c - the table of watches: few, so a list, oldest first. */
#include "broker/watching.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/limits.h"
#include "base/utf8.h"
#include "broker/bridges.h"
#include "broker/hits.h"
#include "broker/publish.h"
#include "broker/request.h"
#include "broker/session.h"
#include "broker/workers.h"
#include "core/bridge.h"
#include "core/watches.h"
#include "wire/scan.h"

#define WORDS_SYMBOL   48 /* bytes of a symbol in what people are told of a watch */
#define WORDS_MAX      96
#define THROTTLED_REST NS_PER_S /* between two events watch_throttled */

struct watching {
	struct broker *broker;
	struct watch *first;
	_Atomic uint64_t last_id;
};

struct watching *watching_create(struct broker *b, struct ksnap_err *err)
{
	struct watching *all = calloc(1, sizeof(*all));

	if (all)
		all->broker = b;
	else
		err_nomem(err);
	return all;
}

static void free_watch(struct watch *w)
{
	wire_arena_fini(&w->arena);
	buf_fini(&w->encoded);
	buf_fini(&w->hit);
	free(w);
}

void watching_destroy(struct watching *all)
{
	if (!all)
		return;
	for (struct watch *w = all->first, *next; w; w = next) {
		next = w->next;
		free_watch(w);
	}
	free(all);
}

_Atomic uint64_t *watching_ids(struct watching *all)
{
	return &all->last_id;
}

struct broker *watch_broker(const struct watch *w)
{
	return w->all->broker;
}

static void forget(struct watch *w)
{
	struct watch **link = &w->all->first;

	while (*link != w)
		link = &(*link)->next;
	*link = w->next;
	free_watch(w);
}

void watch_reap(struct watch *w)
{
	bool busy = w->holds > 0 || w->life != WATCH_IS_OVER;

	for (unsigned i = 0; i < w->nlanes; i++)
		busy |= w->lane[i].busy;
	if (!busy)
		forget(w);
}

static struct watch *find_id(struct watching *all, uint64_t id)
{
	struct watch *w = all->first;

	while (w && w->id != id)
		w = w->next;
	return w;
}

/* "7 (jiffies_64)": by this a session owns it. */
static void words_of(const struct watch *w, char ret[WORDS_MAX])
{
	size_t len = strlen(w->symbol),
	       cut = utf8_cut(w->symbol, len < WORDS_SYMBOL ? len : WORDS_SYMBOL);

	snprintf(ret, WORDS_MAX, "%" PRIu64 " (%.*s%s)", w->id, (int)cut, w->symbol,
		 cut < len ? "..." : "");
}

static struct owned *owned_by(const struct watch *w)
{
	char words[WORDS_MAX];

	words_of(w, words);
	return sessions_find_owned(w->all->broker->sessions, OWNED_WATCH, wire_slice_of(words));
}

/* ---- beginning ------------------------------------------------------------------------------ */

static struct watch *create(struct watching *all, const struct hosted *h, struct wire_slice params,
			    struct wire_slice symbol)
{
	struct watch *w = calloc(1, sizeof(*w) + symbol.len + 1);

	if (!w)
		return NULL;
	w->all = all;
	strcpy(w->bridge, h->name);
	memcpy(w->symbol, symbol.p, symbol.len);
	if (buf_append(&w->encoded, params.p, params.len) ||
	    wire_decode(&wire_shape_watch_snapshot_params, w->encoded.data, w->encoded.len,
			WIRE_SKIP_UNKNOWN, &w->arena, &w->params, NULL)) {
		free_watch(w);
		return NULL;
	}
	return w;
}

static int add_lane(struct watch *w, struct wire_slice target, struct ksnap_err *err)
{
	const char *name = workers_target(w->all->broker->workers, target, err);
	struct lane *l = &w->lane[w->nlanes];

	if (!name)
		return KSNAP_E_NOTFOUND;
	for (unsigned i = 0; i < w->nlanes; i++)
		if (!strcmp(w->lane[i].target, name))
			return err_set(err, KSNAP_E_ARG,
				       "targets: %.64s is captured already; name each target once, "
				       "and not the watched one",
				       name);
	snprintf(l->target, sizeof(l->target), "%s", name);
	l->watch = w;
	w->nlanes++;
	return 0;
}

/* Its own target, then the others. */
static int add_lanes(struct watch *w, struct ksnap_err *err)
{
	const struct wire_slice *more = w->params.targets.items;
	int rc = add_lane(w, w->params.target, err);

	for (size_t i = 0; i < w->params.targets.n && !rc; i++) {
		if (!more[i].len)
			return err_set(err, KSNAP_E_ARG, "targets[%zu]: is empty", i);
		rc = add_lane(w, more[i], err);
	}
	return rc;
}

static int check_len(const struct wire_watch_snapshot_params *p, struct ksnap_err *err)
{
	if (p->has_len && (p->len & (p->len - 1)))
		return err_set(err, KSNAP_E_ARG,
			       "len: a debug register watches 1, 2, 4 or 8 bytes, not %" PRIu64,
			       p->len);
	return 0;
}

static int name_base(struct watch *w, struct ksnap_err *err)
{
	struct wire_slice name = w->params.has_tag ? w->params.tag : w->params.symbol;

	if (hits_tag(w->base, name.p, name.len, "", err))
		return err_prefix(err, w->params.has_tag ? "tag" : "symbol");
	return 0;
}

static int prepare(struct watch *w, struct ksnap_err *err)
{
	int rc = check_len(&w->params, err);

	rc = rc ? rc : name_base(w, err);
	return rc ? rc : add_lanes(w, err);
}

int watching_reserve(struct request *rq, struct hosted *h, struct ksnap_err *err)
{
	const struct wire_watch_snapshot_params *p = rq->params;
	struct watching *all = rq->broker->watching;
	struct watch *w = create(all, h, rq->env.params, p->symbol), **link = &all->first;
	int rc;

	if (!w)
		return err_nomem(err);
	rc = prepare(w, err);
	rc = rc ? rc : bridge_watch_reserve(h->core, w->symbol, &w->id, err);
	if (rc) {
		free_watch(w);
		return rc;
	}
	while (*link)
		link = &(*link)->next;
	*link = w;
	rq->watch = w->id;
	return 0;
}

void watching_cancel(struct watching *all, uint64_t id)
{
	struct watch *w = find_id(all, id);
	struct hosted *h = w ? bridges_find(all->broker->bridges, wire_slice_of(w->bridge)) : NULL;

	if (!w || w->life != WATCH_IS_ARMING)
		return;
	if (h)
		bridge_watch_release(h->core, id, NULL);
	forget(w);
}

int watching_commit(struct request *rq, const char *worker, const struct wire_armed *place,
		    struct ksnap_err *err)
{
	struct watch *w = find_id(rq->broker->watching, rq->watch);
	struct hosted *h = request_bridge_if_open(rq, err);
	char words[WORDS_MAX];
	int rc;

	if (!w || !h)
		return err_set(err, KSNAP_E_STATE,
			       "the bridge was closed while the watch was armed");
	words_of(w, words);
	rc = session_own(rq->session, OWNED_WATCH, wire_slice_of(words), w->lane[0].target, worker,
			 err);
	if (rc)
		return rc;
	snprintf(w->worker, sizeof(w->worker), "%s", worker);
	snprintf(w->host, sizeof(w->host), "%s", workers_host(rq->broker->workers, worker));
	w->place = *place;
	w->place.has_still = false; /* it is only true now */
	w->life = WATCH_IS_ARMED;
	bridge_watch_commit(h->core, w->id);
	return 0;
}

/* ---- looking -------------------------------------------------------------------------------- */

static bool is_of(const struct watch *w, struct wire_slice bridge)
{
	return w->life < WATCH_IS_ENDING && wire_slice_is(bridge, w->bridge);
}

struct watch *watching_find(struct watching *all, uint64_t id)
{
	struct watch *w = find_id(all, id);

	return w && w->life == WATCH_IS_ARMED ? w : NULL;
}

struct watch *watching_find_symbol(struct watching *all, struct wire_slice bridge,
				   struct wire_slice symbol, struct ksnap_err *err)
{
	struct watch *found = NULL;

	for (struct watch *w = all->first; w; w = w->next) {
		if (!is_of(w, bridge) || w->life != WATCH_IS_ARMED ||
		    !wire_slice_is(symbol, w->symbol))
			continue;
		if (found) {
			err_set(err, KSNAP_E_STATE,
				"symbol: watches %" PRIu64 " and %" PRIu64
				" are both on %.64s; name one by its id",
				found->id, w->id, w->symbol);
			return NULL;
		}
		found = w;
	}
	if (!found)
		err_set(err, KSNAP_E_NOTFOUND, "symbol: no watch of this bridge is on %.*s",
			symbol.len < 64 ? (int)symbol.len : 64, symbol.p);
	return found;
}

static struct wire_watch_row row_of(const struct watch *w)
{
	const struct owned *o = owned_by(w);
	bool armed = w->life == WATCH_IS_ARMED;

	return (struct wire_watch_row){
		.watch = w->id,
		.symbol = wire_slice_of(w->symbol),
		.state = wire_slice_of(armed ? "armed" : "arming"),
		.target = wire_slice_of(w->lane[0].target),
		.has_worker = armed,
		.worker = wire_slice_of(w->worker),
		.has_session = o != NULL,
		.session = wire_slice_of(o ? session_name(o->session) : ""),
		.has_pid = o && session_pid(o->session),
		.pid = o ? session_pid(o->session) : 0,
		.addr = w->place.addr,
		.len = w->place.len,
		.slot = w->place.slot,
		.hits = w->totals.hits,
		.suppressed = w->totals.suppressed,
		.has_unseen = w->totals.has_unseen,
		.unseen = w->totals.unseen,
		.captures = w->captures,
		.missed = w->missed,
	};
}

int watching_rows(struct watching *all, struct wire_slice bridge, struct wire_list *ret)
{
	struct wire_watch_row *rows;
	size_t n = 0;

	for (struct watch *w = all->first; w; w = w->next)
		n += is_of(w, bridge);
	rows = calloc(n + 1, sizeof(*rows));
	if (!rows)
		return KSNAP_E_NOMEM;
	*ret = (struct wire_list){ rows, n };
	for (struct watch *w = all->first; w; w = w->next)
		if (is_of(w, bridge))
			*rows++ = row_of(w);
	return 0;
}

/* ---- ending --------------------------------------------------------------------------------- */

void watching_total(struct watch *w, const struct wire_watch_totals *t)
{
	w->totals = *t;
	w->exact = true;
}

/* With those that the last captures, which are still to come, will leave out. */
static uint64_t missed_in_all(const struct watch *w)
{
	uint64_t n = w->missed;

	for (unsigned i = 0; i < w->nlanes; i++)
		if (w->lane[i].begun_n < w->n)
			n += w->n - w->lane[i].begun_n - 1;
	return n;
}

static struct hosted *bridge_of(const struct watch *w)
{
	return w->bridge_closed ? NULL
				: bridges_find(w->all->broker->bridges, wire_slice_of(w->bridge));
}

/* Its bridge may be closed, and another one of that name open. */
static void tell_over(struct watch *w, const char *reason)
{
	struct broker *b = w->all->broker;
	struct channel *c = publisher_channel(b->publisher, "watch", w->bridge, NULL);
	struct wire_live_over live = { .watch = w->id,
				       .symbol = wire_slice_of(w->symbol),
				       .reason = wire_slice_of(reason),
				       .exact = w->exact,
				       .hits = w->totals.hits,
				       .suppressed = w->totals.suppressed,
				       .has_unseen = w->totals.has_unseen,
				       .unseen = w->totals.unseen,
				       .missed = missed_in_all(w) };

	if (!c)
		return;
	publish(c, "over", &wire_shape_live_over, &live);
	if (!bridges_find(b->bridges, wire_slice_of(w->bridge)))
		publisher_retire(b->publisher, c);
}

static void raise_disarmed(const struct watch *w, struct hosted *h)
{
	struct ksnap_event_field f[] = { { .name = "symbol", .str = w->symbol },
					 { .name = "watch", .num = w->id },
					 { .name = "reason", .str = w->ended_by } };

	hosted_raise(h, KSNAP_EV_WATCH_DISARMED, f, ARRAY_SIZE(f));
}

static void disown(const struct watch *w)
{
	struct owned *o = owned_by(w);

	if (o)
		sessions_disown(w->all->broker->sessions, o);
}

void watching_end(struct watch *w, const char *reason)
{
	struct hosted *h = bridge_of(w);

	disown(w);
	w->life = WATCH_IS_OVER;
	tell_over(w, reason);
	if (h)
		bridge_watch_release(h->core, w->id, reason);
	watch_reap(w);
}

static void end_told(struct watch *w)
{
	struct hosted *h = bridge_of(w);

	w->life = WATCH_IS_OVER;
	tell_over(w, w->ended_by);
	if (h)
		raise_disarmed(w, h);
	watch_reap(w);
}

/* It may have ended by itself just before, which was told by then. */
static void no_totals(void *arg, const struct ksnap_err *err)
{
	struct watch *w = arg;

	w->holds--;
	if (w->life == WATCH_IS_ENDING)
		end_told(w);
	else
		watch_reap(w);
}

static void totals_came(void *arg, struct wire_slice result, struct ksnap_blob *blob)
{
	struct wire_watch_totals t;

	if (!wire_decode(&wire_shape_watch_totals, result.p, result.len, WIRE_SKIP_UNKNOWN, NULL,
			 &t, NULL))
		watching_total(arg, &t);
	no_totals(arg, NULL);
}

static const struct job_end totals_end = { .done = totals_came, .failed = no_totals };

static void ask_to_end(struct broker *b, uint64_t id, const char *worker, const struct job_end *end,
		       void *arg)
{
	struct wire_work_unwatch p = { .id = id };
	_buf_ struct buf params = BUF_INIT;

	wire_encode(&wire_shape_work_unwatch, &p, &params);
	workers_undo(b->workers, worker, "unwatch", &params, end, arg);
}

/* Of an armed one: the slot is free at once. */
static void begin_end(struct watch *w, const char *why)
{
	struct hosted *h = bridge_of(w);

	disown(w);
	w->life = WATCH_IS_ENDING;
	w->ended_by = why;
	if (h)
		bridge_watch_leave(h->core, w->id);
	w->holds++;
	ask_to_end(w->all->broker, w->id, w->worker, &totals_end, w);
}

void watching_ended_late(struct broker *b, struct wire_slice params, struct wire_slice result)
{
	struct wire_work_unwatch p;
	struct wire_watch_totals t;
	struct watch *w;

	if (wire_decode(&wire_shape_work_unwatch, params.p, params.len, WIRE_SKIP_UNKNOWN, NULL, &p,
			NULL))
		return;
	w = watching_find(b->watching, p.id);
	if (!w)
		return;
	if (!wire_decode(&wire_shape_watch_totals, result.p, result.len, WIRE_SKIP_UNKNOWN, NULL,
			 &t, NULL))
		watching_total(w, &t);
	watching_end(w, "unwatch");
}

void watching_undo(struct broker *b, uint64_t id, const char *worker)
{
	ask_to_end(b, id, worker, NULL, NULL);
}

void watching_disowned(struct broker *b, const char *name, const char *why)
{
	struct watch *w = watching_find(b->watching, strtoull(name, NULL, 10));

	if (w)
		begin_end(w, why);
}

static struct watch *find_held(struct watching *all, const char *worker)
{
	struct watch *w = all->first;

	while (w && (w->life != WATCH_IS_ARMED || strcmp(w->worker, worker)))
		w = w->next;
	return w;
}

/* Those that are ending end with their job. */
void watching_worker_lost(struct watching *all, const char *worker)
{
	struct watch *w;

	for (w = all->first; w; w = w->next)
		w->worker_lost |= !strcmp(w->worker, worker);
	while ((w = find_held(all, worker)))
		watching_end(w, "worker_lost");
}

static struct watch *find_of(struct watching *all, struct wire_slice bridge)
{
	struct watch *w = all->first;

	while (w && !is_of(w, bridge))
		w = w->next;
	return w;
}

/* The event is the bridge's, so it cannot wait for the totals; what was ending before tells it now,
 * too. From the first each time: a worker that cannot be told is lost, and its watches end. */
void watching_bridge_closes(struct watching *all, struct hosted *h)
{
	struct watch *w;

	for (w = all->first; w; w = w->next) {
		if (w->life != WATCH_IS_ENDING || bridge_of(w) != h)
			continue;
		raise_disarmed(w, h);
		w->bridge_closed = true;
	}
	while ((w = find_of(all, wire_slice_of(h->name)))) {
		uint64_t id = w->id;

		if (w->life == WATCH_IS_ARMING) {
			watching_cancel(all, id);
			continue;
		}
		bridge_watch_release(h->core, id, "bridge_closed");
		w->bridge_closed = true;
		begin_end(w, "bridge_closed");
	}
	for (w = all->first; w; w = w->next)
		w->bridge_closed |= !strcmp(w->bridge, h->name);
}

/* ---- what workers tell ---------------------------------------------------------------------- */

/* Armed by this worker; NULL, and counted. */
static struct watch *find_told(struct watching *all, const char *worker, uint64_t id)
{
	struct watch *w = find_id(all, id);
	bool is_on = w && (w->life == WATCH_IS_ARMED || w->life == WATCH_IS_ENDING);

	if (is_on && !strcmp(w->worker, worker))
		return w;
	all->broker->tally.drops[DROP_LATE_HIT]++;
	return NULL;
}

/* It goes to everybody who follows, so its strings must be text. The frame was scanned. */
static bool is_sound_hit(struct wire_slice hit)
{
	struct scan_head h;

	if (hit.len > LIMIT_MAX_HIT_BYTES || scan_head(hit.p, hit.len, &h) || h.type != SCAN_MAP)
		return false;
	for (size_t at = 0; at < hit.len; at += h.size + h.body) {
		const char *body;

		if (scan_head(hit.p + at, hit.len - at, &h))
			return false;
		body = hit.p + at + h.size;
		if (h.type == SCAN_STR && utf8_sound(body, h.body) != h.body)
			return false;
	}
	return true;
}

/* Messages may overtake the counts that they carry, which only ever rise. */
static void take_counts(struct watch *w, const struct wire_watch_totals *now)
{
	struct wire_watch_totals *t = &w->totals;

	t->hits = now->hits > t->hits ? now->hits : t->hits;
	t->suppressed = now->suppressed > t->suppressed ? now->suppressed : t->suppressed;
	if (now->has_unseen && now->unseen > t->unseen) {
		t->has_unseen = true;
		t->unseen = now->unseen;
	}
}

void watching_fired(struct watching *all, const char *worker, const struct wire_work_fired *m)
{
	struct watch *w = find_told(all, worker, m->watch);
	uint64_t *drops = all->broker->tally.drops;

	if (!w)
		return;
	if (m->n <= w->n || !is_sound_hit(m->hit)) {
		drops[DROP_WORK_FRAME]++;
		return;
	}
	take_counts(w, &(struct wire_watch_totals){ .hits = m->hits,
						    .suppressed = m->suppressed,
						    .has_unseen = m->has_unseen,
						    .unseen = m->unseen });
	if (w->bridge_closed)
		drops[DROP_LATE_HIT]++;
	else if (hits_take(w, m))
		drops[DROP_LIVE_MEMORY]++;
}

/* At most one event a second; the next one counts what this one would have. */
static void throttled(struct watch *w)
{
	struct hosted *h = bridges_find(w->all->broker->bridges, wire_slice_of(w->bridge));
	uint64_t now = clock_mono_ns(), n = w->totals.suppressed - w->throttled_told;
	struct ksnap_event_field f[] = { { .name = "symbol", .str = w->symbol },
					 { .name = "watch", .num = w->id },
					 { .name = "suppressed", .num = n } };

	if (w->life != WATCH_IS_ARMED || !h || !n ||
	    (w->throttled_mono_ns && now - w->throttled_mono_ns < THROTTLED_REST))
		return;
	w->throttled_mono_ns = now;
	w->throttled_told = w->totals.suppressed;
	hosted_raise(h, KSNAP_EV_WATCH_THROTTLED, f, ARRAY_SIZE(f));
}

void watching_told(struct watching *all, const char *worker, const struct wire_work_watched *m)
{
	struct watch *w = find_told(all, worker, m->watch);
	struct wire_watch_totals now = { .hits = m->hits,
					 .suppressed = m->suppressed,
					 .has_unseen = m->has_unseen,
					 .unseen = m->unseen };
	struct ksnap_err word; /* makes text of what a worker says */

	if (!w)
		return;
	take_counts(w, &now);
	if (wire_slice_is(m->state, "throttled")) {
		throttled(w);
	} else if (wire_slice_is(m->state, "disarmed")) {
		watching_total(w, &now);
		err_set(&word, 0, "%.*s", m->has_reason ? (int)m->reason.len : 0,
			m->has_reason ? m->reason.p : "");
		if (w->life == WATCH_IS_ENDING)
			end_told(w);
		else
			watching_end(w, word.text[0] ? word.text : "unknown");
	}
}
