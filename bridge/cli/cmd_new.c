// SPDX-License-Identifier: MIT
/* cmd_new.c - ksnap new: a scenario to begin with. */
#include "cli/commands.h"
#include "cli/out.h"
#include "lua/tool.h"

static int run_new(const struct cli *cli, const struct args *args)
{
	struct lua_tool tool = { .module = "ksnap.new_command",
				 .files = args->words,
				 .out = "table",
				 .write = out_text };
	struct ksnap_err err;
	int code = lua_tool_run(&tool, &err);

	return err.code ? say_err(&err) : code;
}

const struct command cmd_new = {
	.name = "new",
	.summary = "write a scenario to begin with",
	.usage = "NAME",
	.text = "Writes NAME.lua, which runs as it is, and prints its path. A file that is there "
		"is "
		"never overwritten.",
	.min_words = 1,
	.max_words = 1,
	.run = run_new,
};
