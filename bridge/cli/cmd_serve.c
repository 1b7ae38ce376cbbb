// SPDX-License-Identifier: MIT
/* cmd_serve.c - ksnap serve: a broker and its supervised workers, until a signal says stop. */
#include <errno.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <zmq.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/limits.h"
#include "base/log.h"
#include "broker/broker.h"
#include "cli/accepting.h"
#include "cli/commands.h"
#include "cli/descriptors.h"
#include "cli/listen.h"
#include "cli/out.h"
#include "cli/supervise.h"
#include "cli/target_check.h"
#include "wire/curve.h"

#define INPROC_WORK "inproc://work"

static const struct option_row fixed_rows[] = {
	{ "bind", 0, OPTION_LIST, "URL",
	  "control endpoint, in place of the default one; repeatable", 0, 0 },
	{ "bind-live", 0, OPTION_LIST, "URL",
	  "live endpoint; the socket 'live' beside the control one when not given", 0, 0 },
	{ "bind-work", 0, OPTION_LIST, "URL",
	  "work endpoint; the socket 'work' beside it when not given", 0, 0 },
	{ "target", 'T', OPTION_LIST, "TARGET",
	  "what to capture: live, core:FILE, guest:QMP,mem=FILE, fixture:maps=2,entries=10; "
	  "repeatable, the first is the default of requests; live when not given",
	  0, 0 },
	{ "workers", 0, OPTION_CHOICE, "process|thread|none",
	  "what a worker is; a process when not given; none: others start them (ksnap worker)", 0,
	  0 },
	{ "workers-per-target", 0, OPTION_UINT, "N",
	  "captures of one target at the same time; 1 when not given", 1, 64 },
	{ "allow-writes", 0, OPTION_FLAG, NULL,
	  "let the workers write memory (write_kernel_hot, write_kernel_cold) for sessions that "
	  "have "
	  "the right",
	  0, 0 },
	{ "group", 0, OPTION_STRING, "NAME",
	  "let this group use the control and live sockets (0660 in a folder of 0750)", 0, 0 },
	{ "worker-group", 0, OPTION_STRING, "NAME",
	  "let this group be workers (0660 on the work socket, which is the owner's alone "
	  "otherwise); without --group the folder is theirs to enter, too",
	  0, 0 },
	{ "role", 0, OPTION_CHOICE, "observe|capture|watch|write|admin",
	  "the most that any session may do; admin when not given", 0, 0 },
	{ "curve-secret", 0, OPTION_STRING, "FILE",
	  "key file of the broker (ksnap keygen): tcp endpoints are encrypted; takes --authorised",
	  0, 0 },
	{ "authorised", 0, OPTION_STRING, "FILE",
	  "client keys that may connect, a line 'KEY ROLE[,ROLE] NAME' each; read again on SIGHUP",
	  0, 0 },
	{ "state", 0, OPTION_STRING, "DIR",
	  "keep stored snapshots, events and counts in this folder, and begin with what is there",
	  0, 0 },
	{ "state-sync", 0, OPTION_CHOICE, "no|second|always",
	  "when what is in the folder is brought to the disk: never by itself, each second, or "
	  "before each answer; second when not given",
	  0, 0 },
	{ "insecure", 0, OPTION_FLAG, NULL,
	  "permit tcp without encryption, on loopback addresses only", 0, 0 },
};

#define FIXED ARRAY_SIZE(fixed_rows)

/* As long as the longest of all limits: no text is cut. */
union longest_switch {
#define LIMIT(name, value, unit, scope, key, sw, doc) char of_##name[sizeof(sw)];
#include "schemas/limits.inc"
#undef LIMIT
};

union longest_help {
#define LIMIT(name, value, unit, scope, key, sw, doc) \
	char of_##name[sizeof(doc " 18446744073709551615 when not given.")];
#include "schemas/limits.inc"
#undef LIMIT
};

/* "max-snapshots" of "--max-snapshots N", for each limit that has a switch. */
static char limit_names[LIMIT_COUNT][sizeof(union longest_switch)];

static bool name_limit(enum limit_id id)
{
	const char *change = limit_table[id].change;

	if (strncmp(change, "--", 2) != 0)
		return false;
	snprintf(limit_names[id], sizeof(limit_names[id]), "%.*s", (int)strcspn(change + 2, " "),
		 change + 2);
	return true;
}

