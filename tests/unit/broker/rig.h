/* SPDX-License-Identifier: MIT */
/* rig.h - a real broker on a thread, a client and a scripted worker over inproc://. */
#ifndef KSNAP_TEST_RIG_H
#define KSNAP_TEST_RIG_H

#include "broker/broker.h"
#include "wire/envelope.h"
#include "wire/frames.h"
#include "wire/shapes.h"

#define RIG_WAIT_MS 20000 /* a broken broker ends a test, a slow machine does not */

struct rig;

/* Start a broker; fields of @opts that are 0 get inproc endpoints and the target "t". */
struct rig *rig_start(struct broker_opts opts);
/* End the broker; sockets of the test may still read what it sent. */
void rig_end_broker(struct rig *r);
/* The same, then all of the rig; the test's sockets are closed by now. */
void rig_stop(struct rig *r);
/* Run @fn(@arg) on the broker's thread and wait for it. */
void rig_on_broker(struct rig *r, void (*fn)(struct broker *b, void *arg), void *arg);
void *rig_context(struct rig *r);

/* A DEALER connected to control, or work (with this routing id), or a SUB to live. */
void *rig_client(struct rig *r);
void *rig_worker(struct rig *r, const char *name);
void *rig_monitor(struct rig *r, const char *prefix);

/* Messages. Receiving fails the test after RIG_WAIT_MS. */
void rig_recv(void *socket, struct frames *f);
/* Send a request; @params is "" or raw msgpack of @len bytes. */
void rig_send(void *client, uint64_t id, const char *op, const void *params, size_t len,
	      struct ksnap_blob *blob);
/* The same with a deadline, on a bridge. */
void rig_send_with(void *client, uint64_t id, const char *op, const char *bridge,
		   uint64_t deadline_ms, const void *params, size_t len, struct ksnap_blob *blob);
/* Encode params by their shape and send. */
void rig_ask(void *client, uint64_t id, enum wire_op_id op, const void *params,
	     struct ksnap_blob *blob);

struct rig_reply {
	struct frames frames;
	struct wire_reply reply;
	char code[32]; /* of the error; "" when ok */
};

void rig_reply(void *client, struct rig_reply *ret);
void rig_reply_clear(struct rig_reply *r);
/* Receive the reply with this id; it is ok (decoded into @ret by the op's reply shape), or has this
 * code. */
void rig_expect_ok(void *client, uint64_t id, enum wire_op_id op, struct rig_reply *keep,
		   void *ret);
void rig_expect_error(void *client, uint64_t id, const char *code);

/* As the worker @name of target "t": only say join, with this number of its life (0: none). */
void rig_send_join(void *worker, const char *name, uint64_t life);
/* As the worker @name of target "t": join and take the welcome. */
void rig_join(void *worker, const char *name);
/* The join of that worker, to be changed before it is sent. */
struct wire_work_join rig_join_of(const char *name);
/* Send any message of a worker. */
void rig_work(void *worker, const struct wire_shape *shape, const void *m, struct ksnap_blob *blob);
/* The next message of the broker that is no beat; its kind is copied to @k. */
void rig_work_next(void *worker, char k[16]);
/* Wait until the broker's socket knows that the worker's peer has left. */
void rig_wait_unreachable(struct rig *r, const char *worker);
/* An id no request had: one that was answered is answered from the cache. */
uint64_t rig_fresh_id(void);
/* A count of status' `dropped`. */
uint64_t rig_dropped(void *client, const char *what);
/* The next job (beats are skipped). */
void rig_job(void *worker, struct frames *keep, struct wire_work_job *ret);
/* Finish a capture job with a report, or a job with an error. */
void rig_done_captured(void *worker, uint64_t job, struct ksnap_blob *report);
void rig_done_error(void *worker, uint64_t job, const char *code, const char *msg);
void rig_done_raw(void *worker, uint64_t job, const void *r, size_t len);

/* A small blob whose head is that of a report. */
struct ksnap_blob *rig_report(size_t size);
struct wire_capture_snapshot_params rig_tag(const char *tag);

#endif
