/* SPDX-License-Identifier: MIT */
/* reply.h - received frames as the answer to one request. */
#ifndef KSNAP_CLIENT_REPLY_H
#define KSNAP_CLIENT_REPLY_H

#include <stdint.h>

#include "ksnap.h"
#include "wire/frames.h"

/* Read @f as an answer to request @id. 1 with @ret filled (free with ksnap_reply_clear); 0: it
 * answers something else or cannot be read, so it is no answer; negative: an error reply's code and
 * text, or E_PROTO when it answers @id but breaks the protocol. A refusal that names no id counts
 * as an answer, for only one request is under way at a time. */
int reply_read(const struct frames *f, uint64_t id, struct ksnap_reply *ret, struct ksnap_err *err);

#endif
