// SPDX-License-Identifier: MIT
/* report_out.c - a report to stdout in the form that was asked for. */
#include "cli/report_out.h"

#include "base/error.h"
#include "cli/out.h"
#include "report/render.h"

static void put_piece(void *arg, const void *data, size_t len)
{
	out_write(data, len);
}

static int put_json(const struct cli *cli, const struct args *args, const struct ksnap_snapshot *s)
{
	struct render_opts opts = { .raw = args_flag(args, "raw") };
	int r;

	if (cli->output == OUTPUT_JSON)
		opts.indent = args_uint(args, "indent", 0);
	r = render_report_json_to(s, &opts, put_piece, NULL);
	if (r == 0)
		out_write("\n", 1);
	return r;
}

static int put_table(const struct args *args, const struct ksnap_snapshot *s)
{
	struct render_opts opts = { .raw = args_flag(args, "raw") };
	_buf_ struct buf out = BUF_INIT;
	int r = render_report_table(s, &opts, args_uint(args, "rows", REPORT_ROWS_SHOWN), &out);

	if (r == 0)
		out_buf(&out);
	return r;
}

int report_print(const struct cli *cli, const struct args *args, const char *name,
		 struct ksnap_blob *report, struct ksnap_err *err)
{
	struct ksnap_snapshot *s;
	int r;

	if (cli->output == OUTPUT_MSGPACK) {
		out_write(ksnap_blob_data(report), ksnap_blob_size(report));
		return 0;
	}
	s = ksnap_snapshot_open(report, err);
	if (!s)
		return err_prefix(err, "%s", name);
	r = cli->output == OUTPUT_TABLE ? put_table(args, s) : put_json(cli, args, s);
	ksnap_snapshot_close(s);
	return r < 0 ? err_nomem(err) : 0;
}
