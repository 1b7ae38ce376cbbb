/* SPDX-License-Identifier: MIT */
/* job_freeze.h - jobs that freeze a cgroup, and jobs that work while one stands still. */
#ifndef KSNAP_CAPTURE_JOB_FREEZE_H
#define KSNAP_CAPTURE_JOB_FREEZE_H

#include "capture/job.h"

/* The jobs freeze and thaw. */
int job_freeze(struct bench *b, const struct job *job, struct job_result *res,
	       struct ksnap_err *err);
int job_thaw(struct bench *b, const struct job *job, struct job_result *res, struct ksnap_err *err);

/* A cgroup that stands still for one job. */
struct standstill {
	struct bench *bench;
	char *cgroup; /* NULL: there is none to thaw */
};

/* Freeze @cgroup for this job, whose params say who must be spared (work.lua: freezing). One that a
 * session has frozen through this worker stays frozen afterwards. */
int standstill_begin(struct bench *b, const struct job *job, struct wire_slice cgroup,
		     struct standstill *ret, struct ksnap_err *err);
/* Thaw, if this job froze it. A zeroed one is accepted. */
void standstill_end(struct standstill *s);

#define _standstill_ __attribute__((cleanup(standstill_end)))

#endif
