// SPDX-License-Identifier: MIT
/* bench_render.c - a large map to JSON beside writing the same bytes, and beside bpftool.
 *
 * The path opens the report and renders it into memory that grows as it must. The floor writes what
 * came out into a new file of a file system in memory. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "bench/kernel_maps.h"
#include "report/render.h"

#define ENTRIES 65536

struct rendering {
	struct ksnap_blob *report;
	uint32_t id;
	struct buf json; /* what the path gives */
	const char *bpftool;
	const char *file;
};

static int run_render(void *arg, double *ret)
{
	struct rendering *r = arg;
	uint64_t begin = bench_cpu();
	struct ksnap_err err = { 0 };
	struct ksnap_snapshot *s = ksnap_snapshot_open(r->report, &err);
	struct buf out = BUF_INIT;
	int code = s ? render_report_json(s, NULL, &out) : -1;

	ksnap_snapshot_close(s);
	*ret = (bench_cpu() - begin) / 1e6;
	if (!code && out.len != r->json.len)
		code = bench_wrong("%zu bytes of JSON, were %zu", out.len, r->json.len);
	buf_fini(&out);
	return code;
}

static int run_write(void *arg, double *ret)
{
	struct rendering *r = arg;
	uint64_t begin = bench_cpu();
	_close_ int fd = open(r->file, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0600);

	for (size_t at = 0; at < r->json.len;) {
		ssize_t n = write(fd, r->json.data + at, r->json.len - at);

		if (n <= 0)
			return bench_wrong("%s: %s", r->file, strerror(errno));
		at += n;
	}
	*ret = (bench_cpu() - begin) / 1e6;
	unlink(r->file);
	return 0;
}

static int run_bpftool(void *arg, double *ret)
{
	struct rendering *r = arg;
	char id[16];
	const char *const argv[] = { r->bpftool, "-j", "map", "dump", "id", id, NULL };

	snprintf(id, sizeof(id), "%u", r->id);
	return bench_process(argv, ret);
}

static int prepare(struct rendering *r)
{
	struct ksnap_err err = { 0 };
	struct ksnap_snapshot *s = ksnap_snapshot_open(r->report, &err);
	int code = s ? render_report_json(s, NULL, &r->json) : bench_wrong("%s", err.text);

	ksnap_snapshot_close(s);
	return code;
}

static void measure(struct bench *b, struct rendering *r)
{
	struct bench_case c = { .path = "render to JSON",
				.floor = "write the bytes to tmpfs",
				.unit = "ms",
				.goal = 4,
				.run = run_render,
				.run_floor = run_write,
				.arg = r };

	bench_params(b, "entries=%d report=%zu JSON=%zu bytes, %.0f an entry, CPU time", ENTRIES,
		     ksnap_blob_size(r->report), r->json.len, (double)r->json.len / ENTRIES);
	bench_run(b, &c);
	c.floor = "bpftool -j map dump";
	c.goal = 5;
	c.is_factor = true;
	c.run_floor = run_bpftool;
	c.rounds = 7;
	if (r->bpftool && *r->bpftool)
		bench_run(b, &c);
}

int main(int argc, char **argv)
{
	struct bench *b = bench_begin(argc, argv, "bench_render");
	struct rendering r = { .bpftool = getenv("BPFTOOL") };
	struct capturer c = { 0 };
	char rule[32], file[64];
	const char *rules[] = { rule };
	int fd;

	if (!b)
		return 2;
	if (kernel_maps_try(b))
		return bench_end(b);
	fd = kernel_map_make("bench_render", ENTRIES, &r.id);
	snprintf(rule, sizeof(rule), "id:%u", r.id);
	snprintf(file, sizeof(file), "/dev/shm/ksnap-bench.%d", getpid());
	r.file = file;
	if (fd < 0 || capturer_open(&c))
		return 1;
	r.report = capturer_take(&c, rules, 1);
	if (!r.report || capturer_check(r.report, 1, ENTRIES) || prepare(&r))
		return 1;
	measure(b, &r);
	ksnap_blob_unref(r.report);
	capturer_close(&c);
	buf_fini(&r.json);
	close(fd);
	return bench_end(b);
}
