// SPDX-License-Identifier: MIT
/* series.c - captures at a fixed rate: due times that do not drift, a line or the changes of each.
 */
#include "cli/series.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/error.h"
#include "cli/duration.h"
#include "cli/lua_line.h"
#include "cli/out.h"
#include "cli/print.h"
#include "cli/report_out.h"
#include "cli/stay.h"
#include "report/diff.h"

#define NUMBER_MAX 12 /* bytes that "_001" may grow to */

struct series {
	struct link *link;
	const struct series_plan *plan;
	const struct args *args;
	char tag[KSNAP_TAG_MAX + 1];
	struct ksnap_snapshot *before, *now; /* for --changes */
	uint64_t n, failed, skipped, incomplete;
	bool taken, broken_off; /* the newest: it was answered; a signal came before that */
	struct buf out;
	uint64_t changes; /* printed of this capture */
	struct diff_printer *printer;
};

/* ---- the plan -------------------------------------------------------------------------------- */

int series_plan(const struct args *args, struct series_plan *ret, struct ksnap_err *err)
{
	const char *every = args_string(args, "every", NULL),
		   *time = args_string(args, "for", NULL);
	int r = 0;

	*ret = (struct series_plan){ .count = args_uint(args, "count", 0),
				     .changes = args_flag(args, "changes"),
				     .raw = args_flag(args, "raw") };
	if (!every && (time || ret->count || ret->changes))
		return err_set(err, KSNAP_E_ARG, "--%s belongs to --every",
			       time           ? "for"
			       : ret->changes ? "changes"
					      : "count");
	if (!every)
		return 0;
	if (args_count(args, "save"))
		return err_set(err, KSNAP_E_ARG,
			       "--save keeps one report; with --every, 'ksnap drain --to DIR' or "
			       "'ksnap monitor --save DIR' keep many");
	r = duration_parse(every, "--every", &ret->every_ns, err);
	if (r == 0 && ret->every_ns < SERIES_MIN_NS)
		r = err_set(err, KSNAP_E_ARG,
			    "--every: at least 10ms, not %s; a scenario's loop "
			    "has no such bound",
			    every);
	if (r == 0 && time)
		r = duration_parse(time, "--for", &ret->time_ns, err);
	return r < 0 ? r : 1;
}

/* ---- one of them ----------------------------------------------------------------------------- */

static int take(struct series *s, const struct params *rest, struct ksnap_reply *ret,
		struct ksnap_err *err)
{
	_params_ struct params p;

	params_init(&p);
	params_str(&p, "tag", s->tag);
	params_all(&p, rest);
	return link_call(s->link, "capture_snapshot", &p, ret, err);
}

static int fetch(struct series *s, struct ksnap_blob **ret, struct ksnap_err *err)
{
	struct ksnap_reply reply = { 0 };
	_params_ struct params p;
	int r;

	params_init(&p);
	params_str(&p, "tag", s->tag);
	r = link_call(s->link, "get", &p, &reply, err);
	if (r >= 0 && reply.nblobs != 1)
		r = err_set(err, KSNAP_E_PROTO, "the broker sent no report with the reply");
	if (r >= 0)
		*ret = ksnap_blob_ref(reply.blobs[0]);
	ksnap_reply_clear(&reply);
	return r < 0 ? r : 0;
}

static void say_taken(struct series *s, const msgpack_object *reply)
{
	bool complete = field_bool(reply, "complete");

	s->taken = true;
	s->incomplete += !complete;
	if (s->link->cli->output != OUTPUT_TABLE)
		return;
	buf_printf(&s->out, "%s  ", s->tag);
	print_time(&s->out, (int64_t)clock_real_ns());
	buf_printf(&s->out, "  %" PRIu64 " maps  ", field_uint(reply, "maps", 0));
	print_bytes(&s->out, field_uint(reply, "bytes", 0));
	buf_printf(&s->out, "  %s\n", complete ? "complete" : "not complete");
	out_buf(&s->out);
}

static int put_change(void *arg, const struct ksnap_change *c)
{
	struct series *s = arg;
	bool text = s->link->cli->output == OUTPUT_TABLE;
	int r;

	buf_printf(&s->out, "%s", text ? "  " : s->changes ? "," : "");
	s->changes++;
	r = text ? diff_print_text(s->printer, c, &s->out)
		 : diff_print_json(s->printer, c, &s->out);
	return r < 0 || !buf_ok(&s->out) ? KSNAP_E_NOMEM : 0;
}

static int compare(struct series *s, struct ksnap_err *err)
{
	const struct render_opts opts = { .raw = s->plan->raw };
	bool text = s->link->cli->output == OUTPUT_TABLE;
	int r;

	s->printer = diff_printer_create(s->before, s->now, &opts);
	if (!s->printer)
		return err_nomem(err);
	s->changes = 0;
	if (!text) {
		buf_printf(&s->out, "{\"tag\":");
		print_json_str(&s->out, s->tag, strlen(s->tag));
		buf_printf(&s->out, ",\"changes\":[");
	}
	r = ksnap_snapshot_diff(s->before, s->now, NULL, put_change, s, err);
	if (!text)
		buf_printf(&s->out, "]}\n");
	diff_printer_destroy(s->printer);
	if (r >= 0)
		out_buf(&s->out);
	return r < 0 ? r : 0;
}

