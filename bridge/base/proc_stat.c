// SPDX-License-Identifier: MIT
/* proc_stat.c - find a field behind the name, which may hold anything. */
#include "base/proc_stat.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAME 2 /* the field that stands in parentheses */

static bool read_text(uint64_t tid, char *buf, size_t cap)
{
	char path[64];
	size_t n;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%" PRIu64 "/stat", tid);
	f = fopen(path, "re");
	if (!f)
		return false;
	n = fread(buf, 1, cap - 1, f);
	fclose(f);
	buf[n] = 0;
	return true;
}

bool proc_stat(uint64_t tid, unsigned field, uint64_t *ret)
{
	char text[1024], *at, *end;
	uint64_t n;

	if (field <= NAME || !read_text(tid, text, sizeof(text)))
		return false;
	at = strrchr(text, ')');
	for (unsigned i = NAME; at && i < field; i++)
		at = strchr(at + 1, ' ');
	if (!at)
		return false;
	n = strtoull(at, &end, 10);
	if (end != at)
		*ret = n;
	return end != at;
}
