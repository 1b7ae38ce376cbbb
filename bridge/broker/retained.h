/* SPDX-License-Identifier: MIT */
/* retained.h - the newest headers of a channel, for replay: one behind the other in pieces of
 * memory that many share, so that keeping one is a copy and no allocation.
 *
 * A header that somebody holds stays, with its piece, when the channel has gone on. All of it is
 * the broker thread's. */
#ifndef KSNAP_BROKER_RETAINED_H
#define KSNAP_BROKER_RETAINED_H

#include <stdbool.h>
#include <stdint.h>

#include "wire/codec.h"

struct retained;
struct retained_piece;

struct retained_header {
	struct retained_piece *piece;
	struct wire_slice bytes;
};

/* NULL: no memory. */
struct retained *retained_create(void);
/* NULL is allowed. */
void retained_destroy(struct retained *r);
/* Forget what is as old as @seq makes too old: @seq has no header yet. */
void retained_make_room(struct retained *r, uint64_t seq);
/* The header of @seq, for which there is room. 0, or E_NOMEM: it has none then. */
int retained_put(struct retained *r, uint64_t seq, const void *header, size_t len);
/* Hold the header of @seq, one of the last MAX_RETAINED_HEADERS; false: it has none. */
bool retained_hold(const struct retained *r, uint64_t seq, struct retained_header *ret);
void retained_release(struct retained_header *h);

#endif
