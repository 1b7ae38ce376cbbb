/* SPDX-License-Identifier: MIT */
/* map_job.h - one map on its way into a report, for the map_*.c files of this folder. */
#ifndef KSNAP_CAPTURE_LIVE_MAP_JOB_H
#define KSNAP_CAPTURE_LIVE_MAP_JOB_H

#include "base/buf.h"
#include "capture/live/live.h"
#include "capture/live/map_family.h"

struct map_job {
	struct target *t;
	const struct map_family *family;
	struct bpf_map_info info; /* as it is now */
	struct read_plan plan;    /* plan.fd is the map */
	struct report_map_row row;
	struct report_map_result result;
	struct buf beside; /* what result points to */
	struct report_builder *rb;
	uint64_t *budget;
	struct ksnap_err *err;
	struct ksnap_err why; /* why entries cannot be read */
};

/* Types of key and value by the map's BTF: the describe of most maps. */
int map_describe_by_btf(struct map_job *j);

#endif
