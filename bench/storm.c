// SPDX-License-Identifier: MIT
/* storm.c - start everybody, look at the books while it rages, and at all of them at the end. */
#include "bench/storm.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <zmq.h>

#include "base/limits.h"
#include "bench/bench.h"
#include "bench/bystander.h"
#include "bench/executor.h"
#include "bench/follower.h"
#include "bench/raw.h"
#include "bench/served.h"
#include "wire/pack.h"
#include "wire/shapes.h"

#define TARGET         "fixture:maps=2,entries=20"
#define HITS_TARGET    TARGET ",hits=%llu"
#define EXECUTORS_MAX  128
#define MONITORS_MAX   128
#define PING_PERIOD_NS 5000000
#define DRAIN_PERIOD   7000000
#define LOOK_PERIOD_NS 10000000

#define SUBSCRIBER_HWM 1000
#define NODE_BYTES     512  /* a stored snapshot beside its report */
#define EVENT_BYTES    512  /* an event that is kept */
#define HEADER_BYTES   1024 /* a header that is kept, or queued to a monitor */
#define ROOM           (32ull << 20)

#define NUM(v) ((unsigned long long)(v))

struct world {
	const struct storm *s;
	struct storm_result *r;
	struct served broker;
	struct ksnap_client *client;
	void *context; /* of all monitors */
	struct ksnap_blob *report;
	struct executor *executors[EXECUTORS_MAX];
	struct written *written;
	struct hitter *hitter;
	struct follower *followers[MONITORS_MAX];
	void *stuck[MONITORS_MAX];
	const struct peer *echo;
	struct bystander *pinger, *echoer, *drainers[BOOKS_BRIDGES];
	struct books_events events[BOOKS_BRIDGES];
	uint64_t begin, cpu, ops, writes;
	struct books books;
};

