// SPDX-License-Identifier: MIT
/* accepting.c - the descriptor that is kept back. */
#include "cli/accepting.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "cli/pings.h"

#define REST_NS \
	20000000 /* when a connection cannot even be refused: it waits, and would wake us again */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int kept = -1; /* under lock */
static _Atomic uint64_t refused, failed;

uint64_t accepting_refused(void)
{
	return atomic_load(&refused);
}

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

/* Positive: somebody waits there, 0: nobody; negative: who knows. */
static int look_at(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, 0);
}

/* It counts before its peer can know of it; @ret_n: how many there are now. */
static void hang_up(int taken, unsigned long long *ret_n)
{
	*ret_n = atomic_fetch_add(&refused, 1) + 1;
	close(taken);
}

/* Returns whether it is refused; @ret_n: how many were so far, then. */
static bool refuse(int fd, unsigned long long *ret_n)
{
	int taken = -1;

	pthread_mutex_lock(&lock);
	give_up();
	if (look_at(fd) > 0)
		taken = accept_from(fd, NULL, NULL, SOCK_CLOEXEC);
	if (taken >= 0)
		hang_up(taken, ret_n);
	keep();
	pthread_mutex_unlock(&lock);
	return taken >= 0;
}

static void rest(void)
{
	struct timespec ts = { 0, REST_NS };

	nanosleep(&ts, NULL);
}

static bool is_to_be_told(uint64_t n)
{
	return !(n & (n - 1));
}

/* @num: what was lacking. */
static void tell_refused(int num, unsigned long long n)
{
	struct rlimit most = { 0 };

	if (!is_to_be_told(n))
		return;
	getrlimit(RLIMIT_NOFILE, &most);
	if (num == EMFILE)
		log_warn("%llu connections refused: this process has as many files open as it may "
			 "(%llu); raise the limit (ulimit -n, LimitNOFILE= of a unit)",
			 n, (unsigned long long)most.rlim_cur);
	else if (num == ENFILE)
		log_warn("%llu connections refused: this machine has as many files open as it may; "
			 "raise the limit (sysctl fs.file-max)",
			 n);
	else
		log_warn("%llu connections refused: there was no memory for the last one (%s)", n,
			 strerror(num));
}

static void tell_failed(int num)
{
	unsigned long long n = atomic_fetch_add(&failed, 1) + 1;

	if (is_to_be_told(n))
		log_warn("a connection cannot be accepted, nor refused, and waits: %s "
			 "(%llu attempts failed so far)",
			 strerror(num), n);
}

/* For want of something that others give back. */
static bool is_lack(int num)
{
	return num == EMFILE || num == ENFILE || num == ENOMEM || num == ENOBUFS;
}

/* What libzmq takes for a connection that is gone again; and what is this program's own error. */
static bool is_for_libzmq(int num)
{
	static const int nums[] = { EAGAIN, EINTR,  ECONNABORTED, EPROTO,
				    EBADF,  EFAULT, EINVAL,       ENOTSOCK };

	for (size_t i = 0; i < ARRAY_SIZE(nums); i++)
		if (nums[i] == num)
			return true;
	return false;
}

/* No connection was had, for @num. */
static void do_without(int fd, int num)
{
	unsigned long long n;

	if (is_lack(num) && refuse(fd, &n)) {
		tell_refused(num, n);
		return;
	}
	if (!look_at(fd)) /* it is gone */
		return;
	tell_failed(num);
	rest();
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
	unsigned long long n;
	int ret;

	pthread_mutex_lock(&lock);
	keep();
	pthread_mutex_unlock(&lock);
	ret = accept_from(fd, from, len, flags);
	if (ret >= 0 && !pings_begin(ret))
		return ret;
	if (ret < 0 && is_for_libzmq(errno))
		return ret;
	if (ret < 0) {
		do_without(fd, errno);
	} else {
		hang_up(ret, &n);
		tell_refused(ENOMEM, n);
	}
	errno = ECONNABORTED;
	return -1;
}

#endif
