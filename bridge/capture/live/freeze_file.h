/* SPDX-License-Identifier: MIT */
/* freeze_file.h - the files by which the kernel freezes a cgroup, read and written anew each time.
 */
#ifndef KSNAP_CAPTURE_LIVE_FREEZE_FILE_H
#define KSNAP_CAPTURE_LIVE_FREEZE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* '1' freezes, '0' thaws. False: errno says why; ENODEV: the cgroup is gone. */
bool freeze_file_write(int fd, char state);
/* What a small file holds, from its begin, with a NUL behind it. False as above. */
bool freeze_file_read(int fd, char *buf, size_t cap);
/* Does it say that its cgroup is to stand still? */
bool freeze_file_is_set(int fd);
/* The cgroup that it was opened in was removed, whatever has its path now. */
bool freeze_file_is_gone(int fd);

/* For how long, in us of CLOCK_MONOTONIC since the machine began, its cgroup was not to stand
 * still: between the two. That does not grow while it stays frozen. */
struct freeze_awake {
	uint64_t least, most;
};
/* False: this kernel, or /proc, does not tell (cgroup.stat.local has it since 6.18). */
bool freeze_file_awake(int fd, struct freeze_awake *ret);

#endif
