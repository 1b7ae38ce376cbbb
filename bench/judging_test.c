// SPDX-License-Identifier: MIT
/* judging_test.c - what the benches say of numbers, and what they count as late. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>
#include <zmq.h>

#include "bench/bench.h"
#include "bench/bystander.h"
#include "bench/verdict.h"
#include "bench/waits.h"

#define URL       "ipc://@ksnap-judging-%d"
#define PERIOD_NS 2000000ull
#define STALL     100ull /* periods */

/* ---- verdicts ---------------------------------------------------------------------------------
 */

#define RATIOS(l, m, h) ((struct summary){ .low = l, .median = m, .high = h })

static void a_ratio_is_judged_by_its_goal(void **state)
{
	assert_string_equal(verdict_of_ratios(RATIOS(1.0, 1.05, 1.1), 1.2, false), "better");
	assert_string_equal(verdict_of_ratios(RATIOS(1.4, 1.45, 1.5), 1.2, false), "worse");
	assert_string_equal(verdict_of_ratios(RATIOS(1.4, 1.45, 1.5), 1.2, true), "better");
	assert_string_equal(verdict_of_ratios(RATIOS(1.0, 1.05, 1.1), 1.2, true), "worse");
}

static void a_spread_larger_than_the_effect_is_no_verdict(void **state)
{
	assert_string_equal(verdict_of_ratios(RATIOS(0.9, 1.05, 1.2), 1.2, false), "inconclusive");
	assert_string_equal(verdict_of_ratios(RATIOS(1.1, 1.3, 1.5), 1.2, false), "inconclusive");
	assert_string_equal(verdict_of_ratios(RATIOS(1.1, 1.3, 1.5), 1.2, true), "inconclusive");
	assert_string_equal(verdict_of_ratios(RATIOS(0.9, 1.05, 1.2), 1.2, true), "inconclusive");
}

/* Rounds that lie evenly around a median, as far apart as they may. */
static const char *many(double median, double apart, unsigned n, bool is_factor)
{
	double v[500];

	for (unsigned i = 0; i < n; i++)
		v[i] = median + apart * ((i * 7919u % n + 0.5) / n - 0.5);
	return verdict_of_many(v, n, 5, is_factor);
}

static void many_short_rounds_are_judged_by_their_median(void **state)
{
	double low, high, v[500];

	assert_string_equal(many(4, 6, 500, false), "better");
	assert_string_equal(many(6, 6, 500, false), "worse");
	assert_string_equal(many(6, 6, 500, true), "better");
	assert_string_equal(many(4, 6, 500, true), "worse");
	assert_string_equal(many(4.9, 6, 500, false), "inconclusive");
	assert_string_equal(many(5.1, 6, 500, false), "inconclusive");
	assert_string_equal(many(4, 6, 12, false), "inconclusive");
	assert_string_equal(many(1, 0, 6, false), "inconclusive");
	for (unsigned i = 0; i < 500; i++)
		v[i] = i + 1;
	assert_false(verdict_median_interval(v, 7, &low, &high));
	assert_true(verdict_median_interval(v, 500, &low, &high));
	assert_true(low == 221 && high == 280); /* 250 -+ 28.8 */
}

static const char *pings(double ping, double ping_more, double own, double own_more, double echo)
{
	struct verdict_pings p = { .n = 3,
				   .ping = { ping + ping_more, ping, ping - ping_more },
				   .own = { own, own + own_more, own - own_more },
				   .echo = { echo, echo, echo } };

	return verdict_of_pings(&p, 5000);
}

static void pings_are_judged_by_their_rounds(void **state)
{
	struct verdict_pings one = { .n = 1, .ping = { 1 }, .own = { 1 }, .echo = { 1 } };

	assert_string_equal(verdict_of_pings(&one, 5000), "not judged");
	assert_string_equal(pings(1000, 500, 500, 0, 100), "better");
	assert_string_equal(pings(90000, 1000, 80000, 0, 100), "worse");
	assert_string_equal(pings(4000, 3000, 4000, 3000, 100), "inconclusive");
	assert_string_equal(pings(6000, 3000, 6000, 3000, 100), "inconclusive");
}

