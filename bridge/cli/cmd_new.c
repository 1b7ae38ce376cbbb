// SPDX-License-Identifier: MIT
/* cmd_new.c - ksnap new: a scenario to begin with. */
#include "cli/commands.h"
#include "cli/out.h"
#include "lua/tool.h"

static const struct option_row options[] = {
	{ "editor", 0, OPTION_FLAG, NULL,
	  "write ksnap.d.lua, .luarc.json and .luacheckrc into the folder NAME, or the one at hand",
	  0, 0 },
	{ 0 },
};

static int run_new(const struct cli *cli, const struct args *args)
{
	struct lua_tool tool = { .module = "ksnap.new_command",
				 .files = args->words,
				 .out = "table",
				 .write = out_text };
	static const char *const here[] = { ".", NULL };
	struct ksnap_err err;
	int code;

	tool.editor = args_flag(args, "editor");
	if (!args->nwords)
		tool.files = here;
	if (!tool.editor && !args->nwords)
		return say_usage(&cmd_new, "new needs a NAME");
	code = lua_tool_run(&tool, &err);
	return err.code ? say_err(&err) : code;
}

const struct command cmd_new = {
	.name = "new",
	.summary = "write a scenario to begin with",
	.usage = "NAME | --editor [FOLDER]",
	.text = "Writes NAME.lua, which runs as it is, and prints its path. A file that is there "
		"is "
		"never overwritten. With --editor it writes what the Lua language server and "
		"luacheck need "
		"to know ksnap.",
	.options = options,
	.max_words = 1,
	.run = run_new,
};
