// SPDX-License-Identifier: MIT
/* workers.c - the work socket: workers join, beat, finish jobs, and are lost. A worker that is busy
 * cannot beat, so it has until the deadline of its job, and 5 heartbeats more; then it is lost. Its
 * connection is held by another thread: without one it is lost too, and has ten heartbeats
 * to connect again. */
#include "broker/workers.h"

#include <stdlib.h>
#include <string.h>
#include <zmq.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/utf8.h"
#include "broker/bridges.h"
#include "broker/endpoint.h"
#include "broker/pool.h"
#include "broker/publish.h"
#include "broker/request.h"
#include "broker/session.h"
#include "broker/watching.h"
#include "broker/zap.h"

#define READ_BATCH   64
#define MISSED_BEATS 5
/* A connection that somebody with its routing id took over is found unheard, and ended, after five
 * beats: it is back behind that. */
#define UNREACHED_BEATS 10

static void receive(void *arg);

static int open_targets(struct workers *ws, const char *const *names, struct ksnap_err *err)
{
	static const char *const standard[] = { "live", NULL };

	for (names = names && *names ? names : standard; *names; names++) {
		struct target *t = target_get(ws, *names, err);

		if (!t)
			return KSNAP_E_NOMEM;
		t->named = true;
	}
	return 0;
}

struct workers *workers_create(struct broker *b, const struct broker_opts *opts,
			       struct ksnap_err *err)
{
	struct workers *ws = calloc(1, sizeof(*ws));
	struct bound_opts bo = { .context = opts->zmq_context,
				 .type = ZMQ_ROUTER,
				 .urls = opts->work,
				 .ipc_mode = opts->work_mode,
				 .mandatory = true,
				 .max_message =
					 b->max_blob > b->max_frame ? b->max_blob : b->max_frame,
				 .loop = b->loop,
				 .zap = b->zap,
				 .domain = ZAP_WORK,
				 .curve = opts->curve,
				 .handover = true };

	if (!ws) {
		err_nomem(err);
		return NULL;
	}
	ws->broker = b;
	/* An answer to a job of another broker's life is none to a job of this one. */
	ws->next_job = b->epoch;
	ws->silent = opts->worker_silent;
	ws->silent_arg = opts->arg;
	ws->channel = publisher_channel(b->publisher, "worker", NULL, err);
	if (ws->channel && !open_targets(ws, opts->targets, err))
		ws->bound = bound_create(&bo, err);
	if (ws->bound)
		ws->source = loop_add_socket(b->loop, bound_socket(ws->bound), receive, ws, err);
	if (!ws->bound || ws->source < 0) {
		workers_destroy(ws);
		return NULL;
	}
	return ws;
}

static int send_to(struct workers *ws, struct ksnap_blob *routing_id,
		   const struct wire_shape *shape, const void *message, struct ksnap_blob *blob)
{
	_frames_ struct frames f = { 0 };
	_buf_ struct buf b = BUF_INIT;
	int rc = frames_push(&f, routing_id);

	rc = rc ? rc : wire_encode(shape, message, &b);
	rc = rc ? rc : frames_push(&f, buf_take_blob(&b));
	if (blob && !rc)
		rc = frames_push(&f, ksnap_blob_ref(blob));
	loop_socket_used(ws->broker->loop, ws->source);
	return rc ? rc : frames_send(bound_socket(ws->bound), &f, NULL);
}

static int send_to_peer(struct workers *ws, const char *peer, const struct wire_shape *shape,
			const void *message, struct ksnap_blob *blob)
{
	return send_to(ws, ksnap_blob_copy(peer, strlen(peer)), shape, message, blob);
}

int worker_send(struct worker *w, const struct wire_shape *shape, const void *message,
		struct ksnap_blob *blob)
{
	return send_to_peer(w->target->all, w->peer, shape, message, blob);
}