static const struct option_row *make_options(void)
{
	static struct option_row rows[FIXED + LIMIT_COUNT + 1];
	static char helps[LIMIT_COUNT][sizeof(union longest_help)];
	size_t n = FIXED;

	memcpy(rows, fixed_rows, sizeof(fixed_rows));
	for (unsigned id = 0; id < LIMIT_COUNT; id++) {
		const struct limit_info *l = &limit_table[id];

		if (!name_limit(id))
			continue;
		snprintf(helps[id], sizeof(helps[id]), "%s %llu when not given.", l->doc,
			 (unsigned long long)l->value);
		rows[n++] = (struct option_row){ limit_names[id], 0, OPTION_UINT, "N",
						 helps[id],       1, UINT64_MAX };
	}
	return rows;
}

enum socket { CONTROL, LIVE, WORK, SOCKETS };

static const char *const socket_names[SOCKETS] = { "control", "live", "work" };
static const char *const bind_options[SOCKETS] = { "bind", "bind-live", "bind-work" };

/* What a run of serve holds. */
struct server {
	const struct cli *cli;
	const char **urls[SOCKETS], **targets; /* NULL-terminated */
	char defaults[SOCKETS][LISTEN_MAX];
	gid_t group, worker_group; /* -1: none */
	struct curve_pair keys;
	bool encrypted;
	void *context;
	struct loop *loop;
	struct broker *broker;
	struct supervisor *supervisor;
	int signals; /* signalfd */
};

static uint64_t limit_of(const struct args *args, enum limit_id id)
{
	return args_uint(args, limit_names[id], 0);
}

static int find_group(const struct args *args, const char *option, gid_t *ret,
		      struct ksnap_err *err)
{
	const char *name = args_string(args, option, NULL);
	struct group *g;

	*ret = (gid_t)-1;
	if (!name)
		return 0;
	g = getgrnam(name);
	if (!g)
		return err_set(err, KSNAP_E_ARG, "--%s: there is no group '%s'", option, name);
	*ret = g->gr_gid;
	return 0;
}

/* A list with at least one place that is free to be filled. */
static int list_of(const char ***ret, const struct args *args, const char *option,
		   struct ksnap_err *err)
{
	*ret = args_list(args, option);
	if (*ret && !**ret) {
		free(*ret);
		*ret = calloc(2, sizeof(**ret));
	}
	return *ret ? 0 : err_nomem(err);
}

static int choose_endpoints(struct server *s, const struct args *args, bool threads,
			    struct ksnap_err *err)
{
	for (unsigned i = 0; i < SOCKETS; i++) {
		int r = list_of(&s->urls[i], args, bind_options[i], err);

		if (r < 0)
			return r;
		if (*s->urls[i])
			continue;
		r = listen_default(socket_names[i], i == CONTROL ? NULL : *s->urls[CONTROL],
				   s->defaults[i], err);
		if (r < 0)
			return r;
		*s->urls[i] = i == WORK && threads ? INPROC_WORK : s->defaults[i];
	}
	return 0;
}

static int prepare_endpoints(const struct server *s, bool insecure, struct ksnap_err *err)
{
	/* Workers have to get at their socket, whoever else may enter. */
	gid_t group = s->group != (gid_t)-1 ? s->group : s->worker_group;
	int r = 0;

	for (unsigned i = 0; i < SOCKETS; i++)
		for (const char **url = s->urls[i]; *url && r == 0; url++) {
			r = listen_check(*url, s->encrypted, insecure, err);
			if (r == 0)
				r = listen_make_folder(*url, group, err);
		}
	return r;
}

static int choose_targets(struct server *s, const struct args *args, struct ksnap_err *err)
{
	int r = list_of(&s->targets, args, "target", err);

	if (r < 0)
		return r;
	if (!*s->targets)
		*s->targets = "live";
	return target_check_all(s->targets, err);
}

static int choose_keys(struct server *s, const struct args *args, struct ksnap_err *err)
{
	const char *secret = args_string(args, "curve-secret", NULL);

	if (!secret && !args_string(args, "authorised", NULL))
		return 0;
	if (!secret || !args_string(args, "authorised", NULL))
		return err_set(err, KSNAP_E_ARG,
			       "--curve-secret and --authorised go together: the broker's own key, "
			       "and who may connect");
	s->encrypted = true;
	return curve_read(secret, &s->keys, err);
}

static int check_state(const struct args *args, struct ksnap_err *err)
{
	if (!args_string(args, "state-sync", NULL) || args_string(args, "state", NULL))
		return 0;
	return err_set(err, KSNAP_E_ARG,
		       "--state-sync says how to keep what --state DIR names: "
		       "name a folder too");
}

