// SPDX-License-Identifier: MIT
/* stay.c - wait for a signal, a ping every heartbeat. */
#include "cli/stay.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>

#include "base/clock.h"
#include "base/error.h"
#include "client/client.h"

int stay_signals(struct ksnap_err *err)
{
	sigset_t set;
	int fd;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return fd < 0 ? err_errno(err, KSNAP_E_INTERNAL, errno, "cannot wait for signals") : fd;
}

bool stay_is_told(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, 0) > 0;
}

static bool is_told(void *arg)
{
	return stay_is_told(*(int *)arg);
}

void stay_breaks_off(struct link *l, int *fd)
{
	client_set_stop(l->client, fd ? is_told : NULL, fd);
}

static int ping(struct link *l, struct ksnap_err *err)
{
	struct ksnap_reply reply = { 0 };
	int r = link_call(l, "ping", NULL, &reply, err);

	ksnap_reply_clear(&reply);
	return r < 0 ? r : 0;
}

/* Milliseconds to wait for: a heartbeat, or what is left. */
static int wait_ms(const struct link *l, uint64_t until)
{
	uint64_t now = clock_mono_ns(), left = until > now ? until - now : 0;
	unsigned beat_ms = client_heartbeat_ms(l->client);

	beat_ms = beat_ms > 0 ? beat_ms : 1000;
	return left / NS_PER_MS < beat_ms ? (int)(left / NS_PER_MS) + 1 : (int)beat_ms;
}

int stay_until(struct link *l, int fd, uint64_t mono_ns, struct ksnap_err *err)
{
	int r = 0;

	stay_breaks_off(l, &fd);
	while (r == 0) {
		struct pollfd p = { .fd = fd, .events = POLLIN };

		if (clock_mono_ns() >= mono_ns || poll(&p, 1, wait_ms(l, mono_ns)) > 0)
			break;
		r = ping(l, err);
	}
	stay_breaks_off(l, NULL);
	return r == KSNAP_E_STATE && stay_is_told(fd) ? 0 : r;
}

int stay_until_signal(struct link *l, int fd, struct ksnap_err *err)
{
	return stay_until(l, fd, UINT64_MAX, err);
}