/* To whom the message being handled came from, who need not be a worker. */
static void send_back(struct workers *ws, const struct wire_shape *shape, const void *message)
{
	send_to(ws, ksnap_blob_ref(ws->peer), shape, message, NULL);
}

static void free_worker(struct worker *w, const char *why)
{
	struct ksnap_err err;

	if (w->job) {
		err_set(&err, KSNAP_E_STATE, "%s", why);
		job_fail(w->job, &err);
	}
	rival_free(w->rival);
	free(w);
}

void workers_destroy(struct workers *ws)
{
	struct wire_work_leave leave = { .k = wire_slice_of("leave") };

	if (!ws)
		return;
	ws->closing = true;
	if (ws->source > 0)
		loop_remove(ws->broker->loop, ws->source);
	while (ws->first) {
		struct worker *w = ws->first;

		ws->first = w->next;
		worker_send(w, &wire_shape_work_leave, &leave, NULL);
		if (w->rival)
			send_to_peer(ws, w->rival->becomes->peer, &wire_shape_work_leave, &leave,
				     NULL);
		free_worker(w, "the broker stops");
	}
	targets_free(ws);
	bound_destroy(ws->bound);
	free(ws);
}

const char *const *workers_endpoints(const struct workers *ws)
{
	return bound_endpoints(ws->bound);
}

const char *workers_current(const struct workers *ws)
{
	return ws->current;
}

static struct worker *find(struct workers *ws, const char *name)
{
	for (struct worker *w = ws->first; w; w = w->next)
		if (!strcmp(w->name, name))
			return w;
	return NULL;
}

const char *workers_host(struct workers *ws, const char *worker)
{
	const struct worker *w = find(ws, worker);

	return w ? w->host : "";
}

/* Of the user whose message is handled: nobody speaks under the routing id of another's worker. */
static struct worker *find_peer(struct workers *ws, const char *peer)
{
	for (struct worker *w = ws->first; w; w = w->next)
		if (!strcmp(w->peer, peer) && !strcmp(w->user, ws->user))
			return w;
	return NULL;
}

static void unlink_worker(struct workers *ws, struct worker *w)
{
	struct worker **link = &ws->first;

	while (*link != w)
		link = &(*link)->next;
	*link = w->next;
	w->target->nworkers--;
	w->target->vacant_mono_ns = clock_mono_ns();
}

/* A fact about the bridge whose job it had, and about those of sessions that it held something for;
 * else about none in particular. */
static void raise_loss(struct workers *ws, const struct worker *w, const char *why)
{
	struct hosted *h = w->job && w->job->rq ? request_bridge_if_open(w->job->rq, NULL) : NULL;
	char held[KSNAP_ERR_TEXT], text[2 * KSNAP_ERR_TEXT];

	for (struct hosted *b = bridges_first(ws->broker->bridges); b; b = b->next) {
		struct ksnap_event_field f[] = { { .name = "worker", .str = w->name },
						 { .name = "target", .str = w->target->name },
						 { .name = "reason", .str = text },
						 { .name = "job",
						   .num = w->job ? w->job->id : 0 } };

		sessions_held(ws->broker->sessions, w->name, b->name, held);
		snprintf(text, sizeof(text), "%s%s%s", why, held[0] ? "; released: " : "", held);
		text[utf8_cut(text, strnlen(text, KSNAP_ERR_TEXT - 1))] = 0;
		if (b == h || held[0])
			hosted_raise(b, KSNAP_EV_WORKER_LOST, f, b == h ? 4 : 3);
	}
}

/* Unless the next of its name has its routing id too. */
static void tell_lost(struct worker *w, const char *why)
{
	struct wire_work_leave m = { .k = wire_slice_of("leave"),
				     .reason = wire_slice_of(why),
				     .has_reason = true };

	if (!w->rival || strcmp(w->rival->becomes->peer, w->peer))
		worker_send(w, &wire_shape_work_leave, &m, NULL);
}

