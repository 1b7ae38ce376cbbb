// SPDX-License-Identifier: MIT
/* wait.c - the one place in the client library that waits.
 *
 * zmq_poll on the socket itself can wait for what a socket has but not for what it lacks, and the
 * loss of a peer shows only as that. So the wait is on the socket's descriptor, which wakes for any
 * change, and its events are read anew before each wait, as libzmq asks for. */
#include "client/wait.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdbool.h>
#include <zmq.h>

#include "base/clock.h"
#include "base/error.h"

uint64_t wait_until(uint64_t ms)
{
	return clock_mono_ns() + ms * NS_PER_MS;
}

int wait_events(void *socket)
{
	int events = 0, rc;
	size_t len = sizeof(events);

	do {
		rc = zmq_getsockopt(socket, ZMQ_EVENTS, &events, &len);
	} while (rc && zmq_errno() == EINTR);
	return rc ? -1 : events;
}

static long left_ms(uint64_t deadline_ns)
{
	uint64_t now = clock_mono_ns();

	if (deadline_ns == WAIT_FOR_EVER)
		return -1;
	return now >= deadline_ns ? 0 : (long)((deadline_ns - now + NS_PER_MS - 1) / NS_PER_MS);
}

/* As zmq_poll does, which looks once before it waits: that is a system call more. */
static int wait_for(zmq_pollitem_t *items, bool both, struct spin *spin, long ms)
{
	struct pollfd fd = { .fd = items[0].fd, .events = POLLIN };

	if (both)
		return zmq_poll(items, 2, ms);
	return spin_poll(spin, &fd, 1, ms > INT_MAX ? INT_MAX : (int)ms);
}

static int wait_on(void *socket, int set, int clear, void *other, struct spin *spin,
		   uint64_t deadline_ns, struct ksnap_err *err)
{
	zmq_pollitem_t items[] = { { .events = ZMQ_POLLIN },
				   { .socket = other, .events = ZMQ_POLLIN } };
	size_t len = sizeof(items[0].fd);

	if (zmq_getsockopt(socket, ZMQ_FD, &items[0].fd, &len))
		return err_errno(err, KSNAP_E_INTERNAL, zmq_errno(),
				 "a socket cannot be waited on");
	for (;;) {
		int events = wait_events(socket);
		long ms = left_ms(deadline_ns);

		if (events < 0)
			return err_errno(err, KSNAP_E_STATE, zmq_errno(), "a socket has no state");
		if ((events & set) || (~events & clear))
			return WAIT_READY;
		if (items[1].revents)
			return WAIT_READY;
		if (!ms)
			return WAIT_DEADLINE;
		if (wait_for(items, other, spin, ms) < 0) {
			if (errno == EINTR)
				return WAIT_SIGNAL;
			return err_errno(err, KSNAP_E_INTERNAL, errno,
					 "waiting on a socket failed");
		}
	}
}

int wait_change(void *socket, int set, int clear, struct spin *spin, uint64_t deadline_ns,
		struct ksnap_err *err)
{
	return wait_on(socket, set, clear, NULL, spin, deadline_ns, err);
}

int wait_either(void *socket, int set, int clear, void *other, uint64_t deadline_ns,
		struct ksnap_err *err)
{
	return wait_on(socket, set, clear, other, NULL, deadline_ns, err);
}
