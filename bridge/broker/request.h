/* SPDX-License-Identifier: MIT */
/* request.h - one request from its receipt to its one final answer.
 *
 * A request is answered exactly once: by request_answer or request_refuse, both of which end it.
 * Until then it counts against its session's MAX_IN_FLIGHT. Parts of a multi-part reply go out
 * before by request_part. */
#ifndef KSNAP_BROKER_REQUEST_H
#define KSNAP_BROKER_REQUEST_H

#include <stddef.h>

#include "broker/answers.h"
#include "broker/parts.h"
#include "wire/envelope.h"
#include "wire/frames.h"

#define REQUEST_ROOM 256
#define REQUEST_FEW  8

struct session;
struct hosted;

struct request {
	struct broker *broker;
	struct session *session;
	bool delimiter;        /* a REQ socket asked: the reply mirrors its empty frame */
	enum wire_right right; /* of its peer, when it came */
	struct wire_request env;
	const struct op *op; /* NULL until found */
	const struct wire_op *row;
	void *params;                /* struct wire_<op>_params; in room, when it fits */
	struct wire_arena arena;     /* its lists */
	struct ksnap_entry *entry;   /* op get: the snapshot asked for */
	uint64_t watch;              /* ops watch_snapshot and unwatch: its id */
	struct ksnap_blob *envelope; /* within frames */
	struct ksnap_blob **blobs;
	size_t nblobs;
	/* Frames of the parts so far, for a REQ socket: it takes one message for an answer. */
	struct ksnap_blob **held; /* few, until it holds more */
	size_t nheld, held_cap;
	bool in_parts; /* parts went out before the answer */
	bool unnoted;  /* its answer is not one to give again */
	struct wire_slice
		detail; /* of the refusal that is about to come: one encoded map, or nothing */
	struct answer_wait wait;
	uint64_t received_mono_ns, deadline_mono_ns;
	uint64_t ready_mono_ns; /* its answer was; 0: not yet */
	/* From here on nothing is cleared. As received; strings of env and params point into it: */
	struct frames frames;
	/* Memory for what is mostly small: */
	max_align_t room[REQUEST_ROOM / sizeof(max_align_t)];
	struct ksnap_blob *few[REQUEST_FEW];
};

/* The handlers of one operation: op_<name>.c defines `const struct op op_<name>`. */
struct op {
	/* Answer, or hand the request to the workers, and return 0; or return a negative code
	 * with @err, and the dispatcher refuses. Params are decoded and checked, the right too. */
	int (*run)(struct request *rq, struct ksnap_err *err);
	/* For ops that workers do: the job succeeded. Answer and return 0, or fail as above. */
	int (*done)(struct request *rq, struct wire_slice result, struct ksnap_blob *blob,
		    struct ksnap_err *err);
	/* For ops that workers do: the job failed and the request is about to be refused. May be
	 * NULL. */
	void (*failed)(struct request *rq, const struct ksnap_err *err);
	/* For ops whose job leaves something behind: @worker did the job with these params and this
	 * result, but too late, the request is refused already. May be NULL. */
	void (*late)(struct broker *b, struct wire_slice params, struct wire_slice result,
		     const char *worker);
};

/* Takes the frames over. NULL when memory is out; @f is then still the caller's. */
struct request *request_create(struct broker *b, struct frames *f);

/* Send the final reply and end the request. @reply is a struct wire_<op>_reply; blobs are borrowed.
 */
void request_answer(struct request *rq, const void *reply, struct ksnap_blob *const *blobs,
		    size_t nblobs);
/* The final reply from an encoded object. */
void request_answer_raw(struct request *rq, struct wire_slice r, struct ksnap_blob *const *blobs,
			size_t nblobs);
/* The final reply in two halves, for ops that take something away: it is encoded before anything is
 * taken, so that nothing is lost for want of memory. An error: it is not ready. */
int request_prepare(struct request *rq, const void *reply, struct ksnap_err *err);
int request_prepare_raw(struct request *rq, struct wire_slice r, struct ksnap_err *err);
/* Send it and end the request; what the socket does not take is counted. */
void request_send(struct request *rq);
/* 1: it was answered before and has its answer again; this ends it. E_STATE: that answer was not
 * kept; E_BUSY: its first one is still being worked on. 0: it is new. */
int request_repeat(struct request *rq, struct ksnap_err *err);
/* One part of a multi-part reply; more follow. A part is a message; but to a REQ socket, which
 * reads one message and no more, all parts go out as one, with the last: envelope, blobs, envelope,
 * ... */
int request_part(struct request *rq, const void *reply, struct ksnap_blob *const *blobs,
		 size_t nblobs, struct ksnap_err *err);
/* Send the refusal and end the request. */
void request_refuse(struct request *rq, const struct ksnap_err *err);

/* E_DENIED: its key was taken out since it came, and gets nothing more, whatever it asked for. */
int request_check_key(const struct request *rq, struct ksnap_err *err);
/* Microseconds from its receipt until its answer is ready, which it is now or was before. */
uint64_t request_elapsed_us(struct request *rq);
/* Decode a worker's result; E_TARGET when it is none. */
int request_result(struct request *rq, const struct wire_shape *shape, struct wire_slice result,
		   void *ret, struct ksnap_err *err);

/* Name of the bridge the request is about. */
struct wire_slice request_bridge_name(const struct request *rq);
/* The bridge the request names, made at first use. */
struct hosted *request_bridge(struct request *rq, struct ksnap_err *err);
/* The same, but E_NOTFOUND when it is not open: for what comes later than the request, which must
 * not open again what was closed meanwhile. */
struct hosted *request_bridge_if_open(struct request *rq, struct ksnap_err *err);

#endif
