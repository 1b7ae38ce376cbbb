// SPDX-License-Identifier: MIT
/* pings_test.c - only a PING that is too short is changed, however the bytes are cut. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cli/pings.h"

struct bytes {
	uint8_t data[4096];
	size_t len;
};

static void put(struct bytes *b, const void *p, size_t n)
{
	assert_true(b->len + n <= sizeof(b->data));
	memcpy(b->data + b->len, p, n);
	b->len += n;
}

static void put_greeting(struct bytes *b, uint8_t version)
{
	uint8_t greeting[64] = { 0xff, [9] = 0x7f, [10] = version, [12] = 'N', 'U', 'L', 'L' };

	put(b, greeting, sizeof(greeting));
}

static void put_frame(struct bytes *b, uint8_t flags, const char *body, size_t n)
{
	uint8_t head[9] = { flags };

	if (flags & 2)
		for (int i = 0; i < 8; i++)
			head[1 + i] = n >> (56 - 8 * i);
	else
		head[1] = n;
	put(b, head, flags & 2 ? 9 : 2);
	put(b, body, n);
}

#define FRAME(b, flags, body) put_frame(b, flags, body, sizeof(body) - 1)

/* Cut into pieces of @size, it becomes @want. */
static void expect(const struct bytes *b, const struct bytes *want, size_t size)
{
	struct bytes got = *b;
	struct pings s = { 0 };

	for (size_t at = 0; at < got.len; at += size)
		pings_pass(&s, got.data + at, got.len - at < size ? got.len - at : size);
	assert_memory_equal(got.data, want->data, want->len);
}

static void expect_all(const struct bytes *b, const struct bytes *want)
{
	assert_int_equal(b->len, want->len);
	for (size_t size = 1; size <= b->len; size++)
		expect(b, want, size);
}

static void put_others(struct bytes *b)
{
	static const char large[300] = "\4PING";

	FRAME(b, 4, "\5READY");    /* no properties */
	FRAME(b, 4, "\4PING\0\0"); /* as it should be */
	FRAME(b, 4, "\4PING\0\0abcdefghijklmnop");
	FRAME(b, 4, "\4PONG");
	FRAME(b, 0, "\4PING"); /* data */
	FRAME(b, 1, "\4PING1");
	FRAME(b, 1, "");
	FRAME(b, 0, "");
	put_frame(b, 2, large, sizeof(large)); /* a long one */
	put_frame(b, 6, large, sizeof(large));
	FRAME(b, 4, "\4PIN");
	FRAME(b, 4, "");
}

static void short_ones_lose_their_name(void **state)
{
	struct bytes b = { .len = 0 }, want = { .len = 0 };

	put_greeting(&b, 3);
	put_greeting(&want, 3);
	for (int i = 0; i < 2; i++) {
		put_others(&b);
		put_others(&want);
		FRAME(&b, 4, "\4PING");
		FRAME(&want, 4, "\4PXNG");
		FRAME(&b, 4, "\4PING1");
		FRAME(&want, 4, "\4PXNG1");
		FRAME(&b, 6, "\4PING");
		FRAME(&want, 6, "\4PXNG");
		FRAME(&b, 7, "\4PING2");
		FRAME(&want, 7, "\4PXNG2");
	}
	expect_all(&b, &want);
}

#define ID "\10Identity"

static void change_first(uint8_t flags, const char *said, size_t n, const char *read)
{
	struct bytes b = { .len = 0 }, want = { .len = 0 };

	put_greeting(&b, 3);
	put_greeting(&want, 3);
	put_frame(&b, flags, said, n);
	put_frame(&want, flags, read, n);
	FRAME(&b, 4, "\5READY" ID "\0\0\0\1\0"); /* not the first */
	FRAME(&want, 4, "\5READY" ID "\0\0\0\1\0");
	expect_all(&b, &want);
}

#define CHANGE(flags, said, read) change_first(flags, said, sizeof(said) - 1, read)
#define KEEP(said)                CHANGE(4, said, said)

