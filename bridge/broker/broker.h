/* SPDX-License-Identifier: MIT */
/* broker.h - a broker on its owner's loop: three sockets, all bridges, no waiting.
 *
 * The owner (ksnap serve, or the embedded broker of ksnap run) makes the loop, the context and
 * the workers; the broker only talks to workers through its work socket. */
#ifndef KSNAP_BROKER_BROKER_H
#define KSNAP_BROKER_BROKER_H

#include "base/loop.h"
#include "ksnap.h"

struct broker;
struct curve_pair;

struct broker_opts {
	size_t size;
	void *zmq_context;
	const char *const *control; /* endpoints to bind, NULL-terminated; at least one */
	const char *const *live;
	const char *const *work;
	const char *const *targets; /* names, NULL-terminated; the first is the default of ops that
				       name none */
	const char *role;           /* the most that any session may do, "admin" when NULL */
	const struct curve_pair *curve; /* keys of the broker: tcp endpoints speak CURVE; or NULL */
	const char *authorised;         /* file of client keys, with @curve */
	unsigned ipc_mode;              /* permissions of ipc sockets; 0600 when 0 */
	unsigned work_mode;             /* of those for workers; 0600 when 0 */
	/* 0 in any of these means the default of schemas/limits.lua */
	struct ksnap_limits bridge_limits;
	uint64_t max_bridges, max_sessions, max_queued_jobs, max_frame, max_blob, max_unread,
		max_behind;
	const char *state;      /* folder to keep snapshots and events in; NULL: nowhere */
	const char *state_sync; /* "no", "second" or "always"; "second" when NULL */
	/* Called, when not NULL, for a worker that was given up because it said nothing; its
	 * process, @pid by its own word, may still be there. The owner may end it; it must not
	 * destroy the broker. */
	void (*worker_silent)(void *arg, const char *name, uint64_t pid);
	void *arg;
	/* How many connections the owner's process refused before libzmq saw them, for the op
	 * status; NULL: it refuses none. */
	uint64_t (*refused_connections)(void);
};

/* Bind and begin. A live broker on an ipc endpoint: E_STATE; a stale socket is taken over. */
struct broker *broker_create(struct loop *loop, const struct broker_opts *opts,
			     struct ksnap_err *err);
/* Answers what is pending with E_STATE, tells workers to leave, closes. */
void broker_destroy(struct broker *b);
/* The owner saw the process @pid of worker @name end: its job fails with E_WORKER_LOST at once. One
 * of that name in another process lives. */
void broker_worker_gone(struct broker *b, const char *name, uint64_t pid, const char *why);
/* Read the file of client keys again: those that are gone have no rights from here on, connections
 * that are open included. On failure everything stays as it was. */
int broker_reload_keys(struct broker *b, struct ksnap_err *err);
/* Random number of this broker's life. */
uint64_t broker_epoch(const struct broker *b);
/* First bound endpoint of each socket. */
const char *broker_control_endpoint(const struct broker *b);
const char *broker_live_endpoint(const struct broker *b);
const char *broker_work_endpoint(const struct broker *b);

#endif
