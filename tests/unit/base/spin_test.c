// SPDX-License-Identifier: MIT
/* spin_test.c - how long is looked before a wait, and when it is given up. A clock that is held
 * tells each reading of it: a wait that does not look first reads none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/spin.h"

#define STEP_NS (10 * NS_PER_US) /* between two readings */
#define LOOK_NS (100 * NS_PER_US)

static uint64_t now_ns, step_ns;
static unsigned readings, write_at; /* 0: never */
static int ends[2];

static uint64_t read_mono(void)
{
	if (++readings == write_at)
		assert_int_equal(write(ends[1], "x", 1), 1);
	return now_ns += step_ns;
}

static int64_t read_real(void)
{
	return 0;
}

static const struct clock_source stepping = { read_mono, read_real };

static int setup(void **state)
{
	now_ns = 1000 * NS_PER_MS;
	step_ns = STEP_NS;
	readings = write_at = 0;
	clock_replace(&stepping);
	return pipe(ends);
}

static int teardown(void **state)
{
	clock_replace(NULL);
	close(ends[0]);
	close(ends[1]);
	return 0;
}

static int wait_on_pipe(struct spin *s, int timeout_ms)
{
	struct pollfd fd = { .fd = ends[0], .events = POLLIN };

	return spin_poll(s, &fd, 1, timeout_ms);
}

/* Readings of the clock that a wait in vain makes. */
static unsigned readings_of_wait(struct spin *s)
{
	readings = 0;
	assert_int_equal(wait_on_pipe(s, 1), 0);
	return readings;
}

static void without_a_spin_it_is_poll(void **state)
{
	assert_int_equal(readings_of_wait(NULL), 0);
	assert_int_equal(write(ends[1], "x", 1), 1);
	assert_int_equal(wait_on_pipe(NULL, -1), 1);
	assert_int_equal(readings, 0);
}

static void who_does_not_wait_looks_once(void **state)
{
	struct spin s = { 0 };

	assert_int_equal(wait_on_pipe(&s, 0), 0);
	assert_int_equal(readings, 0);
	assert_int_equal(s.misses, 0);
}

static void what_is_there_is_seen_at_once(void **state)
{
	struct spin s = { 0 };

	assert_int_equal(write(ends[1], "x", 1), 1);
	assert_int_equal(wait_on_pipe(&s, -1), 1);
	assert_int_equal(readings, 1);
}

static void what_comes_meanwhile_is_seen(void **state)
{
	struct spin s = { .misses = 2 };

	write_at = 5;
	assert_int_equal(wait_on_pipe(&s, -1), 1);
	assert_int_equal(readings, 5);
	assert_int_equal(s.misses, 0);
}

static void a_look_ends(void **state)
{
	struct spin s = { 0 };

	/* The first reading, and one after each look until more than the time is over. */
	assert_int_equal(readings_of_wait(&s), 1 + LOOK_NS / STEP_NS + 1);
	assert_int_equal(s.misses, 1);
	step_ns = 0; /* the clock stands still */
	assert_in_range(readings_of_wait(&s), 100, 10000);
}

static void looking_in_vain_is_given_up_for_a_while(void **state)
{
	struct spin s = { 0 };

	for (int i = 0; i < SPIN_MISSES; i++)
		assert_true(readings_of_wait(&s) > 0);
	for (int i = 0; i < SPIN_PAUSE; i++)
		assert_int_equal(readings_of_wait(&s), 0);
	/* One look in vain is enough now. */
	assert_true(readings_of_wait(&s) > 0);
	assert_int_equal(readings_of_wait(&s), 0);
}

static void a_look_that_helps_starts_anew(void **state)
{
	struct spin s = { .misses = SPIN_MISSES };
	char byte;

	assert_int_equal(write(ends[1], "x", 1), 1);
	assert_int_equal(wait_on_pipe(&s, 1), 1);
	assert_int_equal(read(ends[0], &byte, 1), 1);
	for (int i = 0; i < SPIN_MISSES; i++)
		assert_true(readings_of_wait(&s) > 0);
	assert_int_equal(readings_of_wait(&s), 0);
}

static void others_who_need_the_cpu_get_it(void **state)
{
	struct spin s = { 0 };

	step_ns = NS_PER_MS; /* so long for one look: somebody else had the CPU */
	assert_int_equal(readings_of_wait(&s), 2);
	assert_int_equal(readings_of_wait(&s), 0);
}

#define test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(without_a_spin_it_is_poll),
		test(who_does_not_wait_looks_once),
		test(what_is_there_is_seen_at_once),
		test(what_comes_meanwhile_is_seen),
		test(a_look_ends),
		test(looking_in_vain_is_given_up_for_a_while),
		test(a_look_that_helps_starts_anew),
		test(others_who_need_the_cpu_get_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