/* In the first frame, as which libzmq takes READY whatever its flags. */
static void a_zero_that_an_id_begins_with_becomes_a_one(void **state)
{
	static const uint8_t flags[] = { 4, 0, 1, 2, 6, 7, 0xfc };

	for (size_t i = 0; i < sizeof(flags); i++) {
		CHANGE(flags[i], "\5READY\13Socket-Type\0\0\0\6DEALER" ID "\0\0\0\5\0\0abc",
		       "\5READY\13Socket-Type\0\0\0\6DEALER" ID "\0\0\0\5\1\0abc");
		CHANGE(flags[i], "\5READY" ID "\0\0\0\1\0" ID "\0\0\0\0" ID "\0\0\0\2\0\0",
		       "\5READY" ID "\0\0\0\1\1" ID "\0\0\0\0" ID "\0\0\0\2\1\0");
	}
	KEEP("\5READY" ID "\0\0\0\2a\0");
	KEEP("\5READY\10identity\0\0\0\2\0\0\11Identity2\0\0\0\1\0");
	KEEP("\5READY\7Identit\0\0\0\1\0\0\0\0\0\1\0");
	KEEP("\5READX" ID "\0\0\0\1\0");
	KEEP("\5HELLO" ID "\0\0\0\1\0");
	KEEP("\5READY\3abc\0\0\0\16" ID "\0\0\0\1\0");
	KEEP("\5READY" ID "\0\0"); /* cut short */
}

static void who_is_too_old_is_found(void **state)
{
	char unversioned[] = "\6\0\0abcde";
	struct bytes b = { .len = 0 };
	struct pings s = { 0 };

	put_greeting(&b, 0);
	for (uint8_t version = 0; version < 3; version++) {
		s = (struct pings){ 0 };
		b.data[10] = version;
		pings_pass(&s, b.data, 10);
		assert_int_equal(s.state, PINGS_GREETING);
		pings_pass(&s, b.data + 10, 1);
		assert_int_equal(s.state, PINGS_TOO_OLD);
		pings_pass(&s, b.data + 11, 53);
		assert_int_equal(s.state, PINGS_TOO_OLD);
	}
	s = (struct pings){ 0 };
	pings_pass(&s, (uint8_t *)unversioned, 1);
	assert_int_equal(s.state, PINGS_TOO_OLD);
	s = (struct pings){ 0 };
	b.data[9] = 0x7e;
	pings_pass(&s, b.data, 10);
	assert_int_equal(s.state, PINGS_TOO_OLD);
}

static void receive(int fd, const struct bytes *want)
{
	uint8_t got[4096];

	assert_int_equal(recv(fd, got, sizeof(got), 0), want->len);
	assert_memory_equal(got, want->data, want->len);
}

static void only_who_was_accepted_is_followed(void **state)
{
	struct bytes b = { .len = 0 }, want;
	int fds[2];

	put_greeting(&b, 3);
	FRAME(&b, 4, "\4PING");
	want = b;
	want.data[64 + 2 + 2] = 'X';
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	assert_int_equal(write(fds[1], b.data, b.len), b.len);
	receive(fds[0], &b);
	assert_int_equal(pings_begin(fds[0]), 0);
	assert_int_equal(write(fds[1], b.data, b.len), b.len);
	receive(fds[0], &want);
	assert_int_equal(pings_begin(fds[0]), 0); /* another one by the same number */
	assert_int_equal(write(fds[1], b.data, b.len), b.len);
	receive(fds[0], &want);
	pings_end(fds[0]);
	pings_end(fds[0]);
	pings_end(-1);
	pings_end(100000);
	assert_int_equal(write(fds[1], b.data, b.len), b.len);
	receive(fds[0], &b);
	assert_int_equal(recv(-1, b.data, 1, 0), -1);
	assert_int_equal(pings_begin(fds[0]), 0);
	assert_int_equal(write(fds[1], "\1", 1), 1);
	assert_int_equal(recv(fds[0], b.data, 1, 0), 0);
	assert_int_equal(read(fds[1], b.data, 1), 0); /* it was hung up on */
	pings_end(fds[0]);
	close(fds[1]);
	assert_int_equal(recv(fds[0], b.data, 1, 0), 0);
	close(fds[0]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(short_ones_lose_their_name),
		cmocka_unit_test(a_zero_that_an_id_begins_with_becomes_a_one),
		cmocka_unit_test(who_is_too_old_is_found),
		cmocka_unit_test(only_who_was_accepted_is_followed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
