// SPDX-License-Identifier: MIT
/* bench_runaway.c - loops that nobody stops, against the caps of a real broker.
 *
 * What each storm has to leave behind is in storm.h; here is which storms there are, and how they
 * are printed. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "bench/bench.h"
#include "bench/peer.h"
#include "bench/storm.h"
#include "bench/verdict.h"

#define NUM(v) ((unsigned long long)(v))

#define KIB 1024ul
#define MIB (1024ul * KIB)
#define MS  1000000ull

#define STORM(text, n, n_quick, size, period, threads, on, window, ...)                           \
	{                                                                                         \
		.name = text, .ops = n, .quick_ops = n_quick, .bytes = size, .period_ns = period, \
		.executors = threads, .bridges = on, .in_flight = window, ##__VA_ARGS__           \
	}

#define HITS(text, n, n_quick, who, on, each, each_quick, ...)                            \
	{                                                                                 \
		.name = text, .ops = n, .quick_ops = n_quick, .hits = who, .watches = on, \
		.writes = each, .quick_writes = each_quick, .bridges = 1, ##__VA_ARGS__   \
	}

static const struct storm storms[] = {
	/* name, ops, quick, bytes, period, executors, bridges, in flight */
	STORM("at rest: 20 ops a s", 100, 10, 64, 50 * MS, 1, 1, 4),
	STORM("capture each 30 ms", 600, 30, 0, 30 * MS, 1, 1, 4),
	STORM("capture, one by one", 20000, 500, 0, 0, 1, 1, 1),
	STORM("capture, 8 in flight", 40000, 1000, 0, 0, 1, 1, 8),
	STORM("store 64 B", 200000, 4000, 64, 0, 1, 1, 64),
	STORM("store 4 KiB", 100000, 2000, 4 * KIB, 0, 1, 1, 32),
	STORM("store 256 KiB", 20000, 300, 256 * KIB, 0, 1, 1, 8),
	STORM("store 8 MiB", 1000, 50, 8 * MIB, 0, 1, 1, 2),
	STORM("store 4 KiB each 1 ms", 10000, 300, 4 * KIB, 1 * MS, 1, 1, 64),
	STORM("store 256 KiB each 2 ms", 5000, 100, 256 * KIB, 2 * MS, 1, 1, 64),
	STORM("one tag, 4 KiB", 100000, 2000, 4 * KIB, 0, 1, 1, 32, .one_tag = true),
	STORM("4 executors, 1 bridge", 50000, 500, 4 * KIB, 0, 4, 1, 16),
	STORM("4 executors, 4 bridges", 50000, 500, 4 * KIB, 0, 4, 4, 16),
	STORM("1 monitor", 60000, 1000, 4 * KIB, 0, 1, 1, 16, .monitors = 1),
	STORM("1 monitor, 1 stuck", 60000, 3000, 4 * KIB, 0, 1, 1, 16, .monitors = 1, .stuck = 1),
	STORM("31 monitors, 1 stuck", 30000, 300, 4 * KIB, 0, 1, 1, 16, .monitors = 31, .stuck = 1),
	STORM("1 stuck, 4 MiB", 1500, 40, 4 * MIB, 0, 1, 1, 2, .stuck = 1),
	STORM("events and no drain", 200000, 3000, 64, 0, 1, 1, 64, .monitors = 1),
	STORM("captures and drains", 20000, 500, 0, 0, 2, 1, 8, .monitors = 1, .drains = true),
	STORM("256 KiB and drains", 20000, 200, 256 * KIB, 0, 1, 1, 8, .drains = true),
	/* name, how often armed, quick, who writes, watches, writes each time, quick */
	HITS("watch, made-up hits", 500, 40, HITS_MADE, 3, 1000000, 1000000),
	HITS("1 watch, written in bursts", 1, 1, HITS_WRITTEN, 1, 100000, 10000),
	HITS("3 watches, in bursts", 1, 1, HITS_WRITTEN, 3, 100000, 8000, .monitors = 1),
	HITS("watch that gets hot", 3, 1, HITS_HOT, 1, 0, 0, .monitors = 1),
};

