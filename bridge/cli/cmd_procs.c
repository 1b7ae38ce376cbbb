// SPDX-License-Identifier: MIT
/* cmd_procs.c - ksnap procs: record which processes a cgroup has, and read the records. */

#include "base/error.h"
#include "cli/commands.h"
#include "cli/connect.h"
#include "cli/out.h"
#include "cli/print.h"
#include "report/reader.h"

static const struct option_row options[] = {
	{ "drain", 0, OPTION_FLAG, NULL, "take all records, oldest first", 0, 0 },
	{ "target", 'T', OPTION_STRING, "TARGET",
	  "whose cgroup; the broker's first target when not given", 0, 0 },
	{ "threads", 0, OPTION_FLAG, NULL, "record all threads, not processes only", 0, 0 },
	{ 0 },
};

static const struct column columns[] = {
	{ "tag", "TAG", COLUMN_PLAIN },
	{ "cgroup", "CGROUP", COLUMN_PLAIN },
	{ "pids", "PIDS", COLUMN_PLAIN },
	{ 0 },
};

/* People get a pid a line, or a table of the drained records. */
static int print_procs(const struct cli *cli, const struct ksnap_reply *reply,
		       struct ksnap_err *err)
{
	_buf_ struct buf out = BUF_INIT;
	const msgpack_object *records, *pids;
	msgpack_unpacked u;
	uint64_t dropped;
	int r = object_decode(&u, reply->r, reply->r_len, err);

	if (r < 0)
		return r;
	records = object_get(&u.data, "records");
	pids = object_get(&u.data, "pids");
	if (records && records->type == MSGPACK_OBJECT_ARRAY)
		print_rows(&out, records, columns);
	else if (pids && pids->type == MSGPACK_OBJECT_ARRAY)
		print_rows(&out, pids, NULL);
	else
		r = err_set(err, KSNAP_E_PROTO, "the broker's reply names no processes");
	dropped = field_uint(&u.data, "dropped", 0);
	if (dropped)
		say_note(cli, "%llu older records were dropped (MAX_CGROUP_PROCS)",
			 (unsigned long long)dropped);
	out_buf(&out);
	msgpack_unpacked_destroy(&u);
	return r;
}

static int call(struct link *l, const struct args *args, struct ksnap_reply *ret,
		struct ksnap_err *err)
{
	_params_ struct params p;

	params_init(&p);
	if (args_flag(args, "drain"))
		return link_call(l, "drain_cgroup_procs", NULL, ret, err);
	params_str(&p, "tag", args->words[0]);
	if (args->nwords < 2)
		return link_call(l, "cgroup_procs_by_tag", &p, ret, err);
	params_str(&p, "cgroup", args->words[1]);
	params_str(&p, "target", args_string(args, "target", NULL));
	if (args_flag(args, "threads"))
		params_bool(&p, "threads", true);
	return link_call(l, "capture_cgroup_procs", &p, ret, err);
}

static int run_procs(const struct cli *cli, const struct args *args)
{
	struct ksnap_reply reply = { 0 };
	struct ksnap_err err;
	_link_ struct link l = { 0 };
	int r = 0;

	if (args_flag(args, "drain") == (args->nwords > 0))
		return say_usage(&cmd_procs, "procs needs a TAG, or --drain and no TAG");
	if (args->nwords > 0)
		r = args_tag(args, &err);
	if (r == 0)
		r = link_open(&l, cli, "tool", NULL, &err);
	if (r == 0)
		r = call(&l, args, &reply, &err);
	if (r >= 0)
		r = cli->output == OUTPUT_TABLE ? print_procs(cli, &reply, &err)
						: print_reply(cli, &reply, NULL, &err);
	ksnap_reply_clear(&reply);
	return r < 0 ? say_err(&err) : EXIT_OK;
}

const struct command cmd_procs = {
	.name = "procs",
	.summary = "record the processes of a cgroup under a tag, or read a record",
	.usage = "TAG [[--threads] CGROUP] | --drain",
	.text = "With CGROUP it reads the processes now and records them under TAG; without, it "
		"prints the first record under TAG. CGROUP is /a/b from the root of the v2 "
		"hierarchy, cpu:/a/b from the root of the v1 hierarchy with that controller, or "
		"the folder's whole path in either.",
	.options = options,
	.max_words = 2,
	.is_op = true,
	.run = run_procs,
};
