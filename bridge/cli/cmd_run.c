// SPDX-License-Identifier: MIT
/* cmd_run.c - ksnap run: scenarios in Lua, each one test of a TAP stream. */
#include <limits.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "cli/commands.h"
#include "cli/connect.h"
#include "cli/out.h"
#include "lua/host.h"

static const struct option_row options[] = {
	{ "target", 'T', OPTION_LIST, "TARGET",
	  "without a broker: what to capture, live when not given; repeatable", 0, 0 },
	{ "allow-writes", 0, OPTION_FLAG, NULL,
	  "without a broker: let scenarios write memory (write_kernel_hot, write_kernel_cold)", 0,
	  0 },
	{ 0 },
};

static int run_files(const struct link *l, const struct args *args)
{
	struct lua_host_opts opts = {
		.endpoint = l->endpoint,
		.zmq_context = l->embed ? embed_context(l->embed) : NULL,
		.bridge = l->cli->bridge,
		.args = args->rest,
	};
	int worst = EXIT_OK;

	out_printf("TAP version 14\n1..%zu\n", args->nwords);
	for (size_t i = 0; i < args->nwords; i++) {
		int code;

		out_flush();
		opts.number = i + 1;
		code = lua_host_run(args->words[i], &opts);
		worst = code > worst ? code : worst;
	}
	return worst;
}

static int run_run(const struct cli *cli, const struct args *args)
{
	_free_ const char **targets = args_list(args, "target");
	static const char *const live[] = { "live", NULL };
	struct ksnap_err err;
	_link_ struct link l = { .allow_writes = args_flag(args, "allow-writes") };
	int r = targets ? 0 : err_nomem(&err);

	if (r == 0)
		r = link_open(&l, cli, NULL, targets[0] ? targets : live, &err);
	return r < 0 ? say_err(&err) : run_files(&l, args);
}

const struct command cmd_run = {
	.name = "run",
	.summary = "run scenarios written in Lua; prints TAP",
	.usage = "FILE.lua... [-- ARGUMENT...]",
	.text = "Each file is one test; arguments behind -- are the script's. The exit code is the "
		"worst of all: 0 when "
		"every check held, 1 when one failed, 2 when a script could not run.",
	.options = options,
	.min_words = 1,
	.max_words = UINT_MAX,
	.run = run_run,
};
