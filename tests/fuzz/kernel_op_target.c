// SPDX-License-Identifier: MIT
/* kernel_op_target.c - params of kernel ops, done on a fixture: answered or refused in words, and
 * nothing beyond its memory is touched. */
#include <stdlib.h>

#include "capture/job_kernel.h"
#include "targets.h"

static const char *const ops[] = { "read_kernel_hot", "read_kernel_cold", "write_kernel_hot",
				   "write_kernel_cold" };

/* As a worker runs it; the broker checks the form of params before, so that this sees worse. */
int fuzz_kernel_op(const uint8_t *data, size_t len)
{
	static struct bench bench; /* one for all runs */
	struct job_result res = { 0 };
	struct ksnap_err err = { 0 };
	struct job job;

	if (!bench.target) {
		bench.ops = &target_fixture;
		bench.target_name = "fixture";
		bench.allow_writes = true;
		bench.target = target_fixture.open("maps=2,entries=4", NULL);
	}
	if (!len || !bench.target)
		return 0;
	job = (struct job){ .op = wire_slice_of(ops[data[0] % 4]),
			    .params = { (const char *)data + 1, len - 1 } };
	if (job_run(&bench, &job, &res, &err)) {
		if (!err.code || !err.text[0])
			abort();
	} else if (!res.r.len || res.detail.len) {
		abort();
	}
	job_result_fini(&res);
	return 0;
}
