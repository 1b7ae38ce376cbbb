// SPDX-License-Identifier: MIT
/* connect.c - the broker a command talks to: a named one, the default one, an embedded one. */
#include "cli/connect.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "cli/lua_line.h"
#include "cli/out.h"
#include "cli/target_check.h"
#include "client/endpoint.h"

#define HOW_TO_START "start one with 'ksnap serve', or name one with --endpoint URL"

static int check_listens(const char *url, struct ksnap_err *err)
{
	if (endpoint_listens(url))
		return 0;
	return err_set(err, KSNAP_E_UNREACHABLE, "no broker listens at %s; " HOW_TO_START, url);
}

static const char *named_endpoint(const struct cli *cli)
{
	const char *env = getenv("KSNAP_ENDPOINT");

	return cli->endpoint ? cli->endpoint : env && *env ? env : NULL;
}

static int find_endpoint(struct link *l, struct ksnap_err *err)
{
	const char *named = named_endpoint(l->cli);

	if (named && strlen(named) >= sizeof(l->endpoint))
		return err_set(err, KSNAP_E_ARG, "an endpoint has at most %zu bytes",
			       sizeof(l->endpoint) - 1);
	if (named)
		strcpy(l->endpoint, named);
	else if (endpoint_default(l->endpoint, sizeof(l->endpoint)) < 0)
		return err_set(err, KSNAP_E_UNREACHABLE,
			       "no broker is named, and there is no default place without "
			       "XDG_RUNTIME_DIR; " HOW_TO_START);
	return check_listens(l->endpoint, err);
}

static int start_embedded(struct link *l, const char *const *targets, struct ksnap_err *err)
{
	struct embed_opts opts = { .targets = targets, .allow_writes = l->allow_writes };
	int r = target_check_all(targets, err);

	if (r < 0)
		return r;
	l->embed = embed_create(&opts, err);
	if (!l->embed)
		return KSNAP_E_INTERNAL;
	l->target = targets[0];
	strcpy(l->endpoint, embed_endpoint(l->embed));
	return 0;
}

static int connect_as(struct link *l, const char *kind, struct ksnap_err *err)
{
	KSNAP_OPTS(ksnap_connect_opts, opts, .name = "ksnap", .kind = kind,
		   .bridge = l->cli->bridge, .timeout_ms = l->cli->timeout_ms);

	if (l->embed)
		opts.zmq_context = embed_context(l->embed);
	l->client = ksnap_client_connect(l->endpoint, &opts, err);
	return l->client ? 0 : KSNAP_E_UNREACHABLE;
}

int link_find(const struct cli *cli, const char *const *targets, char *endpoint,
	      struct ksnap_err *err)
{
	struct link l = { .cli = cli };
	int r = find_endpoint(&l, err);

	if (targets && !named_endpoint(cli) && r == KSNAP_E_UNREACHABLE) {
		l.endpoint[0] = '\0';
		r = target_check_all(targets, err);
	}
	strcpy(endpoint, l.endpoint);
	return r;
}

int link_open(struct link *l, const struct cli *cli, const char *kind, const char *const *targets,
	      struct ksnap_err *err)
{
	int r;

	*l = (struct link){ .cli = cli, .allow_writes = l->allow_writes };
	if (cli->lua)
		return 0; // nobody is needed for telling
	r = find_endpoint(l, err);
	if (targets && !named_endpoint(cli) && r == KSNAP_E_UNREACHABLE)
		r = start_embedded(l, targets, err);
	if (r == 0 && kind)
		r = connect_as(l, kind, err);
	if (r < 0)
		link_close(l);
	return r;
}

void link_close(struct link *l)
{
	ksnap_client_destroy(l->client);
	embed_destroy(l->embed);
	l->client = NULL;
	l->embed = NULL;
}

void link_leave(int code)
{
	_exit(out_finish(code));
}

/* When an embedded worker ended by itself, that is the cause of whatever the broker says. */
static int explain(struct link *l, int code, struct ksnap_err *err)
{
	struct ksnap_err cause;

	if (l->embed && embed_worker_error(l->embed, &cause))
		return err_set(err, cause.code, "the worker of target %s ended: %.300s", l->target,
			       cause.text);
	return code;
}

int link_call(struct link *l, const char *op, const struct params *p, struct ksnap_reply *ret,
	      struct ksnap_err *err)
{
	return link_call_with(l, op, p, NULL, ret, err);
}

int link_call_with(struct link *l, const char *op, const struct params *p, struct ksnap_blob *blob,
		   struct ksnap_reply *ret, struct ksnap_err *err)
{
	KSNAP_OPTS(ksnap_call, call, .op = op, .timeout_ms = l->cli->timeout_ms);
	int r;

	if (p && !params_ok(p))
		return err_nomem(err);
	if (l->cli->lua) {
		r = lua_line_op(op, p, err);
		return r < 0 ? r : err_set(err, LINK_TOLD, "told");
	}
	if (p) {
		call.params = p->buf.data;
		call.params_len = p->buf.len;
	}
	call.blobs[0] = blob;
	call.nblobs = blob != NULL;
	r = ksnap_client_call(l->client, &call, ret, err);
	return r < 0 ? explain(l, r, err) : r;
}
