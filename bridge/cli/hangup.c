// SPDX-License-Identifier: MIT
/* hangup.c - connections that are not read from, and what epoll says of them. */
#include "cli/hangup.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cli/pings.h"

#ifndef __SANITIZE_THREAD__ /* which has its own */

#define HUNG_UP (EPOLLHUP | EPOLLERR | EPOLLRDHUP)

/* A connection of which input is not wanted. When nothing is, the kernel does not watch it. */
struct paused {
	struct paused *next;
	int epfd, fd;
	epoll_data_t data;
	bool is_away; /* the kernel does not watch it */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct paused *all;
static atomic_uint count; /* of them: none is the rule, and costs no lock */

/* ---- the list, under the lock ---------------------------------------------------------------- */

static struct paused **find(int epfd, int fd)
{
	struct paused **at = &all;

	while (*at && ((*at)->epfd != epfd || (*at)->fd != fd))
		at = &(*at)->next;
	return at;
}

static struct paused *find_data(int epfd, epoll_data_t data)
{
	struct paused *p = all;

	while (p && (p->epfd != epfd || p->data.u64 != data.u64))
		p = p->next;
	return p;
}

static void forget(struct paused **at)
{
	struct paused *p = *at;

	if (!p)
		return;
	*at = p->next;
	free(p);
	count--;
}

static bool is_stream(int fd)
{
	int type = 0;
	socklen_t len = sizeof(type);

	return !getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) && type == SOCK_STREAM;
}

/* NULL: it is none, or memory is out. */
static struct paused *add(int epfd, int fd)
{
	struct paused *p = is_stream(fd) ? malloc(sizeof(*p)) : NULL;

	if (!p)
		return NULL;
	*p = (struct paused){ .next = all, .epfd = epfd, .fd = fd };
	all = p;
	count++;
	return p;
}

/* ---- changes --------------------------------------------------------------------------------- */

static int in_kernel(int epfd, int op, int fd, struct epoll_event *event)
{
	return syscall(SYS_epoll_ctl, epfd, op, fd, event);
}

/* Input is not wanted. */
static int leave_alone(int epfd, int fd, struct epoll_event *event)
{
	struct paused *p = *find(epfd, fd);
	int ret = 0, op;

	if (!p && !(p = add(epfd, fd)))
		return in_kernel(epfd, EPOLL_CTL_MOD, fd, event);
	op = p->is_away ? EPOLL_CTL_ADD : event->events ? EPOLL_CTL_MOD : EPOLL_CTL_DEL;
	if (event->events || !p->is_away)
		ret = in_kernel(epfd, op, fd, event);
	if (ret && op != EPOLL_CTL_ADD) {
		forget(find(epfd, fd));
		return ret;
	}
	p->data = event->data;
	p->is_away = ret || !event->events;
	return ret;
}

/* Input is wanted again; or it was all the time. */
static int hear_again(int epfd, int fd, struct epoll_event *event)
{
	struct paused **at = find(epfd, fd);
	int ret = in_kernel(epfd, *at && (*at)->is_away ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, fd, event);

	if (!ret)
		forget(at);
	return ret;
}

static int let_go(int epfd, int fd, struct epoll_event *event)
{
	struct paused **at = find(epfd, fd);
	bool is_away = *at && (*at)->is_away;

	forget(at);
	return is_away ? 0 : in_kernel(epfd, EPOLL_CTL_DEL, fd, event);
}

static int change(int epfd, int op, int fd, struct epoll_event *event)
{
	if (op == EPOLL_CTL_DEL)
		return let_go(epfd, fd, event);
	if (op == EPOLL_CTL_MOD)
		return event->events & EPOLLIN ? hear_again(epfd, fd, event)
					       : leave_alone(epfd, fd, event);
	forget(find(epfd, fd)); /* the number is another file's now */
	return in_kernel(epfd, op, fd, event);
}

static bool leaves_input_out(int op, const struct epoll_event *event)
{
	return op == EPOLL_CTL_MOD && event && !(event->events & EPOLLIN);
}

/* A child has no use for what its parent's threads did. */
static void begin_child(void)
{
	while (all)
		forget(&all);
	pthread_mutex_unlock(&lock);
}

static void begin_fork(void)
{
	pthread_mutex_lock(&lock);
}

static void end_fork(void)
{
	pthread_mutex_unlock(&lock);
}

__attribute__((constructor)) static void prepare(void)
{
	pthread_atfork(begin_fork, end_fork, begin_child);
}

#define OVER_LIBC __attribute__((visibility("default")))

OVER_LIBC int epoll_ctl(int epfd, int op, int fd, struct epoll_event *event)
{
	int ret;

	if (op == EPOLL_CTL_DEL)
		pings_end(fd); /* libzmq closes it next */
	if (!count && !leaves_input_out(op, event))
		return in_kernel(epfd, op, fd, event);
	pthread_mutex_lock(&lock);
	ret = change(epfd, op, fd, event);
	pthread_mutex_unlock(&lock);
	return ret;
}

/* What can be read is read first: the end comes behind it. Who only writes learns of it by that. */
static uint32_t without_hangup(int epfd, const struct epoll_event *e)
{
	if (e->events & EPOLLIN)
		return e->events & ~HUNG_UP;
	return find_data(epfd, e->data) ? (e->events & ~HUNG_UP) | EPOLLOUT : e->events;
}

static void hide_hangups(int epfd, struct epoll_event *events, int n)
{
	pthread_mutex_lock(&lock);
	for (int i = 0; i < n; i++)
		if (events[i].events & HUNG_UP)
			events[i].events = without_hangup(epfd, &events[i]);
	pthread_mutex_unlock(&lock);
}

static bool has_hangup(const struct epoll_event *events, int n)
{
	for (int i = 0; i < n; i++)
		if (events[i].events & HUNG_UP)
			return true;
	return false;
}

OVER_LIBC int epoll_wait(int epfd, struct epoll_event *events, int max, int timeout)
{
	int n = syscall(SYS_epoll_pwait, epfd, events, max, timeout, NULL, _NSIG / 8);

	if (has_hangup(events, n))
		hide_hangups(epfd, events, n);
	return n;
}

/* ---- to nobody ------------------------------------------------------------------------------- */

static bool peer_is_gone(int errnum)
{
	return errnum == EPIPE || errnum == ECONNRESET || errnum == ECONNABORTED ||
	       errnum == ETIMEDOUT || errnum == EHOSTUNREACH || errnum == EHOSTDOWN ||
	       errnum == ENETUNREACH || errnum == ENETDOWN || errnum == ENETRESET;
}

static bool is_paused(int fd)
{
	const struct paused *p;

	pthread_mutex_lock(&lock);
	for (p = all; p && p->fd != fd;)
		p = p->next;
	pthread_mutex_unlock(&lock);
	return p;
}

/* One that is never read from again would stay for ever: libzmq tells nobody of a write that
 * failed, and makes no more heartbeats then, for which it would miss the answer. */
OVER_LIBC ssize_t send(int fd, const void *data, size_t len, int flags)
{
	ssize_t n = syscall(SYS_sendto, fd, data, len, flags, NULL, 0);
	int errnum = errno;

	if (n >= 0 || !count || !peer_is_gone(errnum))
		return n;
	n = is_paused(fd) ? (ssize_t)len : -1;
	errno = errnum;
	return n;
}

#endif
