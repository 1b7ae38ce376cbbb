// SPDX-License-Identifier: MIT
/* cmd_monitor.c - ksnap monitor: follow the live bus, one message a line, and name every hole. */
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/limits.h"
#include "cli/commands.h"
#include "cli/connect.h"
#include "cli/late_report.h"
#include "cli/out.h"
#include "cli/print.h"
#include "cli/shelf.h"
#include "cli/sift.h"
#include "cli/words.h"
#include "client/client.h"
#include "client/subscriber.h"
#include "report/render.h"
#include "wire/pack.h"

#define TURN_MS      250 /* how long one wait lasts before signals are looked at */
#define MISSED_BEATS 5   /* of the broker, before its silence is told */

static const struct option_row options[] = {
	{ "channel", 0, OPTION_LIST, "PREFIX",
	  "channels that begin with this, such as event/default; repeatable; all but beat and "
	  "report when not given",
	  0, 0 },
	SIFT_OPTIONS,
	{ "reports", 0, OPTION_FLAG, NULL, "also whole reports; -o jsonl prints them rendered", 0,
	  0 },
	{ "save", 0, OPTION_STRING, "FOLDER",
	  "also whole reports, a file each in FOLDER, instead of printing them; those that come "
	  "without (of a replay, or when too many wait) are fetched while the store has them",
	  0, 0 },
	{ "from", 0, OPTION_STRING, "POSITION",
	  "begin with what the broker remembers: oldest, last:N, or a sequence number", 0, 0 },
	{ "count", 'n', OPTION_UINT, "N", "end after N messages", 1, UINT64_MAX },
	{ "until-empty", 0, OPTION_FLAG, NULL, "end when everything that was there is printed", 0,
	  0 },
	{ "fail-on-loss", 0, OPTION_FLAG, NULL,
	  "end with exit code 3 when messages were lost, or reports that --save wants", 0, 0 },
	{ 0 },
};

static const char *const usual_channels[] = { "event/", "snapshot/", "watch/", "log/", "worker" };

struct monitor {
	const struct cli *cli;
	struct ksnap_subscriber *sub;
	struct sift sift;
	struct link *link;
	struct shelf shelf;       /* no folder: nothing is saved */
	uint64_t fetched, missed; /* of what came without its report: had from the store, not had */
	uint64_t count_left;      /* UINT64_MAX: no end */
	uint64_t lost, shown;
	bool away; /* the broker did not answer a replay, and people were told */
	struct {
		uint64_t count;    /* of subscriber_heard() */
		uint64_t since_ns; /* when it grew last */
		uint64_t quiet_ms; /* waited since, in turns: a monitor that was stopped is not
				      silence */
		bool silent;       /* that is too long, and people were told */
	} word;
	struct buf line;
};

static volatile sig_atomic_t interrupted;

static void note_signal(int sig)
{
	(void)sig;
	interrupted = 1;
}

static bool is_interrupted(void *arg)
{
	(void)arg;
	return interrupted;
}

static void catch_signals(void)
{
	struct sigaction sa = { .sa_handler = note_signal };

	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGTERM, &sa, NULL);
}

static void color(struct monitor *m, const char *code)
{
	if (m->cli->color)
		buf_printf(&m->line, "\033[%sm", code);
}

static void line_of_message(struct monitor *m, const struct ksnap_live_msg *msg,
			    const msgpack_object *header)
{
	msgpack_object_str kind = field_str(header, "k");

	print_time(&m->line, field_uint(header, "ts", 0));
	buf_printf(&m->line, "  %-18s #%-6" PRIu64 " ", msg->channel, msg->seq);
	color(m, "1");
	buf_printf(&m->line, "%-12.*s", (int)kind.size, kind.ptr);
	color(m, "0");
	buf_append(&m->line, " ", 1);
	words_append(&m->line, header);
	if (msg->payload) {
		buf_printf(&m->line, "  report ");
		print_bytes(&m->line, ksnap_blob_size(msg->payload));
	} else if (!msg->replayed && !strncmp(msg->channel, "report/", 7)) {
		buf_printf(&m->line, "  report left out, too many wait (ksnap serve --max-behind)");
	}
	buf_append(&m->line, "\n", 1);
}

