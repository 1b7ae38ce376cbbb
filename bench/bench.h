/* SPDX-License-Identifier: MIT */
/* bench.h - one path beside its floor, in the same run.
 *
 * A measure gives the cost of one unit of work; less is better. Path and floor take turns, round by
 * round, and each round gives one ratio, so that what disturbs the machine disturbs both. A verdict
 * is given only when the goal lies further from the median ratio than the ratios lie apart. */
#ifndef KSNAP_BENCH_BENCH_H
#define KSNAP_BENCH_BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "ksnap.h"

struct bench;

/* Do the work once more and write the cost of a unit of it. 0, or -1 when the books are wrong: what
 * was done is not what was asked for; bench_wrong says how. */
typedef int (*bench_fn)(void *arg, double *ret_cost);

struct bench_case {
	const char *path;  /* what is measured */
	const char *floor; /* what it is compared with */
	const char *unit;  /* of a cost: "us", "ns", "ms", "MiB" */
	double goal;       /* at_most: path / floor; otherwise floor / path, at least */
	bool is_factor;    /* the goal is floor / path, at least */
	bench_fn run, run_floor;
	void *arg;
	double constant;          /* the floor when run_floor is NULL: a limit, not a measurement */
	unsigned rounds, warm_up; /* 0: the program's */
	bool is_short; /* many short rounds: where their median lies is judged, not their spread */
};

/* --quick: few rounds, books only; --json FILE: one line a case, appended; --rounds N; --only TEXT:
 * what has it in its name. Prints what the table begins with. NULL: the arguments were wrong, and
 * were told. */
struct bench *bench_begin(int argc, char **argv, const char *program);
bool bench_is_quick(const struct bench *b);
/* How often: 1 when quick, else what --rounds says, else @standard. */
unsigned bench_rounds(const struct bench *b, unsigned standard);
bool bench_wants(const struct bench *b, const char *name);
/* Say what was set: "entries=65536 bytes=120". Kept for the JSON lines of the cases that follow. */
void bench_params(struct bench *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Measure and print one row. Books that are wrong are remembered. */
void bench_run(struct bench *b, const struct bench_case *c);
/* For measurements of another form: note that one was made, and whether its books are right; where
 * its line of JSON goes, or NULL. */
void bench_count(struct bench *b, bool right);
FILE *bench_json(const struct bench *b);
/* A fact beside the table, such as an exponent. */
void bench_note(struct bench *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Nothing can be measured here: says why. */
void bench_skip(struct bench *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Print what is wrong; gives -1. */
int bench_wrong(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* The program's exit code: 0, 77 when all was skipped, 1 when books were wrong. */
int bench_end(struct bench *b);

/* Nanoseconds of CLOCK_MONOTONIC. */
uint64_t bench_now(void);
/* Nanoseconds of CPU this thread has had: for work that never waits, on a machine with others. */
uint64_t bench_cpu(void);
/* Run a program with its output thrown away; *ret_cpu_ms is the CPU it and its threads had. 0, or
 * -1 and told. */
int bench_process(const char *const *argv, double *ret_cpu_ms);
/* Sorts @v. */
double bench_quantile(double *v, size_t n, double q);

#endif
