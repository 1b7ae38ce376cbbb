// SPDX-License-Identifier: MIT
/* commands.c - the table of commands. */
#include "cli/commands.h"

#include <limits.h>
#include <string.h>

const struct command *const commands[] = {
	&cmd_run,      &cmd_check,   &cmd_new,        &cmd_repl,    &cmd_capture, &cmd_list,
	&cmd_show,     &cmd_diff,    &cmd_drain,      &cmd_events,  &cmd_procs,   &cmd_freeze,
	&cmd_thaw,     &cmd_watch,   &cmd_unwatch,    &cmd_watches, &cmd_read,    &cmd_write,
	&cmd_attach,   &cmd_monitor, &cmd_status,     &cmd_serve,   &cmd_worker,  &cmd_keygen,
	&cmd_describe, &cmd_doctor,  &cmd_completion, &cmd_version, &cmd_help,    NULL,
};

const struct command *command_find(const char *name)
{
	for (const struct command *const *c = commands; *c; c++)
		if (strcmp((*c)->name, name) == 0)
			return *c;
	return NULL;
}

const struct command *command_near(const char *name)
{
	const struct command *near = NULL;
	unsigned best = UINT_MAX;

	for (const struct command *const *c = commands; *c; c++)
		if (word_is_nearer(name, (*c)->name, &best))
			near = *c;
	return near;
}

const struct option_row *command_options(const struct command *c)
{
	return c->make_options ? c->make_options() : c->options;
}
