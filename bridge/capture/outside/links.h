/* SPDX-License-Identifier: MIT */
/* links.h - the BPF links of a kernel seen from outside. */
#ifndef KSNAP_CAPTURE_OUTSIDE_LINKS_H
#define KSNAP_CAPTURE_OUTSIDE_LINKS_H

#include "capture/live/link_list.h"
#include "capture/outside/kernel.h"
#include "report/builder.h"

/* List anew, in order of id. What cannot be read is a reason; what a kernel does not tell of a link
 * is absent. E_NOMEM. */
int links_read(struct link_list *l, struct kernel *k, struct report_builder *rb,
	       struct ksnap_err *err);

#endif