void worker_lose(struct workers *ws, struct worker *w, const char *why)
{
	struct target *t = w->target;
	struct wire_live_lost m = { .worker = wire_slice_of(w->name),
				    .target = wire_slice_of(t->name),
				    .reason = wire_slice_of(why),
				    .has_job = w->job != NULL,
				    .job = w->job ? w->job->id : 0 };
	struct rival *rival;
	struct ksnap_err err;
	unsigned held;

	raise_loss(ws, w, why);
	held = sessions_forget_worker(ws->broker->sessions, w->name);
	log_warn("worker %s is lost: %s%s", w->name, why,
		 held ? "; what it held is gone with it" : "");
	unlink_worker(ws, w);
	publish(ws->channel, "lost", &wire_shape_live_lost, &m);
	tell_lost(w, why);
	watching_worker_lost(ws->broker->watching, w->name);
	err_set(&err, KSNAP_E_WORKER_LOST, "worker %s was lost with the job: %s", w->name, why);
	if (w->job)
		job_fail(take_ptr(w->job), &err);
	jobs_fail_pinned(t, w->name, &err);
	rival = take_ptr(w->rival);
	free_worker(w, why);
	if (rival)
		worker_admit(ws, rival);
	jobs_hand_out(t);
}

static bool may_work(const struct workers *ws, const char *user)
{
	const struct key_row *key = zap_find(ws->broker->zap, user);

	return zap_is_local(ws->broker->zap, user) || (key && key->worker);
}

/* From the first each time: losing one may lose others. */
void workers_check_keys(struct workers *ws)
{
	struct worker *w;

	do {
		w = ws->first;
		while (w && may_work(ws, w->user))
			w = w->next;
		if (w)
			worker_lose(ws, w, "its key is not a worker's any more");
	} while (w);
}

void workers_gone(struct workers *ws, const char *name, uint64_t pid, const char *why)
{
	struct worker *w = find(ws, name);

	if (w && w->pid == pid)
		worker_lose(ws, w, why);
}

static void copy_slice(char *to, size_t cap, struct wire_slice s)
{
	size_t n = s.len < cap ? s.len : cap - 1;

	memcpy(to, s.p, n);
	to[n] = 0;
}

static void add_worker(struct workers *ws, struct worker *w, struct target *t)
{
	w->target = t;
	w->next = ws->first;
	ws->first = w;
	t->nworkers++;
	target_accessor_renew(t);
}

void worker_refuse(struct workers *ws, const char *name, struct ksnap_blob *peer, const char *why)
{
	struct wire_work_refused m = { .k = wire_slice_of("refused"), .msg = wire_slice_of(why) };

	log_warn("worker %s is refused: %s", name, why);
	send_to(ws, peer, &wire_shape_work_refused, &m, NULL);
}

/* Of the join that is being handled. */
static void refuse_join(struct workers *ws, const struct wire_work_join *join, const char *why)
{
	char name[257];

	copy_slice(name, sizeof(name), join->name);
	worker_refuse(ws, name, ksnap_blob_ref(ws->peer), why);
}

static void welcome(struct workers *ws, struct worker *w)
{
	struct wire_work_welcome m = { .k = wire_slice_of("welcome"),
				       .v = KSNAP_PROTOCOL,
				       .epoch = ws->broker->epoch,
				       .heartbeat_ms = LIMIT_HEARTBEAT_MS };

	worker_send(w, &wire_shape_work_welcome, &m, NULL);
}

static void tell_joined(struct workers *ws, struct worker *w)
{
	struct wire_live_joined live = { .worker = wire_slice_of(w->name),
					 .target = wire_slice_of(w->target->name),
					 .kind = wire_slice_of(w->kind),
					 .pid = w->pid,
					 .host = wire_slice_of(w->host) };

	log_info("worker %s joined for target %s (pid %lu)", w->name, w->target->name,
		 (unsigned long)w->pid);
	publish(ws->channel, "joined", &wire_shape_live_joined, &live);
}

