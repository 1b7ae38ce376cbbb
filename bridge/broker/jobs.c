// SPDX-License-Identifier: MIT
/* jobs.c - jobs: queued for a target, handed to an idle worker, ended once. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/limits.h"
#include "broker/pool.h"
#include "broker/request.h"
#include "wire/pack.h"

static void free_job(struct job *j)
{
	if (j->deadline_source > 0)
		loop_remove(j->target->all->broker->loop, j->deadline_source);
	buf_fini(&j->own_params);
	ksnap_blob_unref(j->blob);
	ksnap_blob_unref(j->envelope);
	free(j);
}

/* Who waited for a job hears that there is no result. */
struct waits {
	struct request *rq;
	const struct job_end *end;
	void *end_arg;
};

static struct waits take_waits(struct job *j)
{
	struct waits w = { .rq = j->rq, .end = j->end, .end_arg = j->end_arg };

	j->rq = NULL;
	j->end = NULL;
	return w;
}

static void tell_failed(const struct waits *w, const struct ksnap_err *err)
{
	if (w->end)
		w->end->failed(w->end_arg, err);
	if (!w->rq)
		return;
	if (w->rq->op->failed)
		w->rq->op->failed(w->rq, err);
	request_refuse(w->rq, err);
}

void job_fail(struct job *j, const struct ksnap_err *err)
{
	struct waits w = take_waits(j);

	free_job(j);
	tell_failed(&w, err);
}

static void unqueue(struct job *j)
{
	struct target *t = j->target;
	struct job **link = &t->head, *prev = NULL;

	while (*link != j) {
		prev = *link;
		link = &prev->next;
	}
	*link = j->next;
	if (t->tail == j)
		t->tail = prev;
	j->next = NULL;
	t->queued--;
}

static bool is_queued(const struct job *j)
{
	for (const struct job *q = j->target->head; q; q = q->next)
		if (q == j)
			return true;
	return false;
}

/* The time is over. A job that runs goes on without anybody waiting: its result is counted as late.
 */
static void expired(void *arg)
{
	struct job *j = arg;
	struct ksnap_err err;
	struct waits w;

	j->deadline_source = 0;
	if (is_queued(j)) {
		err_set(&err, KSNAP_E_TIMEOUT,
			j->target->nworkers
				? "no worker of %s was free within %lu ms; %lu jobs wait"
				: "no worker serves %s; after %lu ms it still had none (%lu jobs "
				  "wait)",
			j->target->name, (unsigned long)j->deadline_ms,
			(unsigned long)j->target->queued);
		unqueue(j);
		job_fail(j, &err);
		return;
	}
	err_set(&err, KSNAP_E_TIMEOUT, "%s was not done within %lu ms; name a longer deadline (t)",
		j->op, (unsigned long)j->deadline_ms);
	w = take_waits(j);
	j->late = true;
	j->handlers = w.rq ? w.rq->op : NULL;
	j->envelope = w.rq ? ksnap_blob_ref(w.rq->envelope) : NULL;
	tell_failed(&w, &err);
}

static uint64_t ms_left(const struct job *j)
{
	uint64_t now = clock_mono_ns();

	return j->deadline_mono_ns > now ? (j->deadline_mono_ns - now) / NS_PER_MS : 0;
}

static int send_job(struct worker *w, struct job *j)
{
	struct wire_work_job m = { .k = wire_slice_of("job"),
				   .job = j->id,
				   .op = wire_slice_of(j->op),
				   .p = j->params,
				   .t = ms_left(j) };

	return worker_send(w, &wire_shape_work_job, &m, j->blob);
}

static struct job *next_for(struct target *t, const struct worker *w)
{
	struct job *j = t->head;

	while (j && j->worker[0] && strcmp(j->worker, w->name))
		j = j->next;
	return j;
}

/* The worker that is idle for longest among those for whom there is a job, and the job. */
static struct worker *find_match(struct target *t, struct job **ret)
{
	struct worker *best = NULL;

	for (struct worker *w = t->head ? t->all->first : NULL; w; w = w->next) {
		struct job *j = w->target == t && !w->job ? next_for(t, w) : NULL;

		if (!j || (best && best->idle_mono_ns <= w->idle_mono_ns))
			continue;
		best = w;
		*ret = j;
	}
	return best;
}

static int give(struct worker *w, struct job *j)
{
	struct target *t = j->target;
	int rc = send_job(w, j);

	if (rc == KSNAP_E_NOMEM)
		return rc;
	if (rc) {
		worker_lose(w->target->all, w, "it cannot be reached");
		return 0;
	}
	unqueue(j);
	t->turn = j->turn > t->turn ? j->turn : t->turn;
	w->job = j;
	w->jobs++;
	w->given_mono_ns = clock_mono_ns();
	return 0;
}

