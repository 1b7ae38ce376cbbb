// SPDX-License-Identifier: MIT
/* nomem_test.c - allocation number k fails, once or from there on, for every k: E_NOMEM and no
 * leak. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/loop.h"
#include "wire/envelope.h"
#include "wire/frames.h"
#include "wire/shapes.h"

/* The linker sends the calls of our own objects here (--wrap), and those into the libraries that
 * allocate for them. */
void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *old, size_t size);
void __real_free(void *p);
msgpack_zone *__real_msgpack_zone_new(size_t size);
void *__real_msgpack_zone_malloc_expand(msgpack_zone *zone, size_t size);
int __real_zmq_msg_init_size(zmq_msg_t *msg, size_t size);
int __real_zmq_msg_init_data(zmq_msg_t *msg, void *data, size_t size, zmq_free_fn *fn, void *hint);

static unsigned countdown; /* calls until the failing one; 0: none fails */
static bool stay;          /* the ones after it fail, too */
static bool fired;
static long live; /* allocations that were not freed */

static bool fails(void)
{
	if (!countdown)
		return false;
	if (countdown > 1) {
		countdown--;
		return false;
	}
	countdown = stay ? 1 : 0;
	fired = true;
	errno = ENOMEM;
	return true;
}

static void *note(void *p)
{
	live += p != NULL;
	return p;
}

void *__wrap_malloc(size_t size)
{
	return fails() ? NULL : note(__real_malloc(size));
}

void *__wrap_calloc(size_t n, size_t size)
{
	return fails() ? NULL : note(__real_calloc(n, size));
}

void *__wrap_realloc(void *old, size_t size)
{
	void *p = fails() ? NULL : __real_realloc(old, size);

	live += p && !old;
	return p;
}

void __wrap_free(void *p)
{
	live -= p != NULL;
	__real_free(p);
}

msgpack_zone *__wrap_msgpack_zone_new(size_t size)
{
	return fails() ? NULL : __real_msgpack_zone_new(size);
}

void *__wrap_msgpack_zone_malloc_expand(msgpack_zone *zone, size_t size)
{
	return fails() ? NULL : __real_msgpack_zone_malloc_expand(zone, size);
}

int __wrap_zmq_msg_init_size(zmq_msg_t *msg, size_t size)
{
	return fails() ? -1 : __real_zmq_msg_init_size(msg, size);
}

int __wrap_zmq_msg_init_data(zmq_msg_t *msg, void *data, size_t size, zmq_free_fn *fn, void *hint)
{
	return fails() ? -1 : __real_zmq_msg_init_data(msg, data, size, fn, hint);
}

/* Run @step with each allocation failing in turn, until none is left to fail. */
static void starve(int (*step)(void *arg), void *arg, unsigned at_least)
{
	for (unsigned mode = 0; mode < 2; mode++) {
		unsigned k = 0;

		for (;;) {
			long before = live;
			int rc;

			countdown = ++k;
			stay = mode;
			fired = false;
			rc = step(arg);
			countdown = 0;
			assert_int_equal(live, before);
			if (!fired) {
				assert_int_equal(rc, 0);
				break;
			}
			assert_int_equal(rc, KSNAP_E_NOMEM);
			assert_true(k < 1000);
		}
		assert_true(k > at_least);
	}
}

static int fill_buffer(void *arg)
{
	_buf_ struct buf b = BUF_INIT;
	_blob_ struct ksnap_blob *blob = NULL;

	for (unsigned i = 0; i < 1000; i++)
		buf_append(&b, "0123456789", 10);
	buf_printf(&b, "%500d", 1);
	if (!buf_ok(&b))
		return KSNAP_E_NOMEM;
	assert_int_equal(b.len, 10500);
	blob = buf_take_blob(&b);
	if (!blob) {
		assert_int_equal(b.len, 10500);
		return KSNAP_E_NOMEM;
	}
	return 0;
}

static void buffers(void **state)
{
	/* All but the last, which only gives memory back. */
	long before = live;

	for (unsigned k = 1; k < 12; k++) {
		countdown = k;
		fired = false;
		assert_true(fill_buffer(NULL) == KSNAP_E_NOMEM || !fired || k == 9);
		assert_int_equal(live, before);
	}
	countdown = 0;
}

static int decode_lists(void *arg)
{
	static const char frame[] = "\x82\xa3tag\xa2t0\xa4maps\x93\xa1"
				    "a\xa1"
				    "b\xa1"
				    "c";
	struct wire_arena arena = { 0 };
	struct wire_capture_snapshot_params v;
	struct ksnap_err err = { 0 };
	int rc = wire_decode(&wire_shape_capture_snapshot_params, frame, sizeof(frame) - 1,
			     WIRE_REFUSE_UNKNOWN, &arena, &v, &err);

	assert_int_equal(rc, err.code);
	wire_arena_fini(&arena);
	return rc;
}

static void lists_of_a_decode(void **state)
{
	starve(decode_lists, NULL, 1);
}

