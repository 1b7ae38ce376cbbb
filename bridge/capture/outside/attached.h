/* SPDX-License-Identifier: MIT */
/* attached.h - what hangs where in a kernel seen from outside: links, struct_ops maps with their
 * state, and the maps that attached ones use. */
#ifndef KSNAP_CAPTURE_OUTSIDE_ATTACHED_H
#define KSNAP_CAPTURE_OUTSIDE_ATTACHED_H

#include "capture/outside/map_list.h"

/* Write `active`, and with @all `links` and `struct_ops`, of the maps and programs that @s lists.
 * What cannot be read is a reason. E_NOMEM. */
int attached_report(struct kernel *k, const struct seen *s, bool all, struct report_builder *rb,
		    struct ksnap_err *err);

#endif