static bool is_text(struct wire_slice s)
{
	return utf8_sound(s.p, s.len) == s.len && !utf8_has_control(s.p, s.len);
}

/* "name", or "name#" and anything: two sockets with one routing id are more than libzmq can take.
 */
static bool is_peer_of(const char *peer, struct wire_slice name)
{
	return strlen(peer) >= name.len && !memcmp(peer, name.p, name.len) &&
	       (!peer[name.len] || peer[name.len] == '#');
}

/* Why the worker is not taken, or NULL. */
static const char *check_join(const struct wire_work_join *m, const char *peer)
{
	if (m->v != KSNAP_PROTOCOL)
		return "its protocol version is another one";
	if (!is_peer_of(peer, m->name))
		return "the routing id of its socket is not its name";
	if (ksnap_tag_check(m->name.p, m->name.len, NULL))
		return "its name is not UTF-8 without control characters";
	if (!is_text(m->target) || !is_text(m->kind) || !is_text(m->host))
		return "its target, kind and host are not all UTF-8 without control characters";
	return NULL;
}

/* A join is repeated until it is answered. Who does not tell its life and has spoken since then
 * joins as somebody new. */
static bool is_repeated(const struct worker *w, const char *peer, const struct wire_work_join *m)
{
	return !strcmp(w->peer, peer) && w->pid == m->pid && w->life == m->life &&
	       (m->has_life || !w->spoke) && wire_slice_is(m->target, w->target->name);
}

void worker_admit(struct workers *ws, struct rival *r)
{
	struct target *t = target_get(ws, r->target, NULL);
	struct worker *w;

	if (!t) {
		rival_refuse(ws, r, "the broker has no memory for it");
		return;
	}
	w = take_ptr(r->becomes);
	rival_free(r);
	add_worker(ws, w, t);
	w->last_mono_ns = clock_mono_ns();
	welcome(ws, w);
	tell_joined(ws, w);
	jobs_hand_out(t);
}

bool worker_beat(struct worker *w)
{
	struct wire_work_beat_broker m = { .k = wire_slice_of("beat") };

	return worker_send(w, &wire_shape_work_beat_broker, &m, NULL) != KSNAP_E_UNREACHABLE;
}

static void joined(struct workers *ws, const char *peer, const void *message,
		   struct ksnap_blob *blob)
{
	const struct wire_work_join *m = message;
	const char *why = check_join(m, peer);
	struct worker *w;
	struct rival *r;
	char name[257];

	if (why) {
		refuse_join(ws, m, why);
		return;
	}
	copy_slice(name, sizeof(name), m->name);
	w = find(ws, name);
	if (w && strcmp(w->user, ws->user)) {
		refuse_join(ws, m, "a worker with another key has its name");
		return;
	}
	if (w && is_repeated(w, peer, m)) {
		welcome(ws, w);
		return;
	}
	if (w && rival_is(w->rival, ws, peer))
		return;
	r = rival_make(ws, peer, m);
	if (!r)
		refuse_join(ws, m, "the broker has no memory for it");
	else if (w)
		rival_contend(ws, w, r);
	else
		worker_admit(ws, r);
}

/* Nobody who joined, or lost meanwhile: it may start anew. Who waits to be admitted goes on. */
static void tell_to_leave(struct workers *ws, const char *peer)
{
	struct wire_work_leave m = { .k = wire_slice_of("leave"),
				     .reason = wire_slice_of("it has not joined, or was lost"),
				     .has_reason = true };

	if (!rivals_find(ws, peer))
		send_back(ws, &wire_shape_work_leave, &m);
}

static void beat(struct workers *ws, const char *peer, const void *message, struct ksnap_blob *blob)
{
	struct worker *w = find_peer(ws, peer);

	if (!w) {
		tell_to_leave(ws, peer);
		return;
	}
	w->spoke = true;
	target_accessor_told(w->target, w, message);
}