static int choose(struct server *s, const struct args *args, bool threads, struct ksnap_err *err)
{
	int r = find_group(args, "group", &s->group, err);

	if (r == 0)
		r = find_group(args, "worker-group", &s->worker_group, err);
	if (r == 0)
		r = check_state(args, err);
	if (r == 0)
		r = choose_keys(s, args, err);
	if (r == 0)
		r = choose_targets(s, args, err);
	if (r == 0)
		r = choose_endpoints(s, args, threads, err);
	if (r == 0)
		r = prepare_endpoints(s, args_flag(args, "insecure"), err);
	return r;
}

static void reload_keys(struct server *s)
{
	struct ksnap_err err;

	if (broker_reload_keys(s->broker, &err) < 0)
		say_error("the keys stay as they were: %s", err.text);
	else
		say_note(s->cli, "keys are read again");
}

static void stop_on_signal(void *arg)
{
	struct server *s = arg;
	struct signalfd_siginfo info;

	if (read(s->signals, &info, sizeof(info)) != sizeof(info))
		return;
	if (info.ssi_signo == SIGHUP) {
		reload_keys(s);
		return;
	}
	say_note(s->cli, "%s: stopping", strsignal(info.ssi_signo));
	loop_stop(s->loop);
}

static void stop_signals(sigset_t *set)
{
	sigemptyset(set);
	sigaddset(set, SIGINT);
	sigaddset(set, SIGTERM);
}

static int catch_signals(struct server *s, struct ksnap_err *err)
{
	sigset_t set;
	int r;

	stop_signals(&set);
	if (s->encrypted)
		sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	s->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (s->signals < 0)
		return err_errno(err, KSNAP_E_INTERNAL, errno, "cannot wait for signals");
	r = loop_add_fd(s->loop, s->signals, stop_on_signal, s, err);
	return r < 0 ? r : 0;
}

static void end_silent_worker(void *arg, const char *name, uint64_t pid)
{
	struct server *s = arg;

	if (s->supervisor)
		supervisor_worker_silent(s->supervisor, name, pid);
}

static int start_broker(struct server *s, const struct args *args, struct ksnap_err *err)
{
	struct broker_opts opts = {
		.size = sizeof(opts),
		.zmq_context = s->context,
		.control = s->urls[CONTROL],
		.live = s->urls[LIVE],
		.work = s->urls[WORK],
		.targets = s->targets,
		.role = args_string(args, "role", NULL),
		.curve = s->encrypted ? &s->keys : NULL,
		.authorised = args_string(args, "authorised", NULL),
		.ipc_mode = s->group == (gid_t)-1 ? 0600 : 0660,
		.work_mode = s->worker_group == (gid_t)-1 ? 0600 : 0660,
		.state = args_string(args, "state", NULL),
		.state_sync = args_string(args, "state-sync", NULL),
		.bridge_limits = {
			.snapshots = limit_of(args, LIMIT_ID_MAX_STORED_SNAPSHOTS),
			.bytes = limit_of(args, LIMIT_ID_MAX_STORED_BYTES),
			.events = limit_of(args, LIMIT_ID_MAX_STORED_EVENTS),
			.watches = limit_of(args, LIMIT_ID_MAX_WATCH_SNAPSHOTS),
		},
		.max_bridges = limit_of(args, LIMIT_ID_MAX_BRIDGES),
		.max_sessions = limit_of(args, LIMIT_ID_MAX_SESSIONS),
		.max_queued_jobs = limit_of(args, LIMIT_ID_MAX_QUEUED_JOBS),
		.max_frame = limit_of(args, LIMIT_ID_MAX_CONTROL_FRAME),
		.max_unread = limit_of(args, LIMIT_ID_MAX_UNREAD_BYTES),
		.max_behind = limit_of(args, LIMIT_ID_MAX_BEHIND_BYTES),
		.max_blob = limit_of(args, LIMIT_ID_MAX_BLOB),
		.worker_silent = end_silent_worker,
		.arg = s,
		.refused_connections = accepting_refused,
	};

	s->broker = broker_create(s->loop, &opts, err);
	return s->broker ? 0 : KSNAP_E_STATE;
}

static int share_sockets(const struct server *s, struct ksnap_err *err)
{
	int r = 0;

	for (unsigned i = 0; i < SOCKETS; i++) {
		gid_t group = i == WORK ? s->worker_group : s->group;

		if (group == (gid_t)-1)
			continue;
		for (const char **url = s->urls[i]; *url && r == 0; url++)
			r = listen_give_to(*url, group, err);
	}
	return r;
}