#define STORMS (sizeof(storms) / sizeof(*storms))

#define ROUNDS       3
#define PING_GOAL_US 5000.0 /* of the 99th percentile, beside any storm */
#define ROUNDS_MAX   VERDICT_ROUNDS_MAX

/* All rounds of one storm. */
struct account {
	bool right;
	unsigned n;
	uint64_t looks;
	struct verdict_pings p99;
	double ops_per_s[ROUNDS_MAX], op_p99[ROUNDS_MAX], echo_own_p99[ROUNDS_MAX],
		peak[ROUNDS_MAX];
	double writes_per_s[ROUNDS_MAX], told_per_s[ROUNDS_MAX], captured_per_s[ROUNDS_MAX];
	struct hist op, ping, echo, own;
	struct storm_result last;
};

/* ---- how it is told -------------------------------------------------------------------------- */

static void print_heads(struct bench *b)
{
	bench_note(
		b,
		"latency of an op: from when it was due, or sent; of a ping: from when it was due");
	bench_note(b, "%-24s %8s %9s | %8s %8s %9s | %8s %8s %9s | %7s %7s %7s | %8s %8s %8s",
		   "storm", "ops", "ops/s", "op p50", "p99", "max us", "ping p50", "p99", "max us",
		   "MiB at", "highest", "allowed", "evicted", "ev.drop", "told lost");
}

static double us(const struct hist *h, double q)
{
	return hist_quantile(h, q) / 1e3;
}

static void print_storm(struct bench *b, const struct storm *s, const struct storm_result *r)
{
	bench_note(b,
		   "%-24s %8llu %9.0f | %8.0f %8.0f %9.0f | %8.0f %8.0f %9.0f | %7.1f %7.1f %7.1f "
		   "| %8llu %8llu %8llu",
		   s->name, (unsigned long long)r->accepted, r->accepted / r->seconds,
		   us(&r->op, 0.5), us(&r->op, 0.99), r->op.max / 1e3, us(&r->ping, 0.5),
		   us(&r->ping, 0.99), r->ping.max / 1e3, r->base / (double)MIB,
		   r->peak / (double)MIB, r->allowed / (double)MIB, (unsigned long long)r->evicted,
		   (unsigned long long)r->events_dropped, (unsigned long long)r->lost);
}

static void print_hits(struct bench *b, const struct storm_result *r)
{
	const struct hitter_result *h = &r->hits;

	bench_note(
		b,
		"%24s armed %llu times, %llu got hot; %llu writes, %.0f a s while it is written, "
		"%llu not trapped; "
		"%llu hits, %llu suppressed, %llu captured, %llu missed, %llu failed",
		"", NUM(h->armed), NUM(h->ended), NUM(h->writes),
		h->writing_ns ? h->writes * 1e9 / h->writing_ns : 0, NUM(h->writes - h->traps),
		NUM(h->hits), NUM(h->suppressed), NUM(h->captured), NUM(h->missed), NUM(h->failed));
}

static void write_hist(FILE *f, const char *name, const struct hist *h)
{
	fprintf(f,
		",\"%s\":{\"n\":%llu,\"p50\":%.1f,\"p90\":%.1f,\"p99\":%.1f,\"p999\":%.1f,"
		"\"p9999\":%.1f,"
		"\"max\":%.1f}",
		name, (unsigned long long)h->n, us(h, 0.5), us(h, 0.9), us(h, 0.99), us(h, 0.999),
		us(h, 0.9999), h->max / 1e3);
}

static void write_rounds(FILE *f, const char *name, const double *v, unsigned n)
{
	fprintf(f, ",\"%s\":[", name);
	for (unsigned i = 0; i < n; i++)
		fprintf(f, "%s%.10g", i ? "," : "", v[i]);
	fprintf(f, "]");
}

