/* SPDX-License-Identifier: MIT */
/* attachments.h - what hangs where, as a report has it. */
#ifndef KSNAP_CAPTURE_LIVE_ATTACHMENTS_H
#define KSNAP_CAPTURE_LIVE_ATTACHMENTS_H

#include "capture/live/active.h"

/* Write `active`, and, when they are not NULL, `links` and `struct_ops`. */
int attachments_write(const struct active_maps *a, const struct link_list *links,
		      const struct ops_list *ops, struct report_builder *rb, struct ksnap_err *err);

#endif