static void line_of_gap(struct monitor *m, const struct ksnap_live_msg *msg)
{
	print_time(&m->line, clock_real_ns());
	if (msg->kind == KSNAP_LIVE_EPOCH) {
		buf_printf(&m->line,
			   "  the broker is another one now, epoch %" PRIu64
			   "; numbers begin anew\n",
			   msg->epoch);
		return;
	}
	buf_printf(&m->line, "  %-18s ", msg->channel);
	color(m, "1;31");
	buf_printf(&m->line, "LOST");
	color(m, "0");
	buf_printf(&m->line,
		   "    %" PRIu64 " messages (#%" PRIu64 "-#%" PRIu64 ") total_lost=%" PRIu64 "\n",
		   msg->lost, msg->first, msg->last, m->lost);
}

static void add_report(struct monitor *m, struct ksnap_blob *report)
{
	const struct render_opts opts = { 0 };
	struct ksnap_err err;
	struct ksnap_snapshot *s = ksnap_snapshot_open(report, &err);

	if (s) {
		buf_printf(&m->line, ",\"report\":");
		render_report_json(s, &opts, &m->line);
	} else {
		buf_printf(&m->line, ",\"report_error\":");
		print_json_str(&m->line, err.text, strlen(err.text));
	}
	ksnap_snapshot_close(s);
}

static void json_of_message(struct monitor *m, const struct ksnap_live_msg *msg,
			    const msgpack_object *header)
{
	_buf_ struct buf own = BUF_INIT;

	print_json(&own, header, 0);
	if (!buf_ok(&own) || own.len < 2)
		return;
	buf_printf(&m->line, "{\"type\":\"message\",\"replayed\":%s,",
		   msg->replayed ? "true" : "false");
	buf_append(&m->line, own.data + 1, own.len - 2);
	if (msg->payload && !m->shelf.folder)
		add_report(m, msg->payload);
	buf_printf(&m->line, "}\n");
}

/* What is no message, as a map that the same code prints as JSON. */
static void pack_gap(struct buf *out, const struct ksnap_live_msg *msg)
{
	msgpack_packer pk;
	bool lost = msg->kind == KSNAP_LIVE_LOST;

	pack_init(&pk, out);
	msgpack_pack_map(&pk, lost ? 6 : 2);
	pack_str(&pk, "type");
	pack_str(&pk, lost ? "lost" : "epoch");
	pack_str(&pk, "epoch");
	msgpack_pack_uint64(&pk, msg->epoch);
	if (!lost)
		return;
	pack_str(&pk, "ch");
	pack_str(&pk, msg->channel);
	pack_str(&pk, "first");
	msgpack_pack_uint64(&pk, msg->first);
	pack_str(&pk, "last");
	msgpack_pack_uint64(&pk, msg->last);
	pack_str(&pk, "lost");
	msgpack_pack_uint64(&pk, msg->lost);
}

static int print_gap(struct monitor *m, const struct ksnap_live_msg *msg, struct ksnap_err *err)
{
	_buf_ struct buf packed = BUF_INIT;
	msgpack_unpacked u;
	int r;

	if (m->cli->output == OUTPUT_TABLE) {
		line_of_gap(m, msg);
		return 0;
	}
	pack_gap(&packed, msg);
	if (m->cli->output == OUTPUT_MSGPACK) {
		buf_append(&m->line, packed.data, packed.len);
		return 0;
	}
	r = object_decode(&u, packed.data, packed.len, err);
	if (r < 0)
		return r;
	print_json(&m->line, &u.data, 0);
	buf_append(&m->line, "\n", 1);
	msgpack_unpacked_destroy(&u);
	return 0;
}

static void print_message(struct monitor *m, const struct ksnap_live_msg *msg,
			  const msgpack_object *header)
{
	if (m->cli->output == OUTPUT_MSGPACK)
		buf_append(&m->line, ksnap_blob_data(msg->header), ksnap_blob_size(msg->header));
	else if (m->cli->output == OUTPUT_TABLE)
		line_of_message(m, msg, header);
	else
		json_of_message(m, msg, header);
}

/* What came as a header only, from the store. NULL: it is counted as not had. */
static struct ksnap_blob *fetch(struct monitor *m, const struct ksnap_live_msg *msg,
				const msgpack_object *header)
{
	struct ksnap_blob *report = NULL;
	struct ksnap_err err;
	int r = late_report(m->link->client, msg, header, &report, &err);

	if (r < 0)
		say_note(m->cli, "%s #%" PRIu64 ": the report is not had: %s", msg->channel,
			 msg->seq, err.text);
	m->fetched += r > 0;
	m->missed += r <= 0;
	return report;
}

