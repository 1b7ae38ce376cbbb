/* SPDX-License-Identifier: MIT */
/* job_kernel.h - jobs that read and write the target's memory. */
#ifndef KSNAP_CAPTURE_JOB_KERNEL_H
#define KSNAP_CAPTURE_JOB_KERNEL_H

#include "capture/job.h"

/* The jobs read_kernel_hot and read_kernel_cold, write_kernel_hot and write_kernel_cold. */
int job_read_kernel(struct bench *b, const struct job *job, struct job_result *res,
		    struct ksnap_err *err);
int job_write_kernel(struct bench *b, const struct job *job, struct job_result *res,
		     struct ksnap_err *err);

#endif
