/* SPDX-License-Identifier: MIT */
/* freezer.h - v2 cgroups that this process has frozen.
 *
 * Each is thawed by freezer_thaw, by freezer_fini, and by its guard when this process is gone. A
 * cgroup that somebody else froze is never touched. */
#ifndef KSNAP_CAPTURE_LIVE_FREEZER_H
#define KSNAP_CAPTURE_LIVE_FREEZER_H

#include "capture/live/freeze_guard.h"
#include "capture/target.h"

struct frozen;

struct freezer {
	struct frozen *first;
};

void freezer_fini(struct freezer *f);
/* Freeze and wait until the kernel says that all of it stands still. 0; 1: it is frozen by us
 * already, and rq->shared allows that. E_STATE: frozen already, by whom; or it holds one of
 * rq->spared, the worker itself, or is above one of them. E_ARG: the root. E_UNSUPPORTED: v1.
 * E_TIMEOUT: not all of it stopped in time; it runs again. @ret, when not NULL, gets its path from
 * the root of the hierarchy. */
int freezer_freeze(struct freezer *f, const struct freeze_request *rq, char ret[FREEZE_PATH_MAX],
		   struct ksnap_err *err);
/* E_NOTFOUND: it is not frozen by us. @above as target_ops.thaw has it. */
int freezer_thaw(struct freezer *f, const char *cgroup, char above[FREEZE_PATH_MAX],
		 struct ksnap_err *err);

#endif
