/* SPDX-License-Identifier: MIT */
/* confine.h - take from a worker's process what no capture needs.
 *
 * It keeps the right to read the kernel, so it stays trusted; but a bug in it does not load a
 * module, mount, trace, start programs or set the clock. */
#ifndef KSNAP_CLI_CONFINE_H
#define KSNAP_CLI_CONFINE_H

#include "ksnap.h"

/* For a worker of @target, before it has threads. Targets that are not known here keep what they
 * have. What this process is not privileged to drop it does not have. */
int confine_worker(const char *target, struct ksnap_err *err);

#endif
