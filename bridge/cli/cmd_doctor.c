// SPDX-License-Identifier: MIT
/* cmd_doctor.c - ksnap doctor: what works on this machine, and how to mend what does not. */
#include <inttypes.h>
#include <string.h>
#include <zmq.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "capture/target.h"
#include "cli/commands.h"
#include "cli/connect.h"
#include "cli/descriptors.h"
#include "cli/out.h"
#include "cli/print.h"
#include "wire/pack.h"

/* A broker with a hundred monitors and their streams stays below it. */
#define DESCRIPTORS_WANTED 1024

static const struct option_row options[] = { { 0 } };

struct doctor {
	const struct cli *cli;
	struct buf rows; /* msgpack maps, one behind the other */
	msgpack_packer pk;
	size_t n;
	size_t verdicts[PROBE_MISSING + 1];
	const char *part; /* what people saw last */
};

static const char *const verdict_names[] = {
	[PROBE_GOOD] = "good",
	[PROBE_LIMITED] = "limited",
	[PROBE_MISSING] = "missing",
};

/* ---- telling --------------------------------------------------------------------------------- */

static void pack_pair(struct doctor *d, const char *key, const char *value)
{
	pack_str(&d->pk, key);
	pack_str(&d->pk, value);
}

static void pack_row(struct doctor *d, const char *part, const struct probe *p,
		     const struct probe_finding *f)
{
	msgpack_pack_map(&d->pk, f->mend ? 6 : 5);
	pack_pair(d, "of", part);
	pack_pair(d, "check", p->name);
	pack_pair(d, "verdict", verdict_names[f->verdict]);
	pack_pair(d, "gives", p->gives);
	pack_pair(d, "found", f->found);
	if (f->mend)
		pack_pair(d, "mend", f->mend);
}

static void say_row(struct doctor *d, const char *part, const struct probe *p,
		    const struct probe_finding *f)
{
	static const char *const colors[] = { "\33[32m", "\33[33m", "\33[31m" };
	const char *on = d->cli->color ? colors[f->verdict] : "";
	const char *off = d->cli->color ? "\33[0m" : "";

	if (!d->part || strcmp(d->part, part))
		out_printf("%s%s\n", d->part ? "\n" : "", part);
	d->part = part;
	out_printf("  %s%-8s%s %-12s %s\n", on, verdict_names[f->verdict], off, p->name, f->found);
	if (f->verdict != PROBE_GOOD)
		out_printf("  %-8s %-12s needed for: %s\n", "", "", p->gives);
	if (f->mend)
		out_printf("  %-8s %-12s to mend it: %s\n", "", "", f->mend);
}

static void tell(struct doctor *d, const char *part, const struct probe *p,
		 const struct probe_finding *f)
{
	d->n++;
	d->verdicts[f->verdict]++;
	if (d->cli->output == OUTPUT_TABLE)
		say_row(d, part, p, f);
	else
		pack_row(d, part, p, f);
}

/* ---- ksnap itself ---------------------------------------------------------------------------- */

static void look_curve(const char *opts, struct probe_finding *ret)
{
	int major, minor, patch;

	zmq_version(&major, &minor, &patch);
	ret->verdict = zmq_has("curve") ? PROBE_GOOD : PROBE_LIMITED;
	ret->mend = zmq_has("curve") ? NULL : "use a libzmq that was built with libsodium";
	snprintf(ret->found, sizeof(ret->found), "libzmq %d.%d.%d %s CURVE", major, minor, patch,
		 zmq_has("curve") ? "with" : "without");
}

static void look_descriptors(const char *opts, struct probe_finding *ret)
{
	uint64_t most = descriptors_of_broker();

	ret->verdict = most >= DESCRIPTORS_WANTED ? PROBE_GOOD : PROBE_LIMITED;
	ret->mend = most >= DESCRIPTORS_WANTED ? NULL : "ulimit -n 1024, or more";
	snprintf(ret->found, sizeof(ret->found), "a broker may open %" PRIu64 " files", most);
}

static const struct probe own_probes[] = {
	{ "encryption", "brokers on tcp", look_curve },
	{ "files", "many monitors and workers of one broker", look_descriptors },
	{ 0 },
};

