// SPDX-License-Identifier: MIT
/* freeze_file.c - one byte to cgroup.freeze, a few from it, from cgroup.events and from
 * cgroup.stat.local beside it. */
#include "capture/live/freeze_file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"

bool freeze_file_write(int fd, char state)
{
	ssize_t n;

	do
		n = pwrite(fd, &state, 1, 0);
	while (n < 0 && errno == EINTR);
	return n == 1;
}

bool freeze_file_read(int fd, char *buf, size_t cap)
{
	ssize_t n;

	do
		n = pread(fd, buf, cap - 1, 0);
	while (n < 0 && errno == EINTR);
	buf[n > 0 ? n : 0] = 0;
	return n >= 0;
}

bool freeze_file_is_set(int fd)
{
	char state[8];

	return freeze_file_read(fd, state, sizeof(state)) && state[0] == '1';
}

bool freeze_file_is_gone(int fd)
{
	char state[8];

	return !freeze_file_read(fd, state, sizeof(state)) && errno == ENODEV;
}

/* By the path that /proc knows of it: a file that is open has no folder to open others in. */
static int open_beside(int fd, const char *name)
{
	char link[64], path[PATH_MAX];
	ssize_t n;
	char *base;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, path, sizeof(path) - 1);
	path[n > 0 ? n : 0] = 0;
	base = strrchr(path, '/');
	if (!base || (size_t)(base + 1 - path) + strlen(name) >= sizeof(path))
		return -1;
	strcpy(base + 1, name);
	return open(path, O_RDONLY | O_CLOEXEC);
}

/* The clock is asked on both sides, and both numbers are cut to whole us. */
bool freeze_file_awake(int fd, struct freeze_awake *ret)
{
	_close_ int stat_fd = open_beside(fd, "cgroup.stat.local");
	uint64_t before, after, frozen;
	const char *at;
	char text[512];

	if (stat_fd < 0)
		return false;
	before = clock_mono_ns() / NS_PER_US;
	if (!freeze_file_read(stat_fd, text, sizeof(text)))
		return false;
	after = clock_mono_ns() / NS_PER_US;
	at = strstr(text, "frozen_usec ");
	if (!at || sscanf(at, "frozen_usec %" SCNu64, &frozen) != 1 || frozen >= before)
		return false;
	*ret = (struct freeze_awake){ before - frozen - 1, after - frozen + 1 };
	return true;
}
