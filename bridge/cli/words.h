/* SPDX-License-Identifier: MIT */
/* words.h - what an event or a live message says, as key=value words for people. */
#ifndef KSNAP_CLI_WORDS_H
#define KSNAP_CLI_WORDS_H

#include <msgpack.h>

#include "base/buf.h"

/* All of @map but the keys of an event's or a header's frame (seq, ts, mono, k, v, epoch, ch). */
void words_append(struct buf *out, const msgpack_object *map);

#endif
