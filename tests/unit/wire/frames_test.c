// SPDX-License-Identifier: MIT
/* frames_test.c - messages that are too long, full, lost or huge; and blobs that never move. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zmq.h>

#include "base/cleanup.h"
#include "wire/frames.h"

#define MIB (1024 * 1024)

struct pair {
	void *ctx, *a, *b;
	void *open[8]; /* all sockets, so that a failed test does not hang in its teardown */
	size_t nopen;
};

static void *open_socket(struct pair *p, int type)
{
	void *socket = zmq_socket(p->ctx, type);
	int none = 0;

	zmq_setsockopt(socket, ZMQ_LINGER, &none, sizeof(none));
	p->open[p->nopen++] = socket;
	return socket;
}

static int setup(void **state)
{
	static struct pair p;

	p = (struct pair){ .ctx = zmq_ctx_new() };
	p.a = open_socket(&p, ZMQ_PAIR);
	p.b = open_socket(&p, ZMQ_PAIR);
	*state = &p;
	return zmq_bind(p.a, "inproc://frames") || zmq_connect(p.b, "inproc://frames");
}

static int teardown(void **state)
{
	struct pair *p = *state;

	for (size_t i = 0; i < p->nopen; i++)
		zmq_close(p->open[i]);
	zmq_ctx_term(p->ctx);
	return 0;
}

/* Waits with a deadline, so that a message still on its way is not taken for none. */
static int receive(void *socket, struct frames *f, struct ksnap_err *err)
{
	zmq_pollitem_t item = { .socket = socket, .events = ZMQ_POLLIN };

	assert_int_equal(zmq_poll(&item, 1, 30000), 1);
	return frames_recv(socket, f, err);
}

static void push_only_to_the_end(void **state)
{
	_frames_ struct frames f = { 0 };

	assert_int_equal(frames_push(&f, NULL), KSNAP_E_NOMEM);
	assert_int_equal(f.n, 0);
	for (unsigned i = 0; i < FRAMES_MAX; i++)
		assert_int_equal(frames_push_copy(&f, &i, sizeof(i)), 0);
	assert_true(frames_push_copy(&f, "x", 1) < 0); /* and does not leak it */
	assert_int_equal(f.n, FRAMES_MAX);
}

static void a_list_may_be_longer_than_what_is_received(void **state)
{
	struct pair *p = *state;
	struct ksnap_blob *parts[FRAMES_MAX + 10] = { 0 };
	_frames_ struct frames f = { 0 };
	struct ksnap_err err;
	size_t n = sizeof(parts) / sizeof(parts[0]);

	assert_int_equal(frames_send_list(p->a, parts, 0, &err), KSNAP_E_INTERNAL);
	for (size_t i = 0; i < n; i++)
		parts[i] = ksnap_blob_copy(&i, sizeof(i));
	assert_int_equal(frames_send_list(p->a, parts, n, &err), 0);
	for (size_t i = 0; i < n; i++)
		ksnap_blob_unref(parts[i]);
	assert_int_equal(receive(p->b, &f, &err), KSNAP_E_PROTO); /* all of it, and told so */
	assert_int_equal(f.n, FRAMES_MAX);
	frames_clear(&f);
	assert_int_equal(frames_recv(p->b, &f, &err), 0);
}

static void sending_nothing_is_refused(void **state)
{
	struct pair *p = *state;
	struct frames f = { 0 };
	struct ksnap_err err;

	assert_int_equal(frames_send(p->a, &f, &err), KSNAP_E_INTERNAL);
}

static void nothing_waits(void **state)
{
	struct pair *p = *state;
	struct frames f;

	assert_int_equal(frames_recv(p->a, &f, NULL), 0);
	assert_int_equal(f.n, 0);
}

static void not_a_socket_is_an_error(void **state)
{
	static char nonsense[4096];
	_frames_ struct frames f = { 0 };
	struct ksnap_err err = { 0 };

	assert_int_equal(frames_recv(nonsense, &f, &err), KSNAP_E_INTERNAL);
	frames_push_copy(&f, "x", 1);
	assert_int_equal(frames_send(nonsense, &f, &err), KSNAP_E_INTERNAL);
	assert_non_null(strstr(err.text, "sending: "));
}

