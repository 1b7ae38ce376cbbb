// SPDX-License-Identifier: MIT
/* cmd_watch.c - ksnap watch: hold a watch for as long as the command runs, print hits as they come.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/error.h"
#include "cli/commands.h"
#include "cli/connect.h"
#include "cli/duration.h"
#include "cli/hit_out.h"
#include "cli/out.h"
#include "cli/print.h"
#include "cli/stay.h"
#include "cli/watch_end.h"
#include "client/client.h"
#include "report/reader.h"
#include "wire/pack.h"

#define TURN_MS 100  /* how long one wait lasts before signals and time are looked at */
#define REST_MS 2000 /* how long to wait for the last hits once the watch has been ended */

static const struct option_row options[] = {
	{ "len", 0, OPTION_UINT, "N", "bytes to watch: 1, 2, 4, 8; as its type says when not given",
	  1, 8 },
	{ "rate", 0, OPTION_UINT, "N",
	  "hits a second to tell, the rest is counted; 20 when not given", 1, 1000 },
	{ "burst", 0, OPTION_UINT, "N",
	  "hits to tell at once before the rate counts; 10 when not given", 1, 1000 },
	{ "max-hits", 'n', OPTION_UINT, "N", "end after N told hits", 1, UINT64_MAX },
	{ "map", 'm', OPTION_LIST, "GLOB", "maps to capture on a hit, as for capture; repeatable",
	  0, 0 },
	{ "progs", 0, OPTION_FLAG, NULL, "also capture the list of BPF programs", 0, 0 },
	{ "each", 0, OPTION_FLAG, NULL,
	  "a tag of its own for each capture: SYMBOL#1, SYMBOL#2, ...", 0, 0 },
	{ "tag", 0, OPTION_STRING, "TAG", "stands for SYMBOL in tags", 0, 0 },
	{ "target", 'T', OPTION_STRING, "TARGET",
	  "whose memory; the broker's first target when not given, live without a broker", 0, 0 },
	{ "also", 0, OPTION_LIST, "TARGET", "capture this target too on each hit; repeatable", 0,
	  0 },
	{ "for", 0, OPTION_STRING, "DURATION", "end after that time: 500ms, 10s, 2m", 0, 0 },
	{ 0 },
};

struct watcher {
	const struct cli *cli;
	struct link *link;
	struct ksnap_subscriber *sub;
	int signals;
	uint64_t until_mono_ns; /* 0: no end */
	uint64_t beat_mono_ns;  /* when to ping next */
	uint64_t armed_mono_ns; /* when it began to watch, and when it was heard that it is over */
	uint64_t over_mono_ns;
	char hits_channel[KSNAP_TAG_MAX + 16], events_channel[KSNAP_TAG_MAX + 16];
	uint64_t id; /* of the watch */
	uint64_t shown, hits, suppressed, unseen, missed, lost;
	bool exact;                /* hits, suppressed, unseen: nothing came behind them */
	bool all_told;             /* the last message about it was read */
	char over[KSNAP_ERR_TEXT]; /* why it is over; "": it is not */
	struct buf line;
};

/* ---- arming --------------------------------------------------------------------------------- */

static int build_params(struct params *p, const struct args *args, struct ksnap_err *err)
{
	static const struct {
		const char *option, *key;
	} numbers[] = {
		{ "len", "len" },
		{ "rate", "rate" },
		{ "burst", "burst" },
		{ "max-hits", "max_hits" },
	};
	_free_ const char **maps = args_list(args, "map"), **also = args_list(args, "also");

	params_init(p);
	if (!maps || !also)
		return err_nomem(err);
	params_str(p, "symbol", args->words[0]);
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
		if (args_count(args, numbers[i].option))
			params_uint(p, numbers[i].key, args_uint(args, numbers[i].option, 0));
	params_list(p, "maps", maps);
	params_list(p, "targets", also);
	params_str(p, "tag", args_string(args, "tag", NULL));
	params_str(p, "target", args_string(args, "target", NULL));
	if (args_flag(args, "progs"))
		params_bool(p, "progs", true);
	if (args_flag(args, "each"))
		params_bool(p, "each", true);
	return 0;
}

static void tell_armed(struct watcher *w, const char *symbol, const msgpack_object *reply)
{
	uint64_t len = field_uint(reply, "len", 0);

	if (len)
		say_note(w->cli,
			 "watch %" PRIu64 " on %s: %" PRIu64 " bytes at 0x%" PRIx64
			 ", slot %" PRIu64 "; ends with this command (^C)",
			 w->id, symbol, len, field_uint(reply, "addr", 0),
			 field_uint(reply, "slot", 0));
	else
		say_note(w->cli, "watch %" PRIu64 " on %s; ends with this command (^C)", w->id,
			 symbol);
	out_flush();
}

