// SPDX-License-Identifier: MIT
/* cmd_show.c - ksnap show: a stored snapshot, or one value in it. */

#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "cli/commands.h"
#include "cli/lua_line.h"
#include "cli/out.h"
#include "cli/place.h"
#include "cli/report_out.h"
#include "cli/source.h"
#include "report/render.h"

static const struct option_row options[] = { REPORT_OPTIONS, { 0 } };

static int render_value(const struct cli *cli, const struct args *args, const struct ksnap_value *v,
			struct buf *out)
{
	struct render_opts opts = { .raw = args_flag(args, "raw") };
	int r;

	switch (cli->output) {
	case OUTPUT_MSGPACK:
		return render_value_tree(v, &opts, out);
	case OUTPUT_TABLE:
		r = render_value_text(v, &opts, out);
		break;
	case OUTPUT_JSON:
		opts.indent = args_uint(args, "indent", 0);
		r = render_value_json(v, &opts, out);
		break;
	default:
		r = render_value_json(v, &opts, out);
	}
	return r == 0 ? buf_append(out, "\n", 1) : r;
}

static int print_place(const struct cli *cli, const struct args *args, struct ksnap_blob *report,
		       struct ksnap_err *err)
{
	_buf_ struct buf out = BUF_INIT;
	struct ksnap_snapshot *s = ksnap_snapshot_open(report, err);
	struct ksnap_value v;
	int r;

	if (!s)
		return err_prefix(err, "%s", args->words[0]);
	r = place_find(s, args->words[1], &v, err);
	if (r == 0 && render_value(cli, args, &v, &out) < 0)
		r = err_nomem(err);
	ksnap_snapshot_close(s);
	if (r == 0)
		out_buf(&out);
	return r;
}

static int run_show(const struct cli *cli, const struct args *args)
{
	_source_ struct source src = { .cli = cli };
	_blob_ struct ksnap_blob *report = NULL;
	struct ksnap_err err;
	int r = source_check(args->words[0], &err);

	if (r == 0)
		r = source_report(&src, args->words[0], &report, &err);
	if (r == 0)
		r = args->nwords > 1 ? print_place(cli, args, report, &err)
				     : report_print(cli, args, args->words[0], report, &err);
	return r < 0 ? say_err(&err) : EXIT_OK;
}

static void lua_show(const struct args *args, struct buf *out)
{
	lua_line_snapshot(out, args->words[0]);
	if (args->nwords < 2)
		return;
	buf_printf(out, ":get(");
	lua_line_string(out, args->words[1], strlen(args->words[1]));
	buf_printf(out, ")");
}

const struct command cmd_show = {
	.name = "show",
	.summary = "print a stored snapshot, or one value in it",
	.usage = "TAG [PATH] [OPTION]...",
	.text = SOURCE_TEXT
	"PATH names a BPF global (nr_switches, obj.bss:nr_switches), a part of one "
	"(stats.hits[2]), or a part "
	"of a map's entry by key (tasks[1234].ctx.weight, names[idle], raw[hex:00ff]), by "
	"place (tasks[#0]), of one among several maps of a name (id:7[#0]), "
	"on one CPU (counts[7][cpu=1]).",
	.options = options,
	.min_words = 1,
	.max_words = 2,
	.words = WORDS_TAG,
	.lua = lua_show,
	.run = run_show,
};
