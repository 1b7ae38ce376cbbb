// SPDX-License-Identifier: MIT
/* stop_test.c - a made-up qemu at the other end: one that obeys, and such that do not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "capture/guest/hole.h"
#include "capture/guest/stop.h"

#define WAIT_MS 200

/* What the other end answers to each command; NULL: nothing. */
struct answer {
	const char *command, *says; /* %llu: the id */
};

struct fake {
	int fd;
	const struct answer *answers;
	char heard[512]; /* commands in order, each with a blank behind */
	int stub;        /* where a gdbstub of its tells that it was stopped; 0: nowhere */
	pthread_t thread;
};

static void tell_stop(int stub)
{
	assert_int_equal(write(stub, "$T02thread:01;#04", 17), 17);
}

static void answer(struct fake *f, char *line)
{
	char *name = strstr(line, "\"execute\": \""), *id = strstr(line, "\"id\": ");
	char reply[512];

	assert_true(name && id);
	name += 12;
	name[strcspn(name, "\"")] = 0;
	strcat(strcat(f->heard, name), " ");
	if (f->stub && !strcmp(name, "stop"))
		tell_stop(f->stub);
	for (const struct answer *a = f->answers; a->command; a++) {
		if (strcmp(a->command, name) || !a->says)
			continue;
		snprintf(reply, sizeof(reply), a->says, strtoull(id + 6, NULL, 10));
		assert_true(write(f->fd, reply, strlen(reply)) > 0);
	}
}

static void *serve(void *arg)
{
	struct fake *f = arg;
	FILE *in = fdopen(dup(f->fd), "r");
	char *line = NULL;
	size_t cap = 0;

	while (getline(&line, &cap, in) > 0)
		answer(f, line);
	free(line);
	fclose(in);
	close(f->fd);
	return NULL;
}

