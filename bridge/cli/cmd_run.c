// SPDX-License-Identifier: MIT
/* cmd_run.c - ksnap run: scenarios in Lua, each one test of a TAP stream. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/replace.h"
#include "cli/commands.h"
#include "cli/connect.h"
#include "cli/out.h"
#include "cli/pool.h"

#define DEADLINE_MS (600 * 1000)

static const struct option_row options[] = {
	{ "target", 'T', OPTION_LIST, "TARGET",
	  "without a broker: what to capture, live when not given; repeatable", 0, 0 },
	{ "allow-writes", 0, OPTION_FLAG, NULL,
	  "without a broker: let scenarios write memory (write_kernel_hot, write_kernel_cold)", 0,
	  0 },
	{ "deadline", 0, OPTION_UINT, "MS",
	  "how long one scenario may take with all its requests, in milliseconds; 600000 when not "
	  "given; --timeout is the same for run",
	  1, 7 * 24 * 3600 * 1000ull },
	{ "grace", 0, OPTION_UINT, "MS",
	  "how long its teardown may take after the deadline or a signal, half of it for the "
	  "scenario's own; 5000 when not given",
	  1, 3600 * 1000 },
	{ "memory", 0, OPTION_UINT, "MIB", "memory of the script; 64 when not given", 1, 65536 },
	{ "jobs", 'j', OPTION_UINT, "N", "how many scenarios run at a time; 1 when not given", 1,
	  256 },
	{ "filter", 'f', OPTION_STRING, "GLOB",
	  "skip a file when neither its name nor its scenario's fits; without * or ? a part is "
	  "enough",
	  0, 0 },
	{ "seed", 0, OPTION_UINT, "N",
	  "of math.random in scripts; another one each time when not given", 0, 0 },
	{ "fail-on-loss", 0, OPTION_FLAG, NULL,
	  "a scenario fails, with exit code 3, when the broker let go of messages meanwhile", 0,
	  0 },
	{ "junit", 0, OPTION_STRING, "FILE", "write JUnit XML, too", 0, 0 },
	{ "json", 0, OPTION_STRING, "FILE",
	  "write the results as JSON, too; -o json has them on stdout", 0, 0 },
	{ "unsafe-libs", 0, OPTION_FLAG, NULL,
	  "no sandbox: io, os, debug, C modules, undeclared globals, for scripts you trust", 0, 0 },
	{ 0 },
};

/* One line of the terminal, drawn over and over. */
static void draw_line(const char *line)
{
	struct winsize size = { 0 };
	int width =
		ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 1 ? size.ws_col : 80;

	fprintf(stderr, "\r\033[K%.*s", width - 1, line);
}

static bool shows_progress(const struct cli *cli)
{
	const char *term = getenv("TERM");

	return !cli->quiet && isatty(STDERR_FILENO) && term && strcmp(term, "dumb") != 0;
}

/* ---- files beside stdout
 * --------------------------------------------------------------------------- */

struct documents {
	struct replacement json, junit;
};

static int begin_document(const struct args *args, const char *option, struct replacement *r,
			  struct ksnap_err *err)
{
	const char *path = args_string(args, option, NULL);

	return path ? replace_begin(r, path, err) : 0;
}

static int write_document(struct replacement *r, const char *text, size_t len,
			  struct ksnap_err *err)
{
	int rc;

	if (r->fd < 0)
		return 0;
	rc = replace_write(r, text, len, err);
	return rc < 0 ? rc : replace_commit(r, err);
}

static int close_books(struct ledger *l, struct documents *d, int stopped_by, struct ksnap_err *err)
{
	struct ledger_documents texts;
	int r = ledger_finish(l, stopped_by ? strsignal(stopped_by) : NULL, &texts, err);

	if (r == 0)
		r = write_document(&d->json, texts.json, texts.json_len, err);
	if (r == 0)
		r = write_document(&d->junit, texts.junit, texts.junit_len, err);
	return r;
}

/* ---- the run
 * --------------------------------------------------------------------------------------- */

