// SPDX-License-Identifier: MIT
/* loop_test.c - sources and timers called once a turn, and removed ones never. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <signal.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>
#include <zmq.h>

#include "base/clock.h"
#include "base/loop.h"

static uint64_t now_ns;

static uint64_t held_mono(void)
{
	return now_ns;
}

static int64_t held_real(void)
{
	return 0;
}

static const struct clock_source held = { held_mono, held_real };

struct world {
	struct loop *loop;
	int ends[2];      /* a pipe */
	unsigned calls;   /* of count_call */
	int id, other_id; /* for callbacks that remove */
	char order[32];
};

static int setup(void **state)
{
	static struct world w;

	w = (struct world){ .loop = loop_create(NULL) };
	now_ns = 1000 * NS_PER_MS;
	*state = &w;
	return !w.loop || pipe(w.ends);
}

static int teardown(void **state)
{
	struct world *w = *state;

	clock_replace(NULL);
	loop_destroy(w->loop);
	close(w->ends[0]);
	close(w->ends[1]);
	return 0;
}

static void count_call(void *arg)
{
	((struct world *)arg)->calls++;
}

static void turn(struct world *w)
{
	assert_int_equal(loop_turn(w->loop, 0, NULL), 0);
}

static void make_readable(struct world *w)
{
	assert_int_equal(write(w->ends[1], "x", 1), 1);
}

static void removing_what_is_not_there(void **state)
{
	struct world *w = *state;

	loop_remove(w->loop, 0);
	loop_remove(w->loop, -5);
	loop_remove(w->loop, 1234);
	loop_destroy(NULL);
	turn(w);
}

static void turn_inside(void *arg)
{
	struct world *w = arg;
	struct ksnap_err err;

	assert_int_equal(loop_turn(w->loop, 0, &err), KSNAP_E_STATE);
	w->calls++;
}

static void callback_may_not_turn_its_loop(void **state)
{
	struct world *w = *state;

	make_readable(w);
	loop_add_fd(w->loop, w->ends[0], turn_inside, w, NULL);
	turn(w);
	assert_int_equal(w->calls, 1);
}

static void closed_descriptor_fails_or_is_told(void **state)
{
	struct world *w = *state;
	int fd = dup(w->ends[0]), rc;
	struct ksnap_err err = { 0 };

	close(fd);
	loop_add_fd(w->loop, fd, count_call, w, NULL);
	rc = loop_turn(w->loop, 0, &err);
	assert_true(rc < 0 ? *err.text : w->calls == 1);
}

static void stop(void *arg)
{
	loop_stop(((struct world *)arg)->loop);
}

static void closed_context_ends_the_run(void **state)
{
	struct world *w = *state;
	void *ctx = zmq_ctx_new(), *socket = zmq_socket(ctx, ZMQ_PULL);
	struct ksnap_err err = { 0 };

	loop_add_socket(w->loop, socket, count_call, w, NULL);
	zmq_ctx_shutdown(ctx);
	assert_int_equal(loop_run(w->loop, &err), KSNAP_E_STATE);
	assert_non_null(strstr(err.text, "context is closed"));
	zmq_close(socket);
	zmq_ctx_term(ctx);
}

static void on_alarm(int sig)
{
}

static void signal_does_not_end_the_run(void **state)
{
	struct world *w = *state;
	struct itimerval timer = { .it_value.tv_usec = 2000 };
	struct sigaction sa = { .sa_handler = on_alarm };

	sigaction(SIGALRM, &sa, NULL);
	loop_add_deadline(w->loop, clock_mono_ns() + 30 * NS_PER_MS, stop, w, NULL);
	setitimer(ITIMER_REAL, &timer, NULL);
	assert_int_equal(loop_run(w->loop, NULL), 0);
}

static void descriptor_is_level_triggered(void **state)
{
	struct world *w = *state;
	int id = loop_add_fd(w->loop, w->ends[0], count_call, w, NULL);
	char byte;

	assert_true(id > 0);
	turn(w);
	assert_int_equal(w->calls, 0);
	make_readable(w);
	turn(w);
	turn(w);
	assert_int_equal(w->calls, 2);
	assert_int_equal(read(w->ends[0], &byte, 1), 1);
	turn(w);
	assert_int_equal(w->calls, 2);
	make_readable(w);
	loop_remove(w->loop, id);
	turn(w);
	assert_int_equal(w->calls, 2);
}

static void socket_is_called_while_it_has_messages(void **state)
{
	struct world *w = *state;
	void *ctx = zmq_ctx_new();
	void *pull = zmq_socket(ctx, ZMQ_PULL), *push = zmq_socket(ctx, ZMQ_PUSH);
	char byte;

	assert_int_equal(zmq_bind(pull, "inproc://loop"), 0);
	assert_int_equal(zmq_connect(push, "inproc://loop"), 0);
	loop_add_socket(w->loop, pull, count_call, w, NULL);
	zmq_send(push, "a", 1, 0);
	zmq_send(push, "b", 1, 0);
	assert_int_equal(loop_turn(w->loop, 5000, NULL), 0);
	assert_int_equal(w->calls, 1);
	assert_int_equal(zmq_recv(pull, &byte, 1, 0), 1);
	assert_int_equal(loop_turn(w->loop, 5000, NULL), 0);
	assert_int_equal(w->calls, 2);
	assert_int_equal(zmq_recv(pull, &byte, 1, 0), 1);
	turn(w);
	assert_int_equal(w->calls, 2);
	zmq_close(push);
	zmq_close(pull);
	zmq_ctx_term(ctx);
}

