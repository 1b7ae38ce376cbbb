// SPDX-License-Identifier: MIT
/* cmd_check.c - ksnap check: what is wrong with scripts, without running them. */
#include <limits.h>

#include "cli/commands.h"
#include "cli/out.h"
#include "lua/tool.h"

static const struct option_row options[] = {
	{ "unsafe-libs", 0, OPTION_FLAG, NULL, "the scripts are for ksnap run --unsafe-libs", 0,
	  0 },
	{ 0 },
};

static int run_check(const struct cli *cli, const struct args *args)
{
	struct lua_tool tool = {
		.module = "ksnap.check_command",
		.files = args->words,
		.out = cli->output == OUTPUT_JSON    ? "json"
		       : cli->output == OUTPUT_JSONL ? "jsonl"
						     : "table",
		.unsafe = args_flag(args, "unsafe-libs"),
		.write = out_text,
	};
	struct ksnap_err err;
	int code;

	if (cli->output == OUTPUT_MSGPACK)
		return say_usage(&cmd_check, "check gives lines, -o json or -o jsonl");
	code = lua_tool_run(&tool, &err);
	if (err.code)
		return say_err(&err);
	if (code == EXIT_OK)
		say_note(cli, "%zu %s, nothing is wrong", args->nwords,
			 args->nwords == 1 ? "script" : "scripts");
	return code;
}

const struct command cmd_check = {
	.name = "check",
	.summary = "say what is wrong with scripts, without running them",
	.usage = "FILE.lua...",
	.text = "Each script must compile, use no undeclared global, nothing that ksnap does not "
		"have, no op whose literal parameters the schema refuses, and no scenario, step or "
		"loop that could not run as it is written. One problem a line, as FILE:LINE: text; "
		"exit code 2 when there is any.",
	.options = options,
	.min_words = 1,
	.max_words = UINT_MAX,
	.words = WORDS_FILE,
	.run = run_check,
};
