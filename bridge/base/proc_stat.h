/* SPDX-License-Identifier: MIT */
/* proc_stat.h - one number of what /proc/TID/stat tells of a task. */
#ifndef KSNAP_BASE_PROC_STAT_H
#define KSNAP_BASE_PROC_STAT_H

#include <stdbool.h>
#include <stdint.h>

#define PROC_STAT_FLAGS 9
#define PROC_STAT_START 22 /* in clock ticks (_SC_CLK_TCK) since the machine began */

/* Field @field, counted as in proc(5), of task @tid of the pid namespace that /proc is of. False:
 * there is no such task, or that field is no number. */
bool proc_stat(uint64_t tid, unsigned field, uint64_t *ret);

#endif
