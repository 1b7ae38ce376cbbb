// SPDX-License-Identifier: MIT
/* cmd_drain.c - ksnap drain: take every stored snapshot, oldest first, and leave the store empty.
 */
#include <endian.h>
#include <inttypes.h>
#include <string.h>

#include "base/error.h"
#include "cli/commands.h"
#include "cli/connect.h"
#include "cli/keep.h"
#include "cli/out.h"
#include "cli/print.h"
#include "report/reader.h"
#include "report/render.h"

static const struct option_row options[] = {
	{ "to", 0, OPTION_STRING, "DIR|FILE",
	  "keep them: in DIR a file for each tag, in FILE all of them; on the disk before they "
	  "leave the store",
	  0, 0 },
	{ "events", 0, OPTION_FLAG, NULL, "with --to FILE: take and keep the events, too", 0, 0 },
	{ 0 },
};

static const struct column columns[] = {
	{ "tag", "TAG", COLUMN_PLAIN },
	{ "seq", "SEQ", COLUMN_PLAIN },
	{ "bytes", "SIZE", COLUMN_BYTES },
	{ "ts", "STORED", COLUMN_TIME },
	{ "complete", "COMPLETE", COLUMN_PLAIN },
	{ "step", "STEP", COLUMN_PLAIN },
	{ 0 },
};

#define ARRAY32      0xdd
#define ARRAY32_HEAD 5

struct drain {
	const struct cli *cli;
	uint64_t taken;
	uint64_t bad;    /* of them, shown without their report: it cannot be read */
	uint64_t unsaid; /* of them, not written: the output failed */
	struct buf rows; /* table: an array of the parts' metadata */
	struct buf report;
	struct buf out;
};

static int render(struct drain *d, const struct ksnap_reply *part, struct ksnap_err *err)
{
	const struct render_opts opts = { 0 };
	struct ksnap_snapshot *s;
	int r;

	if (part->nblobs != 1)
		return err_set(err, KSNAP_E_PROTO, "the broker sent a part without its report");
	s = ksnap_snapshot_open(part->blobs[0], err);
	if (!s)
		return KSNAP_E_PROTO;
	r = render_report_json(s, &opts, &d->report);
	ksnap_snapshot_close(s);
	return r < 0 || !buf_ok(&d->report) ? err_nomem(err) : 0;
}

/* A report that cannot be read takes nothing of the others with it: they left the store, too. */
static void add_report(struct drain *d, const struct ksnap_reply *part)
{
	struct ksnap_err err;

	buf_clear(&d->report);
	buf_printf(&d->out, ",\"report\":");
	if (render(d, part, &err) == 0) {
		buf_append(&d->out, d->report.data, d->report.len);
		return;
	}
	d->bad++;
	buf_printf(&d->out, "null,\"report_error\":");
	print_json_str(&d->out, err.text, strlen(err.text));
}

/* The part's own map with the rendered report as one key more. */
static void print_object(struct drain *d, const struct ksnap_reply *part, const msgpack_object *row)
{
	bool list = d->cli->output == OUTPUT_JSON;

	if (list)
		buf_printf(&d->out, d->taken ? ",\n" : "[");
	print_json(&d->out, row, 0);
	if (buf_ok(&d->out))
		d->out.len--;
	add_report(d, part);
	buf_printf(&d->out, list ? "}" : "}\n");
	out_buf(&d->out);
}

static void print_bytes_of(struct drain *d, const struct ksnap_reply *part)
{
	if (part->nblobs == 1)
		out_write(ksnap_blob_data(part->blobs[0]), ksnap_blob_size(part->blobs[0]));
	else
		d->bad++;
}

/* Each is written before the next one comes: those that are not can be counted. */
static void take_part(struct drain *d, const struct ksnap_reply *part, const msgpack_object *row)
{
	if (d->cli->output == OUTPUT_TABLE) {
		buf_append(&d->rows, part->r, part->r_len);
	} else {
		if (d->cli->output == OUTPUT_MSGPACK)
			print_bytes_of(d, part);
		else if (!out_broken())
			print_object(d, part, row);
		out_flush();
		d->unsaid += out_broken();
	}
	d->taken++;
}

static int print_table(struct drain *d, struct ksnap_err *err)
{
	uint32_t n = htobe32(d->taken);
	msgpack_unpacked u;
	int r;

	if (!buf_ok(&d->rows))
		return err_nomem(err);
	memcpy(d->rows.data + 1, &n, sizeof(n));
	r = object_decode(&u, d->rows.data, d->rows.len, err);
	if (r < 0)
		return r;
	print_rows(&d->out, &u.data, columns);
	out_buf(&d->out);
	out_flush();
	d->unsaid = out_broken() ? d->taken : 0;
	msgpack_unpacked_destroy(&u);
	return 0;
}

