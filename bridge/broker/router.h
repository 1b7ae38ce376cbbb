/* SPDX-License-Identifier: MIT */
/* router.h - the control socket: frames in, frames out. */
#ifndef KSNAP_BROKER_ROUTER_H
#define KSNAP_BROKER_ROUTER_H

#include "broker/parts.h"
#include "wire/frames.h"

struct router;

struct router *router_create(struct broker *b, const struct broker_opts *opts,
			     struct ksnap_err *err);
void router_destroy(struct router *r);
/* Send a reply or a part of one, routing id first. KSNAP_E_BUSY: the peer does not read;
 * KSNAP_E_UNREACHABLE: it left. */
int router_send(struct router *r, struct ksnap_blob *const *parts, size_t n, struct ksnap_err *err);
/* The same for the last of a request, which is counted when it is lost, unless E_NOMEM is returned.
 * It may go out somewhat later, but before whatever is sent after it. */
int router_answer(struct router *r, struct ksnap_blob *const *parts, size_t n,
		  struct ksnap_err *err);
/* Call it every heartbeat: ends connections on which nothing is heard. */
void router_tick(struct router *r);
/* Endpoints bound, in the order given; NULL-terminated. */
const char *const *router_endpoints(const struct router *r);

#endif
