/* SPDX-License-Identifier: MIT */
/* state_lock.h - the folder of --state, and that it is one broker's alone. */
#ifndef KSNAP_BROKER_STATE_LOCK_H
#define KSNAP_BROKER_STATE_LOCK_H

#include "ksnap.h"

#define STATE_LOCK_TRIES     200
#define STATE_LOCK_MOMENT_MS 10

/* Open @path, made for its owner alone when it is not there, and lock it as long as *ret_lock is
 * open. E_STATE: another process has it; the text says which. When that process is dead, what it
 * left behind is waited for, STATE_LOCK_TRIES moments. */
int state_lock(const char *path, int *ret_folder, int *ret_lock, struct ksnap_err *err);

#endif
