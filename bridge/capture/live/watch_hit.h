/* SPDX-License-Identifier: MIT */
/* watch_hit.h - a hit as the `hit` of a report: shape report_hit. */
#ifndef KSNAP_CAPTURE_LIVE_WATCH_HIT_H
#define KSNAP_CAPTURE_LIVE_WATCH_HIT_H

#include "capture/bpf/watch.h"
#include "capture/live/code_names.h"

/* What the record itself does not say. */
struct watch_hit_place {
	uint64_t n; /* number among the told ones */
	uint64_t addr;
	unsigned len;
	bool is_signed;
	uint64_t suppressed, unseen; /* so far */
};

/* Append the msgpack map to @out. */
void watch_hit_encode(const struct watch_record *r, const struct watch_hit_place *place,
		      struct code_names *names, struct buf *out);
/* The same for an object that ended: no memory, nobody known who did it. */
void watch_hit_encode_end(uint64_t mono_ns, struct buf *out);

#endif
