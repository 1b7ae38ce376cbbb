// SPDX-License-Identifier: MIT
/* cmd_worker.c - ksnap worker: one capture worker, which 'ksnap serve' starts by itself. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "capture/worker.h"
#include "cli/commands.h"
#include "cli/listen.h"
#include "cli/out.h"
#include "wire/curve.h"

static const struct option_row options[] = {
	{ "connect", 'c', OPTION_STRING, "URL",
	  "work endpoint of the broker; the default one when not given", 0, 0 },
	{ "target", 'T', OPTION_STRING, "TARGET", "what to capture; live when not given", 0, 0 },
	{ "name", 'n', OPTION_STRING, "NAME",
	  "unique within the broker; made from the process id when not given", 0, 0 },
	{ 0 },
};

/* A descriptor that is readable once SIGINT or SIGTERM came. */
static int stop_fd(struct ksnap_err *err)
{
	sigset_t set;
	int fd;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return fd < 0 ? err_errno(err, KSNAP_E_INTERNAL, errno, "cannot wait for signals") : fd;
}

static int run_worker(const struct cli *cli, const struct args *args)
{
	char url[LISTEN_MAX], name[KSNAP_TAG_MAX];
	struct worker_opts opts = {
		.connect = args_string(args, "connect", NULL),
		.target = args_string(args, "target", "live"),
		.name = args_string(args, "name", name),
	};
	struct ksnap_err err = { 0 };
	struct curve_link curve = { 0 };
	_close_ int fd = -1;
	int r = 0;

	snprintf(name, sizeof(name), "worker-%d", (int)getpid());
	if (!opts.connect) {
		r = listen_default("work", NULL, url, &err);
		opts.connect = url;
	}
	if (r == 0 && strncmp(opts.connect, "tcp://", 6) == 0)
		r = curve_link_make(getenv("KSNAP_SERVER_KEY"), getenv("KSNAP_KEY"), &curve, &err);
	opts.curve = &curve;
	if (r == 0)
		r = fd = stop_fd(&err);
	opts.stop_fd = fd;
	if (r >= 0)
		r = worker_run(&opts, &err);
	return r < 0 ? say_err(&err) : EXIT_OK;
}

const struct command cmd_worker = {
	.name = "worker",
	.summary = "run one capture worker for a broker",
	.usage = "[--connect URL] [--target TARGET] [--name NAME]",
	.text = "'ksnap serve' starts its own workers; this command adds one, on this host or on "
		"another. It ends "
		"when the broker tells it to or has been silent for five heartbeats.",
	.options = options,
	.run = run_worker,
};
