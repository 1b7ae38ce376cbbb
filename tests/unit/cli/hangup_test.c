// SPDX-License-Identifier: MIT
/* hangup_test.c - what epoll says of a peer that hung up, as libzmq uses it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "cli/hangup.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

struct wire {
	int epoll, here, there; /* of a socket pair; `there` is the peer's */
};

static struct wire connect_pair(uint32_t wanted)
{
	struct epoll_event e = { .events = wanted, .data.u64 = 7 };
	struct wire w = { .epoll = epoll_create1(EPOLL_CLOEXEC) };
	int fds[2];

	assert_true(w.epoll >= 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	w.here = fds[0];
	w.there = fds[1];
	assert_int_equal(epoll_ctl(w.epoll, EPOLL_CTL_ADD, w.here, &e), 0);
	return w;
}

static int want(const struct wire *w, uint32_t events)
{
	struct epoll_event e = { .events = events, .data.u64 = 7 };

	return epoll_ctl(w->epoll, EPOLL_CTL_MOD, w->here, &e);
}

static void must_want(const struct wire *w, uint32_t events)
{
	assert_int_equal(want(w, events), 0);
}

/* 0: nothing. */
static uint32_t told(const struct wire *w)
{
	struct epoll_event e = { 0 };
	int n = epoll_wait(w->epoll, &e, 1, 0);

	assert_true(n >= 0);
	if (n)
		assert_int_equal(e.data.u64, 7);
	return n ? e.events : 0;
}

static void hang_up(struct wire *w)
{
	close(w->there);
	w->there = -1;
}

static void disconnect(struct wire *w)
{
	assert_int_equal(epoll_ctl(w->epoll, EPOLL_CTL_DEL, w->here, NULL), 0);
	if (w->there >= 0)
		close(w->there);
	close(w->here);
	close(w->epoll);
}

static void nobody_who_does_not_listen_is_told(void **state)
{
	struct wire w = connect_pair(EPOLLIN);

	must_want(&w, 0);
	hang_up(&w);
	assert_int_equal(told(&w), 0);
	must_want(&w, 0);
	assert_int_equal(told(&w), 0);
	must_want(&w, EPOLLIN);
	assert_true(told(&w) & EPOLLIN);
	disconnect(&w);
}

static void what_there_is_to_read_comes_first(void **state)
{
	struct wire w = connect_pair(EPOLLIN);
	char byte;

	assert_int_equal(write(w.there, "x", 1), 1);
	must_want(&w, 0);
	assert_int_equal(told(&w), 0);
	hang_up(&w);
	must_want(&w, EPOLLIN);
	assert_int_equal(told(&w), EPOLLIN);
	assert_int_equal(read(w.here, &byte, 1), 1);
	assert_int_equal(read(w.here, &byte, 1), 0);
	disconnect(&w);
}

static void who_writes_learns_it_by_writing(void **state)
{
	struct wire w = connect_pair(EPOLLIN);

	must_want(&w, EPOLLOUT);
	assert_int_equal(told(&w), EPOLLOUT);
	hang_up(&w);
	assert_int_equal(told(&w), EPOLLOUT);
	must_want(&w, 0);
	assert_int_equal(told(&w), 0);
	must_want(&w, EPOLLOUT);
	assert_int_equal(told(&w), EPOLLOUT);
	must_want(&w, EPOLLIN | EPOLLOUT);
	assert_true(told(&w) & EPOLLIN);
	assert_int_equal(send(w.here, "xyz", 3, MSG_NOSIGNAL), -1);
	assert_int_equal(errno, EPIPE);
	disconnect(&w);
}

/* libzmq goes on with its heartbeats then. */
static void who_does_not_listen_sends_to_nobody(void **state)
{
	struct wire w = connect_pair(EPOLLIN);
	char had[3];

	must_want(&w, 0);
	assert_int_equal(send(w.here, "abc", 3, MSG_NOSIGNAL), 3);
	assert_int_equal(read(w.there, had, 3), 3);
	hang_up(&w);
	assert_int_equal(send(w.here, "xyz", 3, MSG_NOSIGNAL), 3);
	must_want(&w, EPOLLIN);
	assert_int_equal(send(w.here, "xyz", 3, MSG_NOSIGNAL), -1);
	assert_int_equal(errno, EPIPE);
	disconnect(&w);
	assert_int_equal(send(-1, "x", 1, 0), -1);
	assert_int_equal(errno, EBADF);
}

static void others_are_told_as_ever(void **state)
{
	struct wire w = connect_pair(0);
	struct epoll_event e = { .events = EPOLLIN, .data.u64 = 7 };
	int pipes[2];

	/* Never asked for, and never changed: as the kernel does it. */
	hang_up(&w);
	assert_true(told(&w) & EPOLLHUP);
	disconnect(&w);
	/* No socket. */
	w = connect_pair(0);
	assert_int_equal(pipe(pipes), 0);
	assert_int_equal(epoll_ctl(w.epoll, EPOLL_CTL_ADD, pipes[0], &e), 0);
	e.events = 0;
	assert_int_equal(epoll_ctl(w.epoll, EPOLL_CTL_MOD, pipes[0], &e), 0);
	close(pipes[1]);
	assert_true(told(&w) & EPOLLHUP);
	close(pipes[0]);
	disconnect(&w);
}

static void a_number_may_be_used_again(void **state)
{
	struct wire w = connect_pair(EPOLLIN), other;

	must_want(&w, 0);
	disconnect(&w);
	/* The lowest free numbers: those of before. */
	other = connect_pair(EPOLLIN);
	assert_int_equal(other.here, w.here);
	hang_up(&other);
	assert_true(told(&other) & EPOLLIN);
	disconnect(&other);
}

static void a_child_begins_anew(void **state)
{
	struct wire w = connect_pair(EPOLLIN);
	int status = -1;
	pid_t pid;

	must_want(&w, 0);
	pid = fork();
	if (!pid) {
		struct wire own = connect_pair(EPOLLIN);

		must_want(&own, 0);
		hang_up(&own);
		_exit(told(&own) ? 1 : 0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	must_want(&w, EPOLLIN);
	disconnect(&w);
}

static void errors_are_the_kernels(void **state)
{
	struct wire w = connect_pair(EPOLLIN);

	assert_int_equal(epoll_ctl(w.epoll, EPOLL_CTL_DEL, w.here, NULL), 0);
	assert_int_equal(want(&w, 0), -1);
	assert_int_equal(errno, ENOENT);
	assert_int_equal(want(&w, EPOLLIN), -1);
	assert_int_equal(errno, ENOENT);
	assert_int_equal(epoll_ctl(w.epoll, EPOLL_CTL_DEL, w.here, NULL), -1);
	assert_int_equal(errno, ENOENT);
	assert_int_equal(epoll_ctl(-1, EPOLL_CTL_MOD, w.here, &(struct epoll_event){ 0 }), -1);
	assert_int_equal(errno, EBADF);
	assert_int_equal(epoll_wait(-1, &(struct epoll_event){ 0 }, 1, 0), -1);
	assert_int_equal(errno, EBADF);
	close(w.here);
	close(w.there);
	close(w.epoll);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nobody_who_does_not_listen_is_told),
		cmocka_unit_test(what_there_is_to_read_comes_first),
		cmocka_unit_test(who_writes_learns_it_by_writing),
		cmocka_unit_test(who_does_not_listen_sends_to_nobody),
		cmocka_unit_test(others_are_told_as_ever),
		cmocka_unit_test(a_number_may_be_used_again),
		cmocka_unit_test(a_child_begins_anew),
		cmocka_unit_test(errors_are_the_kernels),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
