/* SPDX-License-Identifier: MIT */
/* supervise.h - keep a broker's capture workers alive.
 *
 * Workers are child processes, or threads. A child that ends is told to the broker at once and
 * started anew: the first time immediately, then after 100 ms, doubling to 5 s; a life of 10 s
 * makes it the first time again. One that hangs is killed, then started anew. Everything runs on
 * the broker's loop. */
#ifndef KSNAP_CLI_SUPERVISE_H
#define KSNAP_CLI_SUPERVISE_H

#include <stdbool.h>

#include "base/loop.h"
#include "broker/broker.h"
#include "ksnap.h"

struct supervisor;

struct supervisor_opts {
	struct loop *loop;
	struct broker *broker;
	const char *connect;        /* work endpoint */
	const char *const *targets; /* NULL-terminated */
	unsigned per_target;
	bool threads;
	bool allow_writes;
	void *zmq_context; /* for threads */
	unsigned verbose;  /* handed on to children */
	bool quiet;
};

/* Start all workers. */
struct supervisor *supervisor_create(const struct supervisor_opts *opts, struct ksnap_err *err);
/* A worker is not heard from: end its process when it is @pid, so that another is started. One that
 * is a thread can only be waited for. */
void supervisor_worker_silent(struct supervisor *s, const char *name, uint64_t pid);
/* Restart none from here on; the broker may be gone after this. */
void supervisor_retire(struct supervisor *s);
/* Tell those that are still there to end, wait for at most 2 s, then kill. */
void supervisor_destroy(struct supervisor *s);

#endif
