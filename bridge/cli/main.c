// SPDX-License-Identifier: MIT
/* main.c - the options every command takes, and the way to the command. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "cli/commands.h"
#include "cli/help.h"
#include "cli/out.h"

const struct option_row global_options[] = {
	{ "endpoint", 'e', OPTION_STRING, "URL",
	  "broker to talk to; KSNAP_ENDPOINT, else the default socket, when not given", 0, 0 },
	{ "bridge", 'b', OPTION_STRING, "NAME", "bridge to use; \"default\" when not given", 0, 0 },
	{ "output", 'o', OPTION_CHOICE, "table|json|jsonl|msgpack|prometheus",
	  "form of the data on stdout; table, for people, when not given; prometheus (OpenMetrics) "
	  "is for status",
	  0, 0 },
	{ "timeout", 't', OPTION_UINT, "MS",
	  "deadline of each request in milliseconds; for run, of each scenario", 1, 3600000 },
	{ "server-key", 0, OPTION_STRING, "KEY",
	  "public key of a broker on tcp; KSNAP_SERVER_KEY when not given", 0, 0 },
	{ "key", 0, OPTION_STRING, "FILE",
	  "your key file for a broker on tcp (ksnap keygen); KSNAP_KEY when not given", 0, 0 },
	{ "lua", 0, OPTION_FLAG, NULL,
	  "say the line of a scenario that does the same, in place of doing it", 0, 0 },
	{ "quiet", 'q', OPTION_FLAG, NULL, "no words but errors on stderr", 0, 0 },
	{ "verbose", 'v', OPTION_FLAG, NULL, "more words on stderr; twice for all", 0, 0 },
	{ "no-color", 0, OPTION_FLAG, NULL, "no colour, as with NO_COLOR in the environment", 0,
	  0 },
	{ "help", 'h', OPTION_FLAG, NULL, "say how to use it", 0, 0 },
	{ "version", 'V', OPTION_FLAG, NULL, "say which version it is", 0, 0 },
	{ 0 },
};

static enum output output_of(const char *name)
{
	static const char *const names[] = { "table", "json", "jsonl", "msgpack", "prometheus" };

	for (unsigned i = 0; i < ARRAY_SIZE(names); i++)
		if (strcmp(names[i], name) == 0)
			return i;
	return OUTPUT_TABLE;
}

static struct cli settings_of(const struct args *a)
{
	const char *no_color = getenv("NO_COLOR");

	return (struct cli){
		.endpoint = args_string(a, "endpoint", NULL),
		.bridge = args_string(a, "bridge", NULL),
		.output = output_of(args_string(a, "output", "table")),
		.timeout_ms = args_uint(a, "timeout", 0),
		.lua = args_flag(a, "lua"),
		.quiet = args_flag(a, "quiet"),
		.verbose = args_count(a, "verbose"),
		.color = isatty(STDOUT_FILENO) && !args_flag(a, "no-color") &&
			 !(no_color && *no_color),
	};
}

/* Whatever connects reads the environment, scripts and workers that are started included. */
static void choose_keys(const struct args *a)
{
	const char *server = args_string(a, "server-key", NULL), *key = args_string(a, "key", NULL);

	if (server)
		setenv("KSNAP_SERVER_KEY", server, 1);
	if (key)
		setenv("KSNAP_KEY", key, 1);
}

static void choose_log(const struct cli *cli)
{
	enum log_level level = cli->quiet ? LOG_ERROR : LOG_WARN;

	if (cli->verbose)
		level = cli->verbose > 1 ? LOG_DEBUG : LOG_INFO;
	log_set_sink(log_to_stderr, level);
}

static int refuse_command(const char *name)
{
	const struct command *near = command_near(name);

	if (near)
		return say_usage(NULL, "unknown command '%s'; did you mean '%s'?", name,
				 near->name);
	return say_usage(NULL, "unknown command '%s'", name);
}

static int say_lua(const struct command *c, const struct args *a)
{
	_buf_ struct buf out = BUF_INIT;

	if (!c->lua)
		return say_usage(c, "%s does nothing that a scenario does; --lua is for ops",
				 c->name);
	c->lua(a, &out);
	buf_append(&out, "\n", 1);
	out_buf(&out);
	return EXIT_OK;
}

static int run_command(const struct command *c, struct args *a, char **argv)
{
	struct ksnap_err err;
	struct cli cli;

	a->own = command_options(c);
	a->nwords = 0;
	if (args_parse(a, argv, false, &err) < 0)
		return say_usage(c, "%s", err.text);
	if (args_flag(a, "help")) {
		help_command(stdout, c);
		return EXIT_OK;
	}
	if (a->nwords < c->min_words)
		return say_usage(c, "%s needs %s", c->name, c->usage);
	if (a->nwords > c->max_words)
		return say_usage(c, "%s does not take '%s'", c->name, a->words[c->max_words]);
	cli = settings_of(a);
	if (cli.output == OUTPUT_PROMETHEUS && !c->gives_metrics)
		return say_usage(c, "%s has no metrics; -o prometheus is for status", c->name);
	if (cli.lua && !c->is_op)
		return say_lua(c, a);
	choose_log(&cli);
	choose_keys(a);
	return c->run(&cli, a);
}

static int find_and_run(struct args *a, char **argv)
{
	const struct command *c;
	struct ksnap_err err;
	int n = args_parse(a, argv, true, &err);

	if (n < 0)
		return say_usage(NULL, "%s", err.text);
	if (a->nwords) {
		c = command_find(a->words[0]);
		return c ? run_command(c, a, argv + n) : refuse_command(a->words[0]);
	}
	if (args_flag(a, "version"))
		return run_command(&cmd_version, a, argv + n);
	if (args_flag(a, "help")) {
		help_overview(stdout);
		return EXIT_OK;
	}
	help_overview(stderr);
	return EXIT_USAGE;
}

int main(int argc, char **argv)
{
	struct ksnap_err err;
	struct args a;
	int code;

	/* A worker was started as /proc/self/exe: ps, and who looks for the holder of a debug
	 * register, would call it exe. */
	prctl(PR_SET_NAME, "ksnap");
	/* A reader that went away is an error with a text, not a death without one. */
	signal(SIGPIPE, SIG_IGN);
	/* So is a file that may not grow. */
	signal(SIGXFSZ, SIG_IGN);
	if (argc < 1)
		return EXIT_FAILED;
	if (args_init(&a, argc, global_options, &err) < 0)
		return say_err(&err);
	code = find_and_run(&a, argv + 1);
	args_fini(&a);
	return out_finish(code);
}
