/* SPDX-License-Identifier: MIT */
/* dispatch.h - from frames to the handler of the op they name. */
#ifndef KSNAP_BROKER_DISPATCH_H
#define KSNAP_BROKER_DISPATCH_H

#include "broker/parts.h"
#include "wire/frames.h"

/* Take one control message, frames as received, and see to its one answer. @bad: why the frames
 * could not all be taken, or NULL. */
void dispatch(struct broker *b, struct frames *f, const struct ksnap_err *bad);

#endif
