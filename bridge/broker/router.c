// SPDX-License-Identifier: MIT
/* router.c - the control socket. Reads a bounded number of messages a turn, so that timers, workers
 * and live messages get their share under a flood. */
#include "broker/router.h"

#include <stdlib.h>
#include <zmq.h>

#include "base/error.h"
#include "base/log.h"
#include "broker/arrivals.h"
#include "broker/dispatch.h"
#include "broker/endpoint.h"
#include "broker/zap.h"

/* Messages read before the loop looks at its other sources. */
#define READ_BATCH 64
/* Replies queued to a peer that does not read, before it loses them: a replay of
 * MAX_RETAINED_HEADERS parts and a drain fit twice. */
#define REPLY_HWM 16384

/* Answers that go out together, after the first of a turn, for which nobody has to wait: one that
 * goes alone wakes libzmq's thread, and that the peer. */
#define HELD_REPLIES 16
#define HELD_PARTS   3 /* routing id, delimiter, envelope */

struct held {
	struct ksnap_blob *part[HELD_PARTS];
	size_t n;
};

/* A frame that is too large, but not by more than this, is read and refused with an answer; libzmq
 * ends the connection for what is larger. */
#define ROOM(max) ((max) / 4 + 65536)

struct router {
	struct broker *broker;
	struct bound *bound;
	int source;
	bool in_turn;  /* its end sends what is held */
	bool answered; /* within this turn */
	struct held held[HELD_REPLIES];
	size_t nheld;
};

static void count_loss(struct router *r, int rc)
{
	uint64_t *drops = r->broker->tally.drops;

	if (rc == KSNAP_E_BUSY)
		drops[DROP_REPLY_FULL]++;
	else if (rc == KSNAP_E_NOMEM)
		drops[DROP_REPLY_MEMORY]++;
	else if (rc < 0)
		drops[DROP_REPLY_GONE]++;
}

static void send_held(struct router *r)
{
	if (r->nheld)
		loop_socket_used(r->broker->loop, r->source);
	for (size_t i = 0; i < r->nheld; i++) {
		struct held *h = &r->held[i];

		count_loss(r, frames_send_list(bound_socket(r->bound), h->part, h->n, NULL));
		for (size_t j = 0; j < h->n; j++)
			ksnap_blob_unref(h->part[j]);
	}
	r->nheld = 0;
}

/* libzmq makes routing ids of a zero and four bytes. */
static bool is_named(const struct frames *f)
{
	return f->n &&
	       (ksnap_blob_size(f->part[0]) != 5 || *(const char *)ksnap_blob_data(f->part[0]));
}

static void receive_some(struct router *r)
{
	struct arrivals *arrivals = bound_arrivals(r->bound);

	for (int i = 0; i < READ_BATCH; i++) {
		_frames_ struct frames f; /* the parts need no clearing */
		struct ksnap_err err;
		int rc;

		f.n = 0;
		f.no_users = !r->broker->zap;
		f.wants_fd = arrivals_listens(arrivals);
		rc = frames_recv(bound_socket(r->bound), &f, &err);

		if (rc == 0) {
			loop_socket_rests(r->broker->loop, r->source);
			arrivals_all_read(arrivals);
			return;
		}
		if (f.n && ksnap_blob_size(f.part[0]) > ROUTING_ID_MAX) {
			r->broker->tally.drops[DROP_ROUTING_ID]++;
			continue;
		}
		if (f.wants_fd)
			arrivals_heard(arrivals, f.fd, is_named(&f));
		zap_name(r->broker->zap, r->bound, f.user);
		if (rc == KSNAP_E_NOMEM)
			r->broker->tally.drops[DROP_REQUEST_MEMORY]++;
		if (rc < 0 && rc != KSNAP_E_PROTO) {
			log_error("control socket: %s", err.text);
			return;
		}
		dispatch(r->broker, &f, rc < 0 ? &err : NULL);
	}
}

static void receive(void *arg)
{
	struct router *r = arg;

	loop_socket_used(r->broker->loop, r->source);
	r->in_turn = true;
	r->answered = false;
	receive_some(r);
	r->in_turn = false;
	send_held(r);
}

struct router *router_create(struct broker *b, const struct broker_opts *opts,
			     struct ksnap_err *err)
{
	struct router *r = calloc(1, sizeof(*r));
	uint64_t max = b->max_blob > b->max_frame ? b->max_blob : b->max_frame;
	struct bound_opts bo = { .context = opts->zmq_context,
				 .type = ZMQ_ROUTER,
				 .urls = opts->control,
				 .ipc_mode = opts->ipc_mode,
				 .send_hwm = REPLY_HWM,
				 .recv_hwm = 0,
				 .max_message = max + ROOM(max),
				 .zap = b->zap,
				 .domain = ZAP_CONTROL,
				 .curve = opts->curve,
				 .mandatory = true,
				 .loop = b->loop,
				 .ends_unheard = true,
				 .read = receive,
				 .arg = r };

	if (!r) {
		err_nomem(err);
		return NULL;
	}
	r->broker = b;
	r->bound = bound_create(&bo, err);
	if (r->bound)
		r->source = loop_add_socket(b->loop, bound_socket(r->bound), receive, r, err);
	if (!r->bound || r->source < 0) {
		router_destroy(r);
		return NULL;
	}
	return r;
}

void router_destroy(struct router *r)
{
	if (!r)
		return;
	if (r->source > 0)
		loop_remove(r->broker->loop, r->source);
	bound_destroy(r->bound);
	free(r);
}

int router_send(struct router *r, struct ksnap_blob *const *parts, size_t n, struct ksnap_err *err)
{
	send_held(r);
	loop_socket_used(r->broker->loop, r->source);
	return frames_send_list(bound_socket(r->bound), parts, n, err);
}

int router_answer(struct router *r, struct ksnap_blob *const *parts, size_t n,
		  struct ksnap_err *err)
{
	struct held *h = &r->held[r->nheld];
	int rc;

	if (!r->in_turn || !r->answered || n > HELD_PARTS) {
		r->answered = true;
		rc = router_send(r, parts, n, err);
		if (rc != KSNAP_E_NOMEM)
			count_loss(r, rc);
		return rc;
	}
	for (h->n = 0; h->n < n; h->n++)
		h->part[h->n] = ksnap_blob_ref(parts[h->n]);
	if (++r->nheld == HELD_REPLIES)
		send_held(r);
	return 0;
}

void router_tick(struct router *r)
{
	r->broker->tally.drops[DROP_CONNECTION_UNHEARD] += arrivals_tick(bound_arrivals(r->bound));
}

const char *const *router_endpoints(const struct router *r)
{
	return bound_endpoints(r->bound);
}