/* Losing a worker comes here again: the outer call goes on. */
void jobs_hand_out(struct target *t)
{
	struct worker *w;
	struct job *j;

	if (t->handing_out)
		return;
	t->handing_out = true;
	while (!t->all->closing && (w = find_match(t, &j)))
		if (give(w, j))
			break;
	t->handing_out = false;
}

/* From the head each time: a failing job may end others. */
void jobs_fail_pinned(struct target *t, const char *worker, const struct ksnap_err *err)
{
	struct job *j = t->head;

	while (j) {
		if (strcmp(j->worker, worker)) {
			j = j->next;
			continue;
		}
		unqueue(j);
		job_fail(j, err);
		j = t->head;
	}
}

static struct session *session_of(const struct job *j)
{
	return j->rq ? j->rq->session : NULL;
}

/* From the head each time, as above. */
void jobs_fail_revoked(struct target *t)
{
	struct job *j = t->head;
	struct ksnap_err err;

	while (j) {
		if (!j->rq || !request_check_key(j->rq, &err)) {
			j = j->next;
			continue;
		}
		unqueue(j);
		job_fail(j, &err);
		j = t->head;
	}
}

/* The last waiting job of @s; NULL: none. */
static const struct job *last_of(const struct target *t, const struct session *s)
{
	const struct job *last = NULL;

	for (const struct job *j = t->head; j; j = j->next)
		if (session_of(j) == s)
			last = j;
	return last;
}

/* Behind the jobs of its turn: who has many waiting stands behind who has few. */
static void enqueue(struct job *j)
{
	struct target *t = j->target;
	const struct job *last = session_of(j) ? last_of(t, session_of(j)) : NULL;
	struct job **link = &t->head;

	j->turn = last ? last->turn + 1 : t->turn;
	while (*link && (*link)->turn <= j->turn)
		link = &(*link)->next;
	j->next = *link;
	*link = j;
	if (!j->next)
		t->tail = j;
	t->queued++;
	jobs_hand_out(t);
}

/* A session that has none waiting always has a place, so that another one's flood cannot shut it
 * out. */
static bool has_place(const struct target *t, const struct session *s)
{
	return t->queued < t->all->broker->max_queued_jobs || !last_of(t, s);
}

static struct job *create(struct target *t, const char *op, const char *worker)
{
	struct job *j = calloc(1, sizeof(*j));

	if (!j)
		return NULL;
	j->target = t;
	j->id = ++t->all->next_job;
	j->op = op;
	snprintf(j->worker, sizeof(j->worker), "%s", worker ? worker : "");
	return j;
}

/* Params, unless they are the request's, blob and deadline. */
static int fill(struct job *j, const struct job_spec *spec, struct ksnap_err *err)
{
	struct loop *loop = j->target->all->broker->loop;

	if (spec->params.len) {
		if (buf_append(&j->own_params, spec->params.p, spec->params.len))
			return err_nomem(err);
		j->params = (struct wire_slice){ (char *)j->own_params.data, j->own_params.len };
	}
	j->blob = spec->blob ? ksnap_blob_ref(spec->blob) : NULL;
	j->deadline_source = loop_add_deadline(loop, j->deadline_mono_ns, expired, j, err);
	return j->deadline_source < 0 ? j->deadline_source : 0;
}

static int refuse_full(const struct target *t, struct ksnap_err *err)
{
	const struct limit_info *l = &limit_table[LIMIT_ID_MAX_QUEUED_JOBS];

	return err_set(err, KSNAP_E_BUSY,
		       "%lu jobs wait for a worker of %s (limit %s; raise it with ksnap "
		       "serve %s, or add workers)",
		       (unsigned long)t->queued, t->name, l->name, l->change);
}

int workers_submit(struct workers *ws, struct request *rq, const struct job_spec *spec,
		   struct ksnap_err *err)
{
	static const char empty_map[] = "\x80";
	struct target *t = target_named(ws, spec->target, err);
	struct job *j;
	int rc;

	if (!t)
		return KSNAP_E_NOTFOUND;
	if (!has_place(t, rq->session))
		return refuse_full(t, err);
	j = create(t, spec->op ? spec->op : rq->row->name, spec->worker);
	if (!j)
		return err_nomem(err);
	j->params = rq->env.params.len ? rq->env.params : (struct wire_slice){ empty_map, 1 };
	j->deadline_ms = rq->env.deadline_ms;
	j->deadline_mono_ns = rq->deadline_mono_ns;
	rc = fill(j, spec, err);
	if (rc) {
		free_job(j);
		return rc;
	}
	j->rq = rq;
	enqueue(j);
	return 0;
}

