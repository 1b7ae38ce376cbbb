// SPDX-License-Identifier: MIT
/* cmd_watches.c - ksnap watches: the watches of the bridge. */
#include "base/error.h"
#include "cli/commands.h"
#include "cli/connect.h"
#include "cli/out.h"
#include "cli/print.h"

static const struct column columns[] = {
	{ "watch", "WATCH", COLUMN_PLAIN },
	{ "symbol", "SYMBOL", COLUMN_PLAIN },
	{ "state", "STATE", COLUMN_PLAIN },
	{ "target", "TARGET", COLUMN_PLAIN },
	{ "session", "SESSION", COLUMN_PLAIN },
	{ "pid", "PID", COLUMN_PLAIN },
	{ "addr", "ADDR", COLUMN_HEX },
	{ "len", "LEN", COLUMN_PLAIN },
	{ "slot", "SLOT", COLUMN_PLAIN },
	{ "hits", "HITS", COLUMN_PLAIN },
	{ "suppressed", "SUPPRESSED", COLUMN_PLAIN },
	{ "captures", "CAPTURES", COLUMN_PLAIN },
	{ "missed", "MISSED", COLUMN_PLAIN },
	{ NULL, NULL, COLUMN_END },
};

static int run_watches(const struct cli *cli, const struct args *args)
{
	struct ksnap_reply reply = { 0 };
	struct ksnap_err err = { 0 };
	_link_ struct link l = { 0 };
	int r = link_open(&l, cli, "tool", NULL, &err);

	(void)args;
	if (r == 0)
		r = link_call(&l, "list_watches", NULL, &reply, &err);
	if (r >= 0)
		r = print_reply(cli, &reply, columns, &err);
	ksnap_reply_clear(&reply);
	return r < 0 ? say_err(&err) : EXIT_OK;
}

const struct command cmd_watches = {
	.name = "watches",
	.summary = "list the watches of the bridge, oldest first",
	.usage = "",
	.text = "SUPPRESSED of its HITS were only counted; MISSED had no capture of their own, "
		"because one was under way.",
	.is_op = true,
	.run = run_watches,
};