static void late_pings_have_a_cause(void **state)
{
	assert_string_equal(pings(90000, 1000, 500, 100, 90000), "no CPU");
	assert_string_equal(pings(6000, 3000, 500, 100, 100), "no CPU");
	assert_string_equal(pings(90000, 1000, 4000, 3000, 100), "worse");
	assert_string_equal(pings(90000, 1000, 4000, 3000, 80000), "so is the echo");
	assert_string_equal(pings(90000, 1000, 4000, 3000, 4000), "worse");
	assert_string_equal(pings(6000, 3000, 6000, 3000, 80000), "so is the echo");
	assert_string_equal(pings(4000, 3000, 4000, 3000, 80000), "so is the echo");
}

/* ---- rounds -----------------------------------------------------------------------------------
 */

struct turns {
	char order[64];
	unsigned n;
	bool wrong;
};

static int run_path(void *arg, double *ret)
{
	struct turns *t = arg;

	t->order[t->n++] = 'p';
	*ret = 2;
	return t->wrong ? bench_wrong("as it was told to be") : 0;
}

static int run_floor(void *arg, double *ret)
{
	struct turns *t = arg;

	t->order[t->n++] = 'f';
	*ret = 1;
	return 0;
}

/* How such a case goes, with one more argument; the program's exit code. */
static int run_case(struct turns *t, const char *more, const char *value)
{
	char *argv[] = { "judging_test", (char *)more, (char *)value, NULL };
	struct bench *b = bench_begin(value ? 3 : more ? 2 : 1, argv, "judging_test");
	struct bench_case c = { .path = "path",
				.floor = "floor",
				.unit = "us",
				.goal = 3,
				.run = run_path,
				.run_floor = run_floor,
				.arg = t };

	assert_non_null(b);
	bench_run(b, &c);
	return bench_end(b);
}

static void path_and_floor_take_turns(void **state)
{
	struct turns t = { 0 }, quick = { 0 };

	assert_int_equal(run_case(&t, "--rounds", "3"), 0);
	assert_string_equal(t.order, "pffppffppf"); /* two of them warm up */
	assert_int_equal(run_case(&quick, "--quick", NULL), 0);
	assert_string_equal(quick.order, "pf");
}

static void wrong_books_end_with_1(void **state)
{
	struct turns t = { .wrong = true }, other = { 0 };

	assert_int_equal(run_case(&t, "--quick", NULL), 1);
	assert_int_equal(run_case(&other, "--only", "nothing of that name"), 77);
	assert_int_equal(other.n, 0);
}

/* ---- by the clock -----------------------------------------------------------------------------
 */

struct echo {
	void *context, *socket;
	char url[64];
	pthread_t thread;
	sem_t answered; /* twice what was due in the stall */
};

static void sleep_until(uint64_t ns)
{
	struct timespec ts = { ns / 1000000000, ns % 1000000000 };

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL))
		;
}

/* Ends with the context. The first message is kept for as long as a hundred of them are due. */
static void *answer_late(void *arg)
{
	struct echo *e = arg;
	uint64_t stall = STALL * PERIOD_NS;
	zmq_msg_t m;

	for (unsigned n = 0;; n++) {
		if (n == 2 * STALL)
			sem_post(&e->answered);
		zmq_msg_init(&m);
		if (zmq_msg_recv(&m, e->socket, 0) < 0)
			break;
		sleep_until(bench_now() + stall);
		stall = 0;
		while (zmq_msg_more(&m)) {
			zmq_msg_send(&m, e->socket, ZMQ_SNDMORE);
			zmq_msg_init(&m);
			zmq_msg_recv(&m, e->socket, 0);
		}
		zmq_msg_send(&m, e->socket, 0);
	}
	zmq_msg_close(&m);
	zmq_close(e->socket);
	return NULL;
}

