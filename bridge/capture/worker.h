/* SPDX-License-Identifier: MIT */
/* worker.h - the capture worker: joins a broker's work socket and does the jobs it is sent.
 *
 * One target, one thread, one job at a time. The messages are in schemas/work.lua. */
#ifndef KSNAP_CAPTURE_WORKER_H
#define KSNAP_CAPTURE_WORKER_H

#include "ksnap.h"

struct curve_link;

struct worker_opts {
	const char *connect;            /* work endpoint of the broker */
	const char *target;             /* "live", "fixture:maps=2,entries=10" */
	const char *name;               /* unique within the broker */
	void *zmq_context;              /* NULL: one of its own */
	bool allow_writes;              /* kernel ops may write */
	int stop_fd;                    /* readable: leave; -1: none */
	const struct curve_link *curve; /* keys, for a broker on tcp; or NULL */
};

/* Join, work, and return when the broker ends in good order (0), when @stop_fd is readable (0),
 * when the broker has been silent for 5 heartbeats (KSNAP_E_UNREACHABLE), has lost this worker
 * (KSNAP_E_WORKER_LOST), or refuses it (KSNAP_E_STATE) or its key (KSNAP_E_DENIED). */
int worker_run(const struct worker_opts *opts, struct ksnap_err *err);

#endif
