// SPDX-License-Identifier: MIT
/* bench.c - rounds, medians, ratios, and when to keep silent about them. */
#include "bench/bench.h"

#include <fcntl.h>
#include <inttypes.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bench/verdict.h"

#define ROUNDS_MAX 1000
#define ROUNDS     15
#define WARM_UP    2
#define SKIPPED    77

struct bench {
	const char *program;
	const char *only;
	bool is_quick;
	unsigned rounds;
	FILE *json;
	char params[256];
	unsigned measured, wrong;
};

uint64_t bench_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ull + ts.tv_nsec;
}

uint64_t bench_cpu(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return ts.tv_sec * 1000000000ull + ts.tv_nsec;
}

static double ms_of(struct timeval tv)
{
	return tv.tv_sec * 1e3 + tv.tv_usec / 1e3;
}

int bench_process(const char *const *argv, double *ret_cpu_ms)
{
	posix_spawn_file_actions_t actions;
	struct rusage usage = { 0 };
	int status = -1;
	pid_t pid;

	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
	if (!posix_spawn(&pid, argv[0], &actions, NULL, (char *const *)argv, environ))
		wait4(pid, &status, 0, &usage);
	posix_spawn_file_actions_destroy(&actions);
	*ret_cpu_ms = ms_of(usage.ru_utime) + ms_of(usage.ru_stime);
	return status ? bench_wrong("%s ended with %d", argv[0], status) : 0;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

double bench_quantile(double *v, size_t n, double q)
{
	double at = q * (n - 1);
	size_t i = at;

	qsort(v, n, sizeof(*v), compare);
	return i + 1 < n ? v[i] + (at - i) * (v[i + 1] - v[i]) : v[i];
}

static struct summary summarise(double *v, size_t n)
{
	return (struct summary){ bench_quantile(v, n, 0.5), bench_quantile(v, n, 0.25),
				 bench_quantile(v, n, 0.75) };
}

/* ---- where this runs ------------------------------------------------------------------------ */

static void read_cpu(char *buf, size_t cap)
{
	FILE *f = fopen("/proc/cpuinfo", "re");
	char line[256];

	snprintf(buf, cap, "unknown CPU");
	while (f && fgets(line, sizeof(line), f)) {
		char *colon = strchr(line, ':');

		if (strncmp(line, "model name", 10) || !colon)
			continue;
		colon[strcspn(colon, "\n")] = 0;
		snprintf(buf, cap, "%s", colon + 2);
		break;
	}
	if (f)
		fclose(f);
}

static void describe_machine(char *buf, size_t cap)
{
	double load[3] = { 0 };
	struct utsname u = { 0 };
	char cpu[128];

	read_cpu(cpu, sizeof(cpu));
	uname(&u);
	getloadavg(load, 3);
	snprintf(buf, cap, "%s, %ld CPUs, Linux %s, load %.1f, cc %s", cpu,
		 sysconf(_SC_NPROCESSORS_ONLN), u.release, load[0], BENCH_CFLAGS);
}

/* ---- arguments ------------------------------------------------------------------------------ */

static int take_argument(struct bench *b, const char *word, const char *value)
{
	if (!strcmp(word, "--quick")) {
		b->is_quick = true;
		return 1;
	}
	if (!strcmp(word, "--rounds") && value && atoi(value) > 0 && atoi(value) <= ROUNDS_MAX) {
		b->rounds = atoi(value);
		return 2;
	}
	if (!strcmp(word, "--only") && value) {
		b->only = value;
		return 2;
	}
	if (!strcmp(word, "--json") && value) {
		b->json = fopen(value, "ae");
		if (b->json)
			return 2;
		perror(value);
	}
	fprintf(stderr, "usage: %s [--quick] [--rounds N] [--only TEXT] [--json FILE]\n",
		b->program);
	return -1;
}

struct bench *bench_begin(int argc, char **argv, const char *program)
{
	struct bench *b = calloc(1, sizeof(*b));
	char machine[512];

	if (!b)
		return NULL;
	b->program = program;
	for (int i = 1, n; i < argc; i += n) {
		n = take_argument(b, argv[i], argv[i + 1]);
		if (n < 0) {
			free(b);
			return NULL;
		}
	}
	describe_machine(machine, sizeof(machine));
	printf("# %s on %s\n", program, machine);
	if (b->json)
		fprintf(b->json, "{\"program\":\"%s\",\"machine\":\"%s\"}\n", program, machine);
	return b;
}

bool bench_is_quick(const struct bench *b)
{
	return b->is_quick;
}

unsigned bench_rounds(const struct bench *b, unsigned standard)
{
	return b->is_quick ? 1 : b->rounds ? b->rounds : standard;
}

bool bench_wants(const struct bench *b, const char *name)
{
	return !b->only || strstr(name, b->only);
}

FILE *bench_json(const struct bench *b)
{
	return b->json;
}

void bench_count(struct bench *b, bool right)
{
	b->measured += right;
	b->wrong += !right;
}

/* ---- words ---------------------------------------------------------------------------------- */

void bench_params(struct bench *b, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(b->params, sizeof(b->params), fmt, ap);
	va_end(ap);
	printf("# %s\n", b->params);
}

static void say(const char *what, const char *fmt, va_list ap)
{
	printf("# %s", what);
	vprintf(fmt, ap);
	printf("\n");
	fflush(stdout);
}

void bench_note(struct bench *b, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say("", fmt, ap);
	va_end(ap);
}

void bench_skip(struct bench *b, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say("skipped: ", fmt, ap);
	va_end(ap);
}

int bench_wrong(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say("WRONG: ", fmt, ap);
	va_end(ap);
	return -1;
}

/* ---- measuring ------------------------------------------------------------------------------ */

struct rounds {
	unsigned n;
	double path[ROUNDS_MAX], floor[ROUNDS_MAX], ratio[ROUNDS_MAX];
};

static int measure_floor(const struct bench_case *c, double *ret)
{
	*ret = c->constant;
	return c->run_floor ? c->run_floor(c->arg, ret) : 0;
}

/* Each round the other one goes first. */
static int measure_round(const struct bench_case *c, unsigned round, double *path, double *floor)
{
	int ret = round % 2 ? measure_floor(c, floor) : c->run(c->arg, path);

	if (ret)
		return ret;
	return round % 2 ? c->run(c->arg, path) : measure_floor(c, floor);
}

static int measure(struct bench *b, const struct bench_case *c, struct rounds *r)
{
	unsigned warm_up = b->is_quick ? 0 : c->warm_up ? c->warm_up : WARM_UP;
	double path, floor;

	r->n = bench_rounds(b, c->rounds ? c->rounds : ROUNDS);
	for (unsigned i = 0; i < warm_up + r->n; i++) {
		if (measure_round(c, i, &path, &floor))
			return -1;
		if (i < warm_up)
			continue;
		r->path[i - warm_up] = path;
		r->floor[i - warm_up] = floor;
		r->ratio[i - warm_up] = c->is_factor ? floor / path : path / floor;
	}
	return 0;
}

static void print_row(const struct bench_case *c, struct summary path, struct summary floor,
		      struct summary ratio, const char *verdict)
{
	char goal[32];

	snprintf(goal, sizeof(goal), "%s%.4gx", c->is_factor ? ">=" : "<=", c->goal);
	printf("%-34s %10.5g %-3s  %-34s %10.5g %-3s %8.3gx [%.3g..%.3g]  goal %-8s %s\n", c->path,
	       path.median, c->unit, c->floor, floor.median, c->unit, ratio.median, ratio.low,
	       ratio.high, goal, verdict);
	fflush(stdout);
}

static void write_summary(FILE *f, const char *name, struct summary s)
{
	fprintf(f, ",\"%s\":{\"median\":%.6g,\"q1\":%.6g,\"q3\":%.6g}", name, s.median, s.low,
		s.high);
}

static void write_json(const struct bench *b, const struct bench_case *c, unsigned rounds,
		       struct summary path, struct summary floor, struct summary ratio,
		       const char *verdict)
{
	if (!b->json)
		return;
	fprintf(b->json,
		"{\"program\":\"%s\",\"path\":\"%s\",\"floor\":\"%s\",\"unit\":\"%s\","
		"\"params\":\"%s\",\"rounds\":%u",
		b->program, c->path, c->floor, c->unit, b->params, rounds);
	write_summary(b->json, "cost", path);
	write_summary(b->json, "floor_cost", floor);
	write_summary(b->json, "ratio", ratio);
	fprintf(b->json, ",\"goal\":%g,\"goal_is\":\"%s\",\"verdict\":\"%s\"}\n", c->goal,
		c->is_factor ? "at least" : "at most", verdict);
	fflush(b->json);
}

static const char *judge(const struct bench *b, const struct bench_case *c, struct rounds *r,
			 struct summary ratio)
{
	if (b->is_quick)
		return "not judged";
	return c->is_short ? verdict_of_many(r->ratio, r->n, c->goal, c->is_factor)
			   : verdict_of_ratios(ratio, c->goal, c->is_factor);
}

static void say_where_the_median_is(struct bench *b, const struct bench_case *c, struct rounds *r)
{
	double low, high;

	if (!b->is_quick && c->is_short && verdict_median_interval(r->path, r->n, &low, &high))
		bench_note(b, "%u rounds: its median lies within %.3g and %.3g %s (99 %%)", r->n,
			   low, high, c->unit);
}

void bench_run(struct bench *b, const struct bench_case *c)
{
	static struct rounds r;
	struct summary path, floor, ratio;
	const char *verdict;

	if (!bench_wants(b, c->path))
		return;
	if (measure(b, c, &r)) {
		printf("%-34s the books are wrong\n", c->path);
		bench_count(b, false);
		return;
	}
	bench_count(b, true);
	path = summarise(r.path, r.n);
	floor = summarise(r.floor, r.n);
	ratio = summarise(r.ratio, r.n);
	verdict = judge(b, c, &r, ratio);
	print_row(c, path, floor, ratio, verdict);
	say_where_the_median_is(b, c, &r);
	write_json(b, c, r.n, path, floor, ratio, verdict);
}

int bench_end(struct bench *b)
{
	int code = b->wrong ? 1 : b->measured ? 0 : SKIPPED;

	if (b->json)
		fclose(b->json);
	free(b);
	return code;
}
