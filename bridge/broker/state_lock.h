/* SPDX-License-Identifier: MIT */
/* state_lock.h - the folder of --state, and that it is one broker's alone. */
#ifndef KSNAP_BROKER_STATE_LOCK_H
#define KSNAP_BROKER_STATE_LOCK_H

#include "ksnap.h"

/* Open @path, made for its owner alone when it is not there, and lock it as long as *ret_lock is
 * open. E_STATE: another process has it; the text says which. */
int state_lock(const char *path, int *ret_folder, int *ret_lock, struct ksnap_err *err);

#endif
