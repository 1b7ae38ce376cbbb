// SPDX-License-Identifier: MIT
/* bench_select.c - what many maps on the host cost a capture that takes one of them.
 *
 * The first capture of a target asks the kernel about every map; later ones only list ids. The
 * floor of both is a limit of 50 ms; growth is the exponent over 10, 100 and 1000 maps more. */
#include <bpf/bpf.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "bench/kernel_maps.h"

#define MOST     1000
#define LIMIT_MS 50

struct choice {
	struct capturer capturer; /* of the later captures */
	int fds[MOST];
	size_t n;
	int one;
	char rule[32];
	unsigned captures;
};

static int capture_one(struct capturer *c, const char *rule)
{
	struct ksnap_blob *report = capturer_take(c, &rule, 1);
	int code = report ? capturer_check(report, 1, 1) : -1;

	ksnap_blob_unref(report);
	return code;
}

static int run_first(void *arg, double *ret)
{
	struct choice *c = arg;
	struct capturer fresh;
	uint64_t begin;
	int code;

	if (capturer_open(&fresh))
		return -1;
	begin = bench_cpu();
	code = capture_one(&fresh, c->rule);
	*ret = (bench_cpu() - begin) / 1e6;
	capturer_close(&fresh);
	return code;
}

static int run_later(void *arg, double *ret)
{
	struct choice *c = arg;
	uint64_t begin = bench_cpu();

	for (unsigned i = 0; i < c->captures; i++) {
		if (capture_one(&c->capturer, c->rule))
			return -1;
	}
	*ret = (bench_cpu() - begin) / 1e6 / c->captures;
	return 0;
}

static size_t count_maps(void)
{
	uint32_t id = 0;
	size_t n = 0;

	while (!bpf_map_get_next_id(id, &id))
		n++;
	return n;
}

static int grow_to(struct choice *c, size_t n)
{
	for (; c->n < n; c->n++) {
		c->fds[c->n] = kernel_map_make_tiny("bench_crowd");
		if (c->fds[c->n] < 0)
			return -1;
	}
	return 0;
}

/* The least of some runs: what others do to the machine only adds. */
static double least(bench_fn run, struct choice *c)
{
	double best = INFINITY, ms;

	for (int i = 0; i < 7 && !run(c, &ms); i++)
		best = ms < best ? ms : best;
	return best;
}

static void note_growth(struct bench *b, const char *what, const double *maps, const double *ms)
{
	double steep = log(ms[2] / ms[1]) / log(maps[2] / maps[1]);

	bench_note(b,
		   "%s: %.3f, %.3f, %.3f ms with %.0f, %.0f, %.0f maps: exponent %.2f from the "
		   "second to the third",
		   what, ms[0], ms[1], ms[2], maps[0], maps[1], maps[2], steep);
}

static int measure_growth(struct bench *b, struct choice *c)
{
	static const size_t sizes[] = { 10, 100, MOST };
	double maps[3], first[3], later[3];

	for (int i = 0; i < 3; i++) {
		if (grow_to(c, sizes[i]))
			return -1;
		maps[i] = count_maps();
		first[i] = least(run_first, c);
		later[i] = least(run_later, c);
	}
	note_growth(b, "first capture", maps, first);
	note_growth(b, "later captures", maps, later);
	return 0;
}

int main(int argc, char **argv)
{
	struct bench *b = bench_begin(argc, argv, "bench_select");
	static struct choice c;
	struct bench_case limit = { .path = "one of 1000 maps, first capture",
				    .floor = "a limit",
				    .unit = "ms",
				    .goal = 1,
				    .run = run_first,
				    .constant = LIMIT_MS,
				    .arg = &c };

	if (!b)
		return 2;
	if (kernel_maps_try(b))
		return bench_end(b);
	c.captures = bench_is_quick(b) ? 1 : 20;
	snprintf(c.rule, sizeof(c.rule), "bench_one_%d", getpid() % 100000);
	c.one = kernel_map_make_tiny(c.rule);
	if (c.one < 0 || capturer_open(&c.capturer) || measure_growth(b, &c))
		return 1;
	bench_params(b, "maps=%d on top of the host's, captures=%u a round, CPU time", MOST,
		     c.captures);
	bench_run(b, &limit);
	limit.path = "one of 1000 maps, later captures";
	limit.run = run_later;
	bench_run(b, &limit);
	capturer_close(&c.capturer);
	return bench_end(b);
}
