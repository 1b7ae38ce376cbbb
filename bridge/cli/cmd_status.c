// SPDX-License-Identifier: MIT
/* cmd_status.c - ksnap status: what the broker is doing. */
#include "cli/commands.h"
#include "cli/connect.h"
#include "cli/metrics.h"
#include "cli/out.h"
#include "cli/print.h"

static const struct option_row options[] = { { 0 } };

static int run_status(const struct cli *cli, const struct args *args)
{
	struct ksnap_reply reply = { 0 };
	struct ksnap_err err;
	_link_ struct link l = { 0 };
	int r = link_open(&l, cli, "tool", NULL, &err);

	if (r == 0)
		r = link_call(&l, "status", NULL, &reply, &err);
	if (r >= 0)
		r = cli->output == OUTPUT_PROMETHEUS ? metrics_print(&reply, &err)
						     : print_reply(cli, &reply, NULL, &err);
	ksnap_reply_clear(&reply);
	return r < 0 ? say_err(&err) : EXIT_OK;
}

const struct command cmd_status = {
	.name = "status",
	.summary = "say what the broker is doing: bridges, sessions, workers, counters",
	.usage = "",
	.text = "With -o prometheus as OpenMetrics text, for a textfile collector.",
	.gives_metrics = true,
	.options = options,
	.is_op = true,
	.run = run_status,
};
