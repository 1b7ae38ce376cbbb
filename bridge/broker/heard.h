/* SPDX-License-Identifier: MIT */
/* heard.h - what subscribers listen to, as the live socket tells.
 *
 * A message that nobody listens to need not be sent. When there are more prefixes than are kept
 * here, everything counts as listened to from then on. */
#ifndef KSNAP_BROKER_HEARD_H
#define KSNAP_BROKER_HEARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HEARD_PREFIXES 64
#define HEARD_BYTES    81 /* of a prefix that is kept: the longest name of a channel, and its end */

struct heard {
	unsigned n;
	bool everything;
	uint64_t changes; /* so far: what was found out of a name holds until it rises */
	struct heard_prefix {
		size_t len;
		char text[HEARD_BYTES];
	} prefixes[HEARD_PREFIXES];
};

/* A message of the XPUB socket: 1 and a prefix that is subscribed to, or 0 and one that nobody
 * subscribes to any more. True: it subscribes. */
bool heard_note(struct heard *h, const void *message, size_t len);
/* Does anybody listen to this channel? */
bool heard_is(const struct heard *h, const char *channel);

#endif