static int save_report(struct monitor *m, const struct ksnap_live_msg *msg,
		       const msgpack_object *header, struct ksnap_err *err)
{
	_blob_ struct ksnap_blob *report = NULL;
	msgpack_object_str str = field_str(header, "tag");
	char tag[KSNAP_TAG_MAX + 1] = "";

	if (!m->shelf.folder || strncmp(msg->channel, "report/", 7))
		return 0;
	report = msg->payload ? ksnap_blob_ref(msg->payload) : fetch(m, msg, header);
	if (!report)
		return 0;
	memcpy(tag, str.ptr, str.size < sizeof(tag) ? str.size : sizeof(tag) - 1);
	return shelf_put(&m->shelf, msg, tag, report, err);
}

static int take_message(struct monitor *m, const struct ksnap_live_msg *msg, struct ksnap_err *err)
{
	msgpack_unpacked u;
	int r = object_decode(&u, ksnap_blob_data(msg->header), ksnap_blob_size(msg->header), err);

	if (r < 0)
		return r;
	if (sift_takes(&m->sift, &u.data)) {
		m->shown++;
		m->count_left -= m->count_left != UINT64_MAX;
		print_message(m, msg, &u.data);
		r = save_report(m, msg, &u.data, err);
	}
	msgpack_unpacked_destroy(&u);
	return r;
}

static int take(struct monitor *m, const struct ksnap_live_msg *msg, struct ksnap_err *err)
{
	int r;

	if (msg->kind == KSNAP_LIVE_LOST)
		m->lost += msg->lost;
	if (msg->kind == KSNAP_LIVE_MESSAGE)
		r = take_message(m, msg, err);
	else
		r = print_gap(m, msg, err);
	out_buf(&m->line);
	out_flush();
	return r;
}

/* A replay that failed because the broker is away, or busy, is asked for again when it is back:
 * what is gone by then is told as lost. */
static int pass_over(struct monitor *m, int r, const struct ksnap_err *err)
{
	if (!ksnap_err_retry(r))
		return r;
	if (!m->away)
		say_note(m->cli, "%s; waiting", err->text);
	m->away = true;
	poll(NULL, 0, TURN_MS);
	return 0;
}

/* No message, and no beat either, for five heartbeats: say so once, and when there is one again. */
static void mind_silence(struct monitor *m)
{
	uint64_t beat_ms = client_heartbeat_ms(m->link->client), now = clock_mono_ns();
	uint64_t heard = subscriber_heard(m->sub), s = (now - m->word.since_ns) / NS_PER_S;
	const char *url = ksnap_client_endpoint(m->link->client);

	if (heard != m->word.count) {
		if (m->word.silent)
			say_note(m->cli, "the broker at %s is heard again, after %" PRIu64 " s",
				 url, s);
		m->word.count = heard;
		m->word.since_ns = now;
		m->word.quiet_ms = 0;
		m->word.silent = false;
	} else if (!m->word.silent &&
		   m->word.quiet_ms >= MISSED_BEATS * (beat_ms ? beat_ms : LIMIT_HEARTBEAT_MS)) {
		m->word.silent = true;
		if (!m->away)
			say_note(m->cli,
				 "no word from the broker at %s for %" PRIu64 " s; waiting for it",
				 url, s);
	}
}

static int follow(struct monitor *m, bool until_empty, struct ksnap_err *err)
{
	int r = 0;

	while (r >= 0 && !interrupted && !out_broken() && m->count_left > 0) {
		struct ksnap_live_msg msg = { 0 };

		r = ksnap_subscriber_next(m->sub, TURN_MS, &msg, err);
		if (r == 0 && until_empty)
			break;
		if (r == 0)
			m->word.quiet_ms += TURN_MS;
		if (r > 0) {
			m->away = false;
			r = take(m, &msg, err);
		} else if (r < 0 && !until_empty) {
			r = pass_over(m, r, err);
		}
		ksnap_live_msg_clear(&msg);
		mind_silence(m);
	}
	return interrupted && r == KSNAP_E_STATE ? 0 : r; // what was awaited is broken off
}

