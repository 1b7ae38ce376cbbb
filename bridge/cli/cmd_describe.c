// SPDX-License-Identifier: MIT
/* cmd_describe.c - ksnap describe: the whole API as data, or its ops for people. */
#include "base/error.h"
#include "cli/commands.h"
#include "cli/connect.h"
#include "cli/out.h"
#include "cli/print.h"
#include "report/reader.h"

static const struct option_row options[] = { { 0 } };

static const struct column columns[] = {
	{ "name", "OP", COLUMN_PLAIN },
	{ "right", "RIGHT", COLUMN_PLAIN },
	{ "summary", "SUMMARY", COLUMN_PLAIN },
	{ 0 },
};

static int print_ops(const struct ksnap_reply *reply, struct ksnap_err *err)
{
	_buf_ struct buf out = BUF_INIT;
	const msgpack_object *ops;
	msgpack_unpacked u;
	int r = object_decode(&u, reply->r, reply->r_len, err);

	if (r < 0)
		return r;
	ops = object_get(&u.data, "ops");
	if (ops && ops->type == MSGPACK_OBJECT_ARRAY)
		print_rows(&out, ops, columns);
	else
		r = err_set(err, KSNAP_E_PROTO, "the broker's description names no ops");
	out_buf(&out);
	msgpack_unpacked_destroy(&u);
	return r;
}

static int run_describe(const struct cli *cli, const struct args *args)
{
	struct ksnap_reply reply = { 0 };
	struct ksnap_err err;
	_link_ struct link l = { 0 };
	int r = link_open(&l, cli, "tool", NULL, &err);

	if (r == 0)
		r = link_call(&l, "describe", NULL, &reply, &err);
	if (r >= 0)
		r = cli->output == OUTPUT_TABLE ? print_ops(&reply, &err)
						: print_reply(cli, &reply, NULL, &err);
	ksnap_reply_clear(&reply);
	return r < 0 ? say_err(&err) : EXIT_OK;
}

const struct command cmd_describe = {
	.name = "describe",
	.summary = "list the operations of the broker; with -o json the whole API",
	.usage = "",
	.options = options,
	.is_op = true,
	.run = run_describe,
};
