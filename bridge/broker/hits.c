// SPDX-License-Identifier: MIT
/* hits.c - from a hit to stored reports: jobs of the broker's own, one a lane. */
#include "broker/hits.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/fault.h"
#include "base/utf8.h"
#include "broker/bridges.h"
#include "broker/publish.h"
#include "broker/store_report.h"
#include "broker/workers.h"

#define HASH_TEXT 9 /* "~" and eight hex digits */

static uint32_t fnv1a(const char *s, size_t len)
{
	uint32_t h = 2166136261u;

	for (size_t i = 0; i < len; i++)
		h = (h ^ (uint8_t)s[i]) * 16777619u;
	return h;
}

int hits_tag(char ret[KSNAP_TAG_MAX + 1], const char *name, size_t len, const char *suffix,
	     struct ksnap_err *err)
{
	size_t room = KSNAP_TAG_MAX - strlen(suffix);

	if (len <= room)
		snprintf(ret, KSNAP_TAG_MAX + 1, "%.*s%s", (int)len, name, suffix);
	else
		snprintf(ret, KSNAP_TAG_MAX + 1, "%.*s~%08" PRIx32 "%s",
			 (int)utf8_cut(name, room - HASH_TEXT), name, fnv1a(name, len), suffix);
	return ksnap_tag_check(ret, strlen(ret), err);
}

static struct hosted *bridge_of(const struct watch *w)
{
	return w->bridge_closed ? NULL
				: bridges_find(watch_broker(w)->bridges, wire_slice_of(w->bridge));
}

static void raise_unavailable(struct watch *w, const char *tag, const char *why)
{
	struct hosted *h = bridge_of(w);

	if (h)
		ksnap_bridge_capture_failed(h->core, tag, why);
}

/* ---- one capture ---------------------------------------------------------------------------- */

static void name_tag(struct lane *l)
{
	const struct watch *w = l->watch;
	struct wire_slice base = w->params.has_tag ? w->params.tag : wire_slice_of(w->symbol);
	char name[1024], suffix[32] = "";

	if (w->params.each)
		snprintf(suffix, sizeof(suffix), "#%" PRIu64, w->n);
	if (l == w->lane)
		snprintf(name, sizeof(name), "%.*s", (int)base.len, base.p);
	else
		snprintf(name, sizeof(name), "%.*s@%s", (int)base.len, base.p, l->target);
	hits_tag(l->tag, name, strlen(name), suffix, NULL);
}

/* Params of its job: what an op capture_snapshot would have, and the hit. */
static int encode_job(const struct lane *l, uint64_t missed, struct buf *out, struct ksnap_err *err)
{
	const struct watch *w = l->watch;
	bool joined = l != w->lane;
	char cause[128];
	struct wire_capture_snapshot_params p = { .tag = wire_slice_of(l->tag),
						  .has_target = true,
						  .target = wire_slice_of(l->target),
						  .has_maps = w->params.has_maps,
						  .maps = w->params.maps,
						  .has_progs = w->params.has_progs,
						  .progs = w->params.progs };
	struct wire_caused c = { .joined = joined,
				 .hit_mono = w->mono,
				 .has_host = joined,
				 .host = wire_slice_of(w->host),
				 .missed = missed,
				 .has_hit = !joined,
				 .hit = { (char *)w->hit.data, w->hit.len } };

	snprintf(cause, sizeof(cause), "%s/%" PRIu64 "#%" PRIu64, w->bridge, w->id, w->n);
	c.cause = wire_slice_of(cause);
	if (wire_encode(&wire_shape_capture_snapshot_params, &p, out))
		return err_nomem(err);
	return wire_encode_beside(&wire_shape_caused, &c, out, err);
}

static const struct job_end capture_end;

static int submit(struct lane *l, uint64_t missed, struct ksnap_err *err)
{
	struct watch *w = l->watch;
	_buf_ struct buf params = BUF_INIT;
	struct job_spec spec = { .op = "capture_snapshot",
				 .target = wire_slice_of(l->target),
				 .worker = l == w->lane ? w->worker : NULL };

	if (l == w->lane && w->worker_lost)
		return err_set(err, KSNAP_E_WORKER_LOST, "worker %s, which held the watch, is lost",
			       w->worker);
	if (encode_job(l, missed, &params, err))
		return err->code;
	spec.params = (struct wire_slice){ (char *)params.data, params.len };
	return workers_start(watch_broker(w)->workers, &spec, &capture_end, l, err);
}