static void too_many_parts_are_read_off(void **state)
{
	struct pair *p = *state;
	struct ksnap_err err;

	for (unsigned i = 0; i < 40; i++)
		zmq_send(p->b, &i, sizeof(i), i < 39 ? ZMQ_SNDMORE : 0);
	zmq_send(p->b, "next", 4, 0);
	{
		_frames_ struct frames f = { 0 };

		assert_int_equal(receive(p->a, &f, &err), KSNAP_E_PROTO);
		assert_string_equal(err.text, "40 frames in one message, at most 24 allowed");
		assert_int_equal(f.n, FRAMES_MAX);
		assert_int_equal(*(unsigned *)ksnap_blob_data(f.part[FRAMES_MAX - 1]),
				 FRAMES_MAX - 1);
	}
	{
		_frames_ struct frames f = { 0 };

		assert_int_equal(receive(p->a, &f, &err), 1);
		assert_memory_equal(ksnap_blob_data(f.part[0]), "next", 4);
	}
}

static void full_queue_is_busy_and_sends_nothing(void **state)
{
	struct pair *p = *state;
	void *push = open_socket(p, ZMQ_PUSH), *pull = open_socket(p, ZMQ_PULL);
	int one = 1, rc = 0, sent = 0, received = 0;
	_frames_ struct frames f = { 0 };
	struct ksnap_err err;

	zmq_setsockopt(push, ZMQ_SNDHWM, &one, sizeof(one));
	zmq_setsockopt(pull, ZMQ_RCVHWM, &one, sizeof(one));
	zmq_bind(pull, "inproc://full");
	zmq_connect(push, "inproc://full");
	frames_push_copy(&f, "a", 1);
	frames_push_copy(&f, "b", 1);
	frames_push_copy(&f, "c", 1);
	while (sent < 100 && !(rc = frames_send(push, &f, &err)))
		sent++;
	assert_int_equal(rc, KSNAP_E_BUSY);
	assert_in_range(sent, 1, 4);
	for (struct frames got; frames_recv(pull, &got, NULL) == 1; received++) {
		assert_int_equal(got.n, 3); /* whole messages only */
		frames_clear(&got);
	}
	assert_int_equal(received, sent);
	assert_int_equal(f.n, 3);
}

static void router_without_the_peer_is_unreachable(void **state)
{
	struct pair *p = *state;
	void *router = open_socket(p, ZMQ_ROUTER);
	int one = 1;
	_frames_ struct frames f = { 0 };
	struct ksnap_err err;

	zmq_setsockopt(router, ZMQ_ROUTER_MANDATORY, &one, sizeof(one));
	zmq_bind(router, "inproc://nobody");
	frames_push_copy(&f, "whoever", 7);
	frames_push_copy(&f, "x", 1);
	assert_int_equal(frames_send(router, &f, &err), KSNAP_E_UNREACHABLE);
}

static void closed_context_is_said(void **state)
{
	struct pair *p = *state;
	_frames_ struct frames f = { 0 };
	struct ksnap_err err;

	zmq_ctx_shutdown(p->ctx);
	assert_int_equal(frames_recv(p->a, &f, &err), KSNAP_E_STATE);
	assert_non_null(strstr(err.text, "context is closed"));
	frames_push_copy(&f, "x", 1);
	assert_int_equal(frames_send(p->a, &f, &err), KSNAP_E_STATE);
}

static void parts_of_all_sizes_arrive(void **state)
{
	static const size_t sizes[] = { 0, 1, 29, 30, 1024, 1025, 8192, 8193, 100000, 0 };
	enum { N = sizeof(sizes) / sizeof(sizes[0]) };
	struct pair *p = *state;
	char *data = malloc(100000);

	for (size_t i = 0; i < 100000; i++)
		data[i] = (char)(i * 7);
	for (unsigned round = 0; round < 3; round++) {
		_frames_ struct frames out = { 0 }, in = { 0 };

		for (size_t i = 0; i < N; i++)
			assert_int_equal(frames_push_copy(&out, data, sizes[i]), 0);
		assert_int_equal(frames_send(p->b, &out, NULL), 0);
		assert_int_equal(frames_send(p->b, &out, NULL), 0); /* it keeps its references */
		assert_int_equal(receive(p->a, &in, NULL), 1);
		assert_int_equal(in.n, N);
		for (size_t i = 0; i < N; i++) {
			assert_int_equal(ksnap_blob_size(in.part[i]), sizes[i]);
			assert_memory_equal(ksnap_blob_data(in.part[i]), data, sizes[i]);
		}
		frames_clear(&in);
		assert_int_equal(receive(p->a, &in, NULL), 1);
	}
	free(data);
}