/* Which broker the other commands would talk to, and does it answer? */
static void look_broker(struct doctor *d)
{
	static const struct probe row = { "broker", "keeping what other commands capture", NULL };
	struct probe_finding f = { PROBE_GOOD, "", NULL };
	struct ksnap_reply reply = { 0 };
	_link_ struct link l = { 0 };
	struct ksnap_err err;
	int r = link_open(&l, d->cli, "tool", NULL, &err);

	if (r == 0)
		r = link_call(&l, "ping", NULL, &reply, &err);
	ksnap_reply_clear(&reply);
	if (r >= 0)
		snprintf(f.found, sizeof(f.found), "%.400s answers", l.endpoint);
	else
		snprintf(f.found, sizeof(f.found), "%.*s", (int)strcspn(err.text, ";"), err.text);
	if (r < 0)
		f.verdict = PROBE_LIMITED;
	if (r == KSNAP_E_UNREACHABLE)
		f.mend = "ksnap serve; without one, capture, run and watch work by themselves";
	tell(d, "ksnap", &row, &f);
}

static void look_all(struct doctor *d, const char *part, const struct probe *probes,
		     const char *opts)
{
	for (const struct probe *p = probes; p->name; p++) {
		struct probe_finding f = { PROBE_GOOD, "", NULL };

		p->look(opts, &f);
		tell(d, part, p, &f);
	}
}

/* ---- targets --------------------------------------------------------------------------------- */

/* One that has no probes is tried as a worker would. */
static void try_target(struct doctor *d, const char *name, const struct target_ops *ops,
		       const char *opts)
{
	static const struct probe row = { "opens", "everything", NULL };
	struct probe_finding f = { PROBE_GOOD, "it opens, and its memory makes sense", NULL };
	struct ksnap_err err = { 0 };
	struct target *t = ops->open(opts, &err);
	int r = t && ops->accessor_init ? ops->accessor_init(t, &err) : 0;

	ops->close(t);
	if (!t || r < 0) {
		f.verdict = PROBE_MISSING;
		snprintf(f.found, sizeof(f.found), "%s", err.text);
	}
	tell(d, name, &row, &f);
}

static int look_target(struct doctor *d, const char *name, struct ksnap_err *err)
{
	const char *opts;
	const struct target_ops *ops = target_find(name, &opts, err);

	if (!ops)
		return KSNAP_E_ARG;
	if (ops->probes)
		look_all(d, name, ops->probes, opts);
	else
		try_target(d, name, ops, opts);
	return 0;
}

static int print_list(struct doctor *d, struct ksnap_err *err)
{
	_buf_ struct buf list = BUF_INIT;
	struct ksnap_reply reply;
	msgpack_packer pk;

	pack_init(&pk, &list);
	msgpack_pack_array(&pk, d->n);
	buf_append(&list, d->rows.data, d->rows.len);
	if (!buf_ok(&list) || !buf_ok(&d->rows))
		return err_nomem(err);
	reply = (struct ksnap_reply){ .r = list.data, .r_len = list.len };
	return print_reply(d->cli, &reply, NULL, err);
}

static int look(struct doctor *d, const struct args *args, struct ksnap_err *err)
{
	static const char *const usual[] = { "live", NULL };
	const char *const *name = args->nwords ? args->words : usual;
	int r = 0;

	for (const char *const *n = name; *n && !r; n++) {
		const char *opts;

		r = target_find(*n, &opts, err) ? 0 : KSNAP_E_ARG;
	}
	if (r)
		return r;
	look_broker(d);
	look_all(d, "ksnap", own_probes, "");
	for (; *name && !r; name++)
		r = look_target(d, *name, err);
	return !r && d->cli->output != OUTPUT_TABLE ? print_list(d, err) : r;
}

static int run_doctor(const struct cli *cli, const struct args *args)
{
	struct doctor d = { .cli = cli };
	struct ksnap_err err = { 0 };
	int r;

	pack_init(&d.pk, &d.rows);
	r = look(&d, args, &err);
	buf_fini(&d.rows);
	if (r < 0)
		return say_err(&err);
	if (cli->output == OUTPUT_TABLE)
		say_note(cli, "%zu good, %zu limited, %zu missing", d.verdicts[PROBE_GOOD],
			 d.verdicts[PROBE_LIMITED], d.verdicts[PROBE_MISSING]);
	return d.verdicts[PROBE_MISSING] ? EXIT_FAILED : EXIT_OK;
}

const struct command cmd_doctor = {
	.name = "doctor",
	.summary = "say what works on this machine, and how to mend what does not",
	.usage = "[TARGET]...",
	.text = "TARGET is live when not given. Each row is tried, and undone. 'limited' is a part "
		"that is not there, with what it is needed for; 'missing' makes the target "
		"useless, "
		"and the exit code 1.",
	.options = options,
	.max_words = 16,
	.run = run_doctor,
};
