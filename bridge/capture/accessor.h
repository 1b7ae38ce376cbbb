/* SPDX-License-Identifier: MIT */
/* accessor.h - whether a target's symbols and types are loaded, and how often they were. */
#ifndef KSNAP_CAPTURE_ACCESSOR_H
#define KSNAP_CAPTURE_ACCESSOR_H

#include "capture/target.h"
#include "ksnap.h"

/* Values as in work_beat of schemas/work.lua. */
enum accessor_state { ACCESSOR_TRYING, ACCESSOR_SUCCEEDED, ACCESSOR_FAILED_PERMANENTLY };

struct accessor {
	enum accessor_state state;
	uint64_t seqno;       /* successful (re)initialisations */
	struct ksnap_err err; /* of the last failed one; code 0 when it succeeded */
};

/* (Re)initialise. A first failure is permanent, unless its code says that a retry may help: then it
 * is still trying. A later one keeps what was there. A target that needs no accessor has succeeded
 * at once and keeps seqno 0. May block as accessor_init does. */
void accessor_renew(struct accessor *a, const struct target_ops *ops, struct target *t);
/* Has it failed so far, but not for good? */
bool accessor_may_retry(const struct accessor *a);
/* 0 when the target can be read, else what made the accessor fail. When a retry may help, this is
 * one. */
int accessor_need(struct accessor *a, const struct target_ops *ops, struct target *t,
		  struct ksnap_err *err);

#endif
