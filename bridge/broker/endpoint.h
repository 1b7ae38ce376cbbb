/* SPDX-License-Identifier: MIT */
/* endpoint.h - a bound socket: options, permissions of ipc sockets, stale ones taken over. */
#ifndef KSNAP_BROKER_ENDPOINT_H
#define KSNAP_BROKER_ENDPOINT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/loop.h"
#include "ksnap.h"

struct arrivals;
struct bound;
struct zap;

#define ROUTING_ID_MAX 255 /* bytes, as many as libzmq lets a peer choose; others may say more */

struct bound_opts {
	void *context;
	struct loop *loop;
	int type;                /* ZMQ_ROUTER, ZMQ_XPUB */
	const char *const *urls; /* NULL-terminated */
	unsigned ipc_mode;       /* 0600 when 0 */
	int send_hwm;            /* messages a peer; 0: libzmq's default of 1000 */
	int recv_hwm;
	uint64_t max_message;           /* bytes of one frame */
	struct zap *zap;                /* who may connect; NULL: whoever can */
	const char *domain;             /* ZAP domain, with @zap */
	const struct curve_pair *curve; /* of tcp endpoints, with @zap */
	bool mandatory;                 /* ROUTER: sending to an unknown peer fails */
	bool handover;     /* ROUTER: a new peer takes over the routing id of an old one */
	bool verbose;      /* XPUB: every subscription is told, not only the first */
	bool ends_unheard; /* connections on which nothing is heard are ended (arrivals.h) */
	loop_fn read;      /* with it: reads what waits in the socket */
	void *arg;
};

/* E_STATE: something live listens there. E_ARG: not an endpoint. */
struct bound *bound_create(const struct bound_opts *opts, struct ksnap_err *err);
/* Closes, and removes the ipc socket files. */
void bound_destroy(struct bound *b);
/* Throw the peers of tcp endpoints out, by unbinding. */
void bound_cut(struct bound *b);
/* Bind them again. E_BUSY: the addresses are not free yet, come again. */
int bound_mend(struct bound *b, struct ksnap_err *err);
/* Whether threads of this process can connect. */
bool bound_is_inproc(const struct bound *b);
void *bound_socket(const struct bound *b);
/* Who comes and goes; NULL: nobody looks. */
struct arrivals *bound_arrivals(const struct bound *b);
/* As bound: a wildcard tcp port is the port that was given out. NULL-terminated. */
const char *const *bound_endpoints(const struct bound *b);

#endif
