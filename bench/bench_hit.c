// SPDX-License-Identifier: MIT
/* bench_hit.c - what a hit of a watch costs whoever writes, beside a program that does the least.
 *
 * Both sit in a debug register of each CPU and are run by a trap at each write. A told hit has the
 * registers, the stack and who it was; one that is only counted has taken its turn in the rate. */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/bench.h"
#include "bench/written.h"
#include "capture/target.h"

#define TOLD          400 /* hits that the worker's ring has room for */
#define TOLD_ROUNDS   400 /* of six milliseconds each */
#define COUNTED       10000
#define COUNTED_QUICK 500

#define NUM(v) ((unsigned long long)(v))

struct hit {
	struct written *w;
	struct target *target;
	struct bpf_object *least;
	struct ring_buffer *ring;
	uint64_t id, seen; /* of the last watch; hits that the least program told */
	unsigned writes;
	bool is_told; /* all of them are, or only the first */
};

/* ---- the path ------------------------------------------------------------------------------- */

static uint64_t count_told(struct hit *h)
{
	struct watch_news n;
	uint64_t told = 0;

	while (target_live.watch_next(h->target, &n))
		told += n.kind == WATCH_NEWS_HIT;
	return told;
}

static int run_watch(void *arg, double *ret)
{
	struct hit *h = arg;
	struct watch_request rq = { .id = ++h->id,
				    .symbol = written_symbol(h->w),
				    .rate = 1,
				    .burst = h->is_told ? h->writes : 1 };
	uint64_t told, due = h->is_told ? h->writes : 1;
	struct watch_counts counts;
	struct watch_place place;
	struct ksnap_err err = { 0 };
	double begin;
	int code;

	if (target_live.arm(h->target, &rq, &place, &err))
		return bench_wrong("%s: %s", rq.symbol, err.text);
	begin = bench_cpu();
	code = written_write(h->w, h->writes);
	*ret = (bench_cpu() - begin) / h->writes;
	told = count_told(h);
	if (target_live.disarm(h->target, h->id, &counts, &err))
		return bench_wrong("disarm: %s", err.text);
	if (code || counts.hits != h->writes || told < due)
		return bench_wrong("%u writes: %llu hits, %llu told of %llu", h->writes,
				   NUM(counts.hits), NUM(told), NUM(due));
	return 0;
}

/* ---- the floor ------------------------------------------------------------------------------ */

static int on_least(void *arg, void *data, size_t len)
{
	struct hit *h = arg;

	h->seen++;
	return 0;
}

static int run_least(void *arg, double *ret)
{
	struct hit *h = arg;
	struct bpf_program *p = bpf_object__find_program_by_name(h->least, "least");
	double begin;
	int code;

	if (written_run(h->w, bpf_program__fd(p)))
		return -1;
	h->seen = 0;
	begin = bench_cpu();
	code = written_write(h->w, h->writes);
	*ret = (bench_cpu() - begin) / h->writes;
	ring_buffer__consume(h->ring);
	written_run(h->w, -1);
	if (code || h->seen != h->writes)
		return bench_wrong("%u writes, the least program told of %llu", h->writes,
				   NUM(h->seen));
	return 0;
}

static int set_address(struct hit *h)
{
	uint64_t addr = written_address(h->w);
	uint32_t zero = 0;
	int fd = bpf_object__find_map_fd_by_name(h->least, "least.bss");

	return bpf_map_update_elem(fd, &zero, &addr, 0)
		       ? bench_wrong("least.bss: %s", strerror(errno))
		       : 0;
}

static int load_least(struct hit *h)
{
	LIBBPF_OPTS(bpf_object_open_opts, opts, .object_name = "least");
	const char *top = getenv("KSNAP_TOP_BUILDDIR");
	char path[4096];

	snprintf(path, sizeof(path), "%s/bench/least.bpf.o", top ? top : ".");
	h->least = bpf_object__open_file(path, &opts);
	if (!h->least || bpf_object__load(h->least))
		return bench_wrong("%s: %s", path, strerror(errno));
	h->ring = ring_buffer__new(bpf_object__find_map_fd_by_name(h->least, "least_hits"),
				   on_least, h, NULL);
	return h->ring ? set_address(h) : bench_wrong("no ring");
}

/* ---- both ----------------------------------------------------------------------------------- */

static int open_all(struct hit *h)
{
	struct ksnap_err err = { 0 };

	h->w = written_create();
	if (!h->w)
		return -1;
	written_run(h->w, -1);
	h->target = target_live.open("", &err);
	return h->target ? load_least(h) : bench_wrong("%s", err.text);
}

static int close_all(struct hit *h)
{
	ring_buffer__free(h->ring);
	bpf_object__close(h->least);
	target_live.close(h->target);
	return written_destroy(h->w);
}

static void measure(struct bench *b, struct hit *h)
{
	struct bench_case c = { .floor = "least program in a register",
				.unit = "ns",
				.goal = 1.25,
				.run = run_watch,
				.run_floor = run_least,
				.arg = h };

	bench_params(b, "8 bytes of a BPF global, a program at each write, CPU time of the writer");
	c.path = "hit of a watch, told";
	h->is_told = true;
	h->writes = TOLD;
	c.rounds = TOLD_ROUNDS;
	c.warm_up = TOLD_ROUNDS / 20;
	c.is_short = true;
	bench_run(b, &c);
	c.rounds = c.warm_up = 0;
	c.is_short = false;
	c.path = "hit of a watch, counted";
	h->is_told = false;
	h->writes = bench_is_quick(b) ? COUNTED_QUICK : COUNTED;
	bench_run(b, &c);
}

int main(int argc, char **argv)
{
	struct bench *b = bench_begin(argc, argv, "bench_hit");
	static struct hit h;
	const char *lacks;

	if (!b)
		return 2;
	lacks = written_lacks();
	if (lacks) {
		bench_skip(b, "%s", lacks);
		return bench_end(b);
	}
	if (open_all(&h))
		bench_count(b, false);
	else
		measure(b, &h);
	if (close_all(&h))
		bench_count(b, false);
	return bench_end(b);
}
