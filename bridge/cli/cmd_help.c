// SPDX-License-Identifier: MIT
/* cmd_help.c - ksnap help. */
#include <stdio.h>

#include "cli/help.h"
#include "cli/out.h"

static const struct option_row options[] = { { 0 } };

static int run_help(const struct cli *cli, const struct args *args)
{
	const struct command *c, *near;

	if (args->nwords == 0) {
		help_overview(stdout);
		return EXIT_OK;
	}
	c = command_find(args->words[0]);
	if (c) {
		help_command(stdout, c);
		return EXIT_OK;
	}
	near = command_near(args->words[0]);
	if (near)
		return say_usage(NULL, "unknown command '%s'; did you mean '%s'?", args->words[0],
				 near->name);
	return say_usage(NULL, "unknown command '%s'", args->words[0]);
}

const struct command cmd_help = {
	.name = "help",
	.summary = "say how to use ksnap, or one command",
	.usage = "[COMMAND]",
	.options = options,
	.max_words = 1,
	.words = WORDS_COMMAND,
	.run = run_help,
};
