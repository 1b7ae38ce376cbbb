// SPDX-License-Identifier: MIT
/* bench_capture.c - one large map: its capture beside the bare batch look-up and beside bpftool,
 * and the memory that captures take.
 *
 * The floor is one BPF_MAP_LOOKUP_BATCH of all entries into memory that is there and was touched.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "bench/kernel_maps.h"

#define ENTRIES 65536

struct large {
	int fd;
	uint32_t id;
	char rule[32];
	struct capturer capturer;
	uint32_t *keys;
	struct kernel_entry *vals;
	const char *bpftool;
	unsigned captures; /* a round */
};

static int run_capture(void *arg, double *ret)
{
	struct large *l = arg;
	const char *rules[] = { l->rule };
	uint64_t begin = bench_cpu();
	struct ksnap_blob *report = NULL;
	int code;

	for (unsigned i = 0; i < l->captures; i++) {
		ksnap_blob_unref(report);
		report = capturer_take(&l->capturer, rules, 1);
		if (!report)
			return -1;
	}
	*ret = (bench_cpu() - begin) / 1e6 / l->captures;
	code = capturer_check(report, 1, ENTRIES);
	ksnap_blob_unref(report);
	return code;
}

static int look_up(struct large *l)
{
	LIBBPF_OPTS(bpf_map_batch_opts, opts);
	uint32_t token[4], n = ENTRIES;
	int ret = bpf_map_lookup_batch(l->fd, NULL, token, l->keys, l->vals, &n, &opts);

	return (ret && errno != ENOENT) || n != ENTRIES
		       ? bench_wrong("a batch of %u: %s", n, strerror(errno))
		       : 0;
}

static int run_batch(void *arg, double *ret)
{
	struct large *l = arg;
	uint64_t begin = bench_cpu();

	for (unsigned i = 0; i < l->captures; i++) {
		if (look_up(l))
			return -1;
	}
	*ret = (bench_cpu() - begin) / 1e6 / l->captures;
	return 0;
}

static int run_bpftool(void *arg, double *ret)
{
	struct large *l = arg;
	char id[16];
	const char *const argv[] = { l->bpftool, "-j", "map", "dump", "id", id, NULL };

	snprintf(id, sizeof(id), "%u", l->id);
	return bench_process(argv, ret);
}

static int run_ksnap(void *arg, double *ret)
{
	struct large *l = arg;
	const char *const argv[] = { getenv("KSNAP"), "-q", "capture", "t", "--map",
				     l->rule,         "-o", "json",    NULL };

	return bench_process(argv, ret);
}

/* ---- memory --------------------------------------------------------------------------------- */

static double read_status(const char *key)
{
	FILE *f = fopen("/proc/self/status", "re");
	char line[256];
	double kib = 0;

	while (f && fgets(line, sizeof(line), f)) {
		if (!strncmp(line, key, strlen(key)))
			kib = atof(line + strlen(key));
	}
	if (f)
		fclose(f);
	return kib / 1024;
}

static void reset_peak(void)
{
	_close_ int fd = open("/proc/self/clear_refs", O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, "5", 1) != 1)
		bench_wrong("the peak of memory cannot be reset");
}

/* Captures in a row, each one's report let go when the next is there: what a broker with one tag
 * keeps. A target of its own, so that nothing was kept before. */
static int run_memory(void *arg, double *ret)
{
	struct large *l = arg;
	const char *rules[] = { l->rule };
	struct ksnap_blob *report = NULL;
	struct capturer c;
	double before;

	reset_peak();
	before = read_status("VmRSS:");
	if (capturer_open(&c))
		return -1;
	for (int i = 0; i < 4; i++) {
		struct ksnap_blob *next = capturer_take(&c, rules, 1);

		ksnap_blob_unref(report);
		report = next;
		if (!report)
			return -1;
	}
	*ret = read_status("VmHWM:") - before;
	ksnap_blob_unref(report);
	capturer_close(&c);
	return 0;
}

/* ---- all ------------------------------------------------------------------------------------ */

static int open_large(struct large *l)
{
	l->fd = kernel_map_make("bench_large", ENTRIES, &l->id);
	l->keys = malloc(ENTRIES * sizeof(*l->keys));
	l->vals = malloc(ENTRIES * sizeof(*l->vals));
	snprintf(l->rule, sizeof(l->rule), "id:%u", l->id);
	return l->fd < 0 || !l->keys || !l->vals || capturer_open(&l->capturer) ? -1 : 0;
}

static void measure_memory(struct bench *b, struct large *l)
{
	double report = ENTRIES * (4 + sizeof(struct kernel_entry)) / 1048576.0;
	struct bench_case c = { .path = "peak memory of captures",
				.floor = "a report and a buffer",
				.unit = "MiB",
				.goal = 1.1,
				.run = run_memory,
				.constant = 2 * report,
				.rounds = 5,
				.arg = l };

	bench_run(b, &c);
}

static void measure(struct bench *b, struct large *l)
{
	struct bench_case c = { .path = "capture of a large map",
				.floor = "bare batch look-up",
				.unit = "ms",
				.goal = 1.3,
				.run = run_capture,
				.run_floor = run_batch,
				.arg = l };

	bench_run(b, &c);
	if (!l->bpftool || !*l->bpftool || !getenv("KSNAP")) {
		bench_note(b, "bpftool is not installed: not compared with");
		return;
	}
	c.floor = "bpftool -j map dump";
	c.goal = 20;
	c.is_factor = true;
	c.run_floor = run_bpftool;
	c.rounds = 7;
	bench_run(b, &c);
	c.path = "ksnap capture -o json, process";
	c.goal = 5;
	c.run = run_ksnap;
	bench_run(b, &c);
}

int main(int argc, char **argv)
{
	struct bench *b = bench_begin(argc, argv, "bench_capture");
	struct large l = { .fd = -1, .captures = 4, .bpftool = getenv("BPFTOOL") };

	if (!b)
		return 2;
	if (kernel_maps_try(b))
		return bench_end(b);
	if (open_large(&l))
		return 1;
	bench_params(b, "hash, entries=%d key=4 value=%zu bytes, captures=%u a round, CPU time",
		     ENTRIES, sizeof(struct kernel_entry), l.captures);
	measure_memory(b, &l);
	measure(b, &l);
	capturer_close(&l.capturer);
	free(l.keys);
	free(l.vals);
	close(l.fd);
	return bench_end(b);
}