/* For workers of our own, who have no key; NULL: there is none. */
static const char *own_work_endpoint(const struct server *s)
{
	const char **url = s->urls[WORK];

	while (s->encrypted && *url && strncmp(*url, "tcp://", 6) == 0)
		url++;
	return s->encrypted ? *url : broker_work_endpoint(s->broker);
}

static int start_workers(struct server *s, const struct args *args, bool threads,
			 struct ksnap_err *err)
{
	struct supervisor_opts opts = {
		.loop = s->loop,
		.broker = s->broker,
		.connect = own_work_endpoint(s),
		.targets = s->targets,
		.per_target = args_uint(args, "workers-per-target", 1),
		.threads = threads,
		.allow_writes = args_flag(args, "allow-writes"),
		.zmq_context = s->context,
		.verbose = s->cli->verbose,
		.quiet = s->cli->quiet,
	};

	if (!opts.connect)
		return err_set(err, KSNAP_E_ARG,
			       "the workers of this broker have no key for its work endpoint: add "
			       "--bind-work ipc://..., or start them apart (--workers none)");
	s->supervisor = supervisor_create(&opts, err);
	return s->supervisor ? 0 : KSNAP_E_INTERNAL;
}

static void tell_ready(const struct server *s)
{
	_buf_ struct buf targets = BUF_INIT;

	for (const char **t = s->targets; *t; t++)
		buf_printf(&targets, "%s%s", t == s->targets ? "" : ", ", *t);
	buf_append(&targets, "", 1);
	say_note(s->cli, "serving %s (live %s, work %s), target %s, epoch %llu",
		 broker_control_endpoint(s->broker), broker_live_endpoint(s->broker),
		 broker_work_endpoint(s->broker),
		 buf_ok(&targets) ? (const char *)targets.data : "",
		 (unsigned long long)broker_epoch(s->broker));
}

static int serve(struct server *s, const struct args *args, struct ksnap_err *err)
{
	const char *workers = args_string(args, "workers", "process");
	bool threads = strcmp(workers, "thread") == 0;
	int r = choose(s, args, threads, err);

	if (r < 0)
		return r;
	descriptors_raise_for_broker();
	s->context = zmq_ctx_new();
	s->loop = loop_create(err);
	if (!s->context || !s->loop)
		return KSNAP_E_INTERNAL;
	r = catch_signals(s, err);
	if (r == 0)
		r = start_broker(s, args, err);
	if (r == 0)
		r = share_sockets(s, err);
	if (r == 0 && strcmp(workers, "none") != 0)
		r = start_workers(s, args, threads, err);
	if (r < 0)
		return r;
	tell_ready(s);
	if (s->encrypted)
		say_note(s->cli, "clients on tcp take --server-key '%s'", s->keys.public_key);
	return loop_run(s->loop, err);
}

static void stop(struct server *s)
{
	sigset_t set;

	/* A second signal kills: whatever hangs below must not hold the terminal. */
	stop_signals(&set);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	supervisor_retire(s->supervisor);
	broker_destroy(s->broker);
	supervisor_destroy(s->supervisor);
	loop_destroy(s->loop);
	cleanup_close(&s->signals);
	if (s->context)
		zmq_ctx_term(s->context);
	for (unsigned i = 0; i < SOCKETS; i++)
		free(s->urls[i]);
	free(s->targets);
	curve_pair_clear(&s->keys);
}

static int run_serve(const struct cli *cli, const struct args *args)
{
	struct server s = { .cli = cli, .signals = -1 };
	struct ksnap_err err = { .code = KSNAP_E_INTERNAL, .text = "cannot start" };
	int r = serve(&s, args, &err);

	stop(&s);
	return r < 0 ? say_err(&err) : EXIT_OK;
}

const struct command cmd_serve = {
	.name = "serve",
	.summary = "run a broker with its capture workers",
	.usage = "[--bind URL]... [--target TARGET]... [OPTION]...",
	.text = "Runs in the foreground until SIGINT or SIGTERM; a second signal kills at once. "
		"When it is ready "
		"it says so on stderr in one line that begins with 'ksnap: serving'. Workers that "
		"die are "
		"started again; only the job they were doing is lost. With --authorised, SIGHUP "
		"makes it read that file again: keys that are gone have no rights from then on.",
	.make_options = make_options,
	.run = run_serve,
};
