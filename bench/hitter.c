// SPDX-License-Identifier: MIT
/* hitter.c - arm, write, wait until all is told, end, compare. */
#include "bench/hitter.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "bench/bench.h"
#include "bench/books.h"
#include "bench/overs.h"
#include "wire/shapes.h"

#define BURST         4000 /* writes without a rest */
#define REST          24   /* a rest is so many times as long as what was written before */
#define RATE          1000 /* hits a second that are told: as many as may be asked for */
#define MADE_BURST    50   /* told of those that a fixture makes at once */
#define SILENCE_NS    200000000
#define HOT_WITHIN_NS 5000000000ull
#define TURN_NS       2000000 /* between two looks */
#define PATIENCE_NS   60000000000ull
#define LOST_MOST     100 /* one write of so many may be lost by the machine: tests/bpf/traps.h */
#define FIXTURE_ON    "map0"

#define NUM(v) ((unsigned long long)(v))

/* One watch, as the broker told last. */
struct hit_row {
	uint64_t id, hits, suppressed, captured, missed;
};

struct hitter {
	struct hitter_opts o;
	pthread_t thread;
	atomic_bool done;
	int code;
	struct ksnap_client *client;
	struct buf params;
	unsigned nrows;
	struct hit_row rows[HITTER_WATCHES];
	uint64_t value, perf;     /* of what is written, when it was armed */
	uint64_t failed, failed0; /* captures of the bridge, now and then */
	uint64_t accepted, due;   /* by the bridge; hits of each watch of this turn */
	struct books books;
	struct ksnap_subscriber *subscriber;
	struct overs overs, unwatched; /* by the last messages; by replies and rows */
	struct hitter_result result;
};

/* ---- asking --------------------------------------------------------------------------------- */

/* Decodes into @ret; with @arena when there are lists in it. */
static int ask(struct hitter *h, const char *op, const struct wire_shape *shape,
	       struct wire_arena *arena, void *ret)
{
	KSNAP_OPTS(ksnap_call, call, .op = op, .bridge = h->o.bridge);
	struct ksnap_err err = { 0 };
	struct ksnap_reply reply;
	int code;

	call.params = h->params.len ? h->params.data : NULL;
	call.params_len = h->params.len;
	code = ksnap_client_call(h->client, &call, &reply, &err);
	if (!code) {
		code = wire_decode(shape, reply.r, reply.r_len, WIRE_SKIP_UNKNOWN, arena, ret,
				   &err);
		ksnap_reply_clear(&reply);
	}
	return code ? bench_wrong("%s: %s", op, err.text) : 0;
}

static void take_bridge(struct hitter *h, const struct books_bridge *b)
{
	h->failed = b->unavailable;
	h->accepted = b->accepted;
}

static int look_at_bridge(struct hitter *h)
{
	if (books_read(h->client, &h->books))
		return -1;
	for (unsigned i = 0; i < h->books.nbridges; i++) {
		if (!strcmp(h->books.bridges[i].name, h->o.bridge))
			take_bridge(h, &h->books.bridges[i]);
	}
	return 0;
}

static int look(struct hitter *h)
{
	struct wire_arena arena = { 0 };
	struct wire_list_watches_reply reply;
	int code;

	buf_clear(&h->params);
	code = ask(h, "list_watches", &wire_shape_list_watches_reply, &arena, &reply);
	if (!code && reply.r.n > HITTER_WATCHES)
		code = bench_wrong("%zu watches are held, at most %d may be", reply.r.n,
				   HITTER_WATCHES);
	for (size_t i = 0; !code && i < reply.r.n; i++) {
		const struct wire_watch_row *row = &((struct wire_watch_row *)reply.r.items)[i];

		h->rows[i] = (struct hit_row){ row->watch, row->hits, row->suppressed,
					       row->captures, row->missed };
	}
	h->nrows = code ? 0 : reply.r.n;
	wire_arena_fini(&arena);
	return code || overs_catch_up(h->subscriber, &h->overs) ? -1 : look_at_bridge(h);
}

static int arm(struct hitter *h, unsigned i)
{
	const char *on = h->o.written ? written_symbol(h->o.written) : FIXTURE_ON;
	struct wire_slice map = wire_slice_of(h->o.written ? written_map(h->o.written) : on);
	char tag[32];
	struct wire_watch_snapshot_params p = { .symbol = wire_slice_of(on),
						.has_rate = true,
						.rate = RATE,
						.has_burst = true,
						.burst = h->o.written ? RATE : MADE_BURST,
						.has_tag = true,
						.tag = { tag, 0 },
						.has_maps = true,
						.maps = { &map, 1 },
						.has_each = true,
						.each = true };
	struct wire_watch_snapshot_reply r;
	uint64_t begin = bench_now();

	p.tag.len = snprintf(tag, sizeof(tag), "watch_%llu", NUM(h->result.armed));
	buf_clear(&h->params);
	if (wire_encode(&wire_shape_watch_snapshot_params, &p, &h->params) ||
	    ask(h, "watch_snapshot", &wire_shape_watch_snapshot_reply, NULL, &r))
		return -1;
	hist_add(&h->result.latency, bench_now() - begin);
	h->result.armed++;
	return 0;
}

