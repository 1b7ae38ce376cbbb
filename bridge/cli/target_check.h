/* SPDX-License-Identifier: MIT */
/* target_check.h - find mistakes in a target's name before a worker dies of them. */
#ifndef KSNAP_CLI_TARGET_CHECK_H
#define KSNAP_CLI_TARGET_CHECK_H

#include "ksnap.h"

/* Can every one of @targets (NULL-terminated) be opened? E_ARG with the first one's mistake. Needs
 * no privileges and captures nothing. */
int target_check_all(const char *const *targets, struct ksnap_err *err);

#endif
