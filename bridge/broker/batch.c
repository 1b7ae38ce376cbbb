// SPDX-License-Identifier: MIT
/* batch.c - collect records, then hand them to a segment in pieces. */
#include "broker/batch.h"

#include <stdlib.h>

#include "base/cleanup.h"
#include "base/error.h"

void batch_fini(struct batch *b)
{
	buf_fini(&b->text);
	free(b->reports);
	free(b->marks);
	*b = (struct batch){ 0 };
}

void batch_clear(struct batch *b)
{
	buf_clear(&b->text);
	b->nreports = b->nmarks = 0;
	b->report_bytes = 0;
	b->failed = false;
}

/* Room for one more of @size bytes each in *list. */
static bool grow(struct batch *b, void *list, size_t *cap, size_t n, size_t size)
{
	void *old = *(void **)list, *more;

	if (n < *cap)
		return true;
	more = realloc(old, (*cap ? 2 * *cap : 64) * size);
	if (!more) {
		b->failed = true;
		return false;
	}
	*(void **)list = more;
	*cap = *cap ? 2 * *cap : 64;
	return true;
}

void batch_report(struct batch *b, const struct ksnap_blob *report)
{
	if (!grow(b, &b->reports, &b->reports_cap, b->nreports, sizeof(*b->reports)))
		return;
	b->reports[b->nreports++] = (struct batch_report){ b->text.len, report };
	b->report_bytes += ksnap_blob_size(report);
}

uint64_t batch_bytes(const struct batch *b)
{
	return b->report_bytes + b->text.len;
}

void batch_mark(struct batch *b, struct kept *kept, uint64_t from)
{
	if (!grow(b, &b->marks, &b->marks_cap, b->nmarks, sizeof(*b->marks)))
		return;
	b->marks[b->nmarks++] = (struct batch_mark){ kept, batch_bytes(b) - from };
}

/* The first piece is left free. */
static size_t make_pieces(const struct batch *b, struct iovec *piece)
{
	size_t n = 1, at = 0;

	for (size_t i = 0; i < b->nreports; i++) {
		const struct batch_report *r = &b->reports[i];

		piece[n++] = (struct iovec){ b->text.data + at, r->at - at };
		piece[n++] = (struct iovec){ (void *)ksnap_blob_data(r->report),
					     ksnap_blob_size(r->report) };
		at = r->at;
	}
	piece[n++] = (struct iovec){ b->text.data + at, b->text.len - at };
	return n;
}

int batch_write(struct batch *b, struct segment *s, struct segment_at on_disk,
		struct ksnap_err *err)
{
	_free_ struct iovec *pieces = calloc(2 * b->nreports + 2, sizeof(*pieces));
	int rc;

	if (!pieces || b->failed || !buf_ok(&b->text))
		return err_nomem(err);
	rc = segment_append(s, pieces, make_pieces(b, pieces), on_disk, err);
	for (size_t i = 0; i < b->nmarks && !rc; i++)
		*b->marks[i].kept = (struct kept){ s->number, b->marks[i].bytes };
	return rc;
}