static void write_samples(FILE *f, const struct storm_result *r)
{
	fprintf(f, ",\"samples_are\":[\"ms\",\"rss\",\"stored_bytes\",\"accepted\",\"evicted\","
		   "\"events_kept\",\"events_dropped\"],\"samples\":[");
	for (size_t i = 0; i < r->nsamples; i++) {
		const struct storm_sample *s = &r->samples[i];

		fprintf(f, "%s[%.1f,%llu,%llu,%llu,%llu,%llu,%llu]", i ? "," : "", s->ns / 1e6,
			(unsigned long long)s->rss, (unsigned long long)s->stored_bytes,
			(unsigned long long)s->accepted, (unsigned long long)s->evicted,
			(unsigned long long)s->events_kept, (unsigned long long)s->events_dropped);
	}
	fprintf(f, "]");
}

/* ---- pings ----------------------------------------------------------------------------------- */

static const char *judge(const struct account *a)
{
	return verdict_of_pings(&a->p99, PING_GOAL_US);
}

static void print_pings(struct bench *b, const struct storm *s, const struct account *a)
{
	if (a->n)
		bench_note(b,
			   "%-26s %8.0f %8.0f %9.0f | %8.0f %8.0f %9.0f | %8.0f +-%7.0f | "
			   "%8.0f +-%7.0f %8.0f | <= %.0f %s",
			   s->name, us(&a->ping, 0.5), us(&a->ping, 0.99), a->ping.max / 1e3,
			   us(&a->echo, 0.5), us(&a->echo, 0.99), a->echo.max / 1e3,
			   verdict_median(a->p99.ping, a->n), verdict_spread(a->p99.ping, a->n),
			   verdict_median(a->p99.own, a->n), verdict_spread(a->p99.own, a->n),
			   verdict_median(a->echo_own_p99, a->n), PING_GOAL_US, judge(a));
}

static void print_all_pings(struct bench *b, const struct account *accounts)
{
	bench_note(b, "pings of a bystander beside each storm, and round trips of a raw echo "
		      "beside the same, in us, of all rounds");
	bench_note(b,
		   "%-26s %8s %8s %9s | %8s %8s %9s | %8s of rounds  | %8s of rounds  %8s | goal, "
		   "verdict",
		   "storm", "ping p50", "p99", "max", "echo p50", "p99", "max", "p99", "own p99",
		   "echo own");
	for (size_t i = 0; i < STORMS; i++)
		print_pings(b, &storms[i], &accounts[i]);
}

/* ---- caps and sums --------------------------------------------------------------------------- */

static void print_books(struct bench *b, const struct account *accounts)
{
	unsigned right = 0, wrong = 0, runs = 0;
	uint64_t looks = 0;

	for (size_t i = 0; i < STORMS; i++) {
		right += accounts[i].n && accounts[i].right;
		wrong += !accounts[i].right;
		runs += accounts[i].n;
		looks += accounts[i].looks;
	}
	bench_note(b,
		   "caps kept and sums right at %llu looks in %u runs; books of %u storms right, "
		   "of %u wrong",
		   NUM(looks), runs, right, wrong);
}

/* ---- the memory of one of them --------------------------------------------------------------- */

#define TIGHT     "store 256 KiB"
#define TIGHT_MIB (LIMIT_MAX_STORED_SNAPSHOTS * 256.0 / 1024 + 32)

struct peaks {
	const struct account *account;
	unsigned next;
};

static int next_peak(void *arg, double *ret)
{
	struct peaks *p = arg;

	*ret = p->account->peak[p->next++ % p->account->n] / MIB;
	return 0;
}

/* Beside what its limits allow, which has room for whatever a broker may be asked for. */
static void judge_peak(struct bench *b, const struct storm *s, const struct account *a)
{
	struct peaks p = { .account = a };
	struct bench_case c = { .path = TIGHT ": the peak",
				.floor = "64 reports and 32 MiB",
				.unit = "MiB",
				.goal = 1,
				.run = next_peak,
				.arg = &p,
				.constant = TIGHT_MIB,
				.rounds = a->n };

	if (a->n && !strcmp(s->name, TIGHT))
		bench_run(b, &c);
}

