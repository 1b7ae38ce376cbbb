// SPDX-License-Identifier: MIT
/* perf_holders.c - look through the descriptors of all processes. */
#include "capture/live/perf_holders.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/proc_comm.h"

#define NAMED   3
#define PERF_FD "anon_inode:[perf_event]"

static bool holds_perf(const char *pid)
{
	char path[64], to[64];
	struct dirent *e;
	bool found = false;
	DIR *d;

	snprintf(path, sizeof(path), "/proc/%.12s/fd", pid);
	d = opendir(path);
	while (d && !found && (e = readdir(d))) {
		ssize_t n = readlinkat(dirfd(d), e->d_name, to, sizeof(to));

		found = n == sizeof(PERF_FD) - 1 && !memcmp(to, PERF_FD, n);
	}
	if (d)
		closedir(d);
	return found;
}

void perf_holders_words(char *buf, size_t cap)
{
	DIR *d = opendir("/proc");
	struct dirent *e;
	size_t len = 0, found = 0;
	char comm[PROC_COMM];

	snprintf(buf, cap, "no process that can be seen");
	while (d && (e = readdir(d))) {
		if (!isdigit((unsigned char)e->d_name[0]) || !holds_perf(e->d_name))
			continue;
		if (++found > NAMED || len >= cap)
			continue;
		proc_comm(strtoull(e->d_name, NULL, 10), comm);
		len += snprintf(buf + len, cap - len, "%s%s (pid %s)", found > 1 ? ", " : "", comm,
				e->d_name);
	}
	if (found > NAMED && len < cap)
		snprintf(buf + len, cap - len, " and %zu more", found - NAMED);
	if (d)
		closedir(d);
}