static int take_totals(struct drain *d, const msgpack_object *row, struct ksnap_err *err)
{
	uint64_t count = field_uint(row, "count", UINT64_MAX);
	int r = 0;

	if (d->cli->output == OUTPUT_TABLE)
		r = print_table(d, err);
	else if (d->cli->output == OUTPUT_JSON)
		out_printf(d->taken ? "]\n" : "[]\n");
	if (r == 0 && count != d->taken)
		r = err_set(err, KSNAP_E_PROTO,
			    "%" PRIu64 " snapshots came, the broker says %" PRIu64, d->taken,
			    count);
	if (r == 0) {
		print_bytes(&d->out, field_uint(row, "bytes", 0));
		say_note(d->cli, "drained %" PRIu64 " snapshots, %.*s", d->taken, (int)d->out.len,
			 (const char *)d->out.data);
	}
	return r;
}

static int take(struct drain *d, const struct ksnap_reply *part, struct ksnap_err *err)
{
	msgpack_unpacked u;
	int r = object_decode(&u, part->r, part->r_len, err);

	if (r < 0)
		return r;
	if (part->more)
		take_part(d, part, &u.data);
	else
		r = take_totals(d, &u.data, err);
	msgpack_unpacked_destroy(&u);
	return r;
}

static int drain(struct drain *d, struct link *l, struct ksnap_err *err)
{
	struct ksnap_reply part = { 0 };
	bool more = true;
	int r = link_call(l, "drain", NULL, &part, err);

	while (r >= 0 && more) {
		r = take(d, &part, err);
		more = part.more;
		ksnap_reply_clear(&part);
		part = (struct ksnap_reply){ 0 };
		if (r >= 0 && more)
			r = ksnap_client_next(l->client, &part, err);
	}
	ksnap_reply_clear(&part);
	return r;
}

static int drain_to(const struct cli *cli, const struct args *args)
{
	const char *to = args_string(args, "to", "");
	struct kept_totals kept = { .rows = BUF_INIT };
	struct ksnap_reply reply = { 0 };
	_buf_ struct buf size = BUF_INIT;
	struct ksnap_err err;
	_link_ struct link l = { 0 };
	int r = link_open(&l, cli, "tool", NULL, &err);

	if (r == 0)
		r = keep_all(&l, to, args_flag(args, "events"), &kept, &err);
	reply.r = kept.rows.data;
	reply.r_len = kept.rows.len;
	if (r == 0)
		r = print_reply(cli, &reply, columns, &err);
	if (r == 0) {
		print_bytes(&size, kept.bytes);
		say_note(cli, "kept %" PRIu64 " snapshots, %.*s, in %s", kept.count, (int)size.len,
			 (const char *)size.data, to);
	}
	buf_fini(&kept.rows);
	return r < 0 ? say_err(&err) : EXIT_OK;
}

/* The store is empty whatever became of the output. */
static int tell_lost(const struct drain *d)
{
	if (d->unsaid)
		say_error("%" PRIu64 " of the %" PRIu64 " snapshots that were taken are not "
			  "written; --to keeps them before they leave the store",
			  d->unsaid, d->taken);
	if (d->bad)
		say_error("%" PRIu64 " of the %" PRIu64 " snapshots that were taken have a report "
			  "that cannot be read",
			  d->bad, d->taken);
	return d->unsaid || d->bad ? EXIT_FAILED : EXIT_OK;
}

static int run_drain(const struct cli *cli, const struct args *args)
{
	struct drain d = { .cli = cli, .rows = BUF_INIT, .report = BUF_INIT, .out = BUF_INIT };
	const uint8_t head[ARRAY32_HEAD] = { ARRAY32 };
	struct ksnap_err err;
	_link_ struct link l = { 0 };
	int r, code;

	if (args_count(args, "to") && cli->lua)
		return say_usage(&cmd_drain, "a scenario keeps no files; --lua is for drain alone");
	if (args_count(args, "to"))
		return drain_to(cli, args);
	if (args_flag(args, "events"))
		return say_usage(&cmd_drain, "--events needs --to FILE");
	r = link_open(&l, cli, "tool", NULL, &err);
	buf_append(&d.rows, head, sizeof(head));
	if (r == 0)
		r = drain(&d, &l, &err);
	buf_fini(&d.rows);
	buf_fini(&d.report);
	buf_fini(&d.out);
	code = tell_lost(&d);
	return r < 0 ? say_err(&err) : code;
}

const struct command cmd_drain = {
	.name = "drain",
	.summary = "take every stored snapshot, oldest first, and leave the store empty",
	.usage = "[OPTION]...",
	.text = "-o jsonl prints one snapshot a line with its whole report, -o msgpack the "
		"reports' bytes one behind "
		"the other. What was drained is no longer in the store, also when it could not be "
		"written: stderr says how many were not. With --to the list of what "
		"was kept is printed; 'ksnap show', 'diff', 'list' and 'events' read the files.",
	.options = options,
	.is_op = true,
	.run = run_drain,
};
