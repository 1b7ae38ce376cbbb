// SPDX-License-Identifier: MIT
/* executor_test.c - an executor keeps to its clock and to its window, and counts what was due while
 * nobody answered as late. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <zmq.h>

#include "bench/bench.h"
#include "bench/executor.h"
#include "wire/envelope.h"
#include "wire/shapes.h"

#define PERIOD_NS   2000000ull
#define OPS         200u
#define STALL       100u /* periods */
#define IN_FLIGHT   4u
#define PATIENCE_MS 100

/* Who answers. What it saw is read after its end. */
struct answerer {
	void *context, *socket;
	char url[64];
	pthread_t thread;
	uint64_t stall_ns;     /* before the first answer */
	unsigned refuse_every; /* 0: none */
	unsigned hold;         /* answer only when so many wait, or the last has come; 0: at once */
	unsigned got, answered, most_open;
	zmq_msg_t peer;
	uint64_t came[OPS];
	char tag[OPS][KSNAP_TAG_MAX + 1];
	bool wrong;
};

static void sleep_until(uint64_t ns)
{
	struct timespec ts = { ns / 1000000000, ns % 1000000000 };

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL))
		;
}

static int read_tag(struct wire_slice params, char *ret)
{
	struct wire_arena arena = { 0 };
	struct wire_capture_snapshot_params p;
	int code = wire_decode(&wire_shape_capture_snapshot_params, params.p, params.len,
			       WIRE_REFUSE_UNKNOWN, &arena, &p, NULL);

	if (!code) {
		memcpy(ret, p.tag.p, p.tag.len); /* a tag fits: it was checked */
		ret[p.tag.len] = 0;
	}
	wire_arena_fini(&arena);
	return code;
}

/* Requests are numbered as they come. */
static void note_request(struct answerer *a, zmq_msg_t *m)
{
	struct wire_request rq;

	if (a->got == OPS || request_decode(zmq_msg_data(m), zmq_msg_size(m), &rq, NULL) ||
	    rq.id.num != a->got || read_tag(rq.params, a->tag[a->got])) {
		a->wrong = true;
		return;
	}
	a->came[a->got++] = bench_now();
	if (a->got - a->answered > a->most_open)
		a->most_open = a->got - a->answered;
}

static void answer_next(struct answerer *a)
{
	struct buf b = BUF_INIT;
	struct wire_id id = { .kind = WIRE_ID_UINT, .num = a->answered++ };
	struct wire_reply rp = { .id = id, .ok = true, .r = { "\x80", 1 } };
	struct ksnap_err err = { .code = KSNAP_E_BUSY, .text = "not now" };
	zmq_msg_t to;

	if (a->refuse_every && id.num % a->refuse_every == 0)
		reply_encode_error(&id, &err, (struct wire_slice){ 0 }, &b);
	else
		reply_encode(&rp, &b);
	zmq_msg_init(&to);
	zmq_msg_copy(&to, &a->peer);
	zmq_msg_send(&to, a->socket, ZMQ_SNDMORE);
	zmq_send(a->socket, b.data, b.len, 0);
	buf_fini(&b);
}

/* One too many would be on its way. */
static bool comes_another(struct answerer *a)
{
	zmq_pollitem_t item = { .socket = a->socket, .events = ZMQ_POLLIN };

	return zmq_poll(&item, 1, PATIENCE_MS) > 0;
}

/* Ends with the context. */
static void *answer_all(void *arg)
{
	struct answerer *a = arg;
	zmq_msg_t m;

	zmq_msg_init(&a->peer);
	zmq_msg_init(&m);
	while (zmq_msg_recv(&a->peer, a->socket, 0) >= 0 && zmq_msg_recv(&m, a->socket, 0) >= 0) {
		note_request(a, &m);
		if (a->got == 1)
			sleep_until(bench_now() + a->stall_ns);
		if (a->got < OPS && a->got - a->answered < a->hold)
			continue;
		if (a->hold && !a->answered && comes_another(a))
			continue;
		while (a->answered < a->got)
			answer_next(a);
	}
	zmq_msg_close(&m);
	zmq_msg_close(&a->peer);
	zmq_close(a->socket);
	return NULL;
}

static void start(struct answerer *a)
{
	snprintf(a->url, sizeof(a->url), "ipc://@ksnap-executor-%d", getpid());
	a->context = zmq_ctx_new();
	a->socket = zmq_socket(a->context, ZMQ_ROUTER);
	assert_int_equal(zmq_bind(a->socket, a->url), 0);
	assert_int_equal(pthread_create(&a->thread, NULL, answer_all, a), 0);
}

