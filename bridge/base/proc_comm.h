/* SPDX-License-Identifier: MIT */
/* proc_comm.h - the name that a process goes by, as ps shows it. */
#ifndef KSNAP_BASE_PROC_COMM_H
#define KSNAP_BASE_PROC_COMM_H

#include <stdint.h>

#define PROC_COMM 17 /* with its NUL */

/* "?" when there is no such process. Processes name themselves: it may hold any bytes but '\n', and
 * what cannot be printed is a '?'. */
void proc_comm(uint64_t pid, char ret[PROC_COMM]);

#endif
