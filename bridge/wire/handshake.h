/* SPDX-License-Identifier: MIT */
/* handshake.h - who is let in: what libzmq tells of handshakes that fail, and of who comes and
 * goes.
 *
 * libzmq tries a refused connection again for ever and says nothing; its monitor does say. */
#ifndef KSNAP_WIRE_HANDSHAKE_H
#define KSNAP_WIRE_HANDSHAKE_H

#include <stdbool.h>
#include <stddef.h>

#include "ksnap.h"

struct handshakes {
	void *watch; /* PAIR socket, readable when there is an event; NULL: nothing is watched */
	int fd;      /* of the connection that HANDSHAKE_CAME or HANDSHAKE_LEFT is about */
	unsigned broken; /* ended by the peer without a word, in a row */
};

/* Watch @socket from here on. Before it is watched again, and at last, call handshakes_close, after
 * the socket is closed. */
int handshakes_watch(struct handshakes *h, void *context, void *socket, struct ksnap_err *err);
/* The same for a socket that was bound: connections that come and go are events, too. */
int handshakes_watch_bound(struct handshakes *h, void *context, void *socket,
			   struct ksnap_err *err);
void handshakes_close(struct handshakes *h);

enum handshake_event {
	HANDSHAKE_NONE,
	HANDSHAKE_DENIED,   /* the key is not authorised */
	HANDSHAKE_MISMATCH, /* CURVE on one side only; at the broker: or another server key */
	HANDSHAKE_BROKEN,   /* the peer ended it: another server key, or it went away */
	HANDSHAKE_CAME,     /* a connection was accepted */
	HANDSHAKE_LEFT,     /* it ended; its descriptor is about to be closed */
};

/* Take the next event, and the address as libzmq tells it. */
enum handshake_event handshakes_next(struct handshakes *h, char *address, size_t cap);
/* As the one who connects to @url, with keys or without: did the broker refuse? 0, or E_DENIED with
 * what to do about it. */
int handshakes_refused(struct handshakes *h, const char *url, bool has_key, struct ksnap_err *err);

#endif