static void start_echo(struct echo *e)
{
	snprintf(e->url, sizeof(e->url), URL, getpid());
	sem_init(&e->answered, 0, 0);
	e->context = zmq_ctx_new();
	e->socket = zmq_socket(e->context, ZMQ_ROUTER);
	assert_int_equal(zmq_bind(e->socket, e->url), 0);
	assert_int_equal(pthread_create(&e->thread, NULL, answer_late, e), 0);
}

static void stop_echo(struct echo *e)
{
	zmq_ctx_term(e->context);
	pthread_join(e->thread, NULL);
	sem_destroy(&e->answered);
}

/* Whoever measures each from when it was sent has one late one; here the others were due, too: of
 * the hundred that were, half are later than half of the stall. */
static void what_was_due_in_a_stall_is_late(void **state)
{
	struct bystander_result *r = malloc(sizeof(*r));
	struct echo e = { 0 };
	struct bystander *b;
	uint64_t late = STALL / 2 * PERIOD_NS;

	assert_non_null(r);
	start_echo(&e);
	b = bystander_echo(e.url, getpid(), PERIOD_NS);
	assert_non_null(b);
	while (sem_wait(&e.answered))
		;
	assert_int_equal(bystander_finish(b, r), 0);
	stop_echo(&e);
	assert_true(r->latency.n >= 2 * STALL - 1);
	assert_true(r->latency.max >= STALL * PERIOD_NS);
	assert_true(hist_quantile(&r->latency, 1 - (STALL / 2 - 1) / (double)r->latency.n) >= late);
	/* Nobody waited for a CPU while it slept. */
	assert_true(r->own.max >= late);
	free(r);
}

/* ---- waits ------------------------------------------------------------------------------------
 */

struct spin {
	int cpu;
	atomic_bool stop;
	atomic_int ready;
};

static void *spin(void *arg)
{
	struct spin *s = arg;
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(s->cpu, &set);
	sched_setaffinity(0, sizeof(set), &set);
	atomic_fetch_add(&s->ready, 1);
	while (!atomic_load(&s->stop))
		;
	return NULL;
}

static int first_cpu(void)
{
	cpu_set_t set;
	int cpu = 0;

	CPU_ZERO(&set);
	sched_getaffinity(0, sizeof(set), &set);
	while (!CPU_ISSET(cpu, &set))
		cpu++;
	return cpu;
}

/* Two that never rest share a CPU: one has to wait for the other. */
static void a_wait_for_a_cpu_is_seen(void **state)
{
	struct spin s = { .cpu = first_cpu() };
	struct waits_known known;
	struct waits w = { 0 };
	pthread_t two[2];
	uint64_t waited = 0;

	if (access("/proc/self/schedstat", R_OK)) {
		print_message("skipped: this kernel does not count waits for a CPU\n");
		skip();
	}
	waits_know(&known);
	assert_true(known.n >= 1);
	for (int i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&two[i], NULL, spin, &s), 0);
	while (atomic_load(&s.ready) < 2)
		sched_yield();
	waits_add(&w, getpid(), &known);
	assert_int_equal(w.n, 2);
	while (waited < 1000000)
		waited += waits_longest(&w);
	atomic_store(&s.stop, true);
	for (int i = 0; i < 2; i++)
		pthread_join(two[i], NULL);
	waits_longest(&w);
	assert_int_equal(waits_longest(&w), 0);
	waits_fini(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_ratio_is_judged_by_its_goal),
		cmocka_unit_test(many_short_rounds_are_judged_by_their_median),
		cmocka_unit_test(a_spread_larger_than_the_effect_is_no_verdict),
		cmocka_unit_test(pings_are_judged_by_their_rounds),
		cmocka_unit_test(late_pings_have_a_cause),
		cmocka_unit_test(path_and_floor_take_turns),
		cmocka_unit_test(wrong_books_end_with_1),
		cmocka_unit_test(what_was_due_in_a_stall_is_late),
		cmocka_unit_test(a_wait_for_a_cpu_is_seen),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
