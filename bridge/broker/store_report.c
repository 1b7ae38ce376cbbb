// SPDX-License-Identifier: MIT
/* store_report.c - the end of every capture: the store, then the live bus. */
#include "broker/store_report.h"

#include "broker/bridges.h"
#include "broker/snapshot_row.h"
#include "core/bridge.h"

int store_report(struct hosted *h, struct wire_slice tag, struct ksnap_store_args *args,
		 const struct capture_counts *counts, uint64_t *ret_seq, struct ksnap_err *err)
{
	char name[KSNAP_TAG_MAX + 1];
	int rc;

	tag_copy(name, tag);
	args->tag = name;
	rc = ksnap_bridge_store(h->core, args, ret_seq, err);
	if (rc)
		return rc;
	publish_snapshot(h->snapshot, h->report, store_newest(bridge_store(h->core)), counts);
	return 0;
}
