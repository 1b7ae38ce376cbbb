// SPDX-License-Identifier: MIT
/* bench_growth.c - what an op costs when there is ten and a hundred times as much of something.
 *
 * The cost is the CPU time that the broker and its worker have for one op, which depends little on
 * what else the machine does. The exponent is the slope of the logarithms: 0 is constant, 1 linear;
 * above that something looks at all of them for each of them. A large constant hides what begins to
 * grow, so the slope of the last step is told, too. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "bench/bench.h"
#include "bench/storm.h"

#define STEPS       3
#define MUCH        1.1 /* an exponent above this is told */
#define CAP_OPS     200000
#define QUICK_STEPS 2

struct growth {
	const char *of;
	unsigned ops, quick_ops; /* in all */
	unsigned x[STEPS];
	void (*set)(struct storm *s, unsigned x);
};

static void set_ops(struct storm *s, unsigned x)
{
	s->ops *= x;
}

static void set_bytes(struct storm *s, unsigned x)
{
	s->bytes = 4096ul * x;
}

static void set_executors(struct storm *s, unsigned x)
{
	s->executors = x;
	s->in_flight = 2;
}

static void set_bridges(struct storm *s, unsigned x)
{
	s->executors = s->bridges = x;
	s->in_flight = 2;
}

static void set_monitors(struct storm *s, unsigned x)
{
	s->monitors = x;
	s->in_flight = 2;
}

static char target[64];

static void set_maps(struct storm *s, unsigned x)
{
	snprintf(target, sizeof(target), "fixture:maps=%u,entries=10", x);
	s->target = target;
	s->bytes = 0;
	s->in_flight = 1;
}

static void set_entries(struct storm *s, unsigned x)
{
	snprintf(target, sizeof(target), "fixture:maps=1,entries=%u", 10 * x);
	s->target = target;
	s->bytes = 0;
	s->in_flight = 1;
}

static const struct growth growths[] = {
	{ "ops / 1000", 1000, 100, { 1, 10, 100 }, set_ops },
	{ "bytes of a report / 4096", 4000, 200, { 1, 10, 100 }, set_bytes },
	{ "executors on one bridge", 40000, 600, { 1, 10, 100 }, set_executors },
	{ "bridges, with an executor each", 40000, 600, { 1, 10, 100 }, set_bridges },
	{ "monitors", 1000, 100, { 1, 10, 100 }, set_monitors },
	{ "maps of a capture", 2000, 100, { 1, 10, 100 }, set_maps },
	{ "entries of its map / 10", 2000, 100, { 1, 10, 100 }, set_entries },
};

/* Slope of a line through the logarithms, by least squares. */
static double exponent(const double *x, const double *y, unsigned n)
{
	double sx = 0, sy = 0, sxx = 0, sxy = 0;

	for (unsigned i = 0; i < n; i++) {
		double lx = log(x[i]), ly = log(y[i]);

		sx += lx;
		sy += ly;
		sxx += lx * lx;
		sxy += lx * ly;
	}
	return (n * sxy - sx * sy) / (n * sxx - sx * sx);
}

static void tell(struct bench *b, const char *of, const double *x, const double *us, unsigned n)
{
	FILE *f = bench_json(b);
	double e = exponent(x, us, n), last = exponent(x + n - 2, us + n - 2, 2);
	char line[256] = "";
	size_t len = 0;

	for (unsigned i = 0; i < n; i++)
		len += snprintf(line + len, sizeof(line) - len, "%s%g: %.1f us", i ? ", " : "",
				x[i], us[i]);
	bench_note(b, "%-32s %-52s exponent %5.2f, of the last step %5.2f%s", of, line, e, last,
		   !bench_is_quick(b) && (e > MUCH || last > MUCH) ? ", worse than linear" : "");
	if (!f)
		return;
	fprintf(f,
		"{\"program\":\"bench_growth\",\"growth\":\"%s\",\"exponent\":%.3f,\"last_"
		"exponent\":%.3f,"
		"\"x_and_us\":[",
		of, e, last);
	for (unsigned i = 0; i < n; i++)
		fprintf(f, "%s[%g,%.3f]", i ? "," : "", x[i], us[i]);
	fprintf(f, "]}\n");
}

