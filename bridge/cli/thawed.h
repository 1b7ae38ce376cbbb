/* SPDX-License-Identifier: MIT */
/* thawed.h - what is said when a cgroup was thawed. */
#ifndef KSNAP_CLI_THAWED_H
#define KSNAP_CLI_THAWED_H

#include "cli/commands.h"
#include "ksnap.h"

/* Does @cgroup go on, or is one above it frozen? As the @reply to the op thaw has it. */
void thawed_say(const struct cli *cli, const char *cgroup, const struct ksnap_reply *reply);

#endif