/* For the newest hit. What cannot even begin has failed. The caller holds the watch. */
static void begin(struct lane *l)
{
	struct watch *w = l->watch;
	uint64_t missed = w->n - l->begun_n - 1;
	struct ksnap_err err;

	l->begun_n = w->n;
	w->missed += missed;
	name_tag(l);
	l->busy = true;
	if (!submit(l, missed, &err))
		return;
	l->busy = false;
	raise_unavailable(w, l->tag, err.text);
}

/* The lane is free: the hits that came meanwhile are its next. */
static void ended(struct lane *l)
{
	struct watch *w = l->watch;

	w->holds++;
	l->busy = false;
	if (l->begun_n < w->n && !w->bridge_closed)
		begin(l);
	w->holds--;
	watch_reap(w);
}

static void capture_failed(void *arg, const struct ksnap_err *err)
{
	struct lane *l = arg;

	raise_unavailable(l->watch, l->tag, err->text);
	ended(l);
}

static int store(struct lane *l, struct hosted *h, struct wire_slice result,
		 struct ksnap_blob *blob, struct wire_arena *arena, struct ksnap_err *err)
{
	struct ksnap_store_args args = { .size = sizeof(args), .report = blob };
	struct wire_captured_reasons why;
	struct wire_captured c;
	struct capture_counts counts;
	int rc;

	if (!blob)
		return err_set(err, KSNAP_E_TARGET, "the worker sent no report");
	rc = wire_decode(&wire_shape_captured, result.p, result.len, WIRE_SKIP_UNKNOWN, arena, &c,
			 err);
	rc = rc ? rc
		: wire_decode(&wire_shape_captured_reasons, result.p, result.len, WIRE_SKIP_UNKNOWN,
			      arena, &why, err);
	if (rc)
		return rc;
	args.complete = c.complete;
	args.placeholder = c.placeholder;
	counts = (struct capture_counts){ .maps = c.maps, .reasons = why.reasons.n };
	return store_report(h, wire_slice_of(l->tag), &args, &counts, NULL, err);
}

static void capture_done(void *arg, struct wire_slice result, struct ksnap_blob *blob)
{
	struct lane *l = arg;
	struct hosted *h = bridge_of(l->watch);
	struct wire_arena arena = { 0 };
	struct ksnap_err err;

	if (!h)
		watch_broker(l->watch)->tally.drops[DROP_LATE_RESULT]++;
	else if (store(l, h, result, blob, &arena, &err))
		raise_unavailable(l->watch, l->tag, err.text);
	else
		l->watch->captures++;
	wire_arena_fini(&arena);
	ended(l);
}

static const struct job_end capture_end = { .done = capture_done, .failed = capture_failed };

/* ---- a hit ---------------------------------------------------------------------------------- */

static int remember(struct watch *w, const struct wire_work_fired *m)
{
	_buf_ struct buf hit = BUF_INIT;
	struct buf old = w->hit;

	if (buf_append(&hit, m->hit.p, m->hit.len))
		return KSNAP_E_NOMEM;
	w->hit = hit;
	hit = old;
	w->n = m->n;
	w->mono = m->mono;
	return 0;
}

int hits_take(struct watch *w, const struct wire_work_fired *m)
{
	struct hosted *h = bridge_of(w);
	struct wire_live_hit live = { .watch = w->id,
				      .symbol = wire_slice_of(w->symbol),
				      .n = m->n,
				      .hit = m->hit,
				      .hits = w->totals.hits,
				      .suppressed = w->totals.suppressed,
				      .has_unseen = w->totals.has_unseen,
				      .unseen = w->totals.unseen };

	if (!h || remember(w, m))
		return KSNAP_E_NOMEM;
	if (!FAULT_IS(FAULT_LOSE_HIT) || w->n % 10)
		publish(h->watch, "hit", &wire_shape_live_hit, &live);
	w->holds++;
	for (unsigned i = 0; i < w->nlanes; i++)
		if (!w->lane[i].busy)
			begin(&w->lane[i]);
	w->holds--;
	watch_reap(w);
	return 0;
}