/* Reading the state takes the wake-up, as any use of a socket may. */
static void take_wake_up(void *socket)
{
	int events = 0;
	size_t len = sizeof(events);

	while (!(events & ZMQ_POLLIN))
		assert_int_equal(zmq_getsockopt(socket, ZMQ_EVENTS, &events, &len), 0);
}

static void resting_socket_is_looked_at_when_it_wakes_or_was_used(void **state)
{
	struct world *w = *state;
	void *ctx = zmq_ctx_new();
	void *pull = zmq_socket(ctx, ZMQ_PULL), *push = zmq_socket(ctx, ZMQ_PUSH);
	int id;

	assert_int_equal(zmq_bind(pull, "inproc://rests"), 0);
	assert_int_equal(zmq_connect(push, "inproc://rests"), 0);
	id = loop_add_socket(w->loop, pull, count_call, w, NULL);
	turn(w);
	loop_socket_rests(w->loop, id);
	loop_socket_rests(w->loop, 0);
	loop_socket_used(w->loop, id + 1);
	assert_int_equal(zmq_send(push, "x", 1, 0), 1);
	turn(w);
	assert_int_equal(w->calls, 1);
	loop_socket_rests(w->loop, id); /* which is not so */
	turn(w);
	assert_int_equal(w->calls, 1);
	loop_socket_used(w->loop, id);
	turn(w);
	assert_int_equal(w->calls, 2);
	assert_int_equal(zmq_recv(pull, NULL, 0, 0), 1);
	loop_socket_rests(w->loop, id);
	assert_int_equal(zmq_send(push, "y", 1, 0), 1);
	take_wake_up(pull);
	loop_socket_used(w->loop, id);
	turn(w);
	assert_int_equal(w->calls, 3);
	zmq_close(push);
	zmq_close(pull);
	zmq_ctx_term(ctx);
}

static void socket_found_empty_rests_when_its_owner_tells_of_its_use(void **state)
{
	struct world *w = *state;
	void *ctx = zmq_ctx_new();
	void *pull = zmq_socket(ctx, ZMQ_PULL), *push = zmq_socket(ctx, ZMQ_PUSH);
	int id;

	assert_int_equal(zmq_bind(pull, "inproc://empty"), 0);
	assert_int_equal(zmq_connect(push, "inproc://empty"), 0);
	id = loop_add_socket(w->loop, pull, count_call, w, NULL);
	turn(w);
	assert_int_equal(zmq_send(push, "x", 1, 0), 1);
	take_wake_up(pull);
	turn(w); /* it is looked at, for nobody tells */
	assert_int_equal(w->calls, 1);
	assert_int_equal(zmq_recv(pull, NULL, 0, 0), 1);
	loop_socket_used(w->loop, id);
	turn(w);
	assert_int_equal(w->calls, 1);
	assert_int_equal(zmq_send(push, "y", 1, 0), 1);
	take_wake_up(pull);
	turn(w); /* nobody told of that */
	assert_int_equal(w->calls, 1);
	loop_socket_used(w->loop, id);
	turn(w);
	assert_int_equal(w->calls, 2);
	zmq_close(push);
	zmq_close(pull);
	zmq_ctx_term(ctx);
}

static void remove_other(void *arg)
{
	struct world *w = arg;

	loop_remove(w->loop, w->other_id);
	loop_remove(w->loop, w->id);
	w->calls += 100;
}

static void removed_within_a_turn_is_not_called(void **state)
{
	struct world *w = *state;

	make_readable(w);
	w->id = loop_add_fd(w->loop, w->ends[0], remove_other, w, NULL);
	w->other_id = loop_add_fd(w->loop, w->ends[0], count_call, w, NULL);
	turn(w);
	turn(w);
	assert_int_equal(w->calls, 100);
}

static void add_many(void *arg)
{
	struct world *w = arg;

	loop_remove(w->loop, w->id);
	for (unsigned i = 0; i < 100; i++) {
		assert_true(loop_add_fd(w->loop, w->ends[0], count_call, w, NULL) > 0);
		assert_true(loop_add_deadline(w->loop, 0, count_call, w, NULL) > 0);
	}
}

static void added_within_a_turn_waits_for_the_next(void **state)
{
	struct world *w = *state;

	make_readable(w);
	w->id = loop_add_fd(w->loop, w->ends[0], add_many, w, NULL);
	loop_add_fd(w->loop, w->ends[0], count_call, w, NULL);
	turn(w);
	assert_in_range(w->calls, 1, 101); /* its neighbour, and deadlines that were long due */
	turn(w);
	turn(w);
	assert_true(w->calls >= 1 + 2 * 101);
}