static int arm_all(struct hitter *h)
{
	h->failed0 = h->failed;
	h->value = h->o.written ? written_times(h->o.written) : 0;
	h->perf = h->o.written ? written_perf(h->o.written) : 0;
	for (unsigned i = 0; i < h->o.watches; i++) {
		if (arm(h, i))
			return -1;
	}
	return look(h) ? -1
	       : h->nrows == h->o.watches || h->o.until_hot
		       ? 0
		       : bench_wrong("%u of %u watches are armed", h->nrows, h->o.watches);
}

/* ---- writing -------------------------------------------------------------------------------- */

static void rest(uint64_t ns)
{
	struct timespec ts = { ns / 1000000000, ns % 1000000000 };

	nanosleep(&ts, NULL);
}

static int burst(struct hitter *h, uint64_t n, uint64_t *ret_ns)
{
	uint64_t begin = bench_now();
	int code = written_write(h->o.written, n);

	*ret_ns = bench_now() - begin;
	h->result.writing_ns += *ret_ns;
	return code;
}

/* The broker ends what a session has that is silent for long. */
static int rest_and_look(struct hitter *h, uint64_t ns)
{
	uint64_t end = bench_now() + ns, now;

	for (now = bench_now(); now < end; now = bench_now()) {
		rest(end - now < SILENCE_NS ? end - now : SILENCE_NS);
		if (look(h))
			return -1;
	}
	return 0;
}

/* At full speed, but not so much of the time that the worker finds it too much. */
static int write_in_bursts(struct hitter *h)
{
	uint64_t left = h->o.writes, ns;

	while (left) {
		uint64_t n = left < BURST ? left : BURST;

		if (burst(h, n, &ns) || rest_and_look(h, REST * ns))
			return -1;
		left -= n;
	}
	return 0;
}

/* A machine with much else to do may never let it be written so often; then it ends as others do.
 */
static int write_until_hot(struct hitter *h)
{
	uint64_t end = bench_now() + HOT_WITHIN_NS, ns;

	while (h->nrows && bench_now() < end) {
		if (burst(h, BURST, &ns) || look(h))
			return -1;
	}
	return 0;
}

static int write_all(struct hitter *h)
{
	h->due = h->o.writes;
	if (!h->o.written)
		return 0;
	if (h->o.until_hot ? write_until_hot(h) : write_in_bursts(h))
		return -1;
	/* All of them, but for those that the machine did not trap. */
	h->due = written_perf(h->o.written) - h->perf;
	return 0;
}

/* ---- the end of a turn ---------------------------------------------------------------------- */

static bool is_settled(const struct hitter *h)
{
	uint64_t told = 0, done = h->failed - h->failed0;

	for (unsigned i = 0; i < h->nrows; i++) {
		const struct hit_row *r = &h->rows[i];

		told += r->hits - r->suppressed;
		done += r->captured + r->missed;
		if (r->hits < h->due)
			return false;
	}
	return !h->nrows || told == done;
}

/* All hits are told, and all that are told are captured or missed. On a machine with much else to
 * do a watch may have got hot; it is gone then. */
static int settle(struct hitter *h)
{
	uint64_t end = bench_now() + PATIENCE_NS;

	for (;;) {
		if (look(h))
			return -1;
		if (is_settled(h)) {
			h->result.ended += h->o.watches - h->nrows;
			return 0;
		}
		if (bench_now() > end)
			break;
		rest(TURN_NS);
	}
	for (unsigned i = 0; i < h->nrows; i++)
		bench_wrong("watch %llu: %llu hits, %llu suppressed, %llu captured, %llu missed of "
			    "%llu trapped writes",
			    NUM(h->rows[i].id), NUM(h->rows[i].hits), NUM(h->rows[i].suppressed),
			    NUM(h->rows[i].captured), NUM(h->rows[i].missed), NUM(h->due));
	return -1;
}

static int check_watch(struct hitter *h, const struct hit_row *r,
		       const struct wire_unwatch_reply *end)
{
	if (end->hits != h->due)
		return bench_wrong("watch %llu: %llu hits of %llu trapped writes", NUM(r->id),
				   NUM(end->hits), NUM(h->due));
	return 0;
}

static int end_watch(struct hitter *h, const struct hit_row *r)
{
	struct wire_unwatch_params p = { .has_watch = true, .watch = r->id };
	struct wire_arena arena = { 0 };
	struct wire_unwatch_reply end;
	uint64_t begin = bench_now();
	int code;

	buf_clear(&h->params);
	if (wire_encode(&wire_shape_unwatch_params, &p, &h->params) ||
	    ask(h, "unwatch", &wire_shape_unwatch_reply, &arena, &end))
		return -1;
	hist_add(&h->result.latency, bench_now() - begin);
	h->unwatched.hits += end.hits;
	h->unwatched.suppressed += end.suppressed;
	h->unwatched.missed += r->missed;
	code = check_watch(h, r, &end);
	wire_arena_fini(&arena);
	return code;
}

