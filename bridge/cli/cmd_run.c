// SPDX-License-Identifier: MIT
/* cmd_run.c - ksnap run: scenarios in Lua, each one test of a TAP stream. */
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "cli/commands.h"
#include "cli/connect.h"
#include "cli/out.h"
#include "cli/trial.h"

#define DEADLINE_MS (600 * 1000)

static const struct option_row options[] = {
	{ "target", 'T', OPTION_LIST, "TARGET",
	  "without a broker: what to capture, live when not given; repeatable", 0, 0 },
	{ "allow-writes", 0, OPTION_FLAG, NULL,
	  "without a broker: let scenarios write memory (write_kernel_hot, write_kernel_cold)", 0,
	  0 },
	{ "deadline", 0, OPTION_UINT, "MS",
	  "how long one scenario may take, in milliseconds; 600000 when not given", 1,
	  7 * 24 * 3600 * 1000ull },
	{ "grace", 0, OPTION_UINT, "MS",
	  "how long its teardown may take after the deadline or a signal; 5000 when not given", 1,
	  3600 * 1000 },
	{ "memory", 0, OPTION_UINT, "MIB", "memory of the script; 64 when not given", 1, 65536 },
	{ "unsafe-libs", 0, OPTION_FLAG, NULL,
	  "no sandbox: io, os, debug, C modules, undeclared globals, for scripts you trust", 0, 0 },
	{ 0 },
};

static volatile sig_atomic_t stopped_by; /* signal this process got; 0: none */
static volatile pid_t running;           /* the process of the scenario at hand; 0: none */

static void pass_on(int signal)
{
	stopped_by = signal;
	if (running > 0)
		kill(running, signal);
}

static void catch_signals(void)
{
	struct sigaction sa = { .sa_handler = pass_on };

	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGTERM, &sa, NULL);
	sigaction(SIGHUP, &sa, NULL);
}

/* The scenario and all it needs, in a process that has no threads yet. */
static int run_apart(struct trial *t)
{
	pid_t parent = getpid(), pid;
	int status = 0;

	out_flush();
	pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGTERM);
		exit(getppid() == parent ? out_finish(trial_run(t)) : EXIT_FAILED);
	}
	running = pid;
	if (stopped_by && pid > 0)
		kill(pid, stopped_by); // it came in between
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	running = 0;
	if (pid > 0 && WIFEXITED(status))
		return WEXITSTATUS(status);
	say_error("%s: its process ended by signal %d", t->path, WTERMSIG(status));
	return EXIT_FAILED;
}

static int run_files(struct trial *t, const struct args *args)
{
	int worst = EXIT_OK;

	catch_signals();
	out_printf("TAP version 14\n1..%zu\n", args->nwords);
	for (size_t i = 0; i < args->nwords && !stopped_by; i++) {
		int code;

		t->path = args->words[i];
		t->host.number = i + 1;
		code = run_apart(t);
		worst = code > worst ? code : worst;
	}
	if (!stopped_by)
		return worst;
	out_printf("Bail out! %s\n", strsignal(stopped_by));
	return 128 + stopped_by;
}

static struct lua_host_opts host_options(const struct cli *cli, const struct args *args)
{
	return (struct lua_host_opts){
		.bridge = cli->bridge,
		.args = args->rest,
		.unsafe = args_flag(args, "unsafe-libs"),
		.limits = {
			.memory = args_uint(args, "memory", 0) << 20,
			.deadline_ms = args_uint(args, "deadline", DEADLINE_MS),
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
		"deadline passed. A signal ends the scenario after its teardown, a second one at "
		"once.",
	.options = options,
	.min_words = 1,
	.max_words = UINT_MAX,
	.run = run_run,
};
