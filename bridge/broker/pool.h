/* SPDX-License-Identifier: MIT */
/* pool.h - the structs that workers.c, rivals.c, jobs.c and targets.c share. */
#ifndef KSNAP_BROKER_POOL_H
#define KSNAP_BROKER_POOL_H

#include "broker/parts.h"
#include "broker/workers.h"
#include "wire/frames.h"

/* One piece of work. Lives in its target's queue, then at its worker. */
struct job {
	struct job *next;
	struct target *target;
	struct request *rq;        /* NULL: no request waits (any more) */
	const struct job_end *end; /* of the broker's own: who waits; NULL: nobody (any more) */
	void *end_arg;
	bool late; /* its request's time is over: the result is dropped and counted */
	const struct op *handlers;   /* of a late job's op */
	struct ksnap_blob *envelope; /* of a late job's request: params may point into it */
	uint64_t id;
	uint64_t turn; /* within its target's queue: each session has one job a turn */
	uint64_t deadline_ms, deadline_mono_ns;
	int deadline_source;   /* in the loop; 0: none */
	const char *op;        /* static, or the row's name */
	char worker[65];       /* only this one; "" any */
	struct buf own_params; /* when the request's are not used */
	struct wire_slice params;
	struct ksnap_blob *blob; /* own reference, or NULL */
};

/* A request of wait_accessor. */
struct waiter {
	struct waiter *next;
	struct target *target;
	struct request *rq;
	int deadline_source;
	bool want_advance;
	uint64_t after;
};

struct target {
	struct target *next;
	struct workers *all;
	char name[257];
	struct job *head, *tail; /* waiting jobs, oldest first */
	uint64_t queued;
	uint64_t turn; /* of the job that was handed out last */
	unsigned nworkers;
	uint64_t vacant_mono_ns; /* when its last worker went */
	bool handing_out;
	bool named; /* by the owner: stays without workers */
	struct ksnap_accessor *accessor;
	struct waiter *waiters;
};

#define PEER_MAX 128 /* bytes of a worker's routing id with its NUL */

struct worker {
	struct worker *next;
	struct target *target;
	char name[65], kind[65], host[257];
	char peer[PEER_MAX];        /* routing id of its socket */
	char user[FRAMES_USER + 1]; /* of ZAP; "" without */
	uint64_t pid, life;         /* which process, and which life of it */
	uint64_t last_mono_ns;      /* when it was heard last */
	unsigned unreached;         /* beats in a row that found it not connected */
	struct job *job;            /* NULL: idle */
	uint64_t given_mono_ns;     /* when it got the job */
	uint64_t idle_mono_ns;      /* when it had done its last job; 0: none yet */
	uint64_t jobs;              /* given so far */
	unsigned accessor;          /* as it says: 0 trying, 1 succeeded, 2 failed */
	uint64_t seqno;
	bool spoke; /* since it joined: it knows that it is welcome */
	char error[KSNAP_ERR_TEXT];
	struct rival *rival; /* or NULL */
};

/* Who asks for the name of a worker that may be dead, and waits until that is known. */
struct rival {
	struct worker *becomes; /* in no list, and of no target yet */
	char target[257];
	unsigned beats; /* since it asked */
};

struct workers {
	struct broker *broker;
	struct bound *bound;
	int source;
	struct target *targets;
	struct worker *first;
	struct channel *channel; /* live channel `worker` */
	uint64_t next_job;
	void (*silent)(void *arg, const char *name, uint64_t pid); /* tells the owner; or NULL */
	void *silent_arg;
	const char *current;     /* worker whose result is being handled */
	struct ksnap_blob *peer; /* routing id of the message being handled */
	const char *user;        /* and its user */
	bool closing;
};

/* workers.c */
/* KSNAP_E_UNREACHABLE: it is gone. */
int worker_send(struct worker *w, const struct wire_shape *shape, const void *message,
		struct ksnap_blob *blob);
void worker_lose(struct workers *ws, struct worker *w, const char *why);

/* A beat: false when it is not connected, as far as anybody can tell. */
bool worker_beat(struct worker *w);
/* Consumes @peer, a routing id. */
void worker_refuse(struct workers *ws, const char *name, struct ksnap_blob *peer, const char *why);
/* Consumes @r, which is a worker from now on, or is refused when memory is out. */
void worker_admit(struct workers *ws, struct rival *r);

/* rivals.c */
/* What the join that is handled makes of its sender; NULL: no memory. */
struct rival *rival_make(struct workers *ws, const char *peer, const struct wire_work_join *m);
void rival_free(struct rival *r);
/* Say so, and free it. */
void rival_refuse(struct workers *ws, struct rival *r, const char *why);
/* Is it that of the message being handled, sent by @peer? */
bool rival_is(const struct rival *r, const struct workers *ws, const char *peer);
bool rivals_find(const struct workers *ws, const char *peer);
/* @r asks for the name of @w, which is lost at once when it is known to be dead. */
void rival_contend(struct workers *ws, struct worker *w, struct rival *r);
/* @w said something. */
void rivals_heard(struct workers *ws, struct worker *w);
/* Call it every heartbeat, behind the beats. */
void rivals_tick(struct workers *ws);

/* jobs.c */
/* Give waiting jobs of the target to idle workers. A worker that cannot be reached is lost. */
void jobs_hand_out(struct target *t);
void job_done(struct workers *ws, struct worker *w, const struct wire_work_done *m,
	      struct ksnap_blob *blob);
/* The job ends without a result: its request is refused with @err. */
void job_fail(struct job *j, const struct ksnap_err *err);
/* The waiting jobs that only this worker could do end so. */
void jobs_fail_pinned(struct target *t, const char *worker, const struct ksnap_err *err);
/* The same for those of keys that were taken out. */
void jobs_fail_revoked(struct target *t);

/* targets.c */
/* Made when new. */
struct target *target_get(struct workers *ws, const char *name, struct ksnap_err *err);
struct target *target_named(struct workers *ws, struct wire_slice name, struct ksnap_err *err);
void targets_free(struct workers *ws);
/* Hand out what could not be sent for want of memory; forget targets that a worker brought along
 * and took with it. Call it every heartbeat. */
void targets_tick(struct workers *ws);
/* A worker of the target told the state of its accessor. */
void target_accessor_told(struct target *t, struct worker *w, const struct wire_work_beat *m);
/* A fresh worker for a target whose accessor had failed for good. */
void target_accessor_renew(struct target *t);

#endif