/* ---- what is kept ---------------------------------------------------------------------------- */

static void write_params(FILE *f, const struct storm *s, const struct storm_result *r)
{
	fprintf(f,
		"\"bytes\":%llu,\"executors\":%u,\"bridges\":%u,\"in_flight\":%u,\"period_us\":%"
		"llu,"
		"\"monitors\":%u,\"stuck\":%u,\"one_tag\":%s,\"drains\":%s",
		(unsigned long long)r->report_bytes, s->executors, s->bridges, s->in_flight,
		(unsigned long long)s->period_ns / 1000, s->monitors, s->stuck,
		s->one_tag ? "true" : "false", s->drains ? "true" : "false");
}

static void write_counts(FILE *f, const struct storm_result *r)
{
	fprintf(f,
		",\"seconds\":%.3f,\"accepted\":%llu,\"refused\":%llu,\"evicted\":%llu,"
		"\"drained\":%llu,\"events_dropped\":%llu,\"received\":%llu,\"lost\":%llu,"
		"\"base\":%llu,\"allowed\":%llu",
		r->seconds, (unsigned long long)r->accepted, (unsigned long long)r->refused,
		(unsigned long long)r->evicted, (unsigned long long)r->drained,
		(unsigned long long)r->events_dropped, (unsigned long long)r->received,
		(unsigned long long)r->lost, (unsigned long long)r->base,
		(unsigned long long)r->allowed);
}

static void write_hits(FILE *f, const struct hitter_result *h)
{
	fprintf(f,
		",\"hits\":{\"armed\":%llu,\"got_hot\":%llu,\"writes\":%llu,\"traps\":%llu,"
		"\"writing_us\":%llu,"
		"\"hits\":%llu,\"suppressed\":%llu,\"captured\":%llu,\"missed\":%llu,\"failed\":%"
		"llu}",
		NUM(h->armed), NUM(h->ended), NUM(h->writes), NUM(h->traps),
		NUM(h->writing_ns / 1000), NUM(h->hits), NUM(h->suppressed), NUM(h->captured),
		NUM(h->missed), NUM(h->failed));
}

static void write_storm(FILE *f, const struct storm *s, const struct account *a)
{
	fprintf(f, "{\"program\":\"bench_runaway\",\"storm\":\"%s\",\"params\":{", s->name);
	write_params(f, s, &a->last);
	fprintf(f, "},\"books\":\"%s\",\"ping_goal_us\":%g,\"ping_verdict\":\"%s\"",
		a->right ? "right" : "wrong", PING_GOAL_US, judge(a));
	fprintf(f, ",\"looks\":%llu", NUM(a->looks));
	write_counts(f, &a->last);
	if (s->hits)
		write_hits(f, &a->last.hits);
	write_rounds(f, "ops_per_s", a->ops_per_s, a->n);
	write_rounds(f, "op_p99_us", a->op_p99, a->n);
	write_rounds(f, "ping_p99_us", a->p99.ping, a->n);
	write_rounds(f, "echo_p99_us", a->p99.echo, a->n);
	write_rounds(f, "own_p99_us", a->p99.own, a->n);
	write_rounds(f, "echo_own_p99_us", a->echo_own_p99, a->n);
	write_rounds(f, "peak", a->peak, a->n);
	if (s->hits) {
		write_rounds(f, "writes_per_s", a->writes_per_s, a->n);
		write_rounds(f, "told_per_s", a->told_per_s, a->n);
		write_rounds(f, "captured_per_s", a->captured_per_s, a->n);
	}
	write_hist(f, "op_us", &a->op);
	write_hist(f, "ping_us", &a->ping);
	write_hist(f, "echo_us", &a->echo);
	write_hist(f, "own_us", &a->own);
	write_samples(f, &a->last);
	fprintf(f, "}\n");
}

