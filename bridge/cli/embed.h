/* SPDX-License-Identifier: MIT */
/* embed.h - a broker and its workers as threads of this process, over inproc://.
 *
 * What makes `ksnap run` and `ksnap capture` work with nothing started. Its threads, and clients of
 * inproc://, look for a while before they sleep (base/spin.h). */
#ifndef KSNAP_CLI_EMBED_H
#define KSNAP_CLI_EMBED_H

#include <stdbool.h>
#include <stdint.h>

#include "ksnap.h"

struct embed;

struct embed_opts {
	const char *const *targets;            /* a worker for each, NULL-terminated */
	const char *control;                   /* one more endpoint, for other processes, or NULL */
	bool allow_writes;                     /* workers may write memory */
	uint64_t (*refused_connections)(void); /* as of struct broker_opts, or NULL */
};

/* Start the broker and its workers. Returns when the broker is bound; workers join while requests
 * already wait for them. Strings stay the caller's. */
struct embed *embed_create(const struct embed_opts *opts, struct ksnap_err *err);
/* Stop and join all threads. Clients must be gone. */
void embed_destroy(struct embed *e);
const char *embed_endpoint(const struct embed *e);
/* The context that clients of inproc:// must share. */
void *embed_context(const struct embed *e);
/* Did a worker end by itself? Its error, or 0. */
int embed_worker_error(struct embed *e, struct ksnap_err *ret);

#endif
