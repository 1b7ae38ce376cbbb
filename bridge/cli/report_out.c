// SPDX-License-Identifier: MIT
/* report_out.c - a report to stdout in the form that was asked for. */
#include "cli/report_out.h"

#include "base/error.h"
#include "cli/out.h"
#include "report/render.h"

static int render(const struct cli *cli, const struct args *args, const struct ksnap_snapshot *s,
		  struct buf *out)
{
	struct render_opts opts = { .raw = args_flag(args, "raw") };
	int r;

	if (cli->output == OUTPUT_TABLE)
		return render_report_table(s, &opts, args_uint(args, "rows", REPORT_ROWS_SHOWN),
					   out);
	if (cli->output == OUTPUT_JSON)
		opts.indent = args_uint(args, "indent", 0);
	r = render_report_json(s, &opts, out);
	return r == 0 ? buf_append(out, "\n", 1) : r;
}

int report_print(const struct cli *cli, const struct args *args, const char *name,
		 struct ksnap_blob *report, struct ksnap_err *err)
{
	_buf_ struct buf out = BUF_INIT;
	struct ksnap_snapshot *s;
	int r;

	if (cli->output == OUTPUT_MSGPACK) {
		out_write(ksnap_blob_data(report), ksnap_blob_size(report));
		return 0;
	}
	s = ksnap_snapshot_open(report, err);
	if (!s)
		return err_prefix(err, "%s", name);
	r = render(cli, args, s, &out);
	ksnap_snapshot_close(s);
	if (r < 0)
		return err_nomem(err);
	out_buf(&out);
	return 0;
}
