/* SPDX-License-Identifier: MIT */
/* nodes.h - where a kernel seen from outside got its memory: counters of each NUMA node. */
#ifndef KSNAP_CAPTURE_OUTSIDE_NODES_H
#define KSNAP_CAPTURE_OUTSIDE_NODES_H

#include "capture/outside/kernel.h"
#include "report/builder.h"

#define NODES_MAX 1024

/* Write the key `nodes`, when the kernel has such counters. */
int nodes_report(struct kernel *k, struct report_builder *rb, struct ksnap_err *err);

#endif
