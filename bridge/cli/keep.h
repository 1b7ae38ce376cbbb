/* SPDX-License-Identifier: MIT */
/* keep.h - drain into files: nothing leaves the store before it is on the disk. */
#ifndef KSNAP_CLI_KEEP_H
#define KSNAP_CLI_KEEP_H

#include "cli/connect.h"

struct kept_totals {
	uint64_t count, bytes;
	struct buf rows; /* a msgpack list of what was kept */
};

/* Copy every stored snapshot to @to, then drain. A folder (it is one, or @to ends in '/') gets a
 * file for each tag, anything else is one file with all of them, replaced whole; @with_events takes
 * the events too, into the last item of that file. When copying fails the store is as it was. What
 * others stored meanwhile is kept as well. @ret->rows is to be freed either way. */
int keep_all(struct link *l, const char *to, bool with_events, struct kept_totals *ret,
	     struct ksnap_err *err);

#endif
