// SPDX-License-Identifier: MIT
/* bench_cap.c - storing into a full bridge of 65,536 snapshots beside one of 64; and a report of
 * 256 KiB, which nobody copies, beside its memcpy.
 *
 * Every tag is new, so that each store evicts; the books are those of the bridge. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/bench.h"

#define LARGE 65536
#define SMALL 64
#define BYTES 256
#define MUCH  (256 * 1024)

struct caps {
	struct ksnap_bridge *large, *small;
	struct ksnap_blob *report, *big_report;
	uint64_t next;
	unsigned ops, big_ops;
};

static struct ksnap_bridge *make_bridge(uint64_t snapshots)
{
	struct ksnap_err err = { 0 };
	KSNAP_OPTS(ksnap_bridge_opts, o, .limits = { .snapshots = snapshots },
		   .single_threaded = true);
	struct ksnap_bridge *b = ksnap_bridge_create(&o, &err);

	if (!b)
		bench_wrong("no bridge of %llu: %s", (unsigned long long)snapshots, err.text);
	return b;
}

static int store_some(struct caps *c, struct ksnap_bridge *b, struct ksnap_blob *report, unsigned n)
{
	struct ksnap_err err = { 0 };
	char tag[32];
	KSNAP_OPTS(ksnap_store_args, a, .tag = tag, .report = report, .complete = true);

	for (unsigned i = 0; i < n; i++) {
		snprintf(tag, sizeof(tag), "tag_%llu", (unsigned long long)c->next++);
		if (ksnap_bridge_store(b, &a, NULL, &err))
			return bench_wrong("store: %s", err.text);
	}
	return 0;
}

static int check_books(struct ksnap_bridge *b, uint64_t cap)
{
	struct ksnap_bridge_stats s;

	ksnap_bridge_stats(b, &s);
	if (s.stored != cap || s.accepted != s.stored + s.evicted + s.overwritten + s.drained)
		return bench_wrong("cap %llu: %llu stored of %llu accepted, %llu evicted",
				   (unsigned long long)cap, (unsigned long long)s.stored,
				   (unsigned long long)s.accepted, (unsigned long long)s.evicted);
	return 0;
}

static int run_store(struct caps *c, struct ksnap_bridge *b, uint64_t cap, double *ret)
{
	uint64_t begin = bench_cpu();
	int code = store_some(c, b, c->report, c->ops);

	*ret = (double)(bench_cpu() - begin) / c->ops;
	return code ? code : check_books(b, cap);
}

static int run_large(void *arg, double *ret)
{
	struct caps *c = arg;

	return run_store(c, c->large, LARGE, ret);
}

static int run_small(void *arg, double *ret)
{
	struct caps *c = arg;

	return run_store(c, c->small, SMALL, ret);
}

static int run_big(void *arg, double *ret)
{
	struct caps *c = arg;
	uint64_t begin = bench_cpu();
	int code = store_some(c, c->small, c->big_report, c->big_ops);

	*ret = (double)(bench_cpu() - begin) / c->big_ops;
	return code ? code : check_books(c->small, SMALL);
}

/* Into memory that was touched before; each time another place is read. */
static int run_copy(void *arg, double *ret)
{
	static char to[MUCH];
	struct caps *c = arg;
	const char *from = ksnap_blob_data(c->big_report);
	uint64_t begin, sum = 0;

	memset(to, 1, sizeof(to));
	begin = bench_cpu();
	for (unsigned i = 0; i < c->big_ops; i++) {
		memcpy(to, from, sizeof(to));
		sum += *(volatile char *)&to[i % sizeof(to)];
	}
	*ret = (double)(bench_cpu() - begin) / c->big_ops;
	return sum ? bench_wrong("the copy is another") : 0;
}

static struct ksnap_blob *make_big(void)
{
	char *zeroes = calloc(1, MUCH);
	struct ksnap_blob *b = zeroes ? ksnap_blob_copy(zeroes, MUCH) : NULL;

	free(zeroes);
	return b;
}

static void measure_big(struct bench *b, struct caps *c)
{
	struct bench_case big = { .path = "store of 256 KiB, cap 64",
				  .floor = "memcpy of it",
				  .unit = "ns",
				  .goal = 0.5,
				  .run = run_big,
				  .run_floor = run_copy,
				  .arg = c };

	bench_params(b, "bytes=%d ops=%u a round, every tag new, bridge full, CPU time", MUCH,
		     c->big_ops);
	bench_run(b, &big);
}

int main(int argc, char **argv)
{
	static const char zeroes[BYTES];
	struct bench *b = bench_begin(argc, argv, "bench_cap");
	struct caps c = { .ops = 65536, .big_ops = 4096 };
	struct bench_case large = { .path = "store, cap 65536",
				    .floor = "store, cap 64",
				    .unit = "ns",
				    .goal = 1.2,
				    .run = run_large,
				    .run_floor = run_small,
				    .arg = &c };

	if (!b)
		return 2;
	c.large = make_bridge(LARGE);
	c.small = make_bridge(SMALL);
	c.report = ksnap_blob_copy(zeroes, sizeof(zeroes));
	c.big_report = make_big();
	if (!c.large || !c.small || !c.report || !c.big_report ||
	    store_some(&c, c.large, c.report, LARGE))
		return 1;
	bench_params(b, "bytes=%d ops=%u a round, every tag new, both bridges full, CPU time",
		     BYTES, c.ops);
	bench_run(b, &large);
	measure_big(b, &c);
	ksnap_blob_unref(c.report);
	ksnap_blob_unref(c.big_report);
	ksnap_bridge_unref(c.large);
	ksnap_bridge_unref(c.small);
	return bench_end(b);
}
