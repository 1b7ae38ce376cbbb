/* SPDX-License-Identifier: MIT */
/* workers.h - the work socket: targets, the workers that serve them, and their jobs.
 *
 * A job waits in its target's queue (at most MAX_QUEUED_JOBS) until a worker is free, and ends in
 * exactly one of: done, failed, its deadline, the loss of its worker. */
#ifndef KSNAP_BROKER_WORKERS_H
#define KSNAP_BROKER_WORKERS_H

#include "broker/parts.h"

struct workers;
struct request;

struct workers *workers_create(struct broker *b, const struct broker_opts *opts,
			       struct ksnap_err *err);
/* Refuses what waits with E_STATE and tells the workers to leave. */
void workers_destroy(struct workers *ws);
const char *const *workers_endpoints(const struct workers *ws);
/* Look for silent workers, tell all of them that the broker lives; call it every heartbeat. */
void workers_tick(struct workers *ws);
/* Keys changed: workers whose key is no worker's any more are lost. */
void workers_check_keys(struct workers *ws);
/* What waits for a worker or an accessor with a key that was taken out is refused. */
void workers_refuse_revoked(struct workers *ws);
void workers_gone(struct workers *ws, const char *name, uint64_t pid, const char *why);

struct job_spec {
	const char *op;           /* what the worker does; the request's op when NULL */
	struct wire_slice target; /* len 0: the first target */
	const char *worker;       /* only this one, or NULL */
	struct wire_slice params; /* one encoded map; the request's own when len is 0 */
	struct ksnap_blob *blob;  /* borrowed, or NULL */
};

/* Hand the request over: 0 means that the op's done or failed is called later, or the request is
 * refused. E_NOTFOUND: no such target; E_BUSY: its queue is full. */
int workers_submit(struct workers *ws, struct request *rq, const struct job_spec *spec,
		   struct ksnap_err *err);
/* How a job of the broker's own ends: exactly one of them is called, once. */
struct job_end {
	void (*done)(void *arg, struct wire_slice result, struct ksnap_blob *blob);
	void (*failed)(void *arg, const struct ksnap_err *err);
};

/* A job that no request asked for: op and params are given, and it has until DEFAULT_DEADLINE_MS
 * from now. 0: @end is called for it, which may be before this returns. Errors as workers_submit;
 * E_STATE: the broker stops. */
int workers_start(struct workers *ws, const struct job_spec *spec, const struct job_end *end,
		  void *arg, struct ksnap_err *err);
/* Have the worker do @job, which undoes something, however long it takes. Takes what @params holds,
 * one encoded map; when memory was out for it, the worker is lost: its end undoes all it holds.
 * @end, unless NULL, is called as that of workers_start is. */
void workers_undo(struct workers *ws, const char *worker, const char *job, struct buf *params,
		  const struct job_end *end, void *arg);
/* The host that the worker of this name runs on; "" when there is no such worker. */
const char *workers_host(struct workers *ws, const char *worker);
/* Name of the worker that did the job whose done or failed runs now. */
const char *workers_current(const struct workers *ws);

/* Answer the request (op wait_accessor) when the target's accessor is settled, or has advanced
 * beyond *@after. */
int workers_wait_accessor(struct workers *ws, struct request *rq, struct wire_slice target,
			  const uint64_t *after, struct ksnap_err *err);

/* Name of the target, or of the first one when @name is empty; NULL with E_NOTFOUND listing them.
 */
const char *workers_target(struct workers *ws, struct wire_slice name, struct ksnap_err *err);
/* Rows of the status reply; memory is the caller's to free. */
int workers_status(struct workers *ws, struct wire_list *ret_workers,
		   struct wire_list *ret_targets);

#endif
