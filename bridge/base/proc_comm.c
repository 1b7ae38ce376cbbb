// SPDX-License-Identifier: MIT
/* proc_comm.c - read /proc/PID/comm. */
#include "base/proc_comm.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

void proc_comm(uint64_t pid, char ret[PROC_COMM])
{
	char path[64];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%" PRIu64 "/comm", pid);
	f = fopen(path, "re");
	if (!f || !fgets(ret, PROC_COMM, f))
		strcpy(ret, "?");
	if (f)
		fclose(f);
	ret[strcspn(ret, "\n")] = 0;
	for (char *c = ret; *c; c++) {
		if (*c < ' ' || *c > '~')
			*c = '?';
	}
}
