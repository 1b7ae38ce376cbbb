/* SPDX-License-Identifier: MIT */
/* wait.h - the one place in the client library that waits. */
#ifndef KSNAP_CLIENT_WAIT_H
#define KSNAP_CLIENT_WAIT_H

#include <stdint.h>

#include "base/spin.h"
#include "ksnap.h"

#define WAIT_FOR_EVER UINT64_MAX

enum wait_result {
	WAIT_DEADLINE = 0,
	WAIT_READY = 1,
	WAIT_SIGNAL = 2, /* a signal handler ran meanwhile */
};

/* Wait until @socket (ZeroMQ) has one of the events @set (ZMQ_POLLIN, ZMQ_POLLOUT), or lacks one of
 * the events @clear, or CLOCK_MONOTONIC reaches @deadline_ns. A wait_result, or a negative code
 * when polling failed. A DEALER with ZMQ_IMMEDIATE lacks ZMQ_POLLOUT once its peer is gone. @spin:
 * look for a while before each sleep; or NULL. */
int wait_change(void *socket, int set, int clear, struct spin *spin, uint64_t deadline_ns,
		struct ksnap_err *err);
/* The same without such a look, and WAIT_READY also when @other (ZeroMQ, or NULL) has something to
 * read. */
int wait_either(void *socket, int set, int clear, void *other, uint64_t deadline_ns,
		struct ksnap_err *err);
/* The events @socket has now; -1 with errno when it cannot tell. */
int wait_events(void *socket);
/* @ms from now on CLOCK_MONOTONIC. */
uint64_t wait_until(uint64_t ms);

#endif
