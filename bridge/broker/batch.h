/* SPDX-License-Identifier: MIT */
/* batch.h - records on their way to a segment: text, reports between it that are not copied, and
 * whose copies they are. */
#ifndef KSNAP_BROKER_BATCH_H
#define KSNAP_BROKER_BATCH_H

#include "base/buf.h"
#include "broker/segment.h"
#include "core/events.h"

struct batch_report {
	size_t at; /* it stands behind so many bytes of text */
	const struct ksnap_blob *report;
};

struct batch_mark {
	struct kept *kept;
	uint64_t bytes;
};

struct batch {
	struct buf text;
	struct batch_report *reports; /* borrowed, until the batch is written */
	size_t nreports, reports_cap;
	struct batch_mark *marks;
	size_t nmarks, marks_cap;
	uint64_t report_bytes;
	bool failed; /* memory ran out */
};

void batch_fini(struct batch *b);
/* Empty, memory kept. */
void batch_clear(struct batch *b);
/* @report follows the text written so far. */
void batch_report(struct batch *b, const struct ksnap_blob *report);
/* What was added since the batch had @from bytes is the copy of what @kept belongs to. */
void batch_mark(struct batch *b, struct kept *kept, uint64_t from);
/* Of text and reports. */
uint64_t batch_bytes(const struct batch *b);
/* Append to @s and tell all whose copies it holds; E_NOMEM too. On failure nothing changed. */
int batch_write(struct batch *b, struct segment *s, struct segment_at on_disk,
		struct ksnap_err *err);

#define _batch_ __attribute__((cleanup(batch_fini)))

#endif