static void begin(struct fake *f, const struct answer *answers, struct qmp *q, struct stop *s)
{
	int ends[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	*f = (struct fake){ .fd = ends[0], .answers = answers };
	*q = QMP_INIT;
	q->fd = ends[1];
	*s = STOP_INIT;
	s->wait_ms = WAIT_MS;
	assert_int_equal(pthread_create(&f->thread, NULL, serve, f), 0);
}

static void end(struct fake *f, struct qmp *q)
{
	qmp_close(q);
	assert_int_equal(pthread_join(f->thread, NULL), 0);
}

#define RUNNING "{\"return\": {\"status\": \"running\", \"running\": true}, \"id\": %llu}\r\n"
#define PAUSED  "{\"return\": {\"running\": false, \"status\": \"paused\"}, \"id\": %llu}\r\n"
#define TRAPPED "{\"return\": {\"running\": false, \"status\": \"debug\"}, \"id\": %llu}\r\n"
#define DONE    "{\"return\": {}, \"id\": %llu}\r\n"

static void says_when_a_guest_does_not_stop(void **state)
{
	static const struct answer answers[] = {
		{ "query-status", RUNNING }, { "stop", NULL }, { "cont", DONE }, { 0 }
	};
	struct ksnap_err err;
	struct fake f;
	struct qmp q;
	struct stop s;

	begin(&f, answers, &q, &s);
	assert_int_equal(stop_begin(&s, &q, STOP_JOB, &err), KSNAP_E_TIMEOUT);
	assert_non_null(strstr(err.text, "did not stop within 200 ms"));
	assert_false(s.is_stopped);
	end(&f, &q);
	assert_string_equal(f.heard, "query-status stop cont ");
}

/* Nobody answers cont: the child has tried too, and then let go. */
static void leaves_a_guest_that_does_not_go_on_to_the_child(void **state)
{
	static const struct answer answers[] = { { "query-status", RUNNING },
						 { "stop", DONE },
						 { 0 } };
	struct ksnap_err err;
	struct fake f;
	struct qmp q;
	struct stop s;

	begin(&f, answers, &q, &s);
	assert_int_equal(stop_begin(&s, &q, STOP_JOB, &err), 0);
	assert_true(s.is_stopped);
	assert_int_equal(stop_end(&s, &q, STOP_JOB, &err), KSNAP_E_TIMEOUT);
	assert_int_equal(s.guard.pidfd, -1);
	end(&f, &q);
	assert_string_equal(f.heard, "query-status stop cont cont ");
}

static void does_not_touch_a_guest_that_is_paused(void **state)
{
	static const struct answer answers[] = { { "query-status", PAUSED }, { 0 } };
	struct fake f;
	struct qmp q;
	struct stop s;

	begin(&f, answers, &q, &s);
	assert_int_equal(stop_begin(&s, &q, STOP_JOB, NULL), 0);
	assert_int_equal(stop_end(&s, &q, STOP_JOB, NULL), 0);
	end(&f, &q);
	assert_string_equal(f.heard, "query-status ");
}

/* It was paused when it was frozen, and others have let it go on since. */
static void stops_a_frozen_guest_that_others_let_go_on(void **state)
{
	static const struct answer paused[] = { { "query-status", PAUSED }, { 0 } };
	static const struct answer running[] = {
		{ "query-status", RUNNING }, { "stop", DONE }, { "cont", DONE }, { 0 }
	};
	struct fake f;
	struct qmp q;
	struct stop s;

	begin(&f, paused, &q, &s);
	assert_int_equal(stop_begin(&s, &q, STOP_FREEZE, NULL), 0);
	assert_false(s.is_stopped);
	assert_int_equal(stop_begin(&s, &q, STOP_JOB, NULL), 0);
	assert_int_equal(stop_end(&s, &q, STOP_JOB, NULL), 0);
	assert_false(s.is_stopped);
	f.answers = running;
	assert_int_equal(stop_begin(&s, &q, STOP_JOB, NULL), 0);
	assert_true(s.is_stopped);
	assert_int_equal(stop_end(&s, &q, STOP_JOB, NULL), 0);
	assert_true(s.is_stopped);
	assert_int_equal(stop_end(&s, &q, STOP_FREEZE, NULL), 0);
	assert_false(s.is_stopped);
	end(&f, &q);
	assert_string_equal(f.heard, "query-status query-status query-status stop cont ");
	(void)state;
}

static void says_by_whom_a_guest_stands_still(void **state)
{
	static const struct answer running[] = {
		{ "query-status", RUNNING }, { "stop", DONE }, { "cont", DONE }, { 0 }
	};
	static const struct answer paused[] = { { "query-status", PAUSED }, { 0 } };
	struct fake f;
	struct qmp q;
	struct stop s;

	begin(&f, running, &q, &s);
	assert_int_equal(stop_begin(&s, &q, STOP_JOB, NULL), 0);
	assert_null(stop_by_others(&s));
	assert_int_equal(stop_begin(&s, &q, STOP_FREEZE, NULL), 0);
	assert_string_equal(stop_by_others(&s), "frozen");
	assert_int_equal(stop_end(&s, &q, STOP_FREEZE, NULL), 0);
	assert_null(stop_by_others(&s));
	assert_int_equal(stop_end(&s, &q, STOP_JOB, NULL), 0);
	end(&f, &q);
	begin(&f, paused, &q, &s);
	assert_int_equal(stop_begin(&s, &q, STOP_JOB, NULL), 0);
	assert_string_equal(stop_by_others(&s), "paused");
	assert_int_equal(stop_end(&s, &q, STOP_JOB, NULL), 0);
	end(&f, &q);
}

/* A stub that has told @said, and says no more. The other end. */
static int begin_stub(struct gdb *g, struct stop *s, const char *said)
{
	int ends[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	assert_int_equal(gdb_init(g, NULL), 0);
	g->fd = ends[1];
	s->gdb = g;
	assert_int_equal(write(ends[0], said, strlen(said)), strlen(said));
	return ends[0];
}

/* The trap of a write that came just before was not taken yet. */
static void lets_a_guest_go_on_that_a_watch_has_stopped(void **state)
{
	static const struct answer answers[] = { { "query-status", TRAPPED },
						 { "cont", DONE },
						 { 0 } };
	struct fake f;
	struct qmp q;
	struct stop s;
	struct gdb g;
	int stub;

	begin(&f, answers, &q, &s);
	stub = begin_stub(&g, &s, "$T05thread:02;watch:1000;#55");
	assert_int_equal(stop_begin(&s, &q, STOP_JOB, NULL), 0);
	assert_true(s.is_stopped && s.guard.pidfd >= 0);
	assert_true(g.has_trap);
	gdb_fini(&g); /* the last watch is taken out */
	assert_int_equal(stop_end(&s, &q, STOP_JOB, NULL), 0);
	assert_int_equal(s.guard.pidfd, -1);
	close(stub);
	end(&f, &q);
	assert_string_equal(f.heard, "query-status cont ");
}

/* Another debugger did it, before we were connected. */
static void does_not_touch_a_guest_that_another_debugger_has_stopped(void **state)
{
	static const struct answer answers[] = { { "query-status", TRAPPED }, { 0 } };
	struct fake f;
	struct qmp q;
	struct stop s;
	struct gdb g;
	int stub;

	begin(&f, answers, &q, &s);
	stub = begin_stub(&g, &s, "$OK#9a");
	assert_int_equal(stop_begin(&s, &q, STOP_JOB, NULL), 0);
	assert_false(s.is_stopped);
	assert_int_equal(stop_end(&s, &q, STOP_JOB, NULL), 0);
	gdb_fini(&g);
	close(stub);
	end(&f, &q);
	assert_string_equal(f.heard, "query-status ");
}

/* The watch may be over before. */
static void has_a_child_for_a_freeze_of_what_a_watch_has_stopped(void **state)
{
	static const struct answer answers[] = { { "cont", DONE }, { 0 } };
	struct fake f;
	struct qmp q;
	struct stop s;

	begin(&f, answers, &q, &s);
	stop_caught(&s);
	assert_int_equal(stop_begin(&s, &q, STOP_FREEZE, NULL), 0);
	assert_true(s.guard.pidfd >= 0);
	assert_int_equal(stop_end(&s, &q, STOP_HIT, NULL), 0);
	assert_int_equal(stop_end(&s, &q, STOP_FREEZE, NULL), 0);
	assert_int_equal(s.guard.pidfd, -1);
	end(&f, &q);
	assert_string_equal(f.heard, "cont ");
}

static void tells_answers_from_events_and_from_late_answers(void **state)
{
	static const struct answer answers[] = {
		{ "query-status", "{\"event\": \"RESET\", \"data\": {}}\r\n"
				  "{\"return\": {\"running\": false}, \"id\": 99999}\r\n" RUNNING },
		{ "stop", "{\"id\": 0, \"return\": {}}\r\n" DONE },
		{ "cont", "{\"event\": \"RESUME\"}\r\n" DONE },
		{ 0 }
	};
	struct fake f;
	struct qmp q;
	struct stop s;

	begin(&f, answers, &q, &s);
	assert_int_equal(stop_begin(&s, &q, STOP_JOB, NULL), 0);
	assert_true(s.is_stopped);
	assert_int_equal(stop_end(&s, &q, STOP_JOB, NULL), 0);
	assert_int_equal(q.resets, 1);
	end(&f, &q);
	assert_string_equal(f.heard, "query-status stop cont ");
}

static void open_stub(struct gdb *g, int *ret)
{
	int ends[2];

	assert_int_equal(gdb_init(g, NULL), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	g->fd = ends[0];
	*ret = ends[1];
}

/* What the stub tells of our own stop is none of others, and what of others stays. */
static void tells_its_own_stops_from_those_of_others(void **state)
{
	static const struct answer answers[] = {
		{ "query-status", RUNNING }, { "stop", DONE }, { "cont", DONE }, { 0 }
	};
	struct fake f;
	struct qmp q;
	struct stop s;
	struct gdb g;

	for (unsigned others = 0; others < 3; others++) {
		begin(&f, answers, &q, &s);
		open_stub(&g, &f.stub);
		s.gdb = &g;
		for (unsigned i = 0; i < others; i++)
			tell_stop(f.stub);
		assert_int_equal(stop_begin(&s, &q, STOP_JOB, NULL), 0);
		assert_int_equal(g.pauses, others);
		s.gdb = NULL;
		assert_int_equal(stop_end(&s, &q, STOP_JOB, NULL), 0);
		end(&f, &q);
		gdb_fini(&g);
		close(f.stub);
	}
}

static void passes_refusals_on(void **state)
{
	static const struct answer answers[] = {
		{ "query-status", RUNNING },
		{ "stop", "{\"error\": {\"class\": \"GenericError\", \"desc\": \"no\\nway\"}, "
			  "\"id\": %llu}\r\n" },
		{ "cont", DONE },
		{ "x", "{\"id\": %llu, \"error\": {\"class\": \"CommandNotFound\"}}\r\n" },
		{ 0 }
	};
	struct ksnap_err err;
	struct fake f;
	struct qmp q;
	struct stop s;

	begin(&f, answers, &q, &s);
	assert_int_equal(stop_begin(&s, &q, STOP_JOB, &err), KSNAP_E_TARGET);
	assert_non_null(strstr(err.text, "GenericError"));
	assert_false(s.is_stopped);
	assert_int_equal(qmp_call(&q, "x", NULL, UINT64_MAX / 2, NULL, &err), KSNAP_E_UNSUPPORTED);
	end(&f, &q);
}

static void finds_the_hole(void **state)
{
	assert_int_equal(hole_in_text(""), 0);
	assert_int_equal(hole_in_text("0000000100000000-"), 0);
	assert_int_equal(hole_in_text(" 0000000100000000-0 (prio 0, i/o): dev @000001000\r\n"
				      "@0000000005\r\n"),
			 0);
	assert_int_equal(hole_in_text("0000000000000000-0000000007ffffff (prio 0, ram): ram\r\n"
				      "  0000000100000000-0000000103ffffff (prio 0, ram): ram "
				      "@0000000008000000\r\n"),
			 0x8000000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(says_when_a_guest_does_not_stop),
		cmocka_unit_test(leaves_a_guest_that_does_not_go_on_to_the_child),
		cmocka_unit_test(tells_its_own_stops_from_those_of_others),
		cmocka_unit_test(passes_refusals_on),
		cmocka_unit_test(does_not_touch_a_guest_that_is_paused),
		cmocka_unit_test(stops_a_frozen_guest_that_others_let_go_on),
		cmocka_unit_test(says_by_whom_a_guest_stands_still),
		cmocka_unit_test(lets_a_guest_go_on_that_a_watch_has_stopped),
		cmocka_unit_test(does_not_touch_a_guest_that_another_debugger_has_stopped),
		cmocka_unit_test(has_a_child_for_a_freeze_of_what_a_watch_has_stopped),
		cmocka_unit_test(tells_answers_from_events_and_from_late_answers),
		cmocka_unit_test(finds_the_hole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