/* Nobody would know why no hit comes. */
static void tell_still(struct watcher *w, const msgpack_object *reply)
{
	msgpack_object_str still = field_str(reply, "still");

	if (still.size == strlen("frozen") && !memcmp(still.ptr, "frozen", still.size))
		say_note(w->cli, "the guest stands still, frozen by ksnap: there is no hit before "
				 "it goes on ('ksnap thaw /', or the end of who froze it)");
	else if (still.size)
		say_note(w->cli,
			 "the guest stands still, qemu says '%.*s', and not by ksnap: there is no "
			 "hit before whoever stopped it lets it go on (cont, in qemu's monitor or "
			 "by QMP)",
			 (int)still.size, still.ptr);
}

static int arm(struct watcher *w, const struct args *args, struct ksnap_err *err)
{
	struct ksnap_reply reply = { 0 };
	_params_ struct params p;
	msgpack_unpacked u;
	int r = build_params(&p, args, err);

	stay_breaks_off(w->link, &w->signals);
	if (r == 0)
		r = link_call(w->link, "watch_snapshot", &p, &reply, err);
	stay_breaks_off(w->link, NULL);
	if (r >= 0)
		r = object_decode(&u, reply.r, reply.r_len, err);
	if (r >= 0) {
		w->id = field_uint(&u.data, "watch", 0);
		tell_armed(w, args->words[0], &u.data);
		tell_still(w, &u.data);
		msgpack_unpacked_destroy(&u);
	}
	ksnap_reply_clear(&reply);
	return r < 0 ? r : 0;
}

/* Before it is armed: its first hit must not be missed. */
static int subscribe(struct watcher *w, struct ksnap_err *err)
{
	const char *bridge = w->cli->bridge ? w->cli->bridge : "default";
	const char *channels[] = { w->hits_channel, w->events_channel, NULL };
	KSNAP_OPTS(ksnap_subscribe_opts, opts, .channels = channels);

	snprintf(w->hits_channel, sizeof(w->hits_channel), "watch/%s", bridge);
	snprintf(w->events_channel, sizeof(w->events_channel), "event/%s", bridge);
	w->sub = ksnap_subscriber_create(w->link->client, &opts, err);
	if (w->sub)
		return 0;
	return err->code ? err->code : KSNAP_E_UNREACHABLE;
}

/* ---- what the live bus says ------------------------------------------------------------------ */

static void take_counts(struct watcher *w, const msgpack_object *map)
{
	w->hits = field_uint(map, "hits", w->hits);
	w->suppressed = field_uint(map, "suppressed", w->suppressed);
	w->unseen = field_uint(map, "unseen", w->unseen);
}

static void print_hit(struct watcher *w, const msgpack_object *header)
{
	const msgpack_object *hit = object_get(header, "hit");
	uint64_t suppressed = w->suppressed, unseen = w->unseen;

	take_counts(w, header);
	w->shown++;
	if (w->cli->output == OUTPUT_TABLE) {
		hit_out_line(&w->line, header,
			     w->suppressed > suppressed ? w->suppressed - suppressed : 0,
			     w->unseen > unseen ? w->unseen - unseen : 0, w->cli->verbose > 0);
	} else if (w->cli->output == OUTPUT_MSGPACK && hit) {
		msgpack_packer pk;

		pack_init(&pk, &w->line);
		msgpack_pack_object(&pk, *hit);
	} else if (hit) {
		hit_out_json(&w->line, hit);
	}
	out_buf(&w->line);
	out_flush();
}

static bool is_kind(const msgpack_object *header, const char *name)
{
	msgpack_object_str k = field_str(header, "k");

	return k.size == strlen(name) && !memcmp(k.ptr, name, k.size);
}

static void take_reason(struct watcher *w, const msgpack_object *header)
{
	msgpack_object_str reason = field_str(header, "reason");

	snprintf(w->over, sizeof(w->over), "%.*s", (int)reason.size, reason.ptr);
	w->over_mono_ns = w->over_mono_ns ? w->over_mono_ns : clock_mono_ns();
}

static void take_over(struct watcher *w, const msgpack_object *header)
{
	take_counts(w, header);
	w->missed = field_uint(header, "missed", 0);
	w->exact = field_bool(header, "exact");
	w->all_told = true;
	take_reason(w, header);
}

static int take_message(struct watcher *w, const struct ksnap_live_msg *msg, struct ksnap_err *err)
{
	msgpack_unpacked u;
	int r = object_decode(&u, ksnap_blob_data(msg->header), ksnap_blob_size(msg->header), err);

	if (r < 0)
		return r;
	if (field_uint(&u.data, "watch", 0) == w->id) {
		if (is_kind(&u.data, "hit"))
			print_hit(w, &u.data);
		else if (is_kind(&u.data, "over"))
			take_over(w, &u.data);
		else if (is_kind(&u.data,
				 "watch_disarmed")) /* when the other one is lost or late */
			take_reason(w, &u.data);
	}
	msgpack_unpacked_destroy(&u);
	return 0;
}