/* One storm without a period; the cost of an op of it. */
static int measure_storm(const struct growth *g, unsigned x, bool quick, double *ret_us)
{
	static struct storm_result r;
	struct storm s = {
		.name = g->of, .bytes = 4096, .executors = 1, .bridges = 1, .in_flight = 8
	};
	unsigned ops = quick ? g->quick_ops : g->ops;

	s.ops = ops;
	g->set(&s, x);
	s.ops /= s.executors;
	s.quick_ops = s.ops;
	if (storm_run(&s, quick, NULL, &r))
		return -1;
	*ret_us = r.cpu_ns / 1e3 / r.accepted;
	return 0;
}

static void measure(struct bench *b, const struct growth *g)
{
	unsigned steps = bench_is_quick(b) ? QUICK_STEPS : STEPS;
	double x[STEPS], us[STEPS];

	if (!bench_wants(b, g->of))
		return;
	for (unsigned i = 0; i < steps; i++) {
		x[i] = g->x[i];
		if (measure_storm(g, g->x[i], bench_is_quick(b), &us[i])) {
			bench_count(b, false);
			return;
		}
	}
	bench_count(b, true);
	tell(b, g->of, x, us, steps);
}

/* ---- the cap, without a broker -----------------------------------------------------------------
 */

static int store_many(struct ksnap_bridge *bridge, struct ksnap_blob *report, uint64_t *next,
		      uint64_t n)
{
	struct ksnap_err err = { 0 };
	char tag[32];
	KSNAP_OPTS(ksnap_store_args, a, .tag = tag, .report = report, .complete = true);

	for (uint64_t i = 0; i < n; i++) {
		snprintf(tag, sizeof(tag), "tag_%llu", (unsigned long long)(*next)++);
		if (ksnap_bridge_store(bridge, &a, NULL, &err))
			return bench_wrong("store: %s", err.text);
	}
	return 0;
}

static int measure_cap(uint64_t cap, uint64_t ops, double *ret_us)
{
	KSNAP_OPTS(ksnap_bridge_opts, o, .limits = { .snapshots = cap }, .single_threaded = true);
	struct ksnap_err err = { 0 };
	struct ksnap_bridge *bridge = ksnap_bridge_create(&o, &err);
	_blob_ struct ksnap_blob *report = ksnap_blob_copy("report", 6);
	uint64_t next = 0, begin;
	int code;

	if (!bridge || !report)
		return bench_wrong("no bridge of %llu: %s", (unsigned long long)cap, err.text);
	code = store_many(bridge, report, &next, cap);
	begin = bench_cpu();
	code = code ? code : store_many(bridge, report, &next, ops);
	*ret_us = (bench_cpu() - begin) / 1e3 / ops;
	ksnap_bridge_unref(bridge);
	return code;
}

static void measure_caps(struct bench *b)
{
	static const char of[] = "snapshots that a bridge keeps";
	double x[STEPS] = { 64, 2048, 65536 }, us[STEPS];
	unsigned steps = bench_is_quick(b) ? QUICK_STEPS : STEPS;

	if (!bench_wants(b, of))
		return;
	for (unsigned i = 0; i < steps; i++) {
		if (measure_cap(x[i], bench_is_quick(b) ? 5000 : CAP_OPS, &us[i])) {
			bench_count(b, false);
			return;
		}
	}
	bench_count(b, true);
	tell(b, of, x, us, steps);
}

int main(int argc, char **argv)
{
	struct bench *b = bench_begin(argc, argv, "bench_growth");

	if (!b)
		return 2;
	bench_note(b, "CPU time of broker and worker for an op, by how much there is of something");
	measure_caps(b);
	for (size_t i = 0; i < ARRAY_SIZE(growths); i++)
		measure(b, &growths[i]);
	return bench_end(b);
}
