// SPDX-License-Identifier: MIT
/* op_drain.c - everything stored, in FIFO order, one part each; the store is empty afterwards. */
#include "broker/bridges.h"
#include "broker/request.h"
#include "broker/snapshot_row.h"

static int send_part(struct request *rq, const struct ksnap_entry *e, struct ksnap_err *err)
{
	struct wire_drain_reply part = { SNAPSHOT_ROW_OF(e) };

	part.has_stats = e->stats != NULL;
	part.has_stats_reason = !e->stats;
	if (e->stats)
		part.stats =
			(struct wire_slice){ ksnap_blob_data(e->stats), ksnap_blob_size(e->stats) };
	else
		part.stats_reason = wire_slice_of(stats_reason_word(e->stats_reason));
	return request_part(rq, &part, &e->report, 1, err);
}

/* Parts go out before anything is taken, and the end is ready: when the peer cannot be reached or
 * memory is out, nothing is lost. */
static int send_all(struct request *rq, const struct ksnap_entry *entries, size_t n,
		    uint64_t *ret_bytes, struct ksnap_err *err)
{
	int rc = 0;

	*ret_bytes = 0;
	for (size_t i = 0; i < n && !rc; i++) {
		rc = send_part(rq, &entries[i], err);
		*ret_bytes += ksnap_blob_size(entries[i].report);
	}
	return rc;
}

static int run(struct request *rq, struct ksnap_err *err)
{
	struct hosted *h = request_bridge(rq, err);
	struct wire_drain_reply last = { .has_count = true, .has_bytes = true };
	struct ksnap_entry *entries;
	size_t n;
	int rc;

	if (!h)
		return err->code;
	rc = ksnap_bridge_list(h->core, &entries, &n, err);
	if (rc)
		return rc;
	rc = send_all(rq, entries, n, &last.bytes, err);
	last.count = n;
	ksnap_entries_free(entries, n);
	rc = rc ? rc : request_prepare(rq, &last, err);
	rc = rc ? rc : ksnap_bridge_drain_ordered(h->core, &entries, &n, err);
	if (rc)
		return rc;
	ksnap_entries_free(entries, n);
	request_send(rq);
	return 0;
}

const struct op op_drain = { .run = run };
