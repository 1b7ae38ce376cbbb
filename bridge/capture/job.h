/* SPDX-License-Identifier: MIT */
/* job.h - what a worker does when it is sent a job: one function an op. */
#ifndef KSNAP_CAPTURE_JOB_H
#define KSNAP_CAPTURE_JOB_H

#include "base/buf.h"
#include "capture/accessor.h"
#include "capture/target.h"
#include "ksnap.h"
#include "wire/codec.h"

/* What jobs work on; lives as long as the worker. */
struct bench {
	const struct target_ops *ops;
	struct target *target;
	const char *target_name; /* as the broker knows it */
	struct accessor accessor;
	struct report_builder *rb;
	bool allow_writes; /* the worker was started with --allow-writes */
};

struct job {
	struct wire_slice op;
	struct wire_slice params; /* one encoded map */
	struct ksnap_blob *const *blobs;
	size_t nblobs;
	uint64_t deadline_mono_ns;
};

struct job_result {
	struct buf r;            /* the encoded result */
	struct ksnap_blob *blob; /* the blob behind it, or NULL */
	struct buf detail;       /* of a failure: one encoded map for programs, or empty */
	bool renew;              /* the target changed: its accessor must be renewed */
};

void job_result_fini(struct job_result *res);
/* NUL-terminated copies of the wire's strings, in one allocation to be freed. NULL with E_NOMEM. */
const char **job_copy_globs(const struct wire_list *list, struct ksnap_err *err);
/* Is @host the one this process runs on? */
bool job_is_own_host(struct wire_slice host);

/* Do @job. 0 with @res filled (result_fini it in every case), or a negative code. May block as the
 * target's slots do, until about the job's deadline. */
int job_run(struct bench *b, const struct job *job, struct job_result *res, struct ksnap_err *err);

#endif
