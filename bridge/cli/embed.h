/* SPDX-License-Identifier: MIT */
/* embed.h - a broker and its workers as threads of this process, over inproc://.
 *
 * What makes `ksnap run` and `ksnap capture` work with nothing started. */
#ifndef KSNAP_CLI_EMBED_H
#define KSNAP_CLI_EMBED_H

#include "ksnap.h"

struct embed;

/* Start the broker, and one worker for each of @targets (NULL-terminated), which may write with
 * @allow_writes. Returns when the broker
 * is bound; workers join while requests already wait for them. */
struct embed *embed_create(const char *const *targets, bool allow_writes, struct ksnap_err *err);
/* Stop and join all threads. Clients must be gone. */
void embed_destroy(struct embed *e);
const char *embed_endpoint(const struct embed *e);
/* The context that clients of inproc:// must share. */
void *embed_context(const struct embed *e);
/* Did a worker end by itself? Its error, or 0. */
int embed_worker_error(struct embed *e, struct ksnap_err *ret);

#endif
