// SPDX-License-Identifier: MIT
/* store_report.c - the end of every capture: the store, then the live bus. */
#include "broker/store_report.h"

#include "broker/bridges.h"
#include "broker/snapshot_row.h"

int store_report(struct hosted *h, struct wire_slice tag, struct ksnap_store_args *args,
		 const struct capture_counts *counts, uint64_t *ret_seq, struct ksnap_err *err)
{
	char name[KSNAP_TAG_MAX + 1];
	struct ksnap_entry e;
	int rc;

	tag_copy(name, tag);
	args->tag = name;
	rc = ksnap_bridge_store(h->core, args, ret_seq, err);
	if (rc)
		return rc;
	if (!ksnap_bridge_get(h->core, name, &e, NULL)) {
		publish_snapshot(h->snapshot, h->report, &e, counts);
		ksnap_entry_clear(&e);
	}
	return 0;
}