static int run_pool(const struct trial *t, const struct args *args, struct documents *d,
		    struct ledger *ledger)
{
	struct pool_opts opts = {
		.trial = t,
		.files = args->words,
		.nfiles = args->nwords,
		.jobs = args_uint(args, "jobs", 1),
		.ledger = ledger,
		.tick = shows_progress(t->cli),
	};
	struct ksnap_err err;
	int signal = 0, r, worst;

	r = pool_run(&opts, &signal, &err);
	if (r == 0)
		worst = signal ? 128 + signal : ledger_worst(ledger);
	if (r == 0)
		r = close_books(ledger, d, signal, &err);
	return r < 0 ? say_err(&err) : worst;
}

static const char *out_of(const struct cli *cli)
{
	return cli->output == OUTPUT_JSON ? "json" : cli->output == OUTPUT_JSONL ? "jsonl" : "tap";
}

static int run_files(const struct trial *t, const struct args *args)
{
	struct ledger_opts opts = {
		.files = args->words,
		.out = out_of(t->cli),
		.seed = t->host.seed,
		.write = out_text,
		.progress = shows_progress(t->cli) ? draw_line : NULL,
	};
	struct documents d = { REPLACEMENT_INIT, REPLACEMENT_INIT };
	struct ledger *ledger = NULL;
	struct ksnap_err err;
	int r, code;

	r = begin_document(args, "json", &d.json, &err);
	if (r == 0)
		r = begin_document(args, "junit", &d.junit, &err);
	if (r == 0)
		ledger = ledger_create(&opts, &err);
	code = ledger ? run_pool(t, args, &d, ledger) : say_err(&err);
	ledger_destroy(ledger);
	replace_abandon(&d.json);
	replace_abandon(&d.junit);
	return code;
}

static struct lua_host_opts host_options(const struct cli *cli, const struct args *args)
{
	return (struct lua_host_opts){
		.bridge = cli->bridge,
		.args = args->rest,
		.unsafe = args_flag(args, "unsafe-libs"),
		.filter = args_string(args, "filter", NULL),
		.count_losses = args_flag(args, "fail-on-loss"),
		.seeded = true,
		.seed = (int64_t)args_uint(args, "seed", (uint64_t)clock_real_ns() % 1000000000),
		.limits = {
			.memory = args_uint(args, "memory", 0) << 20,
			.deadline_ms = args_uint(args, "deadline",
						 cli->timeout_ms ? cli->timeout_ms : DEADLINE_MS),
			.grace_ms = args_uint(args, "grace", LIMITS_GRACE_MS),
		},
	};
}

static int run_run(const struct cli *cli, const struct args *args)
{
	_free_ const char **targets = args_list(args, "target");
	static const char *const live[] = { "live", NULL };
	char endpoint[ENDPOINT_MAX];
	struct trial t = { .cli = cli,
			   .host = host_options(cli, args),
			   .embed = { .allow_writes = args_flag(args, "allow-writes") } };
	struct ksnap_err err;
	int r = targets ? 0 : err_nomem(&err);

	if (cli->output == OUTPUT_MSGPACK)
		return say_usage(&cmd_run, "run gives TAP, -o json or -o jsonl");
	if (cli->timeout_ms && args_uint(args, "deadline", 0))
		return say_usage(&cmd_run,
				 "--timeout and --deadline are the same for run; a single "
				 "op is given its own by timeout = in the script");
	if (r == 0) {
		t.embed.targets = targets[0] ? targets : live;
		r = link_find(cli, t.embed.targets, endpoint, &err);
	}
	t.host.endpoint = endpoint;
	return r < 0 ? say_err(&err) : run_files(&t, args);
}

const struct command cmd_run = {
	.name = "run",
	.summary = "run scenarios written in Lua; prints TAP",
	.usage = "FILE.lua... [-- ARGUMENT...]",
	.text = "Each file is one test, with a process and, when no broker runs, a broker of its "
		"own; "
		"arguments behind -- are the script's. The exit code is the worst of all: 0 when "
		"every check held, 1 when one failed, 2 when a script could not run, 124 when its "
		"deadline passed. A signal ends the scenario after its teardown, a second one "
		"cuts "
		"that short, and what is left then, and to whom, is told; a third one kills.",
	.options = options,
	.min_words = 1,
	.max_words = UINT_MAX,
	.words = WORDS_FILE,
	.run = run_run,
};