static void count_and_free(void *data, void *arg)
{
	free(data);
	__atomic_add_fetch((int *)arg, 1, __ATOMIC_SEQ_CST);
}

static void big_blob_keeps_its_address(void **state)
{
	struct pair *p = *state;
	char *data = malloc(MIB);
	int freed = 0;
	struct ksnap_blob *blob = ksnap_blob_wrap(data, MIB, count_and_free, &freed);

	memset(data, 9, MIB);
	for (unsigned hop = 0; hop < 3; hop++) {
		_frames_ struct frames out = { 0 }, in = { 0 };

		frames_push_copy(&out, "head", 4);
		frames_push(&out, blob); /* the only reference goes on its way */
		assert_int_equal(frames_send(p->b, &out, NULL), 0);
		frames_clear(&out);
		assert_int_equal(receive(p->a, &in, NULL), 1);
		assert_ptr_equal(ksnap_blob_data(in.part[1]), data);
		assert_int_equal(ksnap_blob_size(in.part[1]), MIB);
		blob = ksnap_blob_ref(in.part[1]);
		assert_int_equal(freed, 0);
	}
	ksnap_blob_unref(blob);
	assert_int_equal(__atomic_load_n(&freed, __ATOMIC_SEQ_CST), 1);
}

static void one_blob_goes_to_many(void **state)
{
	struct pair *p = *state;
	int freed = 0;
	struct ksnap_blob *blob = ksnap_blob_wrap(malloc(MIB), MIB, count_and_free, &freed);
	struct frames in[5] = { 0 };

	for (unsigned i = 0; i < 5; i++) {
		_frames_ struct frames out = { 0 };

		frames_push(&out, ksnap_blob_ref(blob));
		assert_int_equal(frames_send(p->b, &out, NULL), 0);
	}
	ksnap_blob_unref(blob);
	for (unsigned i = 0; i < 5; i++) {
		assert_int_equal(receive(p->a, &in[i], NULL), 1);
		assert_ptr_equal(ksnap_blob_data(in[i].part[0]), ksnap_blob_data(in[0].part[0]));
	}
	for (unsigned i = 0; i < 5; i++) {
		assert_int_equal(freed, 0);
		frames_clear(&in[i]);
	}
	assert_int_equal(freed, 1);
}

static void bytes_survive_a_real_transport(void **state)
{
	struct pair *p = *state;
	void *a = open_socket(p, ZMQ_PAIR), *b = open_socket(p, ZMQ_PAIR);
	char url[64];
	_frames_ struct frames out = { 0 }, in = { 0 };
	char *data = malloc(MIB);

	snprintf(url, sizeof(url), "ipc://@ksnap-frames-test-%d", (int)getpid());
	assert_int_equal(zmq_bind(a, url), 0);
	assert_int_equal(zmq_connect(b, url), 0);
	for (size_t i = 0; i < MIB; i++)
		data[i] = (char)(i * 13);
	frames_push_copy(&out, data, 3000);
	frames_push_copy(&out, data, MIB);
	assert_int_equal(frames_send(b, &out, NULL), 0);
	assert_int_equal(receive(a, &in, NULL), 1);
	assert_int_equal(in.n, 2);
	assert_int_equal(ksnap_blob_size(in.part[0]), 3000);
	assert_memory_equal(ksnap_blob_data(in.part[0]), data, 3000);
	assert_int_equal(ksnap_blob_size(in.part[1]), MIB);
	assert_memory_equal(ksnap_blob_data(in.part[1]), data, MIB);
	free(data);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(push_only_to_the_end),
		T(a_list_may_be_longer_than_what_is_received),
		T(sending_nothing_is_refused),
		T(nothing_waits),
		T(not_a_socket_is_an_error),
		T(too_many_parts_are_read_off),
		T(full_queue_is_busy_and_sends_nothing),
		T(router_without_the_peer_is_unreachable),
		T(closed_context_is_said),
		T(parts_of_all_sizes_arrive),
		T(big_blob_keeps_its_address),
		T(one_blob_goes_to_many),
		T(bytes_survive_a_real_transport),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
