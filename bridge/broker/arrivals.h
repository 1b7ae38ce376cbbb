/* SPDX-License-Identifier: MIT */
/* arrivals.h - connections of a bound socket. Handshakes that fail are told to the ZAP handler; on
 * request, a connection on which nothing is heard is ended.
 *
 * A ROUTER does not hear a peer under whose routing id another connection is still open, and never
 * will: neither when that one ends. That happens to a client with a routing id of its own when its
 * connection breaks and it connects anew before the end of the old one was seen. Its new connection
 * is in order in its eyes, so it would wait for ever. Once it is ended, libzmq connects again by
 * itself, and then the routing id is free. */
#ifndef KSNAP_BROKER_ARRIVALS_H
#define KSNAP_BROKER_ARRIVALS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/loop.h"

struct arrivals;
struct zap;

struct arrivals_opts {
	struct loop *loop;
	void *context, *socket;
	struct zap *zap;   /* NULL: nobody is told of handshakes */
	bool ends_unheard; /* after ARRIVALS_PATIENCE ticks */
	loop_fn read;      /* reads what waits in the socket: called when somebody left */
	void *arg;
};

#define ARRIVALS_PATIENCE 5

struct arrivals *arrivals_create(const struct arrivals_opts *opts, struct ksnap_err *err);
/* Before the socket is closed. */
void arrivals_destroy(struct arrivals *a);
/* Whether there is a connection on which nothing was heard yet: arrivals_heard is to be called. */
bool arrivals_listens(const struct arrivals *a);
/* A message came by the connection @fd (of frames_recv; -1: by none). @named: under a routing id
 * that the peer chose; under one that libzmq made nobody is deaf. */
void arrivals_heard(struct arrivals *a, int fd, bool named);
/* All that came so far was read. */
void arrivals_all_read(struct arrivals *a);
/* Call it every heartbeat. Returns how many connections it ended. */
unsigned arrivals_tick(struct arrivals *a);

#endif
