// SPDX-License-Identifier: MIT
/* cmd_list.c - ksnap list: the stored snapshots, oldest first. */
#include "cli/commands.h"
#include "cli/connect.h"
#include "cli/out.h"
#include "cli/print.h"
#include "cli/source.h"
#include "report/archive.h"

static const struct option_row options[] = { { 0 } };

static const struct column columns[] = {
	{ "tag", "TAG", COLUMN_PLAIN },           { "seq", "SEQ", COLUMN_PLAIN },
	{ "bytes", "SIZE", COLUMN_BYTES },        { "ts", "STORED", COLUMN_TIME },
	{ "complete", "COMPLETE", COLUMN_PLAIN }, { "placeholder", "PLACEHOLDER", COLUMN_PLAIN },
	{ "step", "STEP", COLUMN_PLAIN },         { 0 },
};

static int list_file(const struct cli *cli, const char *path)
{
	_buf_ struct buf rows = BUF_INIT;
	struct ksnap_reply reply = { 0 };
	struct ksnap_err err;
	int r = source_list(path, archive_rows, &rows, &err);

	reply.r = rows.data;
	reply.r_len = rows.len;
	if (r == 0)
		r = print_reply(cli, &reply, columns, &err);
	return r < 0 ? say_err(&err) : EXIT_OK;
}

static int run_list(const struct cli *cli, const struct args *args)
{
	struct ksnap_reply reply = { 0 };
	struct ksnap_err err;
	_link_ struct link l = { 0 };
	int r;

	if (args->nwords && !source_is_file(args->words[0]))
		return say_usage(&cmd_list,
				 "list does not take '%s': a file has a / or ends in .ksnap",
				 args->words[0]);
	if (args->nwords && cli->lua)
		return say_usage(&cmd_list, "a scenario lists no files; --lua is for the bridge's");
	if (args->nwords)
		return list_file(cli, args->words[0]);
	r = link_open(&l, cli, "tool", NULL, &err);

	if (r == 0)
		r = link_call(&l, "list", NULL, &reply, &err);
	if (r >= 0)
		r = print_reply(cli, &reply, columns, &err);
	ksnap_reply_clear(&reply);
	return r < 0 ? say_err(&err) : EXIT_OK;
}

const struct command cmd_list = {
	.name = "list",
	.summary = "list the stored snapshots, oldest first",
	.usage = "[FILE]",
	.text = "With FILE those that are in it.",
	.options = options,
	.max_words = 1,
	.words = WORDS_FILE,
	.is_op = true,
	.run = run_list,
};
