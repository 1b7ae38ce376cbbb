/* SPDX-License-Identifier: MIT */
/* snapshot_row.h - what a bridge knows of a stored snapshot, in the shapes of the replies. */
#ifndef KSNAP_BROKER_SNAPSHOT_ROW_H
#define KSNAP_BROKER_SNAPSHOT_ROW_H

#include "ksnap.h"
#include "wire/shapes.h"

/* Fill the keys that snapshot_row, get's reply and drain's parts share. Strings point into @e. */
#define SNAPSHOT_ROW_OF(e)                                                                       \
	.tag = wire_slice_of((e)->tag), .has_tag = true, .seq = (e)->seq, .has_seq = true,       \
	.bytes = ksnap_blob_size((e)->report), .has_bytes = true, .ts = (e)->ts, .has_ts = true, \
	.complete = (e)->complete, .has_complete = true, .placeholder = (e)->placeholder,        \
	.has_placeholder = true, .step = (e)->step, .has_step = (e)->has_step,                   \
	.elapsed_ms = (e)->elapsed_ms, .has_elapsed_ms = (e)->has_elapsed_ms,                    \
	.boundary_ms = (e)->boundary_ms, .has_boundary_ms = (e)->has_boundary_ms

/* "no_client" and so on, as in the params of store_snapshot. */
const char *stats_reason_word(enum ksnap_stats_reason reason);
enum ksnap_stats_reason stats_reason_of(struct wire_slice word);
/* Copy a slice to a NUL-terminated tag. */
void tag_copy(char to[KSNAP_TAG_MAX + 1], struct wire_slice tag);

#endif
