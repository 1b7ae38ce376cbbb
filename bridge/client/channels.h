/* SPDX-License-Identifier: MIT */
/* channels.h - how far a subscriber has come on each channel. */
#ifndef KSNAP_CLIENT_CHANNELS_H
#define KSNAP_CLIENT_CHANNELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ksnap.h"

#define CHANNEL_NAME (KSNAP_TAG_MAX + 16) /* bytes with the NUL, as in struct ksnap_live_msg */
/* Followed at once; a broker that tells more is refused. Those that it tells of no more make room.
 */
#define CHANNELS_MAX 16384

struct channel_state {
	char name[CHANNEL_NAME];
	uint64_t next;  /* first number not yet delivered, queued or given up */
	uint64_t until; /* a replay must cover next..until; below next: nothing to replay */
	bool lenient;   /* first replay: what the broker already forgot was not asked for */
	uint64_t beat;  /* how many beats there were when it was heard of last */
};

struct channels {
	struct channel_state *rows; /* by name */
	size_t n, cap;
	uint64_t beats;
};

void channels_fini(struct channels *t);
/* Forget all channels; memory is kept. */
void channels_clear(struct channels *t);
/* A beat comes, and tells of all channels that there are. */
void channels_beat(struct channels *t);
/* The channel of this name, which is heard of by that, or NULL. Pointers are good until the next
 * add. */
struct channel_state *channels_find(struct channels *t, const char *name, size_t len);
/* Add a channel that is not there yet, at @next. E_PROTO for a name that is empty or too long,
 * E_LIMIT for one too many, E_NOMEM. When the table is full, those are forgotten that the last
 * whole beat did not tell of; one that comes back later begins anew, which looks like a loss. */
int channels_add(struct channels *t, const char *name, size_t len, uint64_t next,
		 struct channel_state **ret, struct ksnap_err *err);
/* Some channel that needs a replay, or NULL. */
struct channel_state *channels_behind(struct channels *t);

#endif
