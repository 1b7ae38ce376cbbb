/* SPDX-License-Identifier: MIT */
/* sched.h - what sched_ext says of itself in sysfs. */
#ifndef KSNAP_CAPTURE_LIVE_SCHED_H
#define KSNAP_CAPTURE_LIVE_SCHED_H

#include <stdbool.h>

#include "base/buf.h"
#include "ksnap.h"

#define SCHED_DIR "/sys/kernel/sched_ext"

/* Append the report's value of `sched`, read from @dir. 0; 1 with nothing appended when this kernel
 * has no sched_ext; E_NOMEM. A file that is not there, or holds what is no number where one is
 * expected, is left out. */
int sched_pack(const char *dir, struct buf *out, struct ksnap_err *err);
/* Which scheduler runs; two that are the same have the same number, too. */
struct sched_now {
	char ops[128];  /* its name */
	uint64_t times; /* that one was enabled since boot, with this one */
};

/* False: none does. */
bool sched_read(const char *dir, struct sched_now *ret);
/* Does the one that ran @then still? An abort ends it although its object stays attached. */
bool sched_runs_still(const char *dir, const struct sched_now *then);

#endif
