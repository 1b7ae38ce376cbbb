// SPDX-License-Identifier: MIT
/* job_watch.c - what the broker asks of watches becomes the target's request, and the target's
 * news what the broker is told. */
#include "capture/job_watch.h"

#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "capture/selection.h"
#include "wire/shapes.h"

#define SYMBOL_BYTES 511 /* of a symbol, as the op's params have it */

/* Of the op's params, and what the broker puts beside them (work.lua: watching), what is needed
 * here. The broker has filled in the defaults. */
struct arm_params {
	struct wire_slice symbol;
	uint64_t id, len, rate, burst, max_hits;
	bool has_symbol, has_id, has_len, has_rate, has_burst, has_max_hits;
};

#define UINT_FIELD(field, must)                                        \
	{                                                              \
		.name = #field, .kind = WIRE_UINT, .required = must,   \
		.offset = offsetof(struct arm_params, field),          \
		.has_offset = offsetof(struct arm_params, has_##field) \
	}

static const struct wire_field arm_fields[] = {
	{ .name = "symbol",
	  .kind = WIRE_STR,
	  .required = true,
	  .min = 1,
	  .max = SYMBOL_BYTES,
	  .offset = offsetof(struct arm_params, symbol),
	  .has_offset = offsetof(struct arm_params, has_symbol) },
	UINT_FIELD(id, true),
	UINT_FIELD(rate, true),
	UINT_FIELD(burst, true),
	UINT_FIELD(len, false),
	UINT_FIELD(max_hits, false),
};

static const struct wire_shape arm_shape = {
	.name = "watch_snapshot",
	.fields = arm_fields,
	.nfields = ARRAY_SIZE(arm_fields),
	.size = sizeof(struct arm_params),
};

static int refuse_slot(const struct bench *b, struct ksnap_err *err)
{
	return err_set(err, KSNAP_E_UNSUPPORTED, "target %s cannot watch: %s", b->ops->kind,
		       b->ops->why_not ? b->ops->why_not : "it has nothing that changes");
}

static int check_rates(const struct arm_params *p, struct ksnap_err *err)
{
	if (p->len > 8 || (p->len & (p->len - 1)))
		return err_set(err, KSNAP_E_ARG,
			       "len: a debug register watches 1, 2, 4 or 8 bytes, not %llu",
			       (unsigned long long)p->len);
	if (!p->rate || p->rate > UINT32_MAX || !p->burst || p->burst > UINT32_MAX)
		return err_set(err, KSNAP_E_ARG, "rate, burst: at least 1 and within 32 bits");
	return 0;
}

/* What captures could not take must not come out with the first hit. */
static int check_maps(const struct job *job, struct ksnap_err *err)
{
	struct wire_arena arena = { 0 };
	struct wire_watch_snapshot_params p;
	_free_ const char **globs = NULL;
	struct selection sel;
	int ret = wire_decode(&wire_shape_watch_snapshot_params, job->params.p, job->params.len,
			      WIRE_SKIP_UNKNOWN, &arena, &p, err);

	if (!ret && !(globs = job_copy_globs(&p.maps, err)))
		ret = KSNAP_E_NOMEM;
	wire_arena_fini(&arena);
	return ret ? ret : selection_init(&sel, globs, p.maps.n, err);
}

static int arm(struct bench *b, const struct arm_params *p, struct watch_place *ret,
	       struct ksnap_err *err)
{
	char symbol[SYMBOL_BYTES + 1];
	struct watch_request rq = { .id = p->id,
				    .symbol = symbol,
				    .len = p->len,
				    .rate = p->rate,
				    .burst = p->burst,
				    .max_hits = p->has_max_hits ? p->max_hits : 0 };

	if (memchr(p->symbol.p, 0, p->symbol.len))
		return err_set(err, KSNAP_E_ARG, "symbol: it holds a NUL");
	memcpy(symbol, p->symbol.p, p->symbol.len);
	symbol[p->symbol.len] = 0;
	return b->ops->arm(b->target, &rq, ret, err);
}

int job_arm(struct bench *b, const struct job *job, struct job_result *res, struct ksnap_err *err)
{
	struct arm_params p = { 0 };
	struct watch_place place;
	struct wire_armed out;
	struct watch_counts counts;
	int ret;

	if (!b->ops->arm)
		return refuse_slot(b, err);
	ret = accessor_need(&b->accessor, b->ops, b->target, err);
	if (!ret)
		ret = wire_decode(&arm_shape, job->params.p, job->params.len, WIRE_SKIP_UNKNOWN,
				  NULL, &p, err);
	if (!ret)
		ret = check_rates(&p, err);
	if (!ret)
		ret = check_maps(job, err);
	if (!ret)
		ret = arm(b, &p, &place, err);
	if (ret)
		return ret;
	out = (struct wire_armed){ .addr = place.addr,
				   .len = place.len,
				   .slot = place.slot,
				   .has_still = place.still != NULL,
				   .still = wire_slice_of(place.still ? place.still : "") };
	if (!wire_encode(&wire_shape_armed, &out, &res->r))
		return 0;
	b->ops->disarm(b->target, p.id, &counts, NULL);
	return err_nomem(err);
}

int job_disarm(struct bench *b, const struct job *job, struct job_result *res,
	       struct ksnap_err *err)
{
	struct wire_work_unwatch p;
	struct watch_counts counts;
	struct wire_watch_totals out;
	int ret;

	if (!b->ops->disarm)
		return refuse_slot(b, err);
	ret = wire_decode(&wire_shape_work_unwatch, job->params.p, job->params.len,
			  WIRE_SKIP_UNKNOWN, NULL, &p, err);
	if (!ret)
		ret = b->ops->disarm(b->target, p.id, &counts, err);
	if (ret)
		return ret;
	out = (struct wire_watch_totals){ .hits = counts.hits,
					  .suppressed = counts.suppressed,
					  .has_unseen = counts.unseen > 0,
					  .unseen = counts.unseen };
	return wire_encode(&wire_shape_watch_totals, &out, &res->r) ? err_nomem(err) : 0;
}

static int encode_fired(const struct watch_news *n, struct buf *out)
{
	struct wire_work_fired m = { .k = wire_slice_of("fired"),
				     .watch = n->id,
				     .n = n->n,
				     .mono = n->mono_ns,
				     .hit = n->hit,
				     .hits = n->counts.hits,
				     .suppressed = n->counts.suppressed,
				     .has_unseen = n->counts.unseen > 0,
				     .unseen = n->counts.unseen };

	return wire_encode(&wire_shape_work_fired, &m, out);
}

int job_watch_news(const struct watch_news *n, struct buf *out)
{
	static const char *const states[] = { [WATCH_NEWS_COUNTED] = "armed",
					      [WATCH_NEWS_THROTTLED] = "throttled",
					      [WATCH_NEWS_DISARMED] = "disarmed" };
	struct wire_work_watched m = { .k = wire_slice_of("watched"),
				       .watch = n->id,
				       .hits = n->counts.hits,
				       .suppressed = n->counts.suppressed,
				       .has_unseen = n->counts.unseen > 0,
				       .unseen = n->counts.unseen };

	if (n->kind == WATCH_NEWS_HIT)
		return encode_fired(n, out);
	m.state = wire_slice_of(states[n->kind]);
	m.has_reason = n->reason != NULL;
	m.reason = wire_slice_of(n->reason ? n->reason : "");
	return wire_encode(&wire_shape_work_watched, &m, out);
}