/* One executor from begin to end; returns when it began at the earliest. */
static uint64_t run_executor(struct answerer *a, struct executor_opts o,
			     struct executor_result *ret)
{
	struct executor *e;
	uint64_t begin;

	start(a);
	o.url = a->url;
	o.ops = OPS;
	begin = bench_now();
	e = executor_start(&o);
	assert_non_null(e);
	assert_int_equal(executor_join(e, ret), 0);
	zmq_ctx_term(a->context);
	pthread_join(a->thread, NULL);
	assert_false(a->wrong);
	assert_int_equal(a->got, OPS);
	return begin;
}

static void nothing_is_sent_before_it_is_due(void **state)
{
	struct executor_opts o = { .period_ns = PERIOD_NS, .in_flight = IN_FLIGHT };
	struct executor_result *r = calloc(1, sizeof(*r));
	struct answerer a = { 0 };
	uint64_t begin = run_executor(&a, o, r);

	for (unsigned i = 0; i < OPS; i++)
		assert_true(a.came[i] >= begin + i * PERIOD_NS);
	assert_int_equal(r->accepted, OPS);
	assert_int_equal(r->refused, 0);
	assert_int_equal(r->latency.n, OPS);
	free(r);
}

/* Whoever measures each from when it was sent has as many late ones as there are in flight; here
 * the others were due, too: of the hundred that were, half are later than half of the stall. All of
 * them are made up for. */
static void what_was_due_in_a_stall_is_late(void **state)
{
	struct executor_opts o = { .period_ns = PERIOD_NS, .in_flight = IN_FLIGHT };
	struct executor_result *r = calloc(1, sizeof(*r));
	struct answerer a = { .stall_ns = STALL * PERIOD_NS };
	uint64_t late = STALL / 2 * PERIOD_NS;

	run_executor(&a, o, r);
	assert_int_equal(r->latency.n, OPS);
	assert_true(r->latency.max >= STALL * PERIOD_NS);
	assert_true(hist_quantile(&r->latency, 1 - (STALL / 2 - 1) / (double)OPS) >= late);
	free(r);
}

static void no_more_are_open_than_allowed(void **state)
{
	struct executor_opts timed = { .period_ns = PERIOD_NS / 8, .in_flight = IN_FLIGHT };
	struct executor_opts fast = { .in_flight = IN_FLIGHT };
	struct executor_result *r = calloc(1, sizeof(*r));
	struct answerer a = { .hold = IN_FLIGHT }, b = { .hold = IN_FLIGHT };

	run_executor(&a, timed, r);
	assert_int_equal(a.most_open, IN_FLIGHT);
	run_executor(&b, fast, r);
	assert_int_equal(b.most_open, IN_FLIGHT);
	free(r);
}

static void each_has_a_tag_of_its_own_unless_it_is_one(void **state)
{
	struct executor_opts o = { .in_flight = IN_FLIGHT, .number = 7 };
	struct executor_result *r = calloc(1, sizeof(*r));
	struct answerer many = { 0 }, one = { 0 };
	char tag[KSNAP_TAG_MAX + 1];

	run_executor(&many, o, r);
	for (unsigned i = 0; i < OPS; i++) {
		snprintf(tag, sizeof(tag), "tag_7_%u", i);
		assert_string_equal(many.tag[i], tag);
	}
	o.one_tag = true;
	run_executor(&one, o, r);
	for (unsigned i = 0; i < OPS; i++)
		assert_string_equal(one.tag[i], "tag_7_0");
	free(r);
}

static void refusals_are_counted(void **state)
{
	struct executor_opts o = { .period_ns = PERIOD_NS / 8, .in_flight = IN_FLIGHT };
	struct executor_result *r = calloc(1, sizeof(*r));
	struct answerer a = { .refuse_every = 5 };

	run_executor(&a, o, r);
	assert_int_equal(r->refused, OPS / 5);
	assert_int_equal(r->accepted, OPS - OPS / 5);
	assert_int_equal(r->latency.n, OPS);
	free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_sent_before_it_is_due),
		cmocka_unit_test(what_was_due_in_a_stall_is_late),
		cmocka_unit_test(no_more_are_open_than_allowed),
		cmocka_unit_test(each_has_a_tag_of_its_own_unless_it_is_one),
		cmocka_unit_test(refusals_are_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
