/* SPDX-License-Identifier: MIT */
/* unread.h - bytes of reports that were sent and that no peer has read yet.
 *
 * Reports are sent by reference, so a peer that asks and does not read would keep them in memory
 * long after the store let go of them. */
#ifndef KSNAP_BROKER_UNREAD_H
#define KSNAP_BROKER_UNREAD_H

#include <stdint.h>

#include "ksnap.h"

struct unread; /* of one session, or of one channel's messages */

/* NULL: no memory. */
struct unread *unread_create(void);
/* Its owner ends; what is on its way may still be. NULL is allowed. */
void unread_close(struct unread *u);
/* 0 for NULL. */
uint64_t unread_bytes(const struct unread *u);
/* The same bytes as @blob, counted until the last reference to what is returned goes. NULL: no
 * memory. */
struct ksnap_blob *unread_blob(struct unread *u, struct ksnap_blob *blob);

#endif
