// SPDX-License-Identifier: MIT
/* cmd_worker.c - ksnap worker: one capture worker, which 'ksnap serve' starts by itself. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/signalfd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/error.h"
#include "capture/worker.h"
#include "cli/commands.h"
#include "cli/confine.h"
#include "cli/descriptors.h"
#include "cli/listen.h"
#include "cli/out.h"
#include "client/endpoint.h"
#include "wire/curve.h"

#define BACKOFF_FIRST_MS 100
#define BACKOFF_MOST_MS  5000
#define LONG_LIFE_NS     (10 * NS_PER_S)

static const struct option_row options[] = {
	{ "connect", 'c', OPTION_STRING, "URL",
	  "work endpoint of the broker; the default one when not given", 0, 0 },
	{ "target", 'T', OPTION_STRING, "TARGET", "what to capture; live when not given", 0, 0 },
	{ "name", 'n', OPTION_STRING, "NAME",
	  "unique within the broker; made from the process id when not given", 0, 0 },
	{ "allow-writes", 0, OPTION_FLAG, NULL,
	  "do write_kernel_hot and write_kernel_cold; refused when not given", 0, 0 },
	{ "rejoin", 0, OPTION_FLAG, NULL,
	  "when the broker goes or has lost this worker, join it or the next one again after 100 "
	  "ms, "
	  "then twice as long, at most every 5 s",
	  0, 0 },
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

/* Wait @ms; whether a signal came meanwhile. */
static bool told_to_stop(int fd, int ms)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, ms) > 0;
}

static bool may_join_again(int r)
{
	return r >= 0 || r == KSNAP_E_UNREACHABLE || r == KSNAP_E_WORKER_LOST;
}

/* One life after the other, until a signal, or an end that another try would not mend. */
static int run_lives(const struct cli *cli, const struct worker_opts *opts, struct ksnap_err *err)
{
	unsigned backoff_ms = BACKOFF_FIRST_MS;

	for (;;) {
		uint64_t began = clock_mono_ns();
		struct ksnap_err why = { .text = "the last one ended" };
		int r = worker_run(opts, &why);

		if (told_to_stop(opts->stop_fd, 0))
			return 0;
		if (!may_join_again(r))
			return err_set(err, r, "%s", why.text);
		if (clock_mono_ns() - began >= LONG_LIFE_NS)
			backoff_ms = BACKOFF_FIRST_MS;
		say_note(cli, "worker %s has no broker: %s; it looks again in %u ms", opts->name,
			 why.text, backoff_ms);
		if (told_to_stop(opts->stop_fd, (int)backoff_ms))
			return 0;
		backoff_ms = backoff_ms * 2 < BACKOFF_MOST_MS ? backoff_ms * 2 : BACKOFF_MOST_MS;
	}
}

static int find_broker(const struct args *args, char url[LISTEN_MAX], struct worker_opts *opts,
		       struct curve_link *curve, struct ksnap_err *err)
{
	opts->connect = args_string(args, "connect", url);
	opts->curve = curve;
	if (opts->connect == url)
		return listen_default("work", NULL, url, err);
	if (endpoint_is_tcp(opts->connect))
		return curve_link_make(getenv("KSNAP_SERVER_KEY"), getenv("KSNAP_KEY"), curve, err);
	return 0;
}

static int run_worker(const struct cli *cli, const struct args *args)
{
	char url[LISTEN_MAX], name[KSNAP_TAG_MAX];
	struct worker_opts opts = {
		.target = args_string(args, "target", "live"),
		.name = args_string(args, "name", name),
		.allow_writes = args_flag(args, "allow-writes"),
	};
	struct curve_link curve = { 0 };
	struct ksnap_err err = { 0 };
	_close_ int fd = -1;
	int r;

	descriptors_raise();
	snprintf(name, sizeof(name), "worker-%d", (int)getpid());
	r = find_broker(args, url, &opts, &curve, &err);
	if (r == 0)
		r = confine_worker(opts.target, &err);
	if (r == 0 && endpoint_is_barred(opts.connect))
		r = err_set(&err, KSNAP_E_DENIED,
			    "%s is closed to this user: be its owner or root, or have it served "
			    "with --worker-group",
			    opts.connect);
	if (r == 0)
		r = fd = stop_fd(&err);
	opts.stop_fd = fd;
	if (r >= 0)
		r = args_flag(args, "rejoin") ? run_lives(cli, &opts, &err)
					      : worker_run(&opts, &err);
	curve_pair_clear(&curve.own);
	return r < 0 ? say_err(&err) : EXIT_OK;
}

const struct command cmd_worker = {
	.name = "worker",
	.summary = "run one capture worker for a broker",
	.usage = "[--connect URL] [--target TARGET] [--name NAME] [--rejoin]",
	.text = "'ksnap serve' starts its own workers; this command adds one, on this host or on "
		"another. It ends "
		"when the broker ends, has lost it or has been silent for five heartbeats, unless "
		"--rejoin is given. A worker that is alive keeps its name: another one is "
		"refused. It gives up the capabilities that its target does not need, "
		"and the right to start programs.",
	.options = options,
	.run = run_worker,
};
