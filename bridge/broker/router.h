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
/* Send a reply, routing id first. A peer that left, or does not read, is counted; the failure is
 * returned so that a multi-part reply can stop. */
int router_send(struct router *r, struct ksnap_blob *const *parts, size_t n, struct ksnap_err *err);
/* Endpoints bound, in the order given; NULL-terminated. */
const char *const *router_endpoints(const struct router *r);

#endif
