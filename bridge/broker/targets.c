// SPDX-License-Identifier: MIT
/* targets.c - targets by name, and who waits for their accessors. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "broker/pool.h"
#include "broker/request.h"
#include "core/accessor.h"

#define VACANT_S 60 /* how long a target without workers is remembered */

static struct target *find(struct workers *ws, struct wire_slice name)
{
	for (struct target *t = ws->targets; t; t = t->next)
		if (wire_slice_is(name, t->name))
			return t;
	return NULL;
}

struct target *target_get(struct workers *ws, const char *name, struct ksnap_err *err)
{
	struct target *t = find(ws, wire_slice_of(name)), **link = &ws->targets;

	if (t)
		return t;
	t = calloc(1, sizeof(*t));
	if (t)
		t->accessor = ksnap_accessor_create(err);
	if (!t || !t->accessor) {
		free(t);
		err_nomem(err);
		return NULL;
	}
	t->all = ws;
	snprintf(t->name, sizeof(t->name), "%s", name);
	while (*link)
		link = &(*link)->next;
	*link = t;
	return t;
}

static void list_names(struct workers *ws, char *to, size_t cap)
{
	size_t len = 0;

	to[0] = 0;
	for (struct target *t = ws->targets; t && len < cap; t = t->next)
		len += (size_t)snprintf(to + len, cap - len, "%s%s", len ? ", " : "", t->name);
}

struct target *target_named(struct workers *ws, struct wire_slice name, struct ksnap_err *err)
{
	struct target *t = name.len ? find(ws, name) : ws->targets;
	char names[256];

	if (t)
		return t;
	list_names(ws, names, sizeof(names));
	err_set(err, KSNAP_E_NOTFOUND,
		"no target is called '%.*s'; there are: %s (ksnap serve --target, or ksnap "
		"worker, adds one)",
		(int)name.len, name.p, names);
	return NULL;
}

const char *workers_target(struct workers *ws, struct wire_slice name, struct ksnap_err *err)
{
	struct target *t = target_named(ws, name, err);

	return t ? t->name : NULL;
}

static void unlink_waiter(struct waiter *w)
{
	struct waiter **link = &w->target->waiters;

	while (*link != w)
		link = &(*link)->next;
	*link = w->next;
	if (w->deadline_source > 0)
		loop_remove(w->target->all->broker->loop, w->deadline_source);
}

static void refuse_waiter(struct waiter *w, const struct ksnap_err *err)
{
	struct request *rq = w->rq;

	unlink_waiter(w);
	free(w);
	request_refuse(rq, err);
}

static void free_target(struct target *t)
{
	struct ksnap_err err;

	err_set(&err, KSNAP_E_STATE, "the broker stops");
	while (t->waiters)
		refuse_waiter(t->waiters, &err);
	while (t->head) {
		struct job *j = t->head;

		t->head = j->next;
		job_fail(j, &err);
	}
	ksnap_accessor_destroy(t->accessor);
	free(t);
}

void targets_free(struct workers *ws)
{
	for (struct target *t = ws->targets, *next; t; t = next) {
		next = t->next;
		free_target(t);
	}
}

/* A target that serve did not name goes some time after its last worker, which may come back. */
static bool is_forgettable(const struct target *t)
{
	return !t->named && !t->nworkers && !t->head && !t->waiters &&
	       clock_mono_ns() - t->vacant_mono_ns >= VACANT_S * NS_PER_S;
}

void targets_tick(struct workers *ws)
{
	struct target **link = &ws->targets, *t;

	for (t = ws->targets; t; t = t->next)
		jobs_hand_out(t);
	while ((t = *link)) {
		if (is_forgettable(t)) {
			*link = t->next;
			free_target(t);
		} else {
			link = &t->next;
		}
	}
}

static void answer_wait(struct request *rq, enum ksnap_accessor_state state, uint64_t seqno)
{
	struct wire_wait_accessor_reply reply = {
		.seqno = seqno,
		.state = wire_slice_of(state == KSNAP_ACCESSOR_SUCCEEDED ? "succeeded" : "trying"),
	};

	request_answer(rq, &reply, NULL, 0);
}