/* ---- rounds ---------------------------------------------------------------------------------- */

static double a_second(uint64_t n, double seconds)
{
	return seconds > 0 ? n / seconds : 0;
}

static void enter_hits(struct account *a)
{
	const struct hitter_result *h = &a->last.hits;

	a->writes_per_s[a->n] = a_second(h->writes, h->writing_ns / 1e9);
	a->told_per_s[a->n] = a_second(h->hits - h->suppressed, a->last.seconds);
	a->captured_per_s[a->n] = a_second(h->captured, a->last.seconds);
}

static void enter(struct account *a)
{
	const struct storm_result *r = &a->last;

	hist_merge(&a->op, &r->op);
	hist_merge(&a->ping, &r->ping);
	hist_merge(&a->echo, &r->echo);
	hist_merge(&a->own, &r->ping_own);
	a->ops_per_s[a->n] = r->accepted / r->seconds;
	a->op_p99[a->n] = us(&r->op, 0.99);
	a->p99.ping[a->n] = us(&r->ping, 0.99);
	a->p99.echo[a->n] = us(&r->echo, 0.99);
	a->p99.own[a->n] = us(&r->ping_own, 0.99);
	a->echo_own_p99[a->n] = us(&r->echo_own, 0.99);
	a->peak[a->n] = r->peak;
	a->looks += r->looks;
	enter_hits(a);
	a->p99.n = ++a->n;
}

/* It is wrong to skip what this machine is said to have. */
static void skip(struct bench *b, const struct storm *s, const char *lacks)
{
	const char *must = getenv("KSNAP_TEST_REQUIRE");

	bench_skip(b, "%s: %s", s->name, lacks);
	if (must && strstr(must, "bpf"))
		bench_count(b, false);
}

static void rage(struct bench *b, const struct storm *s, const struct peer *echo, struct account *a)
{
	const char *lacks = storm_lacks(s);
	bool right;

	if (lacks) {
		skip(b, s, lacks);
		return;
	}
	right = !storm_run(s, bench_is_quick(b), echo, &a->last);
	bench_count(b, right);
	a->right &= right;
	if (right)
		enter(a);
	if (right)
		print_storm(b, s, &a->last);
	if (right && s->hits)
		print_hits(b, &a->last);
	else if (!right)
		bench_note(b, "%-24s the books are wrong", s->name);
}

static void rage_all(struct bench *b, const struct peer *echo, struct account *accounts)
{
	unsigned rounds = bench_rounds(b, ROUNDS);

	print_heads(b);
	for (size_t i = 0; i < STORMS; i++)
		accounts[i].right = true;
	for (unsigned round = 0; round < rounds && round < ROUNDS_MAX; round++) {
		for (size_t i = 0; i < STORMS; i++) {
			if (bench_wants(b, storms[i].name))
				rage(b, &storms[i], echo, &accounts[i]);
		}
	}
	print_all_pings(b, accounts);
	print_books(b, accounts);
	for (size_t i = 0; i < STORMS; i++)
		judge_peak(b, &storms[i], &accounts[i]);
	for (size_t i = 0; i < STORMS && bench_json(b); i++) {
		if (accounts[i].n || !accounts[i].right)
			write_storm(bench_json(b), &storms[i], &accounts[i]);
	}
}

int main(int argc, char **argv)
{
	static struct account accounts[STORMS];
	struct bench *b = bench_begin(argc, argv, "bench_runaway");
	const char *folder = b ? peer_folder() : NULL;
	struct peer echo = { 0 };
	char url[128];

	if (!b)
		return 2;
	snprintf(url, sizeof(url), "ipc://%s/echo", folder ? folder : "");
	if (!folder || peer_echo(&echo, url))
		bench_count(b, false);
	else
		rage_all(b, &echo, accounts);
	peer_stop(&echo);
	return bench_end(b);
}
