// SPDX-License-Identifier: MIT
/* cmd_repl.c - ksnap repl: an executor at the keyboard. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "cli/commands.h"
#include "cli/connect.h"
#include "cli/lines.h"
#include "cli/out.h"
#include "lua/repl.h"

static const struct option_row options[] = {
	{ "target", 'T', OPTION_LIST, "TARGET",
	  "without a broker: what to capture, live when not given; repeatable", 0, 0 },
	{ 0 },
};

static volatile sig_atomic_t told_to_end; /* the signal; 0: none came */

static void interrupt(int signal)
{
	if (signal != SIGINT)
		told_to_end = signal;
	limits_stop(signal);
	lines_interrupt();
}

static void catch_interrupt(void)
{
	struct sigaction sa = { .sa_handler = interrupt }; // no SA_RESTART: reading ends

	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGTERM, &sa, NULL);
	sigaction(SIGHUP, &sa, NULL);
}

/* mkdir -p, for the folders of a path that begins with "/". */
static void make_folders(char *path)
{
	for (char *p = path + 1; *p; p++)
		if (*p == '/') {
			*p = '\0';
			mkdir(path, 0700);
			*p = '/';
		}
}

/* The file of earlier lines, or "" when there is no place for one. */
static void find_history(char *path, size_t cap)
{
	const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
	int n = 0;

	if (state && state[0] == '/')
		n = snprintf(path, cap, "%s/ksnap/history", state);
	else if (home && home[0] == '/')
		n = snprintf(path, cap, "%s/.local/state/ksnap/history", home);
	if (n <= 0 || (size_t)n >= cap)
		path[0] = '\0';
	else
		make_folders(path);
}

static void complete(void *arg, const char *text, const char **ret_add, const char **ret_names)
{
	lua_repl_complete(arg, text, ret_add, ret_names);
}

static void read_lines(struct lines *lines, struct lua_repl *repl)
{
	const char *line;
	bool more = false;

	while (!told_to_end) {
		switch (lines_read(lines, more ? "   ...> " : "ksnap> ", &line)) {
		case LINES_LINE:
			more = lua_repl_line(repl, line);
			break;
		case LINES_INTERRUPTED:
			lua_repl_forget(repl);
			more = false;
			break;
		case LINES_END:
			return;
		}
	}
}

static int talk(const struct link *l, struct lua_repl *repl)
{
	char history[4096];
	struct lines_opts opts = { .complete = complete, .arg = repl };
	struct ksnap_err err;
	struct lines *lines;

	find_history(history, sizeof(history));
	opts.history = history[0] ? history : NULL;
	lines = lines_open(&opts, &err);
	if (!lines)
		return say_err(&err);
	umask(077); // what was typed is nobody else's
	catch_interrupt();
	if (isatty(STDIN_FILENO))
		say_note(l->cli,
			 "Lua with ksnap, op, step, loop and bridge; an op alone is issued; "
			 "Tab completes, Ctrl-C ends a line, Ctrl-D leaves");
	read_lines(lines, repl);
	lines_close(lines);
	return told_to_end ? 128 + told_to_end : EXIT_OK;
}

static int run_repl(const struct cli *cli, const struct args *args)
{
	_free_ const char **targets = args_list(args, "target");
	static const char *const live[] = { "live", NULL };
	struct ksnap_err err;
	_link_ struct link l = { 0 };
	struct lua_host_opts opts = { 0 };
	struct lua_repl *repl = NULL;
	int r = targets ? 0 : err_nomem(&err), code;

	if (r == 0)
		r = link_open(&l, cli, NULL, targets[0] ? targets : live, &err);
	opts.endpoint = l.endpoint;
	opts.bridge = cli->bridge;
	opts.timeout_ms = cli->timeout_ms;
	opts.zmq_context = l.embed ? embed_context(l.embed) : NULL;
	if (r == 0)
		repl = lua_repl_create(&opts, &err);
	code = repl ? talk(&l, repl) : say_err(&err);
	lua_repl_destroy(repl);
	return code;
}

const struct command cmd_repl = {
	.name = "repl",
	.summary = "type Lua, line by line",
	.usage = "",
	.text = "An executor at the keyboard: results are shown, an op by itself is issued, names "
		"are "
		"completed by Tab, and lines are kept in $XDG_STATE_HOME/ksnap/history. All of "
		"Lua's "
		"libraries are there. Ctrl-C ends what runs, Ctrl-D leaves; what was attached, "
		"frozen "
		"or armed is then undone; so it is at SIGTERM and SIGHUP. Lines that do not come "
		"from a terminal are run as they "
		"are.",
	.options = options,
	.run = run_repl,
};
