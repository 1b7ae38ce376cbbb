/* SPDX-License-Identifier: MIT */
/* freezing.h - what every job that freezes a cgroup has in common. */
#ifndef KSNAP_BROKER_FREEZING_H
#define KSNAP_BROKER_FREEZING_H

#include "broker/request.h"
#include "broker/session.h"
#include "broker/workers.h"

#define FREEZING_BY 112

/* Who holds a cgroup, or would, in words: "session NAME (process N)". Returns @buf. */
const char *freezing_by(const struct session *s, char buf[FREEZING_BY]);
/* Encode the op's params @p and beside them what the worker must know: who asks, and which
 * processes it must not freeze. Fills spec->params, which point into @out. */
int freezing_params(struct request *rq, const struct wire_shape *shape, const void *p,
		    struct buf *out, struct job_spec *spec, struct ksnap_err *err);
/* The freeze of that cgroup, by the path that freeze answered, or the whole path of its folder,
 * which ends in that; NULL: no session has frozen it. */
struct owned *freezing_find(struct sessions *s, struct wire_slice cgroup);
/* A cgroup that a session holds is known to one worker: only that one can use it. */
void freezing_pin(struct request *rq, struct wire_slice cgroup, struct job_spec *spec);

#endif
