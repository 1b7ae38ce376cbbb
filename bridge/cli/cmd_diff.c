// SPDX-License-Identifier: MIT
/* cmd_diff.c - ksnap diff: how one snapshot differs from another. */
#include <inttypes.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "cli/commands.h"
#include "cli/lua_line.h"
#include "cli/out.h"
#include "cli/source.h"
#include "report/diff.h"

static const struct option_row options[] = {
	{ "exit-code", 0, OPTION_FLAG, NULL, "end with 1 when they differ, as diff(1) does", 0, 0 },
	{ "raw", 0, OPTION_FLAG, NULL, "JSON: plain numbers, no names of enums", 0, 0 },
	{ 0 },
};

struct telling {
	const struct cli *cli;
	struct diff_printer *printer;
	struct buf out;
	uint64_t n[4]; /* by enum ksnap_change_kind */
	uint64_t told;
};

static int tell(void *arg, const struct ksnap_change *c)
{
	struct telling *t = arg;
	int r;

	t->n[c->kind]++;
	switch (t->cli->output) {
	case OUTPUT_TABLE:
		r = diff_print_text(t->printer, c, &t->out);
		break;
	case OUTPUT_MSGPACK:
		r = diff_print_tree(t->printer, c, &t->out);
		break;
	case OUTPUT_JSON:
		buf_append(&t->out, t->told ? ",\n" : "[", t->told ? 2 : 1);
		r = diff_print_json(t->printer, c, &t->out);
		break;
	default:
		r = diff_print_json(t->printer, c, &t->out);
		buf_append(&t->out, "\n", 1);
	}
	t->told++;
	if (r < 0)
		return KSNAP_E_NOMEM;
	out_buf(&t->out);
	return out_broken() ? KSNAP_E_TARGET : 0;
}

static void print_summary(struct telling *t)
{
	const char *fmt = "%" PRIu64 " added, %" PRIu64 " removed, %" PRIu64 " changed";

	if (t->cli->output == OUTPUT_JSON)
		out_printf(t->told ? "]\n" : "[]\n");
	if (t->cli->output == OUTPUT_TABLE) {
		buf_printf(&t->out, fmt, t->n[KSNAP_CHANGE_ADDED], t->n[KSNAP_CHANGE_REMOVED],
			   t->n[KSNAP_CHANGE_CHANGED]);
		if (t->n[KSNAP_CHANGE_NOTE])
			buf_printf(&t->out, ", %" PRIu64 " %s", t->n[KSNAP_CHANGE_NOTE],
				   t->n[KSNAP_CHANGE_NOTE] == 1 ? "note" : "notes");
		buf_append(&t->out, "\n", 1);
		out_buf(&t->out);
	}
}

static int compare(struct telling *t, const struct args *args, const struct ksnap_snapshot *a,
		   const struct ksnap_snapshot *b, struct ksnap_err *err)
{
	const struct render_opts opts = { .raw = args_flag(args, "raw") };
	int r;

	t->printer = diff_printer_create(a, b, &opts);
	if (!t->printer)
		return err_nomem(err);
	r = ksnap_snapshot_diff(a, b, args->nwords > 2 ? args->words[2] : NULL, tell, t, err);
	if (r >= 0)
		print_summary(t);
	diff_printer_destroy(t->printer);
	buf_fini(&t->out);
	return r;
}

static int open_both(struct source *src, const struct args *args, struct ksnap_snapshot *s[2],
		     struct ksnap_err *err)
{
	int r = 0;

	for (unsigned i = 0; r == 0 && i < 2; i++)
		r = source_check(args->words[i], err);
	for (unsigned i = 0; r == 0 && i < 2; i++) {
		_blob_ struct ksnap_blob *report = NULL;

		r = source_report(src, args->words[i], &report, err);
		if (r == 0) {
			s[i] = ksnap_snapshot_open(report, err);
			r = s[i] ? 0 : err_prefix(err, "%s", args->words[i]);
		}
	}
	return r;
}

static int run_diff(const struct cli *cli, const struct args *args)
{
	struct ksnap_snapshot *s[2] = { NULL, NULL };
	_source_ struct source src = { .cli = cli };
	struct telling t = { .cli = cli };
	struct ksnap_err err;
	int r = open_both(&src, args, s, &err);

	if (r == 0)
		r = compare(&t, args, s[0], s[1], &err);
	ksnap_snapshot_close(s[0]);
	ksnap_snapshot_close(s[1]);
	if (out_broken())
		return EXIT_FAILED; /* the end of the program says why */
	if (r < 0)
		return say_err(&err);
	return r > 0 && args_flag(args, "exit-code") ? EXIT_FAILED : EXIT_OK;
}

static void lua_diff(const struct args *args, struct buf *out)
{
	lua_line_snapshot(out, args->words[0]);
	buf_printf(out, ":diff(");
	lua_line_snapshot(out, args->words[1]);
	if (args->nwords > 2) {
		buf_printf(out, ", ");
		lua_line_string(out, args->words[2], strlen(args->words[2]));
	}
	buf_printf(out, ")");
}

const struct command cmd_diff = {
	.name = "diff",
	.summary = "say how one snapshot differs from another",
	.usage = "A B [PATH] [OPTION]...",
	.text = SOURCE_TEXT
	"Maps are matched by name, entries by key, parts of values by name. A line that "
	"begins with + or - was added or removed, with ! says what keeps the comparison "
	"from being exact. With --chase in both, what pointers point to is compared; with --progs "
	"in both, programs and links. PATH names one map or one value, as in 'ksnap show', or "
	"progs, prog:NAME, links, ... -o json gives a list, -o jsonl one change a line.",
	.options = options,
	.min_words = 2,
	.max_words = 3,
	.words = WORDS_TAG,
	.lua = lua_diff,
	.run = run_diff,
};
