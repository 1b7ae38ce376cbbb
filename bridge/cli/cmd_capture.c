// SPDX-License-Identifier: MIT
/* cmd_capture.c - ksnap capture: capture now, store under a tag, print the report. */
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/replace.h"
#include "cli/commands.h"
#include "cli/connect.h"
#include "cli/out.h"
#include "cli/print.h"
#include "cli/report_out.h"
#include "cli/series.h"
#include "cli/stay.h"
#include "report/reader.h"

static const struct option_row options[] = {
	{ "map", 'm', OPTION_LIST, "GLOB",
	  "maps to read: a glob on the name, id:N, obj:NAME; a leading ! denies; repeatable; all "
	  "when not given",
	  0, 0 },
	{ "target", 'T', OPTION_STRING, "TARGET",
	  "what to capture: live, core:FILE, guest:QMP,mem=FILE, fixture:maps=2,entries=10; the "
	  "broker's first target when not given, live without a broker",
	  0, 0 },
	{ "chase", 0, OPTION_UINT, "N", "follow pointers, at most N deep", 0, 4 },
	{ "progs", 0, OPTION_FLAG, NULL,
	  "also list BPF programs with run counts, links and struct_ops; of guests and cores also "
	  "threads and CPUs",
	  0, 0 },
	{ "save", 0, OPTION_STRING, "FILE",
	  "also keep the report in FILE, best named *.ksnap; replaced whole or not at all", 0, 0 },
	{ "freeze", 0, OPTION_STRING, "CGROUP", "hold this v2 cgroup still while reading", 0, 0 },
	{ "step", 0, OPTION_UINT, "N", "scenario step to note with it", 0, 65535 },
	SERIES_OPTIONS,
	REPORT_OPTIONS,
	{ 0 },
};

/* All but the tag. */
static int build_params(const struct args *args, struct params *p, struct ksnap_err *err)
{
	_free_ const char **maps = args_list(args, "map");

	if (!maps)
		return err_nomem(err);
	params_str(p, "target", args_string(args, "target", NULL));
	params_list(p, "maps", maps);
	if (args_flag(args, "progs"))
		params_bool(p, "progs", true);
	if (args_uint(args, "chase", 0))
		params_uint(p, "chase", args_uint(args, "chase", 0));
	params_str(p, "freeze", args_string(args, "freeze", NULL));
	if (args_count(args, "step"))
		params_uint(p, "step", args_uint(args, "step", 0));
	return 0;
}

static int capture(struct link *l, const struct args *args, struct ksnap_reply *ret,
		   struct ksnap_err *err)
{
	_params_ struct params p;
	int r;

	params_init(&p);
	params_str(&p, "tag", args->words[0]);
	r = build_params(args, &p, err);
	return r < 0 ? r : link_call(l, "capture_snapshot", &p, ret, err);
}

/* What is missing is said on stderr too: the data alone may look whole. */
static int tell_reasons(const struct cli *cli, const struct ksnap_reply *reply,
			struct ksnap_err *err)
{
	const msgpack_object *reasons;
	msgpack_unpacked u;
	int r = object_decode(&u, reply->r, reply->r_len, err);

	if (r < 0)
		return r;
	reasons = object_get(&u.data, "reasons");
	for (uint32_t i = 0;
	     reasons && reasons->type == MSGPACK_OBJECT_ARRAY && i < reasons->via.array.size; i++) {
		msgpack_object_str text = field_str(&reasons->via.array.ptr[i], "text");

		say_note(cli, "not complete: %.*s", (int)text.size, text.ptr);
	}
	msgpack_unpacked_destroy(&u);
	return 0;
}

static int save(const struct link *l, struct replacement *file, const char *path,
		struct ksnap_blob *report, struct ksnap_err *err)
{
	int r = replace_write(file, ksnap_blob_data(report), ksnap_blob_size(report), err);

	if (r == 0)
		r = replace_commit(file, err);
	if (r == 0)
		say_note(l->cli, "saved %s, %zu bytes", path, ksnap_blob_size(report));
	return r;
}

static int fetch_and_print(struct link *l, const struct args *args, struct replacement *file,
			   struct ksnap_err *err)
{
	struct ksnap_reply reply = { 0 };
	_params_ struct params p;
	int r;

	params_init(&p);
	params_str(&p, "tag", args->words[0]);
	r = link_call(l, "get", &p, &reply, err);
	if (r >= 0 && reply.nblobs != 1)
		r = err_set(err, KSNAP_E_PROTO, "the broker sent no report with the reply");
	if (r >= 0 && file->fd >= 0)
		r = save(l, file, args_string(args, "save", NULL), reply.blobs[0], err);
	if (r >= 0)
		r = report_print(l->cli, args, args->words[0], reply.blobs[0], err);
	ksnap_reply_clear(&reply);
	return r;
}

static int run_once(const struct cli *cli, const struct args *args, struct ksnap_err *err)
{
	const char *targets[] = { args_string(args, "target", "live"), NULL };
	struct ksnap_reply reply = { 0 };
	_link_ struct link l = { 0 };
	_replacement_ struct replacement file = REPLACEMENT_INIT;
	int r = 0;

	if (args_count(args, "save"))
		r = replace_begin(&file, args_string(args, "save", NULL), err);
	if (r == 0)
		r = link_open(&l, cli, "tool", targets, err);
	if (r == 0)
		r = capture(&l, args, &reply, err);
	if (r >= 0)
		r = tell_reasons(cli, &reply, err);
	if (r >= 0)
		r = fetch_and_print(&l, args, &file, err);
	ksnap_reply_clear(&reply);
	return r;
}

static int run_series(const struct cli *cli, const struct args *args,
		      const struct series_plan *plan, struct ksnap_err *err)
{
	const char *targets[] = { args_string(args, "target", "live"), NULL };
	_close_ int fd = cli->lua ? -1 : stay_signals(err);
	_link_ struct link l = { 0 };
	_params_ struct params p;
	int r = fd < 0 && !cli->lua ? fd : 0;

	params_init(&p);
	if (r == 0)
		r = build_params(args, &p, err);
	if (r == 0)
		r = link_open(&l, cli, "tool", targets, err);
	if (r == 0)
		r = series_run(&l, plan, args->words[0], &p, args, fd, err);
	return r;
}

static int run_capture(const struct cli *cli, const struct args *args)
{
	struct series_plan plan;
	struct ksnap_err err;
	int r = args_tag(args, &err);

	if (r == 0)
		r = series_plan(args, &plan, &err);
	if (r > 0)
		r = run_series(cli, args, &plan, &err);
	else if (r == 0)
		r = run_once(cli, args, &err);
	return r < 0 ? say_err(&err) : EXIT_OK;
}

const struct command cmd_capture = {
	.name = "capture",
	.summary = "capture now, store under a tag, and print the report",
	.usage = "TAG [--map GLOB]... [--target TARGET] [OPTION]...",
	.text = "Without a broker it captures by itself, and nothing is kept afterwards. -o json "
		"prints the whole "
		"report, -o msgpack its bytes as they are stored. With --every it stays and "
		"captures at "
		"a fixed rate: a line for each, with -v or -o jsonl the whole report, with "
		"--changes "
		"what changed. It goes on when one of them fails, and the exit code is 0 all the "
		"same, unless that is the first, a refusal, or the end of the broker: then it "
		"ends, "
		"with the exit code of that error.",
	.options = options,
	.min_words = 1,
	.max_words = 1,
	.is_op = true,
	.run = run_capture,
};
