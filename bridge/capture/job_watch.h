/* SPDX-License-Identifier: MIT */
/* job_watch.h - the jobs of watches, and how their news is told. */
#ifndef KSNAP_CAPTURE_JOB_WATCH_H
#define KSNAP_CAPTURE_JOB_WATCH_H

#include "capture/job.h"

/* Jobs watch_snapshot and unwatch, as job_run calls them. */
int job_arm(struct bench *b, const struct job *job, struct job_result *res, struct ksnap_err *err);
int job_disarm(struct bench *b, const struct job *job, struct job_result *res,
	       struct ksnap_err *err);

/* Append the message (work_fired, work_watched) that tells the broker of @n. E_NOMEM. */
int job_watch_news(const struct watch_news *n, struct buf *out);

#endif
