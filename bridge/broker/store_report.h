/* SPDX-License-Identifier: MIT */
/* store_report.h - store a report on a bridge and tell the live bus. */
#ifndef KSNAP_BROKER_STORE_REPORT_H
#define KSNAP_BROKER_STORE_REPORT_H

#include "broker/publish.h"

struct hosted;

/* @args without its tag; @counts as for publish_snapshot. The report is shared by the store,
 * replies and the live bus; nothing here copies it. */
int store_report(struct hosted *h, struct wire_slice tag, struct ksnap_store_args *args,
		 const struct capture_counts *counts, uint64_t *ret_seq, struct ksnap_err *err);

#endif
