/* SPDX-License-Identifier: MIT */
/* help.h - help texts, made from the tables that parsing reads. */
#ifndef KSNAP_CLI_HELP_H
#define KSNAP_CLI_HELP_H

#include <stdio.h>

#include "cli/commands.h"

/* All commands, the options every command takes, the exit codes. */
void help_overview(FILE *to);
/* One command. */
void help_command(FILE *to, const struct command *c);

#endif
