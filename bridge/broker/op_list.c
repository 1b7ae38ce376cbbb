// SPDX-License-Identifier: MIT
/* op_list.c - the stored snapshots, the next to be evicted first. */
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "broker/bridges.h"
#include "broker/request.h"
#include "broker/snapshot_row.h"

static int run(struct request *rq, struct ksnap_err *err)
{
	struct hosted *h = request_bridge(rq, err);
	_free_ struct wire_snapshot_row *rows = NULL;
	struct wire_list_reply reply;
	struct ksnap_entry *entries;
	size_t n;
	int rc;

	if (!h)
		return err->code;
	rc = ksnap_bridge_list(h->core, &entries, &n, err);
	if (rc)
		return rc;
	rows = calloc(n ? n : 1, sizeof(*rows));
	if (!rows) {
		ksnap_entries_free(entries, n);
		return err_nomem(err);
	}
	for (size_t i = 0; i < n; i++)
		rows[i] = (struct wire_snapshot_row){ SNAPSHOT_ROW_OF(&entries[i]) };
	reply.r = (struct wire_list){ rows, n };
	request_answer(rq, &reply, NULL, 0);
	ksnap_entries_free(entries, n);
	return 0;
}

const struct op op_list = { .run = run };