static uint64_t less(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

uint64_t storm_allowed(const struct storm *s, const struct storm_result *r, uint64_t ops)
{
	uint64_t readers = s->monitors + s->stuck, all = ops * s->executors;
	uint64_t kept = less(LIMIT_MAX_STORED_SNAPSHOTS, all);
	uint64_t stored = s->bridges * less(kept * r->report_bytes, LIMIT_MAX_STORED_BYTES);
	uint64_t queued =
		less(SUBSCRIBER_HWM * r->report_bytes, LIMIT_MAX_BEHIND_BYTES + r->report_bytes);
	uint64_t headers = 3 * s->bridges * less(2 * all, LIMIT_MAX_RETAINED_HEADERS);

	return r->base + less(all * r->report_bytes, stored + (readers ? queued : 0)) +
	       (s->drains ? stored : 0) + (uint64_t)s->executors * s->in_flight * r->report_bytes +
	       s->bridges * (kept * NODE_BYTES + LIMIT_MAX_STORED_EVENTS * EVENT_BYTES) +
	       headers * HEADER_BYTES + readers * SUBSCRIBER_HWM * HEADER_BYTES + ROOM;
}

/* ---- begin ---------------------------------------------------------------------------------- */

static int start_monitors(struct world *w)
{
	for (unsigned i = 0; i < w->s->monitors; i++) {
		w->followers[i] = follower_start(w->broker.url, w->context);
		if (!w->followers[i])
			return -1;
	}
	for (unsigned i = 0; i < w->s->stuck; i++) {
		w->stuck[i] = stuck_subscriber(ksnap_client_live_endpoint(w->client), w->context);
		if (!w->stuck[i])
			return -1;
	}
	return 0;
}

static void name_bridge(char *to, size_t cap, unsigned i)
{
	snprintf(to, cap, "storm%u", i);
}

static int start_bystanders(struct world *w)
{
	static char names[BOOKS_BRIDGES][16];

	w->pinger = bystander_ping(w->broker.url, w->broker.pid, PING_PERIOD_NS);
	if (w->echo)
		w->echoer = bystander_echo(w->echo->endpoint, w->echo->pid, PING_PERIOD_NS);
	for (unsigned i = 0; w->s->drains && i < w->s->bridges; i++) {
		name_bridge(names[i], sizeof(names[i]), i);
		w->drainers[i] = bystander_drain(w->broker.url, names[i], DRAIN_PERIOD);
		if (!w->drainers[i])
			return -1;
	}
	return w->pinger && (w->echoer || !w->echo) ? 0 : -1;
}

static int start_executors(struct world *w)
{
	struct executor_opts o = {
		.url = w->broker.url,
		.report = w->report,
		.ops = w->ops,
		.in_flight = w->s->in_flight,
		.period_ns = w->s->period_ns,
		.one_tag = w->s->one_tag,
	};

	for (unsigned i = 0; i < w->s->executors; i++) {
		o.number = i;
		name_bridge(o.bridge, sizeof(o.bridge), i % w->s->bridges);
		w->executors[i] = executor_start(&o);
		if (!w->executors[i])
			return -1;
	}
	return 0;
}

static int start_hitter(struct world *w)
{
	struct hitter_opts o = { .url = w->broker.url,
				 .watches = w->s->watches,
				 .arms = w->ops,
				 .writes = w->writes,
				 .written = w->written,
				 .until_hot = w->s->hits == HITS_HOT };

	name_bridge(o.bridge, sizeof(o.bridge), 0);
	w->hitter = hitter_start(&o);
	return w->hitter ? 0 : -1;
}

static int start_storm(struct world *w)
{
	w->cpu = served_cpu(&w->broker);
	w->begin = bench_now();
	return w->s->hits ? start_hitter(w) : start_executors(w);
}

static int start_broker(struct world *w)
{
	char text[96];

	if (w->s->hits == HITS_NONE)
		return served_start(&w->broker, w->s->target ? w->s->target : TARGET);
	if (w->s->hits != HITS_MADE) {
		w->written = written_create();
		return w->written ? served_start(&w->broker, "live") : -1;
	}
	snprintf(text, sizeof(text), HITS_TARGET, NUM(w->writes));
	return served_start(&w->broker, text);
}

static int start_all(struct world *w)
{
	struct ksnap_err err = { 0 };

	w->context = zmq_ctx_new();
	if (w->s->bytes && !(w->report = raw_report(w->s->bytes)))
		return -1;
	if (start_broker(w))
		return -1;
	w->client = ksnap_client_connect(w->broker.url, NULL, &err);
	if (!w->client)
		return bench_wrong("connect: %s", err.text);
	w->r->base = served_rss(&w->broker);
	return start_monitors(w) || start_bystanders(w) || start_storm(w) ? -1 : 0;
}

/* ---- while it rages ------------------------------------------------------------------------- */

/* When there are too many, every other one goes, and further ones come half as often. */
static void keep_sample(struct storm_result *r, const struct books *b, uint64_t ns)
{
	struct storm_sample *to;

	if (r->nsamples == STORM_SAMPLES) {
		for (size_t i = 0; i < STORM_SAMPLES / 2; i++)
			r->samples[i] = r->samples[2 * i];
		r->nsamples = STORM_SAMPLES / 2;
	}
	to = &r->samples[r->nsamples++];
	*to = (struct storm_sample){ .ns = ns, .rss = b->rss };
	for (unsigned i = 0; i < b->nbridges; i++) {
		to->stored_bytes += b->bridges[i].bytes;
		to->accepted += b->bridges[i].accepted;
		to->evicted += b->bridges[i].evicted;
		to->events_kept += b->bridges[i].events_kept;
		to->events_dropped += b->bridges[i].events_dropped;
	}
}

static bool all_done(const struct world *w)
{
	if (w->hitter)
		return hitter_is_done(w->hitter);
	for (unsigned i = 0; i < w->s->executors; i++) {
		if (!executor_is_done(w->executors[i]))
			return false;
	}
	return true;
}

static int look(struct world *w)
{
	if (books_read(w->client, &w->books) || books_check(&w->books))
		return -1;
	keep_sample(w->r, &w->books, bench_now() - w->begin);
	w->r->looks++;
	return 0;
}

static int watch(struct world *w)
{
	const struct timespec turn = { .tv_nsec = LOOK_PERIOD_NS };

	while (!all_done(w)) {
		if (look(w))
			return -1;
		nanosleep(&turn, NULL);
	}
	return 0;
}

/* ---- the end -------------------------------------------------------------------------------- */

static int join_executors(struct world *w)
{
	static struct executor_result one;
	int code = 0;

	for (unsigned i = 0; i < w->s->executors && w->executors[i]; i++) {
		code |= executor_join(w->executors[i], &one);
		w->executors[i] = NULL;
		w->r->accepted += one.accepted;
		w->r->refused += one.refused;
		w->r->report_bytes = one.bytes;
		hist_merge(&w->r->op, &one.latency);
	}
	return code;
}

static int join_hitter(struct world *w)
{
	int code = w->hitter ? hitter_join(w->hitter, &w->r->hits) : 0;

	w->hitter = NULL;
	w->r->op = w->r->hits.latency;
	return code;
}

static int join_storm(struct world *w)
{
	int code = w->s->hits ? join_hitter(w) : join_executors(w);

	w->r->seconds = (bench_now() - w->begin) / 1e9;
	w->r->cpu_ns = served_cpu(&w->broker) - w->cpu;
	return code;
}

static int finish_bystanders(struct world *w)
{
	static struct bystander_result one;
	int code = bystander_finish(w->pinger, &one);

	w->pinger = NULL;
	w->r->ping = one.latency;
	w->r->ping_own = one.own;
	code |= bystander_finish(w->echoer, &one);
	w->echoer = NULL;
	w->r->echo = one.latency;
	w->r->echo_own = one.own;
	for (unsigned i = 0; i < BOOKS_BRIDGES; i++) {
		code |= bystander_finish(w->drainers[i], &one);
		w->drainers[i] = NULL;
		w->r->drained += one.drained;
		w->events[i] = one.events;
	}
	return code;
}

static int finish_followers(struct world *w)
{
	int code = 0;

	for (unsigned i = 0; i < w->s->monitors && w->followers[i]; i++) {
		code |= follower_finish(w->followers[i], &w->books, &w->r->received, &w->r->lost);
		w->followers[i] = NULL;
	}
	return code;
}

static struct books_bridge *find_bridge(struct world *w, const char *name)
{
	for (unsigned i = 0; i < w->books.nbridges; i++) {
		if (!strcmp(w->books.bridges[i].name, name))
			return &w->books.bridges[i];
	}
	return NULL;
}

/* What is raised beside what left: each watch armed and ended, and once a second that it is
 * throttled. */
static int check_watch_events(const struct world *w, const struct books_bridge *b)
{
	uint64_t due = b->evicted + b->overwritten + b->unavailable + 2 * w->r->hits.armed;
	uint64_t most = due + w->r->hits.armed + w->s->watches * (uint64_t)(w->r->seconds + 1);

	if (b->events_raised >= due && b->events_raised <= most)
		return 0;
	return bench_wrong("%llu events raised, from %llu to %llu are due; %llu watches were armed",
			   NUM(b->events_raised), NUM(due), NUM(most), NUM(w->r->hits.armed));
}

/* The last message of each watch tells that it is over, all others are hits. */
static int check_hits(struct world *w)
{
	const struct books_bridge *b = &w->books.bridges[0];
	const struct hitter_result *h = &w->r->hits;
	uint64_t all = books_published(&w->books, "watch", b->name), told = all - h->armed;

	w->r->accepted = b->accepted;
	w->r->report_bytes = b->stored ? b->bytes / b->stored : 0;
	w->ops = b->accepted;
	if (b->watches || all < h->armed)
		return bench_wrong("%llu watches are left, %llu messages about %llu",
				   NUM(b->watches), NUM(all), NUM(h->armed));
	if (b->accepted != h->captured || told != h->hits - h->suppressed)
		return bench_wrong("%llu hits told, %llu stored; the watches say %llu hits, %llu "
				   "suppressed, %llu captured",
				   NUM(told), NUM(b->accepted), NUM(h->hits), NUM(h->suppressed),
				   NUM(h->captured));
	return check_watch_events(w, b);
}

static int check_totals(struct world *w)
{
	struct storm_result *r = w->r;
	uint64_t accepted = 0, drained = 0;

	for (unsigned i = 0; i < w->books.nbridges; i++) {
		accepted += w->books.bridges[i].accepted;
		drained += w->books.bridges[i].drained;
		r->evicted += w->books.bridges[i].evicted;
		r->events_dropped += w->books.bridges[i].events_dropped;
	}
	if (w->s->hits)
		return check_hits(w);
	if (accepted != r->accepted || r->accepted + r->refused != w->ops * w->s->executors)
		return bench_wrong("asked for %llu, told %llu stored and %llu refused; the bridges "
				   "say %llu",
				   NUM(w->ops * w->s->executors), NUM(r->accepted), NUM(r->refused),
				   NUM(accepted));
	return drained == r->drained
		       ? 0
		       : bench_wrong("%llu drained, %llu came", NUM(drained), NUM(r->drained));
}

/* The tag that this executor stored last is the newest of its bridge, when it is alone there. */
static int check_newest(struct world *w, const char *bridge, unsigned executor)
{
	char tag[KSNAP_TAG_MAX + 1];
	_buf_ struct buf params = BUF_INIT;
	struct wire_get_params p = { .tag = { tag, 0 } };
	KSNAP_OPTS(ksnap_call, call, .op = "get", .bridge = bridge);
	struct ksnap_err err = { 0 };
	struct ksnap_reply reply;
	bool same;

	p.tag.len = snprintf(tag, sizeof(tag), "tag_%u_%llu", executor,
			     w->s->one_tag ? 0 : NUM(w->ops - 1));
	if (wire_encode(&wire_shape_get_params, &p, &params))
		return bench_wrong("no memory");
	call.params = params.data;
	call.params_len = params.len;
	if (ksnap_client_call(w->client, &call, &reply, &err))
		return bench_wrong("get %s: %s", tag, err.text);
	same = reply.nblobs == 1 && ksnap_blob_size(reply.blobs[0]) == w->s->bytes &&
	       !memcmp(ksnap_blob_data(reply.blobs[0]), ksnap_blob_data(w->report), w->s->bytes);
	ksnap_reply_clear(&reply);
	return same ? 0 : bench_wrong("%s came back as other bytes", tag);
}

static int check_bridge(struct world *w, unsigned i)
{
	char name[16];
	const struct books_bridge *b;

	name_bridge(name, sizeof(name), i);
	b = find_bridge(w, name);
	if (!b)
		return bench_wrong("there is no bridge %s", name);
	if (books_check_order(w->client, b))
		return -1;
	if (w->report && !w->s->drains && w->s->executors == w->s->bridges &&
	    check_newest(w, name, i))
		return -1;
	if (books_take_events(w->client, name, &w->events[i]))
		return -1;
	if (w->events[i].last != b->events_raised || w->events[i].dropped != b->events_dropped)
		return bench_wrong("%s: %llu events raised and %llu dropped; %llu taken, %llu told "
				   "as dropped",
				   name, NUM(b->events_raised), NUM(b->events_dropped),
				   NUM(w->events[i].taken), NUM(w->events[i].dropped));
	return 0;
}

static int check_memory(struct world *w)
{
	struct storm_result *r = w->r;
	const char *sanitizer = getenv("SANITIZER");

	r->peak = served_peak(&w->broker);
	r->allowed = storm_allowed(w->s, r, w->ops);
	if (r->peak <= r->allowed || (sanitizer && strcmp(sanitizer, "no")))
		return 0;
	return bench_wrong("the broker had %.1f MiB, %.1f MiB is what its limits allow",
			   r->peak / 1048576.0, r->allowed / 1048576.0);
}

static int settle(struct world *w)
{
	int code = join_storm(w) | finish_bystanders(w);

	if (code || look(w) || finish_followers(w) || check_totals(w) || check_memory(w))
		return -1;
	for (unsigned i = 0; i < w->s->bridges; i++) {
		if (check_bridge(w, i))
			return -1;
	}
	return 0;
}

/* Also after a failure: everybody is waited for. */
static int stop_all(struct world *w, int code)
{
	if (code) {
		join_storm(w);
		finish_bystanders(w);
		finish_followers(w);
	}
	ksnap_client_destroy(w->client);
	code |= served_stop(&w->broker);
	code |= written_destroy(w->written);
	for (unsigned i = 0; i < w->s->stuck && w->stuck[i]; i++)
		zmq_close(w->stuck[i]);
	zmq_ctx_term(w->context);
	ksnap_blob_unref(w->report);
	return code ? -1 : 0;
}

const char *storm_lacks(const struct storm *s)
{
	return s->hits == HITS_WRITTEN || s->hits == HITS_HOT ? written_lacks() : NULL;
}

int storm_run(const struct storm *s, bool quick, const struct peer *echo, struct storm_result *ret)
{
	struct world *w = calloc(1, sizeof(*w));
	int code;

	if (!w)
		return -1;
	memset(ret, 0, sizeof(*ret));
	w->s = s;
	w->echo = echo;
	w->r = ret;
	w->ops = quick ? s->quick_ops : s->ops;
	w->writes = quick ? s->quick_writes : s->writes;
	w->broker.said = -1;
	code = start_all(w) || watch(w) || settle(w) ? -1 : 0;
	code = stop_all(w, code);
	free(w);
	return code;
}