int workers_start(struct workers *ws, const struct job_spec *spec, const struct job_end *end,
		  void *arg, struct ksnap_err *err)
{
	struct target *t = target_named(ws, spec->target, err);
	struct job *j;
	int rc;

	if (!t)
		return KSNAP_E_NOTFOUND;
	if (ws->closing)
		return err_set(err, KSNAP_E_STATE, "the broker stops");
	if (t->queued >= ws->broker->max_queued_jobs)
		return refuse_full(t, err);
	j = create(t, spec->op, spec->worker);
	if (!j)
		return err_nomem(err);
	j->deadline_ms = LIMIT_DEFAULT_DEADLINE_MS;
	j->deadline_mono_ns = clock_mono_ns() + j->deadline_ms * NS_PER_MS;
	rc = fill(j, spec, err);
	if (rc) {
		free_job(j);
		return rc;
	}
	j->end = end;
	j->end_arg = arg;
	enqueue(j);
	return 0;
}

static void cannot_undo(const struct job_end *end, void *arg, const char *worker)
{
	struct ksnap_err err;

	if (!end)
		return;
	err_set(&err, KSNAP_E_WORKER_LOST, "worker %s is gone", worker);
	end->failed(arg, &err);
}

void workers_undo(struct workers *ws, const char *worker, const char *job, struct buf *params,
		  const struct job_end *end, void *arg)
{
	struct worker *w = ws->closing ? NULL : ws->first;
	struct job *j;

	while (w && strcmp(w->name, worker))
		w = w->next;
	j = w && buf_ok(params) ? create(w->target, job, worker) : NULL;
	if (!j) {
		/* The worker must not keep what nobody owns: its end releases all of it. */
		if (w)
			worker_lose(ws, w, "no memory to undo what nobody owns");
		cannot_undo(end, arg, worker);
		return;
	}
	j->own_params = *params;
	buf_init(params);
	j->params = (struct wire_slice){ (char *)j->own_params.data, j->own_params.len };
	j->deadline_mono_ns = clock_mono_ns() + (uint64_t)LIMIT_DEFAULT_DEADLINE_MS * NS_PER_MS;
	j->end = end;
	j->end_arg = arg;
	enqueue(j);
}

static void error_of(const struct wire_work_done *m, struct ksnap_err *err)
{
	char code[32] = "E_INTERNAL";

	if (!m->has_e) {
		err_set(err, KSNAP_E_INTERNAL, "the worker failed and did not say why");
		return;
	}
	snprintf(code, sizeof(code), "%.*s", (int)m->e.code.len, m->e.code.p);
	err_set(err, ksnap_err_code(code), "%.*s", (int)m->e.msg.len, m->e.msg.p);
}

/* The worker's answer to who waited for the job. */
static void finish(const struct waits *w, const struct wire_work_done *m, struct ksnap_blob *blob)
{
	struct ksnap_err err;
	int rc = 0;

	if (m->ok && w->end)
		w->end->done(w->end_arg, m->r, blob);
	else if (m->ok && w->rq)
		rc = w->rq->op->done(w->rq, m->r, blob, &err);
	else
		error_of(m, &err);
	if (!m->ok && w->rq && m->has_e && m->e.has_detail)
		w->rq->detail = m->e.detail;
	if (!m->ok || rc)
		tell_failed(w, &err);
}

void job_done(struct workers *ws, struct worker *w, const struct wire_work_done *m,
	      struct ksnap_blob *blob)
{
	struct target *t = w->target;
	struct job *j = w->job;
	struct waits waits;
	char name[65];

	if (!j || j->id != m->job) {
		ws->broker->tally.drops[DROP_LATE_RESULT]++;
		return;
	}
	/* From here on the worker may be lost at any call: it is found by its name. */
	snprintf(name, sizeof(name), "%s", w->name);
	w->job = NULL;
	w->idle_mono_ns = clock_mono_ns();
	waits = take_waits(j);
	ws->current = name;
	ws->broker->tally.drops[DROP_LATE_RESULT] += j->late;
	if (j->late && m->ok && j->handlers && j->handlers->late)
		j->handlers->late(ws->broker, j->params, m->r, name);
	free_job(j);
	finish(&waits, m, blob);
	ws->current = NULL;
	jobs_hand_out(t);
}