/* The variable says how often it was written, nobody else writes it; perf says how often that was
 * trapped, and no watch can know more. */
static int check_traps(struct hitter *h)
{
	uint64_t value = written_times(h->o.written) - h->value;
	uint64_t traps = written_perf(h->o.written) - h->perf;

	h->result.writes += value;
	h->result.traps += traps;
	if (traps > value || value - traps > value / LOST_MOST)
		return bench_wrong("written %llu times, perf has counted %llu", NUM(value),
				   NUM(traps));
	if (!h->o.until_hot && value != h->o.writes)
		return bench_wrong("%llu writes were wanted, the variable says %llu",
				   NUM(h->o.writes), NUM(value));
	return 0;
}

static int check_writes(struct hitter *h)
{
	if (!h->o.written) {
		h->result.writes += h->o.watches * h->o.writes;
		h->result.traps = h->result.writes;
	} else if (check_traps(h)) {
		return -1;
	}
	if (h->overs.hits > h->result.traps * h->o.watches)
		return bench_wrong("%llu trapped writes, %llu hits", NUM(h->result.traps),
				   NUM(h->overs.hits));
	return 0;
}

/* What each watch said when it was over, and what the bridge has, which may come after that. */
static int sum_up(struct hitter *h)
{
	struct hitter_result *r = &h->result;
	uint64_t end = bench_now() + PATIENCE_NS;

	if (overs_read(h->subscriber, r->armed, &h->overs))
		return -1;
	r->hits = h->overs.hits;
	r->suppressed = h->overs.suppressed;
	r->missed = h->overs.missed;
	do {
		if (look_at_bridge(h))
			return -1;
		r->captured = h->accepted;
		r->failed = h->failed;
		if (h->overs.told == r->captured + r->missed + r->failed)
			return 0;
		rest(TURN_NS);
	} while (bench_now() < end);
	return bench_wrong("%llu hits told, but %llu captured, %llu missed, %llu captures failed",
			   NUM(h->overs.told), NUM(r->captured), NUM(r->missed), NUM(r->failed));
}

static int check_told(const struct hitter *h)
{
	const struct hitter_result *r = &h->result;

	if (h->overs.told != r->hits - r->suppressed)
		return bench_wrong("%llu hits less %llu suppressed, %llu told", NUM(r->hits),
				   NUM(r->suppressed), NUM(h->overs.told));
	if (!r->ended &&
	    (h->unwatched.hits != r->hits || h->unwatched.suppressed != r->suppressed ||
	     h->unwatched.missed != r->missed))
		return bench_wrong("unwatch said %llu hits, %llu suppressed, the rows %llu missed; "
				   "the last messages %llu, %llu, %llu",
				   NUM(h->unwatched.hits), NUM(h->unwatched.suppressed),
				   NUM(h->unwatched.missed), NUM(r->hits), NUM(r->suppressed),
				   NUM(r->missed));
	return 0;
}

static int end_all(struct hitter *h)
{
	struct hit_row rows[HITTER_WATCHES];
	unsigned n = h->nrows;

	memcpy(rows, h->rows, sizeof(rows));
	for (unsigned i = 0; i < n; i++) {
		if (end_watch(h, &rows[i]))
			return -1;
	}
	return sum_up(h) || check_told(h) ? -1 : check_writes(h);
}

/* ---- the loop ------------------------------------------------------------------------------- */

static int loop_through(struct hitter *h)
{
	for (uint64_t i = 0; i < h->o.arms; i++) {
		if (arm_all(h) || write_all(h))
			return -1;
		if (settle(h))
			return -1;
		if (end_all(h))
			return -1;
	}
	return 0;
}

static void *run(void *arg)
{
	struct hitter *h = arg;

	h->code = loop_through(h);
	atomic_store(&h->done, true);
	return NULL;
}

static void destroy(struct hitter *h)
{
	ksnap_subscriber_destroy(h->subscriber);
	ksnap_client_destroy(h->client);
	buf_fini(&h->params);
	free(h);
}

struct hitter *hitter_start(const struct hitter_opts *opts)
{
	struct hitter *h = calloc(1, sizeof(*h));
	struct ksnap_err err = { 0 };

	if (!h)
		return NULL;
	h->o = *opts;
	h->client = ksnap_client_connect(opts->url, NULL, &err);
	if (!h->client)
		bench_wrong("connect: %s", err.text);
	h->subscriber = h->client ? overs_follow(h->client, h->o.bridge) : NULL;
	if (h->subscriber && !pthread_create(&h->thread, NULL, run, h))
		return h;
	destroy(h);
	return NULL;
}

bool hitter_is_done(const struct hitter *h)
{
	return atomic_load(&h->done);
}

int hitter_join(struct hitter *h, struct hitter_result *ret)
{
	int code;

	pthread_join(h->thread, NULL);
	code = h->code;
	*ret = h->result;
	destroy(h);
	return code;
}
