/* SPDX-License-Identifier: MIT */
/* freezer.h - v2 cgroups that this process has frozen.
 *
 * Each is thawed by freezer_thaw, by freezer_fini, and by its guard when this process is gone; a
 * guard that is killed has a successor. Should both be killed together, the next freezer thaws,
 * which the mark tells that they are dead. A cgroup that somebody else froze is never touched, but
 * for one that still has the mark of a dead one where the kernel cannot tell them apart, see
 * freeze_file_awake. */
#ifndef KSNAP_CAPTURE_LIVE_FREEZER_H
#define KSNAP_CAPTURE_LIVE_FREEZER_H

#include "capture/live/freeze_guard.h"
#include "capture/target.h"

struct freed;
struct frozen;

struct freezer {
	struct frozen *first;
	int epoll;           /* readable: call freezer_look; -1: not made */
	int fresh;           /* readable until the first look; -1: that was */
	struct freed *freed; /* found then, frozen by dead ones, and thawed */
};

/* Not initialised, and accepted by fini. */
#define FREEZER_INIT ((struct freezer){ .epoll = -1, .fresh = -1 })

int freezer_init(struct freezer *f, struct ksnap_err *err);
void freezer_fini(struct freezer *f);
/* Freeze and wait until the kernel says that all of it stands still. 0; 1: it is frozen by us
 * already, and rq->shared allows that. E_STATE: frozen already, by whom; or it holds one of
 * rq->spared, the worker itself, or is above one of them. E_ARG: the root. E_UNSUPPORTED: v1.
 * E_TIMEOUT: not all of it stopped in time; it runs again. @ret, when not NULL, gets its path from
 * the root of the hierarchy. */
int freezer_freeze(struct freezer *f, const struct freeze_request *rq, char ret[FREEZE_PATH_MAX],
		   struct ksnap_err *err);
/* At the first time undo what dead ones have left frozen, anywhere; then see to guards that were
 * killed. */
void freezer_look(struct freezer *f);
/* What dead ones have left frozen is thawed, too, and 0 when the first look has done so.
 * E_NOTFOUND: it is not frozen by us; E_STATE: another ksnap that lives holds it. @above as
 * target_ops.thaw has it. */
int freezer_thaw(struct freezer *f, const char *cgroup, char above[FREEZE_PATH_MAX],
		 struct ksnap_err *err);

#endif
