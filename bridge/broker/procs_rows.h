/* SPDX-License-Identifier: MIT */
/* procs_rows.h - cgroup.procs records in the shapes of replies. */
#ifndef KSNAP_BROKER_PROCS_ROWS_H
#define KSNAP_BROKER_PROCS_ROWS_H

#include "ksnap.h"
#include "wire/shapes.h"

/* The pids as a list of uint64_t; the caller frees ->items. NULL items: out of memory. */
struct wire_list pids_list(const struct ksnap_procs *p);

#endif
