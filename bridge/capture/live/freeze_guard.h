/* SPDX-License-Identifier: MIT */
/* freeze_guard.h - a child that thaws a cgroup, or a guest, or takes a struct_ops out of the
 * kernel, when this process is gone, however it went.
 *
 * It holds open what a thaw is written to, such as cgroup.freeze, and the read end of a pipe whose
 * write end only this process has. The end of the pipe is the end of this process: the child writes
 * and exits. It leaves the
 * terminal and ignores its signals. */
#ifndef KSNAP_CAPTURE_LIVE_FREEZE_GUARD_H
#define KSNAP_CAPTURE_LIVE_FREEZE_GUARD_H

#include <stdbool.h>
#include <sys/types.h>

#include "ksnap.h"

struct freeze_guard {
	int pidfd; /* of the child; -1: none */
	int pipe;  /* its write end */
	pid_t pid;
};

#define FREEZE_GUARD_NONE ((struct freeze_guard){ -1, -1, 0 })

/* What is said for a thaw; the answer that is awaited before the next word; and one upon which it
 * is said again, as long as it comes within half a second. NULL: none is. */
struct freeze_word {
	const char *says, *answer, *again;
};

/* Fork it, before anything is frozen. May be called with other threads running. @fd, open for
 * writing, stays the caller's; @thaw are the words that are written to it, up to one without text.
 * The last answer says that the other side has done it, before the connection ends. */
int freeze_guard_start(int fd, const struct freeze_word *thaw, struct freeze_guard *ret,
		       struct ksnap_err *err);
/* The same for a cgroup, by its cgroup.freeze, whose mark (freeze_mark.h) goes with the thaw. */
int freeze_guard_start_cgroup(int freeze_fd, struct freeze_guard *ret, struct ksnap_err *err);
/* For a struct_ops map: the kernel does not end one with its last descriptor. */
int freeze_guard_start_ops(int map_fd, struct freeze_guard *ret, struct ksnap_err *err);
/* True: it was killed, and has been waited for. */
bool freeze_guard_is_gone(struct freeze_guard *g);
/* Let it thaw now, and wait for its end. */
void freeze_guard_release(struct freeze_guard *g);
/* What it does, by the caller: there is none, and cannot be one. Takes up to two seconds of
 * silence. */
void freeze_guard_thaw(int fd, const struct freeze_word *thaw);
/* End it without a thaw: the caller has thawed. Nothing to do without a guard. */
void freeze_guard_stop(struct freeze_guard *g);

#endif
