/* SPDX-License-Identifier: MIT */
/* task_field.h - a field of one task, read while the kernel holds the task. */
#ifndef KSNAP_CAPTURE_LIVE_TASK_FIELD_H
#define KSNAP_CAPTURE_LIVE_TASK_FIELD_H

#include "capture/btf_path.h"
#include "ksnap.h"

#define TASK_FIELD_MAX (1u << 20)

/* A task by its thread id and by when it began, when that is told: field 22 of /proc/PID/stat,
 * clock ticks since boot. */
struct task_name {
	uint64_t tid;
	bool has_start_time;
	uint64_t start_time;
};

/* @len bytes at @at, found by btf_path_find in struct task_struct of @kernel, to @to. E_NOTFOUND:
 * no such task, or the id belongs to another one by now; E_TARGET: a pointer on the way, or the
 * bytes, are not mapped. */
int task_field_read(const struct btf *kernel, const struct task_name *task,
		    const struct btf_spot *at, uint32_t len, void *to, struct ksnap_err *err);

#endif
