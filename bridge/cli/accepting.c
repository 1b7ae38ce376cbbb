// SPDX-License-Identifier: MIT
/* accepting.c - the descriptor that is kept back. */
#include "cli/accepting.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "cli/pings.h"

#define REST_NS \
	20000000 /* when a connection cannot even be refused: it waits, and would wake us again */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int kept = -1;
static unsigned long refused;

static void keep(void)
{
	if (kept < 0)
		kept = eventfd(0, EFD_CLOEXEC);
}

static void give_up(void)
{
	if (kept >= 0)
		close(kept);
	kept = -1;
}

static int accept_from(int fd, struct sockaddr *from, socklen_t *len, int flags)
{
	return syscall(SYS_accept4, fd, from, len, flags);
}

static bool is_waited_at(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, 0) == 1;
}

/* Returns whether it is refused; @ret_n: how many were so far. */
static bool refuse(int fd, unsigned long *ret_n)
{
	int taken = -1;

	pthread_mutex_lock(&lock);
	give_up();
	if (is_waited_at(fd))
		taken = accept_from(fd, NULL, NULL, SOCK_CLOEXEC);
	if (taken >= 0)
		close(taken);
	keep();
	refused += taken >= 0;
	*ret_n = refused;
	pthread_mutex_unlock(&lock);
	return taken >= 0;
}

static void rest(void)
{
	struct timespec ts = { 0, REST_NS };

	nanosleep(&ts, NULL);
}

static void refuse_one(int fd)
{
	unsigned long n;

	if (!refuse(fd, &n))
		rest();
	else if (!(n & (n - 1)))
		log_warn("%lu connections refused: this process has as many files open as it may; "
			 "raise the limit (ulimit -n, LimitNOFILE= of a unit)",
			 n);
}

/* ---- in the place of libc's ------------------------------------------------------------------ */

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
	pthread_atfork(begin_fork, end_fork, end_fork);
}

#ifndef __SANITIZE_THREAD__ /* pings.c has nothing then */

__attribute__((visibility("default"))) int accept4(int fd, struct sockaddr *from, socklen_t *len,
						   int flags)
{
	int ret;

	pthread_mutex_lock(&lock);
	keep();
	pthread_mutex_unlock(&lock);
	ret = accept_from(fd, from, len, flags);
	if (ret >= 0 && !pings_begin(ret))
		return ret;
	if (ret < 0 && errno != EMFILE)
		return ret;
	if (ret >= 0)
		close(ret);
	else
		refuse_one(fd);
	errno = ECONNABORTED;
	return -1;
}

#endif
