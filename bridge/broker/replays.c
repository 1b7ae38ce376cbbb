// SPDX-License-Identifier: MIT
/* replays.c - a slice of the first in line, which then stands behind those of other sessions.
 * Further ones of its own session wait behind it until it is whole. */
#include "broker/replays.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/limits.h"
#include "broker/retained.h"

/* Parts sent before anybody else has a turn: as long as some ten other requests take. */
#define SLICE 64

struct replay {
	struct replay *next;            /* of another session; or the next that waits */
	struct replay *waiting, *waits; /* first and last of the same session */
	struct request *rq;
	struct retained_header *headers;
	size_t n, sent;
	struct wire_replay_reply end;
};

struct replays {
	struct broker *broker;
	struct replay *first, *last; /* one a session */
	unsigned n;                  /* all of them */
	int turn;                    /* deadline of the next slice; 0: none */
};

struct replays *replays_create(struct broker *b, struct ksnap_err *err)
{
	struct replays *all = calloc(1, sizeof(*all));

	if (!all)
		err_nomem(err);
	else
		all->broker = b;
	return all;
}

void replays_free_headers(struct retained_header *headers, size_t n)
{
	for (size_t i = 0; i < n; i++)
		retained_release(&headers[i]);
	free(headers);
}

static void end_replay(struct replay *r)
{
	replays_free_headers(r->headers, r->n);
	free(r);
}

static void append(struct replays *all, struct replay *r)
{
	r->next = NULL;
	*(all->last ? &all->last->next : &all->first) = r;
	all->last = r;
}

static struct replay *pop(struct replays *all)
{
	struct replay *r = all->first;

	all->first = r->next;
	if (!all->first)
		all->last = NULL;
	return r;
}

static struct replay *of_session(struct replays *all, const struct session *s)
{
	struct replay *r = all->first;

	while (r && r->rq->session != s)
		r = r->next;
	return r;
}

static void enter(struct replays *all, struct replay *r)
{
	struct replay *before = of_session(all, r->rq->session);

	all->n++;
	if (!before) {
		append(all, r);
		return;
	}
	*(before->waiting ? &before->waits->next : &before->waiting) = r;
	before->waits = r;
}

/* It was taken out; the next of its session takes its place. */
static void leave(struct replays *all, struct replay *r)
{
	struct replay *next = r->waiting;

	if (next) {
		next->waiting = next->next;
		next->waits = next->waiting ? r->waits : NULL;
		append(all, next);
	}
	all->n--;
	end_replay(r);
}

/* 1: more is left; 0: answered; a negative code. */
static int send_slice(struct replay *r, struct ksnap_err *err)
{
	size_t end = r->n - r->sent < SLICE ? r->n : r->sent + SLICE;

	for (; r->sent < end; r->sent++) {
		struct wire_replay_reply part = { .has_header = true,
						  .header = r->headers[r->sent].bytes };
		int rc;

		rc = request_part(r->rq, &part, NULL, 0, err);
		if (rc)
			return rc;
	}
	if (r->sent < r->n)
		return 1;
	request_answer(r->rq, &r->end, NULL, 0);
	return 0;
}

static void refuse_all(struct replays *all, const struct ksnap_err *err)
{
	while (all->first) {
		struct replay *r = pop(all);

		request_refuse(r->rq, err);
		leave(all, r);
	}
}

static void take_turn(void *arg);

static int next_turn(struct replays *all, struct ksnap_err *err)
{
	int rc = 0;

	if (all->first && !all->turn) {
		rc = loop_add_deadline(all->broker->loop, clock_mono_ns(), take_turn, all, err);
		all->turn = rc > 0 ? rc : 0;
	}
	return rc < 0 ? rc : 0;
}

static void take_turn(void *arg)
{
	struct replays *all = arg;
	struct replay *r = pop(all);
	struct ksnap_err err;
	int rc = send_slice(r, &err);

	all->turn = 0;
	if (rc < 0)
		request_refuse(r->rq, &err);
	if (rc > 0)
		append(all, r);
	else
		leave(all, r);
	if (next_turn(all, &err))
		refuse_all(all, &err);
}

static int refuse_busy(struct ksnap_err *err)
{
	const struct limit_info *l = &limit_table[LIMIT_ID_MAX_REPLAYS];

	return err_set(err, KSNAP_E_BUSY,
		       "%lu long replays are under way (limit %s, not settable); ask again",
		       (unsigned long)l->value, l->name);
}

int replays_begin(struct replays *all, struct request *rq, struct retained_header *headers,
		  size_t n, const struct wire_replay_reply *end, struct ksnap_err *err)
{
	struct replay *r;
	int rc;

	if (all->n >= LIMIT_MAX_REPLAYS)
		return refuse_busy(err);
	r = calloc(1, sizeof(*r));
	if (!r)
		return err_nomem(err);
	*r = (struct replay){ .rq = rq, .headers = headers, .n = n, .end = *end };
	enter(all, r);
	rc = next_turn(all, err);
	if (!rc)
		return 0;
	/* No turn was to come, so that it is alone. */
	all->n--;
	free(pop(all));
	return rc;
}

void replays_destroy(struct replays *all)
{
	struct ksnap_err err;

	if (!all)
		return;
	err_set(&err, KSNAP_E_STATE, "the broker ends");
	refuse_all(all, &err);
	if (all->turn)
		loop_remove(all->broker->loop, all->turn);
	free(all);
}
