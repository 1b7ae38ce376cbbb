// SPDX-License-Identifier: MIT
/* accepting.c - the descriptor that is kept back. */
#include "cli/accepting.h"

#include <errno.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/log.h"
#include "cli/pings.h"

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

static void refuse(int fd)
{
	int taken;

	give_up();
	taken = accept_from(fd, NULL, NULL, SOCK_CLOEXEC);
	if (taken >= 0)
		close(taken);
	keep();
	refused++;
	if (!(refused & (refused - 1)))
		log_warn("%lu connections refused: this process has as many files open as it may; "
			 "raise the limit (ulimit -n, LimitNOFILE= of a unit)",
			 refused);
}

__attribute__((visibility("default"))) int accept4(int fd, struct sockaddr *from, socklen_t *len,
						   int flags)
{
	int ret = accept_from(fd, from, len, flags), errnum = errno;

	if (ret < 0 && errnum != EMFILE && errnum != ENFILE)
		return ret;
	pthread_mutex_lock(&lock);
	if (ret < 0) {
		refuse(fd);
		errnum = ECONNABORTED;
	} else {
		keep();
		pings_begin(ret);
	}
	pthread_mutex_unlock(&lock);
	errno = errnum;
	return ret;
}
