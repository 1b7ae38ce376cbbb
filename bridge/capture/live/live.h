/* SPDX-License-Identifier: MIT */
/* live.h - the parts of a live target that its files share. */
#ifndef KSNAP_CAPTURE_LIVE_LIVE_H
#define KSNAP_CAPTURE_LIVE_LIVE_H

#include "capture/btf.h"
#include "capture/live/active.h"
#include "capture/live/code_names.h"
#include "capture/live/freezer.h"
#include "capture/live/kernel_names.h"
#include "capture/live/link_list.h"
#include "capture/live/map_list.h"
#include "capture/live/map_read.h"
#include "capture/live/object.h"
#include "capture/live/object_ends.h"
#include "capture/live/ops_list.h"
#include "capture/live/prog_list.h"
#include "capture/live/watch_set.h"
#include "capture/target.h"

struct target {
	char host[256], kernel[128], boot_id[64];
	unsigned ncpu; /* possible CPUs: values a per-CPU entry has */
	int stats_fd;  /* run-time statistics are on while captures ask for programs; -1: off */
	struct btf_types *types;
	struct object_list objects;
	struct freezer freezer;
	struct map_list maps; /* kept between captures for their memory */
	struct prog_list progs;
	struct selection *selection;  /* of the capture that runs */
	struct kernel_reader *reader; /* loaded when kernel memory is first read */
	struct link_list links;
	struct ops_list ops;
	struct active_maps active;
	struct code_names code;    /* functions, for stacks */
	struct kernel_names names; /* variables */
	struct watch_set watches;
	struct object_ends ends; /* watches that wait for the end of an object */
	struct per_cpu *per_cpu; /* made when first asked */
	struct entries scratch;  /* for maps far larger than what is in them */
};

/* Load the program that reads kernel memory, once. */
int live_need_reader(struct target *t, struct ksnap_err *err);

/* Read links and struct_ops maps, and find which maps are active. With @all also links that nobody
 * needs for that. */
int live_attachments_read(struct target *t, bool all, struct report_builder *rb,
			  struct ksnap_err *err);
/* Write `active`, and with @all `links`, `struct_ops` and `sched`, behind maps and programs. */
int live_attachments_report(struct target *t, bool all, struct report_builder *rb,
			    struct ksnap_err *err);

/* Open and read one selected map into @rb: a row in every case, reasons for what is missing.
 * *budget is what the report may still grow. Returns 0, 1 when the deadline passed under it, or a
 * negative code when there can be no report. */
int live_map_capture(struct target *t, const struct map_ref *ref, uint64_t deadline_mono_ns,
		     uint64_t *budget, struct report_builder *rb, struct ksnap_err *err);

#endif
