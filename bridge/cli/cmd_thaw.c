// SPDX-License-Identifier: MIT
/* cmd_thaw.c - ksnap thaw: let a cgroup go on that another session holds still. */
#include "base/error.h"
#include "cli/commands.h"
#include "cli/connect.h"
#include "cli/out.h"
#include "cli/thawed.h"

static const struct option_row options[] = {
	{ "force", 'f', OPTION_FLAG, NULL,
	  "also when another session froze it, or a ksnap that was killed", 0, 0 },
	{ "target", 'T', OPTION_STRING, "TARGET",
	  "with -f, whose worker looks for what a killed ksnap left frozen", 0, 0 },
	{ 0 },
};

static int run_thaw(const struct cli *cli, const struct args *args)
{
	const char *targets[] = { args_string(args, "target", "live"), NULL };
	bool force = args_flag(args, "force");
	struct ksnap_reply reply = { 0 };
	struct ksnap_err err = { 0 };
	_params_ struct params p;
	_link_ struct link l = { 0 };
	int r = link_open(&l, cli, "tool", force ? targets : NULL, &err);

	params_init(&p);
	params_str(&p, "cgroup", args->words[0]);
	params_str(&p, "target", args_string(args, "target", NULL));
	if (force)
		params_bool(&p, "force", true);
	if (r == 0)
		r = link_call(&l, "thaw", &p, &reply, &err);
	if (r >= 0)
		thawed_say(cli, args->words[0], &reply);
	ksnap_reply_clear(&reply);
	return r < 0 ? say_err(&err) : EXIT_OK;
}

const struct command cmd_thaw = {
	.name = "thaw",
	.summary = "let a cgroup go on that another session froze",
	.usage = "CGROUP [--force]",
	.text = "Without --force it only says who froze it: 'ksnap freeze' and scripts thaw by "
		"themselves when they end. With it, what a ksnap froze that was killed with all "
		"its "
		"processes goes on, too. What somebody else froze is not touched.",
	.options = options,
	.min_words = 1,
	.max_words = 1,
	.is_op = true,
	.run = run_thaw,
};
