/* SPDX-License-Identifier: MIT */
/* report_head.h - the first keys of a report, read without reading on.
 *
 * A broker that is handed a report (store_snapshot) looks at these and at nothing else, so this
 * stands in the wire layer and not with the reader. */
#ifndef KSNAP_WIRE_REPORT_HEAD_H
#define KSNAP_WIRE_REPORT_HEAD_H

#include <stdbool.h>
#include <stddef.h>

#include "ksnap.h"

#define REPORT_HEAD_MAX 128 /* bytes that are looked at, at most */

struct report_head {
	char schema[64];
	bool placeholder, complete;
};

/* E_ARG when the bytes do not begin as a report does: a map whose first keys are schema (a str of
 * 1 to 63 printable bytes), placeholder and complete, in this order. Reads at most the first
 * REPORT_HEAD_MAX bytes. */
int report_head_read(const void *data, size_t len, struct report_head *ret, struct ksnap_err *err);

#endif