/* Ready: answer. Failed for good: refuse. True when either was done. */
static bool try_answer(struct target *t, struct request *rq, bool want_advance, uint64_t after)
{
	enum accessor_verdict verdict = accessor_poll(t->accessor, after, want_advance, NULL);
	enum ksnap_accessor_state state;
	struct ksnap_err err;
	uint64_t seqno;

	if (verdict == ACCESSOR_PENDING)
		return false;
	if (verdict == ACCESSOR_GONE) {
		accessor_wait_error(t->accessor, after, want_advance, 0, &err);
		request_refuse(rq, &err);
		return true;
	}
	state = ksnap_accessor_get(t->accessor, &seqno);
	answer_wait(rq, state, seqno);
	return true;
}

static void wait_expired(void *arg)
{
	struct waiter *w = arg;
	struct ksnap_err err;

	w->deadline_source = 0;
	if (w->target->nworkers)
		accessor_wait_error(w->target->accessor, w->after, w->want_advance,
				    (unsigned)w->rq->env.deadline_ms, &err);
	else
		err_set(&err, KSNAP_E_TIMEOUT,
			"no worker serves %s yet; a longer deadline may help", w->target->name);
	refuse_waiter(w, &err);
}

int workers_wait_accessor(struct workers *ws, struct request *rq, struct wire_slice target,
			  const uint64_t *after, struct ksnap_err *err)
{
	struct target *t = target_named(ws, target, err);
	struct waiter *w;

	if (!t)
		return KSNAP_E_NOTFOUND;
	if (try_answer(t, rq, after != NULL, after ? *after : 0))
		return 0;
	w = calloc(1, sizeof(*w));
	if (!w)
		return err_nomem(err);
	w->deadline_source =
		loop_add_deadline(ws->broker->loop, rq->deadline_mono_ns, wait_expired, w, err);
	if (w->deadline_source < 0) {
		int rc = w->deadline_source;

		free(w);
		return rc;
	}
	w->target = t;
	w->rq = rq;
	w->want_advance = after != NULL;
	w->after = after ? *after : 0;
	w->next = t->waiters;
	t->waiters = w;
	return 0;
}

static void wake_waiters(struct target *t)
{
	struct waiter *list = t->waiters, *next;

	/* Answering may end a session; it never touches this list. */
	t->waiters = NULL;
	for (struct waiter *w = list; w; w = next) {
		next = w->next;
		if (try_answer(t, w->rq, w->want_advance, w->after)) {
			if (w->deadline_source > 0)
				loop_remove(t->all->broker->loop, w->deadline_source);
			free(w);
			continue;
		}
		w->next = t->waiters;
		t->waiters = w;
	}
}

/* From the first each time: who is refused leaves the list. */
static void refuse_revoked(struct target *t)
{
	struct waiter *w = t->waiters;
	struct ksnap_err err;

	while (w) {
		if (!request_check_key(w->rq, &err)) {
			w = w->next;
			continue;
		}
		refuse_waiter(w, &err);
		w = t->waiters;
	}
}

void workers_refuse_revoked(struct workers *ws)
{
	for (struct target *t = ws->targets; t; t = t->next) {
		refuse_revoked(t);
		jobs_fail_revoked(t);
	}
}

void target_accessor_renew(struct target *t)
{
	uint64_t seqno;
	struct ksnap_accessor *fresh;

	if (ksnap_accessor_get(t->accessor, &seqno) != KSNAP_ACCESSOR_FAILED)
		return;
	fresh = ksnap_accessor_create(NULL);
	if (!fresh)
		return;
	ksnap_accessor_destroy(t->accessor);
	t->accessor = fresh;
}

void target_accessor_told(struct target *t, struct worker *w, const struct wire_work_beat *m)
{
	bool news = m->accessor != w->accessor || m->seqno != w->seqno;
	struct ksnap_err err; /* makes text of what a worker says */

	if (!news)
		return;
	if (m->accessor == KSNAP_ACCESSOR_SUCCEEDED && m->seqno > w->seqno)
		ksnap_accessor_publish(t->accessor);
	else if (m->accessor == KSNAP_ACCESSOR_FAILED)
		ksnap_accessor_fail(t->accessor);
	else if (m->accessor == KSNAP_ACCESSOR_TRYING)
		ksnap_accessor_trying(t->accessor);
	w->accessor =
		m->accessor > KSNAP_ACCESSOR_FAILED ? KSNAP_ACCESSOR_FAILED : (unsigned)m->accessor;
	w->seqno = m->seqno;
	err_set(&err, 0, "%.*s", m->has_error ? (int)m->error.len : 0,
		m->has_error ? m->error.p : "");
	strcpy(w->error, err.text);
	if (w->error[0])
		log_warn("worker %s: %s", w->name, w->error);
	wake_waiters(t);
}
