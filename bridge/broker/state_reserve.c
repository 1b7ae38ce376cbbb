// SPDX-License-Identifier: MIT
/* state_reserve.c - a file of nothing. */
#include "broker/state_reserve.h"

#include <fcntl.h>
#include <unistd.h>

#include "base/cleanup.h"

#define RESERVE_NAME  "reserve"
#define RESERVE_BYTES (128 << 10)

void state_reserve_hold(int folder)
{
	_close_ int fd =
		openat(folder, RESERVE_NAME, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd >= 0 && posix_fallocate(fd, 0, RESERVE_BYTES))
		unlinkat(folder, RESERVE_NAME, 0);
}

bool state_reserve_release(int folder)
{
	return unlinkat(folder, RESERVE_NAME, 0) == 0;
}