static void done(struct workers *ws, const char *peer, const void *message, struct ksnap_blob *blob)
{
	struct worker *w = find_peer(ws, peer);

	if (!w) {
		tell_to_leave(ws, peer);
		return;
	}
	w->spoke = true;
	job_done(ws, w, message, blob);
}

static void fired(struct workers *ws, const char *peer, const void *message,
		  struct ksnap_blob *blob)
{
	struct worker *w = find_peer(ws, peer);

	if (!w) {
		tell_to_leave(ws, peer);
		return;
	}
	w->spoke = true;
	watching_fired(ws->broker->watching, w->name, message);
}

static void watched(struct workers *ws, const char *peer, const void *message,
		    struct ksnap_blob *blob)
{
	struct worker *w = find_peer(ws, peer);

	if (!w) {
		tell_to_leave(ws, peer);
		return;
	}
	w->spoke = true;
	watching_told(ws->broker->watching, w->name, message);
}

static const struct {
	const char *k;
	const struct wire_shape *shape;
	void (*handle)(struct workers *ws, const char *peer, const void *message,
		       struct ksnap_blob *blob);
} messages[] = {
	{ "join", &wire_shape_work_join, joined },
	{ "beat", &wire_shape_work_beat, beat },
	{ "done", &wire_shape_work_done, done },
	{ "fired", &wire_shape_work_fired, fired },
	{ "watched", &wire_shape_work_watched, watched },
};

union message {
	struct wire_work_join join;
	struct wire_work_beat beat;
	struct wire_work_done done;
	struct wire_work_fired fired;
	struct wire_work_watched watched;
};

/* The routing id as a string; "", which nobody is called, when it is none. */
static void read_peer(const struct ksnap_blob *id, char peer[PEER_MAX])
{
	size_t len = ksnap_blob_size(id);

	if (len >= PEER_MAX || memchr(ksnap_blob_data(id), 0, len))
		len = 0;
	memcpy(peer, ksnap_blob_data(id), len);
	peer[len] = 0;
}

static void handle(struct workers *ws, const struct frames *f)
{
	struct wire_arena arena = { 0 };
	struct wire_work_kind kind;
	union message m;
	char peer[PEER_MAX];
	const void *p;
	size_t len;

	if (f->n < 2)
		goto bad;
	read_peer(f->part[0], peer);
	ws->peer = f->part[0];
	ws->user = f->user;
	if (!may_work(ws, ws->user))
		goto bad;
	p = ksnap_blob_data(f->part[1]);
	len = ksnap_blob_size(f->part[1]);
	if (wire_decode(&wire_shape_work_kind, p, len, WIRE_SKIP_UNKNOWN, &arena, &kind, NULL))
		goto bad;
	for (size_t i = 0; i < sizeof(messages) / sizeof(messages[0]); i++) {
		struct worker *w = find_peer(ws, peer);

		if (!wire_slice_is(kind.k, messages[i].k))
			continue;
		if (wire_decode(messages[i].shape, p, len, WIRE_SKIP_UNKNOWN, &arena, &m, NULL))
			goto bad;
		if (w) {
			w->last_mono_ns = clock_mono_ns();
			rivals_heard(ws, w);
		}
		/* No message has more than one blob; what stands behind it is for nobody. */
		ws->broker->tally.drops[DROP_WORK_FRAME] += f->n > 3;
		messages[i].handle(ws, peer, &m, f->n > 2 ? f->part[2] : NULL);
		wire_arena_fini(&arena);
		return;
	}
bad:
	ws->broker->tally.drops[DROP_WORK_FRAME]++;
	wire_arena_fini(&arena);
}

static void receive(void *arg)
{
	struct workers *ws = arg;

	for (int i = 0; i < READ_BATCH; i++) {
		_frames_ struct frames f = { 0 };
		int rc = frames_recv(bound_socket(ws->bound), &f, NULL);

		if (rc == 0) {
			loop_socket_rests(ws->broker->loop, ws->source);
			return;
		}
		if (f.n && ksnap_blob_size(f.part[0]) > ROUTING_ID_MAX) {
			ws->broker->tally.drops[DROP_ROUTING_ID]++;
			continue;
		}
		zap_name(ws->broker->zap, ws->bound, f.user);
		if (rc == 1)
			handle(ws, &f);
		else
			ws->broker->tally.drops[DROP_WORK_FRAME]++;
	}
}