static int decode_a_large_list(void *arg)
{
	struct buf *frame = arg;
	struct wire_arena arena = { 0 };
	struct wire_list_reply v;
	int rc = wire_decode(&wire_shape_list_reply, frame->data, frame->len, WIRE_SKIP_UNKNOWN,
			     &arena, &v, NULL);

	wire_arena_fini(&arena);
	return rc;
}

static void lists_larger_than_a_chunk(void **state)
{
	_buf_ struct buf frame = BUF_INIT;
	struct wire_snapshot_row *rows = calloc(500, sizeof(*rows));
	struct wire_list_reply reply = { .r = { rows, 500 } };

	for (unsigned i = 0; i < 500; i++)
		rows[i].tag = wire_slice_of("t");
	assert_int_equal(wire_encode(&wire_shape_list_reply, &reply, &frame), 0);
	starve(decode_a_large_list, &frame, 2);
	free(rows);
}

static int request_both_ways(void *arg)
{
	static char params[2000];
	_buf_ struct buf b = BUF_INIT;
	struct wire_request rq = { .op = wire_slice_of("ping"), .id.kind = WIRE_ID_UINT }, got;
	int rc;

	memcpy(params, "\x81\xa1x\xc5\x07\xca", 6);
	rq.params = (struct wire_slice){ params, sizeof(params) };
	rc = request_encode(&rq, &b);
	return rc ? rc : request_decode(b.data, b.len, &got, NULL);
}

static void requests(void **state)
{
	starve(request_both_ways, NULL, 2);
}

static int error_both_ways(void *arg)
{
	_buf_ struct buf b = BUF_INIT;
	struct wire_reply rp;
	struct wire_id id = { .kind = WIRE_ID_STR, .len = 60 };
	struct ksnap_err err;
	int rc;

	memset(id.str, 'i', sizeof(id.str));
	err_set(&err, KSNAP_E_LIMIT, "%400d", 1);
	rc = reply_encode_error(&id, &err, (struct wire_slice){ 0 }, &b);
	return rc ? rc : reply_decode(b.data, b.len, &rp, NULL);
}

static void replies(void **state)
{
	starve(error_both_ways, NULL, 2);
}

struct wires {
	void *ctx, *a, *b;
};

static int setup(void **state)
{
	static struct wires w;

	w.ctx = zmq_ctx_new();
	w.a = zmq_socket(w.ctx, ZMQ_PAIR);
	w.b = zmq_socket(w.ctx, ZMQ_PAIR);
	*state = &w;
	return zmq_bind(w.a, "inproc://nomem") || zmq_connect(w.b, "inproc://nomem");
}

static int teardown(void **state)
{
	struct wires *w = *state;

	zmq_close(w->a);
	zmq_close(w->b);
	zmq_ctx_term(w->ctx);
	return 0;
}

static int push_all(struct frames *f, const void *data)
{
	int rc = frames_push_copy(f, "", 0);

	if (!rc)
		rc = frames_push_copy(f, data, 2000);
	if (!rc)
		rc = frames_push_copy(f, data, 100000);
	return rc ? rc : frames_push_copy(f, data, 10);
}

/* A message that could not be made is not sent, one that could not be kept is read off whole: the
 * next step finds the sockets empty. */
static int send_and_receive(void *arg)
{
	static char data[100000];
	struct wires *w = arg;
	_frames_ struct frames out = { 0 }, in = { 0 };
	struct ksnap_err err = { 0 };
	int rc = push_all(&out, data);

	if (!rc)
		rc = frames_send(w->a, &out, &err);
	if (rc) {
		assert_int_equal(frames_recv(w->b, &in, NULL), 0);
		return rc;
	}
	rc = frames_recv(w->b, &in, &err);
	if (rc < 0) {
		_frames_ struct frames none = { 0 };

		assert_int_equal(err.code, rc);
		assert_int_equal(frames_recv(w->b, &none, NULL), 0);
		return rc;
	}
	assert_int_equal(rc, 1);
	assert_int_equal(in.n, 4);
	return 0;
}

static void messages(void **state)
{
	starve(send_and_receive, *state, 12);
}

static void never(void *arg)
{
}

static int fill_loop(void *arg)
{
	struct ksnap_err err = { 0 };
	struct loop *l = loop_create(&err);
	int rc = l ? 0 : err.code;

	for (unsigned i = 0; i < 30 && rc >= 0; i++) {
		rc = loop_add_fd(l, 0, never, NULL, &err);
		if (rc >= 0)
			rc = loop_add_deadline(l, UINT64_MAX, never, NULL, &err);
	}
	loop_destroy(l);
	return rc < 0 ? rc : 0;
}

static void loops(void **state)
{
	starve(fill_loop, NULL, 9);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(buffers),
		cmocka_unit_test(lists_of_a_decode),
		cmocka_unit_test(lists_larger_than_a_chunk),
		cmocka_unit_test(requests),
		cmocka_unit_test(replies),
		cmocka_unit_test_setup_teardown(messages, setup, teardown),
		cmocka_unit_test(loops),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
