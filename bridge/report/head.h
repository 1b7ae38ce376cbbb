/* SPDX-License-Identifier: MIT */
/* head.h - the first keys of a report, read without reading on.
 *
 * A broker that is handed a report (store_snapshot) looks at these and at nothing else. */
#ifndef KSNAP_REPORT_HEAD_H
#define KSNAP_REPORT_HEAD_H

#include "ksnap.h"

struct report_head {
	char schema[64];
	bool placeholder, complete;
};

/* E_ARG when the bytes do not begin as a report does. Reads at most the first 128 bytes. */
int report_head_read(const void *data, size_t len, struct report_head *ret, struct ksnap_err *err);

#endif
