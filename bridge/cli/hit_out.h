/* SPDX-License-Identifier: MIT */
/* hit_out.h - a hit of a watch as a line: when, what it was and is, who wrote, where. */
#ifndef KSNAP_CLI_HIT_OUT_H
#define KSNAP_CLI_HIT_OUT_H

#include <msgpack.h>

#include "base/buf.h"

/* @header: of a live message `hit`. @quiet: hits only counted since the one before it, @unseen of
 * them without a look at what was written. @with_stack: the frames too, a line each. */
void hit_out_line(struct buf *out, const msgpack_object *header, uint64_t quiet, uint64_t unseen,
		  bool with_stack);

/* All of @hit as one line of JSON; what was there and what is as numbers. */
void hit_out_json(struct buf *out, const msgpack_object *hit);

#endif
