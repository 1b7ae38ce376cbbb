/* SPDX-License-Identifier: MIT */
/* late_report.h - the report behind a message of the live bus that came without it.
 *
 * A replay has headers only, and so has a live message when too many reports wait for subscribers.
 * The report is had from the store as long as it is there. */
#ifndef KSNAP_CLI_LATE_REPORT_H
#define KSNAP_CLI_LATE_REPORT_H

#include <msgpack.h>

#include "ksnap.h"

/* 1: @ret is the report of @msg, of a channel report/<bridge> with this @header. 0: it is gone, or
 * the broker is another one by now. Negative: it was not to be had, and may still be there. */
int late_report(struct ksnap_client *c, const struct ksnap_live_msg *msg,
		const msgpack_object *header, struct ksnap_blob **ret, struct ksnap_err *err);

#endif
