// SPDX-License-Identifier: MIT
/* cmd_events.c - ksnap events: take a bridge's events, in order. */
#include <inttypes.h>

#include "base/error.h"
#include "cli/commands.h"
#include "cli/connect.h"
#include "cli/out.h"
#include "cli/print.h"
#include "cli/source.h"
#include "cli/words.h"
#include "report/archive.h"
#include "report/reader.h"

static const struct option_row options[] = {
	{ "count", 'c', OPTION_FLAG, NULL, "say how many there are, and leave them", 0, 0 },
	{ 0 },
};

static void append_event(struct buf *out, const msgpack_object *e)
{
	msgpack_object_str kind = field_str(e, "k");

	print_time(out, field_uint(e, "ts", 0));
	buf_printf(out, "  #%-6" PRIu64 " %-20.*s ", field_uint(e, "seq", 0), (int)kind.size,
		   kind.ptr);
	words_append(out, e);
	buf_append(out, "\n", 1);
}

static int print_events(const struct ksnap_reply *reply, struct ksnap_err *err)
{
	_buf_ struct buf out = BUF_INIT;
	msgpack_unpacked u;
	int r = object_decode(&u, reply->r, reply->r_len, err);

	if (r < 0)
		return r;
	if (u.data.type != MSGPACK_OBJECT_ARRAY)
		r = err_set(err, KSNAP_E_PROTO, "the broker's events are no list");
	for (uint32_t i = 0; r == 0 && i < u.data.via.array.size; i++)
		append_event(&out, &u.data.via.array.ptr[i]);
	out_buf(&out);
	msgpack_unpacked_destroy(&u);
	return r;
}

static int print_any(const struct cli *cli, const struct ksnap_reply *reply, bool count,
		     struct ksnap_err *err)
{
	return cli->output == OUTPUT_TABLE && !count ? print_events(reply, err)
						     : print_reply(cli, reply, NULL, err);
}

static int events_of_file(const struct cli *cli, const char *path)
{
	_buf_ struct buf list = BUF_INIT;
	struct ksnap_reply reply = { 0 };
	struct ksnap_err err;
	int r = source_list(path, archive_events, &list, &err);

	reply.r = list.data;
	reply.r_len = list.len;
	if (r == 0)
		r = print_any(cli, &reply, false, &err);
	return r < 0 ? say_err(&err) : EXIT_OK;
}

static int run_events(const struct cli *cli, const struct args *args)
{
	bool count = args_flag(args, "count");
	struct ksnap_reply reply = { 0 };
	struct ksnap_err err;
	_link_ struct link l = { 0 };
	int r;

	if (args->nwords && count)
		return say_usage(&cmd_events, "--count asks the bridge, not a file");
	if (args->nwords && !source_is_file(args->words[0]))
		return say_usage(&cmd_events,
				 "events does not take '%s': a file has a / or ends in .ksnap",
				 args->words[0]);
	if (args->nwords && cli->lua)
		return say_usage(&cmd_events,
				 "a scenario lists no files; --lua is for the bridge's");
	if (args->nwords)
		return events_of_file(cli, args->words[0]);
	r = link_open(&l, cli, "tool", NULL, &err);
	if (r == 0)
		r = link_call(&l, count ? "event_count" : "drain_events", NULL, &reply, &err);
	if (r >= 0)
		r = print_any(cli, &reply, count, &err);
	ksnap_reply_clear(&reply);
	return r < 0 ? say_err(&err) : EXIT_OK;
}

const struct command cmd_events = {
	.name = "events",
	.summary = "take the bridge's events, in order",
	.usage = "[--count | FILE]",
	.text = "Events that were taken are gone from the bridge; 'ksnap monitor' shows them and "
		"takes nothing. With FILE "
		"those that 'ksnap drain --to FILE --events' kept.",
	.options = options,
	.max_words = 1,
	.words = WORDS_FILE,
	.is_op = true,
	.run = run_events,
};