static void deadline_that_adds_itself(void *arg)
{
	struct world *w = arg;

	w->calls++;
	loop_add_deadline(w->loop, 0, deadline_that_adds_itself, w, NULL);
}

static void deadline_in_the_past_cannot_hog_a_turn(void **state)
{
	struct world *w = *state;

	clock_replace(&held);
	loop_add_deadline(w->loop, 0, deadline_that_adds_itself, w, NULL);
	turn(w);
	assert_int_equal(w->calls, 1);
	turn(w);
	assert_int_equal(w->calls, 2);
}

static void many_due_are_spread_over_turns(void **state)
{
	struct world *w = *state;
	unsigned turns = 0;

	clock_replace(&held);
	for (unsigned i = 0; i < 1000; i++)
		loop_add_deadline(w->loop, i, count_call, w, NULL);
	while (w->calls < 1000 && turns < 1000) {
		unsigned before = w->calls;

		turn(w);
		turns++;
		assert_in_range(w->calls - before, 1, 64);
	}
	assert_int_equal(w->calls, 1000);
	turn(w);
	assert_int_equal(w->calls, 1000);
}

static struct world *noting;

static void note_a(void *arg)
{
	strcat(noting->order, arg);
}

static void deadlines_come_in_order_of_time(void **state)
{
	struct world *w = *state;
	static const unsigned at[] = { 5, 1, 4, 2, 8, 7, 3, 6 };
	static const char *const names[] = { "0", "1", "2", "3", "4", "5", "6", "7", "8" };
	int ids[8];

	noting = w;
	clock_replace(&held);
	for (unsigned i = 0; i < 8; i++)
		ids[i] = loop_add_deadline(w->loop, now_ns + at[i] * NS_PER_MS, note_a,
					   (void *)names[at[i]], NULL);
	loop_remove(w->loop, ids[2]);
	now_ns += 3 * NS_PER_MS - 1;
	turn(w);
	assert_string_equal(w->order, "12");
	now_ns += 100 * NS_PER_MS;
	turn(w);
	assert_string_equal(w->order, "1235678");
}

static void timer_repeats_and_makes_up_for_nothing(void **state)
{
	struct world *w = *state;
	int id;

	clock_replace(&held);
	id = loop_add_timer(w->loop, 10, count_call, w, NULL);
	turn(w);
	assert_int_equal(w->calls, 0);
	now_ns += 10 * NS_PER_MS;
	turn(w);
	turn(w);
	assert_int_equal(w->calls, 1);
	now_ns += 95 * NS_PER_MS;
	turn(w);
	turn(w);
	assert_int_equal(w->calls, 2);
	now_ns += 5 * NS_PER_MS; /* still in step with its beginning */
	turn(w);
	assert_int_equal(w->calls, 3);
	loop_remove(w->loop, id);
	now_ns += 50 * NS_PER_MS;
	turn(w);
	assert_int_equal(w->calls, 3);
}

static void timer_removes_itself_and_its_neighbour(void **state)
{
	struct world *w = *state;

	clock_replace(&held);
	w->id = loop_add_timer(w->loop, 10, remove_other, w, NULL);
	w->other_id = loop_add_timer(w->loop, 11, count_call, w, NULL);
	now_ns += 20 * NS_PER_MS;
	turn(w);
	now_ns += 20 * NS_PER_MS;
	turn(w);
	assert_int_equal(w->calls, 100);
}

static void run_waits_for_a_deadline_and_stops(void **state)
{
	struct world *w = *state;

	loop_add_deadline(w->loop, clock_mono_ns() + NS_PER_MS, stop, w, NULL);
	assert_int_equal(loop_run(w->loop, NULL), 0);
	loop_add_deadline(w->loop, clock_mono_ns() + NS_PER_MS, stop, w, NULL);
	assert_int_equal(loop_run(w->loop, NULL), 0);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(removing_what_is_not_there),
		T(callback_may_not_turn_its_loop),
		T(closed_descriptor_fails_or_is_told),
		T(closed_context_ends_the_run),
		T(signal_does_not_end_the_run),
		T(descriptor_is_level_triggered),
		T(socket_is_called_while_it_has_messages),
		T(resting_socket_is_looked_at_when_it_wakes_or_was_used),
		T(socket_found_empty_rests_when_its_owner_tells_of_its_use),
		T(removed_within_a_turn_is_not_called),
		T(added_within_a_turn_waits_for_the_next),
		T(deadline_in_the_past_cannot_hog_a_turn),
		T(many_due_are_spread_over_turns),
		T(deadlines_come_in_order_of_time),
		T(timer_repeats_and_makes_up_for_nothing),
		T(timer_removes_itself_and_its_neighbour),
		T(run_waits_for_a_deadline_and_stops),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
