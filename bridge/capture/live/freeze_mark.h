/* SPDX-License-Identifier: MIT */
/* freeze_mark.h - which ksnap has frozen a cgroup: an extended attribute of its cgroup.freeze.
 *
 * It is there for whoever comes later, should worker and guard be killed together, and ends with
 * the cgroup or the machine's life. Only who is root outside of all user namespaces can set or see
 * one, so that who owns a cgroup cannot forge it. */
#ifndef KSNAP_CAPTURE_LIVE_FREEZE_MARK_H
#define KSNAP_CAPTURE_LIVE_FREEZE_MARK_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define FREEZE_MARK "trusted.ksnap.frozen"

/* A process, also when its number is used again. */
struct freeze_mark_process {
	uint64_t pid, start; /* start: as /proc/PID/stat has it; pid 0: none */
};

struct freeze_mark {
	uint64_t pid_ns, time_ns; /* that the numbers are of */
	struct freeze_mark_process worker, guard;
	uint64_t awake_us; /* freeze_awake.most once it stood still; 0: not known */
	char by[112];      /* who asked, in words */
};

/* Mark it as this process's. 0; 1: there is a mark already; -1: errno says why it cannot be. */
int freeze_mark_set(int freeze_fd, const char *by);
/* Put the guard, too, in a mark of this process, and since when the cgroup stands still. */
void freeze_mark_renew(int freeze_fd, pid_t guard, uint64_t awake_us, const char *by);
/* False: there is none. Of one that cannot be read the processes are 0. */
bool freeze_mark_get(int freeze_fd, struct freeze_mark *ret);
/* May be called in a child of a process with threads. */
void freeze_mark_remove(int freeze_fd);
/* Are worker and guard in this process's namespaces, so that it can be told whether they live? */
bool freeze_mark_is_near(const struct freeze_mark *m);
/* Its worker is dead: wait for its guard, which thaws now, but not beyond the deadline. */
void freeze_mark_await(const struct freeze_mark *m, uint64_t deadline_mono_ns);
/* Both of them are dead: nobody will thaw. False when that cannot be told. */
bool freeze_mark_is_left(const struct freeze_mark *m);
/* Was the cgroup thawed since, so that who has frozen it now is somebody else? False when that
 * cannot be told. */
bool freeze_mark_is_over(int freeze_fd, const struct freeze_mark *m);

#endif