static void tell_totals(struct monitor *m, uint64_t began_ns)
{
	uint64_t s = (clock_mono_ns() - began_ns) / NS_PER_S, delivered, lost, all;

	ksnap_subscriber_totals(m->sub, &delivered, &lost);
	all = delivered + lost;
	say_note(m->cli,
		 "%" PRIu64 " messages, %" PRIu64 " lost (%.2f%%), %02" PRIu64 ":%02" PRIu64
		 ":%02" PRIu64,
		 delivered, lost, all ? 100.0 * lost / all : 0.0, s / 3600, s / 60 % 60, s % 60);
	if (!sift_is_empty(&m->sift))
		say_note(m->cli, "%" PRIu64 " of them shown", m->shown);
	if (m->shelf.folder)
		say_note(m->cli,
			 "%" PRIu64 " reports saved in %s, %" PRIu64
			 " of them fetched from the store; %" PRIu64 " not had: they had left it",
			 m->shelf.saved, m->shelf.folder, m->fetched, m->missed);
}

/* The prefixes to subscribe to, NULL-terminated, to be freed. */
static const char **choose_channels(const struct args *args)
{
	size_t named = args_count(args, "channel"), n = 0;
	const char **given = args_list(args, "channel");
	const char **all = calloc(named + ARRAY_SIZE(usual_channels) + 2, sizeof(*all));

	bool reports = args_flag(args, "reports") || args_count(args, "save");

	for (; given && all && n < named; n++) {
		all[n] = given[n];
		reports = reports && strncmp(given[n], "report/", 7) != 0; // these, not all
	}
	for (size_t i = 0; all && named == 0 && i < ARRAY_SIZE(usual_channels); i++)
		all[n++] = usual_channels[i];
	if (all && reports)
		all[n++] = "report/";
	free(given);
	return all;
}

static int subscribe(struct monitor *m, struct link *l, const struct args *args,
		     struct ksnap_err *err)
{
	_free_ const char **channels = choose_channels(args);
	KSNAP_OPTS(ksnap_subscribe_opts, opts, .channels = channels,
		   .from = args_string(args, "from", NULL));

	if (!channels)
		return err_nomem(err);
	m->sub = ksnap_subscriber_create(l->client, &opts, err);
	if (!m->sub)
		return err && err->code ? err->code : KSNAP_E_UNREACHABLE;
	say_note(m->cli, "connected %s  api %d  epoch %" PRIu64 "%s%s",
		 ksnap_client_endpoint(l->client), KSNAP_API_LEVEL, ksnap_client_epoch(l->client),
		 opts.from ? "  from " : "", opts.from ? opts.from : "");
	return 0;
}

static int set_up(struct monitor *m, const struct args *args, struct ksnap_err *err)
{
	const char *folder = args_string(args, "save", NULL);
	int r = sift_init(&m->sift, args, err);

	m->count_left = args_uint(args, "count", UINT64_MAX);
	return r == 0 && folder ? shelf_init(&m->shelf, folder, err) : r;
}

static int run_monitor(const struct cli *cli, const struct args *args)
{
	_link_ struct link l = { 0 };
	struct monitor m = { .cli = cli, .link = &l, .line = BUF_INIT };
	uint64_t began = clock_mono_ns(), ignored;
	struct ksnap_err err = { 0 };
	int r = link_open(&l, cli, "monitor", NULL, &err);

	if (r == 0)
		r = set_up(&m, args, &err);
	catch_signals();
	if (r == 0)
		client_set_stop(l.client, is_interrupted, NULL);
	if (r == 0)
		r = subscribe(&m, &l, args, &err);
	m.word.since_ns = clock_mono_ns();
	if (r == 0)
		r = follow(&m, args_flag(args, "until-empty"), &err);
	if (m.sub) {
		tell_totals(&m, began);
		ksnap_subscriber_totals(m.sub, &ignored, &m.lost);
	}
	ksnap_subscriber_destroy(m.sub);
	sift_fini(&m.sift);
	buf_fini(&m.line);
	if (r < 0)
		return say_err(&err);
	return (m.lost || m.missed) && args_flag(args, "fail-on-loss") ? EXIT_LOSS : EXIT_OK;
}

const struct command cmd_monitor = {
	.name = "monitor",
	.summary = "follow the live bus, one message a line, and name every hole",
	.usage = "[--from POSITION] [--channel PREFIX]... [OPTION]...",
	.text = "Prints the time, the channel, the number on that channel, the kind and what it "
		"says. Numbers have no "
		"holes: what could not be had even from the broker's memory is printed as LOST, "
		"whatever --kind and --match hide. Ctrl-C ends it.",
	.options = options,
	.run = run_monitor,
};