static int take(struct watcher *w, const struct ksnap_live_msg *msg, struct ksnap_err *err)
{
	if (msg->kind == KSNAP_LIVE_EPOCH)
		return err_set(
			err, KSNAP_E_UNREACHABLE,
			"the broker was started anew, and the watch is gone with the old one");
	if (msg->kind == KSNAP_LIVE_MESSAGE)
		return take_message(w, msg, err);
	if (!strcmp(msg->channel, w->hits_channel)) {
		w->lost += msg->lost;
		say_note(w->cli, "LOST %" PRIu64 " messages of %s", msg->lost, msg->channel);
	}
	return 0;
}

/* ---- staying --------------------------------------------------------------------------------- */

/* The broker releases what a silent session holds. */
static int keep_alive(struct watcher *w, struct ksnap_err *err)
{
	uint64_t beat_ms = client_heartbeat_ms(w->link->client), now = clock_mono_ns();
	struct ksnap_reply reply = { 0 };
	int r;

	if (now < w->beat_mono_ns)
		return 0;
	w->beat_mono_ns = now + (beat_ms ? beat_ms : 1000) * NS_PER_MS;
	r = link_call(w->link, "ping", NULL, &reply, err);
	ksnap_reply_clear(&reply);
	return r < 0 ? r : 0;
}

static bool is_time(const struct watcher *w)
{
	return stay_is_told(w->signals) || out_broken() ||
	       (w->until_mono_ns && clock_mono_ns() >= w->until_mono_ns);
}

static int follow(struct watcher *w, struct ksnap_err *err)
{
	int r = 0;

	stay_breaks_off(w->link, &w->signals);
	while (r >= 0 && !w->over[0] && !is_time(w)) {
		struct ksnap_live_msg msg = { 0 };

		r = keep_alive(w, err);
		if (r == 0)
			r = ksnap_subscriber_next(w->sub, TURN_MS, &msg, err);
		if (r > 0)
			r = take(w, &msg, err);
		ksnap_live_msg_clear(&msg);
	}
	stay_breaks_off(w->link, NULL);
	return r < 0 && !(r == KSNAP_E_STATE && stay_is_told(w->signals)) ? r : 0;
}

/* Up to the word that the watch is over, which comes behind all its hits and has the totals. */
static int read_rest(struct watcher *w, struct ksnap_err *err)
{
	uint64_t until = clock_mono_ns() + REST_MS * NS_PER_MS;
	int r = 0;

	while (r >= 0 && !w->all_told && !out_broken() && clock_mono_ns() < until) {
		struct ksnap_live_msg msg = { 0 };

		r = ksnap_subscriber_next(w->sub, TURN_MS, &msg, err);
		if (r > 0)
			r = take(w, &msg, err);
		ksnap_live_msg_clear(&msg);
	}
	return r < 0 ? r : 0;
}

/* ---- ending ---------------------------------------------------------------------------------- */

static int unwatch(struct watcher *w, struct ksnap_err *err)
{
	struct ksnap_reply reply = { 0 };
	_params_ struct params p;
	msgpack_unpacked u;
	char words[48];
	int r;

	params_init(&p);
	params_uint(&p, "watch", w->id);
	snprintf(words, sizeof(words), "unwatch %" PRIu64, w->id);
	r = stay_undo(w->link, w->signals, "unwatch", &p, words, &reply, err);
	if (r >= 0)
		r = object_decode(&u, reply.r, reply.r_len, err);
	if (r >= 0) {
		take_counts(w, &u.data);
		w->exact = true;
		msgpack_unpacked_destroy(&u);
	}
	ksnap_reply_clear(&reply);
	/* It may have ended by itself meanwhile, which is as good. */
	return r == KSNAP_E_NOTFOUND || r >= 0 ? 0 : r;
}

static void tell_totals(const struct watcher *w)
{
	const char *least = w->exact ? "" : "at least ";
	char unseen[64] = "", lost[64] = "", missed[64] = "";

	if (w->unseen)
		snprintf(unseen, sizeof(unseen), " (%" PRIu64 " of them unseen)", w->unseen);
	if (w->lost)
		snprintf(lost, sizeof(lost), ", %" PRIu64 " lost on the way", w->lost);
	if (w->missed)
		snprintf(missed, sizeof(missed), ", %" PRIu64 " without a capture", w->missed);
	say_note(w->cli,
		 "%s%" PRIu64 " hits, %" PRIu64 " shown, %s%" PRIu64 " only counted%s%s%s%s", least,
		 w->hits, w->shown, least, w->suppressed, unseen, missed, lost,
		 w->exact ? "" : "; nobody was there to tell the last counts");
}