static int show(struct series *s, struct ksnap_err *err)
{
	_blob_ struct ksnap_blob *report = NULL;
	bool text = s->link->cli->output == OUTPUT_TABLE;
	int r = 0;

	if (text && !s->plan->changes && !s->link->cli->verbose)
		return 0;
	r = fetch(s, &report, err);
	if (r == 0 && !s->plan->changes)
		return report_print(s->link->cli, s->args, s->tag, report, err);
	if (r == 0)
		s->now = ksnap_snapshot_open(report, err);
	if (r == 0 && !s->now)
		r = err_prefix(err, "%s", s->tag);
	if (r == 0 && s->before)
		r = compare(s, err);
	if (s->now) {
		ksnap_snapshot_close(s->before);
		s->before = s->now;
		s->now = NULL;
	}
	return r;
}

static int capture_once(struct series *s, const struct params *rest, struct ksnap_err *err)
{
	struct ksnap_reply reply = { 0 };
	msgpack_unpacked u;
	int r = take(s, rest, &reply, err);

	if (r >= 0)
		r = object_decode(&u, reply.r, reply.r_len, err);
	if (r >= 0) {
		say_taken(s, &u.data);
		msgpack_unpacked_destroy(&u);
		r = show(s, err);
		out_flush();
	}
	ksnap_reply_clear(&reply);
	return r < 0 ? r : 0;
}

/* ---- all of them ----------------------------------------------------------------------------- */

static bool ends_series(const struct series *s, int code)
{
	return code == KSNAP_E_UNREACHABLE || code == KSNAP_E_STATE || code == KSNAP_E_ARG ||
	       code == KSNAP_E_DENIED || s->n == s->failed;
}

/* The next due time after now; those that passed are counted. */
static uint64_t next_due(struct series *s, uint64_t due)
{
	uint64_t now = clock_mono_ns(), late;

	due += s->plan->every_ns;
	if (due >= now)
		return due;
	late = (now - due) / s->plan->every_ns;
	s->skipped += late;
	return due + late * s->plan->every_ns;
}

static bool is_over(int fd)
{
	return out_broken() || stay_is_told(fd);
}

/* One of them, which a signal cuts short. */
static int capture_next(struct series *s, const struct params *rest, int fd, struct ksnap_err *err)
{
	int r;

	s->taken = false;
	stay_breaks_off(s->link, &fd);
	r = capture_once(s, rest, err);
	stay_breaks_off(s->link, NULL);
	if (r == KSNAP_E_STATE && stay_is_told(fd)) {
		s->broken_off = !s->taken;
		return 0;
	}
	if (r < 0 && (s->failed++, !ends_series(s, r))) {
		say_error("%s: %s", s->tag, err->text);
		return 0;
	}
	return r;
}

static int run_all(struct series *s, const char *tag, const struct params *rest, int fd,
		   struct ksnap_err *err)
{
	uint64_t begin = clock_mono_ns(), due = begin;
	uint64_t until = s->plan->time_ns ? begin + s->plan->time_ns : UINT64_MAX;
	int r = 0;

	while (r == 0 && !is_over(fd) && due < until) {
		snprintf(s->tag, sizeof(s->tag), "%s_%03" PRIu64, tag, ++s->n);
		r = capture_next(s, rest, fd, err);
		if (s->n == s->plan->count)
			break;
		due = next_due(s, due);
		if (r == 0)
			r = stay_until(s->link, fd, due < until ? due : until, err);
	}
	return r;
}

/* The loop of a scenario that does the same. */
static int say_lua(const struct series_plan *plan, const char *tag, const struct params *p,
		   struct ksnap_err *err)
{
	_buf_ struct buf out = BUF_INIT, first = BUF_INIT, name = BUF_INIT;
	int r;

	for (; *tag; tag++)
		buf_printf(&name, *tag == '%' ? "%%%%" : "%c", *tag);
	buf_printf(&name, "_%%03d");
	buf_printf(&first, "tag = (");
	lua_line_string(&first, (const char *)name.data, name.len);
	buf_printf(&first, "):format(i)%c", 0);
	if (plan->every_ns % NS_PER_MS)
		buf_printf(&out, "loop { every = \"%" PRIu64 "us\", ", plan->every_ns / 1000);
	else
		buf_printf(&out, "loop { every = \"%" PRIu64 "ms\", ",
			   (uint64_t)(plan->every_ns / NS_PER_MS));
	if (plan->count)
		buf_printf(&out, "times = %" PRIu64 ", ", plan->count);
	buf_printf(&out, "function(i) return ");
	if (!buf_ok(&first))
		return err_nomem(err);
	r = lua_line_call(&out, "capture_snapshot", (const char *)first.data, p, err);
	buf_printf(&out, " end }\n");
	out_buf(&out);
	return r;
}

int series_run(struct link *l, const struct series_plan *plan, const char *tag,
	       const struct params *p, const struct args *args, int fd, struct ksnap_err *err)
{
	struct series s = { .link = l, .plan = plan, .args = args, .out = BUF_INIT };
	int r;

	if (strlen(tag) > KSNAP_TAG_MAX - NUMBER_MAX)
		return err_set(err, KSNAP_E_ARG,
			       "tag: with --every at most %d bytes, for a number follows it; a tag "
			       "has at most %d (MAX_TAG)",
			       KSNAP_TAG_MAX - NUMBER_MAX, KSNAP_TAG_MAX);
	if (l->cli->lua)
		return say_lua(plan, tag, p, err);
	r = run_all(&s, tag, p, fd, err);
	say_note(l->cli,
		 "%" PRIu64 " captured, %" PRIu64 " of them not complete; %" PRIu64
		 " failed, %" PRIu64 " left out, for their time had passed%s",
		 s.n - s.failed - s.broken_off, s.incomplete, s.failed, s.skipped,
		 s.broken_off ? "; the last was broken off" : "");
	ksnap_snapshot_close(s.before);
	buf_fini(&s.out);
	if (s.broken_off && l->embed)
		link_leave(r < 0 ? say_err(err) : EXIT_OK);
	return r;
}