/* Whoever is busy must answer, and not only beat: its answer may have been lost. */
static uint64_t silent_after(const struct workers *ws, const struct worker *w)
{
	uint64_t since = w->last_mono_ns;

	if (w->job)
		since = w->job->deadline_mono_ns > w->given_mono_ns ? w->job->deadline_mono_ns
								    : w->given_mono_ns;
	if (since < ws->broker->awake_ns)
		since = ws->broker->awake_ns;
	return since + MISSED_BEATS * (uint64_t)LIMIT_HEARTBEAT_MS * NS_PER_MS;
}

static struct worker *find_silent(struct workers *ws, uint64_t now)
{
	struct worker *w = ws->first;

	while (w && now <= silent_after(ws, w) && w->unreached < UNREACHED_BEATS)
		w = w->next;
	return w;
}

static const char *why_silent(const struct worker *w)
{
	if (w->unreached >= UNREACHED_BEATS)
		return "not connected for 10 heartbeats";
	return w->job ? "its job is not done 5 heartbeats after its deadline"
		      : "silent for 5 heartbeats";
}

static void lose_silent(struct workers *ws, struct worker *w)
{
	char name[sizeof(w->name)];
	uint64_t pid = w->pid;

	memcpy(name, w->name, sizeof(name));
	worker_lose(ws, w, why_silent(w));
	if (ws->silent)
		ws->silent(ws->silent_arg, name, pid);
}

void workers_tick(struct workers *ws)
{
	uint64_t now = clock_mono_ns();
	struct worker *lost;

	/* From the first each time: losing one may lose others. */
	while ((lost = find_silent(ws, now)))
		lose_silent(ws, lost);
	for (struct worker *w = ws->first; w; w = w->next)
		w->unreached = worker_beat(w) ? 0 : w->unreached + 1;
	rivals_tick(ws);
	targets_tick(ws);
}

static const char *const accessor_words[] = { "trying", "succeeded", "failed" };

static struct wire_worker_row worker_row(const struct worker *w)
{
	return (struct wire_worker_row){
		.name = wire_slice_of(w->name),
		.target = wire_slice_of(w->target->name),
		.kind = wire_slice_of(w->kind),
		.pid = w->pid,
		.host = wire_slice_of(w->host),
		.state = wire_slice_of(w->job ? "busy" : "idle"),
		.jobs = w->jobs,
		.accessor = wire_slice_of(accessor_words[w->accessor]),
		.seqno = w->seqno,
		.error = wire_slice_of(w->error),
		.has_error = w->error[0] != 0,
	};
}

int workers_status(struct workers *ws, struct wire_list *ret_workers, struct wire_list *ret_targets)
{
	struct wire_worker_row *rows;
	struct wire_target_row *targets;
	size_t n = 0, nt = 0;

	for (struct worker *w = ws->first; w; w = w->next)
		n++;
	for (struct target *t = ws->targets; t; t = t->next)
		nt++;
	rows = calloc(n + 1, sizeof(*rows));
	targets = calloc(nt + 1, sizeof(*targets));
	if (!rows || !targets) {
		free(rows);
		free(targets);
		return KSNAP_E_NOMEM;
	}
	*ret_workers = (struct wire_list){ rows, n };
	*ret_targets = (struct wire_list){ targets, nt };
	for (struct worker *w = ws->first; w; w = w->next)
		*rows++ = worker_row(w);
	for (struct target *t = ws->targets; t; t = t->next)
		*targets++ = (struct wire_target_row){ .name = wire_slice_of(t->name),
						       .workers = t->nworkers,
						       .queued = t->queued };
	return 0;
}
