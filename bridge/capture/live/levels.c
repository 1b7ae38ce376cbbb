// SPDX-License-Identifier: MIT
/* levels.c - one flag of the first CPU: all have the same. */
#include "capture/live/levels.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FLAG       "la57"
#define PAGE_SHIFT 12
#define INDEX_BITS 9

static unsigned levels_of(const char *flags)
{
	for (const char *at = flags; (at = strstr(at, FLAG)); at += strlen(FLAG))
		if (strchr(" \t:", at[-1]) && strchr(" \n", at[strlen(FLAG)]))
			return 5;
	return 4;
}

unsigned levels_in(const char *cpuinfo)
{
	FILE *f = fopen(cpuinfo, "re");
	unsigned levels = 5;
	char *line = NULL;
	size_t room = 0;

	while (f && getline(&line, &room, f) > 0) {
		if (strncmp(line, "flags", 5))
			continue;
		levels = levels_of(line + 1);
		break;
	}
	free(line);
	if (f)
		fclose(f);
	return levels;
}

unsigned levels_in_use(void)
{
	static atomic_uint found;
	unsigned levels = atomic_load(&found);

	if (!levels) {
		levels = levels_in("/proc/cpuinfo");
		atomic_store(&found, levels);
	}
	return levels;
}

uint64_t levels_kernel_half(unsigned levels)
{
	return UINT64_MAX << (PAGE_SHIFT + INDEX_BITS * levels - 1);
}
