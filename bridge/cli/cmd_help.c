// SPDX-License-Identifier: MIT
/* cmd_help.c - ksnap help. */
#include <stdio.h>

#include "cli/help.h"
#include "cli/out.h"
#include "cli/term.h"

static const struct option_row options[] = { { 0 } };

static int run_help(const struct cli *cli, const struct args *args)
{
	const struct command *c, *near;
	const char *term;

	if (args->nwords == 0) {
		help_overview(stdout);
		return EXIT_OK;
	}
	c = command_find(args->words[0]);
	if (c) {
		help_command(stdout, c);
		return EXIT_OK;
	}
	if (term_explain(stdout, args->words[0]))
		return EXIT_OK;
	near = command_near(args->words[0]);
	term = near ? near->name : term_near(args->words[0]);
	if (term)
		return say_usage(NULL, "there is no help for '%s'; did you mean '%s'?",
				 args->words[0], term);
	return say_usage(NULL,
			 "there is no help for '%s'; it tells about commands, and about errors, "
			 "limits, events, operations and the ends of watches by their names",
			 args->words[0]);
}

const struct command cmd_help = {
	.name = "help",
	.summary = "say how to use ksnap, or one command; or what a name in a message means",
	.usage = "[COMMAND|NAME]",
	.text = "NAME is an error (E_BUSY), a limit (MAX_STORED_EVENTS), an event (eviction), an "
		"operation (capture_snapshot) or why a watch is over (hot).",
	.options = options,
	.max_words = 1,
	.words = WORDS_COMMAND,
	.run = run_help,
};
