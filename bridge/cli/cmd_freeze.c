// SPDX-License-Identifier: MIT
/* cmd_freeze.c - ksnap freeze: hold a cgroup still for as long as the command runs. */
#include "base/cleanup.h"
#include "base/error.h"
#include "cli/commands.h"
#include "cli/connect.h"
#include "cli/left_frozen.h"
#include "cli/out.h"
#include "cli/print.h"
#include "cli/stay.h"
#include "cli/thawed.h"
#include "report/reader.h"

static const struct option_row options[] = {
	{ "target", 'T', OPTION_STRING, "TARGET",
	  "whose cgroup; the broker's first target when not given", 0, 0 },
	{ 0 },
};

static int freeze(struct link *l, const char *cgroup, const char *target, struct ksnap_reply *ret,
		  struct ksnap_err *err)
{
	_params_ struct params p;

	params_init(&p);
	params_str(&p, "cgroup", cgroup);
	params_str(&p, "target", target);
	return link_call(l, "freeze", &p, ret, err);
}

/* As the broker calls it, by which it is owned. */
static void owned_words(const struct ksnap_reply *reply, struct buf *out)
{
	msgpack_unpacked u;
	msgpack_object_str name;

	if (object_decode(&u, reply->r, reply->r_len, NULL) < 0)
		return;
	name = field_str(&u.data, "cgroup");
	buf_printf(out, "frozen cgroup %.*s", (int)name.size, name.ptr);
	msgpack_unpacked_destroy(&u);
}

static int thaw(struct link *l, int fd, const char *cgroup, struct ksnap_err *err)
{
	struct ksnap_reply reply = { 0 };
	_params_ struct params p;
	char words[300];
	int r;

	params_init(&p);
	params_str(&p, "cgroup", cgroup);
	snprintf(words, sizeof(words), "thaw %s", cgroup);
	r = stay_undo(l, fd, "thaw", &p, words, &reply, err);
	if (r >= 0)
		thawed_say(l->cli, cgroup, &reply);
	ksnap_reply_clear(&reply);
	return r;
}

static int hold(struct link *l, int fd, const char *cgroup, const char *owned,
		struct ksnap_err *err)
{
	int r;

	say_note(l->cli, "%s is frozen; it goes on when this command ends (^C)", cgroup);
	out_flush();
	r = stay_holding(l, fd, UINT64_MAX, owned, err);
	if (r < 0)
		return left_frozen_add(cgroup, err);
	r = thaw(l, fd, cgroup, err);
	if (r == KSNAP_E_NOTFOUND) {
		say_note(l->cli, "%s was thawed before", cgroup);
		return 0;
	}
	return r;
}

static int run_freeze(const struct cli *cli, const struct args *args)
{
	const char *targets[] = { args_string(args, "target", "live"), NULL };
	struct ksnap_reply reply = { 0 };
	struct ksnap_err err = { 0 };
	_close_ int fd = stay_signals(&err);
	_link_ struct link l = { 0 };
	_buf_ struct buf owned = BUF_INIT;
	int r = fd < 0 ? fd : link_open(&l, cli, "tool", targets, &err);

	stay_breaks_off(&l, &fd);
	if (r == 0)
		r = freeze(&l, args->words[0], args_string(args, "target", NULL), &reply, &err);
	stay_breaks_off(&l, NULL);
	if (r >= 0)
		r = print_reply(cli, &reply, NULL, &err);
	if (r >= 0)
		owned_words(&reply, &owned);
	ksnap_reply_clear(&reply);
	if (r >= 0)
		r = hold(&l, fd, args->words[0], owned.len ? (const char *)owned.data : NULL, &err);
	return r < 0 ? say_err(&err) : EXIT_OK;
}

const struct command cmd_freeze = {
	.name = "freeze",
	.summary = "hold a cgroup still while this command runs",
	.usage = "CGROUP",
	.text = "CGROUP is a path from the root of the v2 hierarchy, or its folder's whole path. "
		"All its tasks stand still until ^C, SIGTERM, or the end of this command, of the "
		"broker or of the worker. After kill -9 of this command alone that is five missed "
		"heartbeats later, some five seconds. When worker and 'ksnap-thaw', its child, are "
		"killed at the same moment (all of a service, cgroup.kill), it stands until the "
		"next live worker starts, or 'ksnap thaw -f CGROUP'. A cgroup that holds ksnap "
		"itself is refused.",
	.options = options,
	.min_words = 1,
	.max_words = 1,
	.is_op = true,
	.run = run_freeze,
};
