/* SPDX-License-Identifier: MIT */
/* connect.h - the broker a command talks to: a named one, the default one, an embedded one. */
#ifndef KSNAP_CLI_CONNECT_H
#define KSNAP_CLI_CONNECT_H

#include "cli/commands.h"
#include "cli/embed.h"
#include "cli/params.h"
#include "client/endpoint.h"
#include "ksnap.h"

struct link {
	char endpoint[ENDPOINT_MAX];
	struct ksnap_client *client; /* NULL when only the endpoint was asked for */
	struct embed *embed;         /* NULL: a broker elsewhere */
	const struct cli *cli;
	const char *target; /* first embedded target, NULL without */
	bool allow_writes;  /* set before link_open: embedded workers may write */
};

/* Find the broker: --endpoint, else KSNAP_ENDPOINT, else the default socket if somebody listens
 * there, else, with @targets, an embedded one that serves them. Then connect as @kind (see
 * ksnap_connect_opts), unless that is NULL. E_UNREACHABLE says how to start a broker. */
int link_open(struct link *l, const struct cli *cli, const char *kind, const char *const *targets,
	      struct ksnap_err *err);
/* The same search without its end: @endpoint (ENDPOINT_MAX bytes) is the broker that link_open
 * would connect to, or "" when it would start one for @targets, which are good. */
int link_find(const struct cli *cli, const char *const *targets, char *endpoint,
	      struct ksnap_err *err);
/* What link_call gives with --lua: the line was printed, nothing was done. say_err() says nothing.
 */
#define LINK_TOLD (-1000000)
void link_close(struct link *l);
/* End the process now: an embedded worker may be in the middle of a capture, which link_close would
 * wait for. Whatever a worker holds ends with its process, however that comes. */
void link_leave(int code) __attribute__((noreturn));
/* One op with @p (NULL: none). Errors of an embedded capture say what would help. */
int link_call(struct link *l, const char *op, const struct params *p, struct ksnap_reply *ret,
	      struct ksnap_err *err);
/* The same with a blob, NULL: none. */
int link_call_with(struct link *l, const char *op, const struct params *p, struct ksnap_blob *blob,
		   struct ksnap_reply *ret, struct ksnap_err *err);

#define _link_ __attribute__((cleanup(link_close)))

#endif
