// SPDX-License-Identifier: MIT
/* freeze_file.c - one byte to cgroup.freeze, a few from it and from cgroup.events. */
#include "capture/live/freeze_file.h"

#include <errno.h>
#include <unistd.h>

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