/* " (72551 hits in 1.3 s)" */
static void cost_words(const struct watcher *w, char words[64])
{
	double s = (double)(w->over_mono_ns - w->armed_mono_ns) / NS_PER_S;

	snprintf(words, 64, " (%" PRIu64 " hits in %.1f s)", w->hits, s);
}

/* It ended by itself: fine when that was asked for. */
static int judge_end(const struct watcher *w, struct ksnap_err *err)
{
	const struct watch_end *end = watch_end_find(w->over);
	char cost[64] = "";

	if (!strcmp(w->over, "unwatch"))
		say_note(w->cli, "somebody else ended the watch");
	if (end && end->is_wanted)
		return 0;
	if (!end)
		return err_set(err, KSNAP_E_STATE, "the watch is over: %.200s", w->over);
	if (!strcmp(w->over, "hot"))
		cost_words(w, cost);
	return err_set(err, KSNAP_E_STATE, "the watch is over: %s%s: %s%s%s", w->over, cost,
		       end->why, *end->advice ? ". " : "", end->advice);
}

static int finish(struct watcher *w, struct ksnap_err *err)
{
	bool by_itself = w->over[0] != 0;
	int r = by_itself ? 0 : unwatch(w, err);

	if (r == 0)
		r = read_rest(w, err);
	return r == 0 && by_itself ? judge_end(w, err) : r;
}

static int watch(struct watcher *w, const struct args *args, uint64_t time_ns,
		 struct ksnap_err *err)
{
	int r = w->cli->lua ? 0 : subscribe(w, err);

	if (r == 0)
		r = arm(w, args, err);
	if (r == KSNAP_E_STATE && stay_is_told(w->signals)) {
		say_note(w->cli, "broken off before it was armed");
		r = 0;
	} else if (r == 0) {
		w->armed_mono_ns = clock_mono_ns();
		w->until_mono_ns = time_ns ? clock_mono_ns() + time_ns : 0;
		r = follow(w, err);
		r = r == 0 ? finish(w, err) : r;
		tell_totals(w);
	}
	ksnap_subscriber_destroy(w->sub);
	buf_fini(&w->line);
	return r;
}

/* Those that an embedded broker serves, NULL-terminated, to be freed. */
static const char **choose_targets(const struct args *args)
{
	size_t n = args_count(args, "also");
	_free_ const char **also = args_list(args, "also");
	const char **all = also ? calloc(n + 2, sizeof(*all)) : NULL;

	if (!all)
		return NULL;
	all[0] = args_string(args, "target", "live");
	for (size_t i = 0; i < n; i++)
		all[1 + i] = also[i];
	return all;
}

static int run_watch(const struct cli *cli, const struct args *args)
{
	struct ksnap_err err = { 0 };
	const char *time = args_string(args, "for", NULL);
	_free_ const char **targets = choose_targets(args);
	uint64_t time_ns = 0;
	int r = targets ? 0 : err_nomem(&err);
	_close_ int fd = r == 0 ? stay_signals(&err) : -1;
	_link_ struct link l = { 0 };
	struct watcher w = { .cli = cli, .link = &l, .signals = fd, .line = BUF_INIT };

	if (r == 0 && fd < 0)
		r = fd;
	if (r == 0 && time)
		r = duration_parse(time, "--for", &time_ns, &err);
	if (r == 0)
		r = link_open(&l, cli, "tool", targets, &err);
	if (r == 0)
		r = watch(&w, args, time_ns, &err);
	return r < 0 ? say_err(&err) : EXIT_OK;
}

const struct command cmd_watch = {
	.name = "watch",
	.summary = "print each write to a place in the kernel, and capture on it",
	.usage = "SYMBOL [OPTION]...",
	.text = "SYMBOL is a kernel symbol, a BPF global (obj.bss:var or var), a field of a map's "
		"element (tasks[7].pid), a per-CPU variable (per_cpu:runqueues@1.nr_running), an "
		"address (0xffff...), or object:NAME for the end of an attached object. A line "
		"says "
		"what was there and what is, who wrote and where; -v adds the kernel's stack, -o "
		"jsonl "
		"prints all of it, one hit a line. On each hit the target is captured under the "
		"tag "
		"SYMBOL. It stays until ^C, SIGTERM, --for or --max-hits, or until its hits cost "
		"too much, its element, map, object, guest or worker is gone, or somebody ends it: "
		"a word says why, and 'ksnap help' explains each, such as hot and element_gone. "
		"The register is free again when this command, the broker or the worker ends, "
		"however that comes.",
	.options = options,
	.min_words = 1,
	.max_words = 1,
	.is_op = true,
	.run = run_watch,
};
