// SPDX-License-Identifier: MIT
/* worker.c - the worker's link to its broker: join, beat, take a job, answer it.
 *
 * Everything happens on one loop. Silence is counted in ticks without a message, not in elapsed
 * time, so that a worker that was stopped does not take its own sleep for the broker's.
 */
#include "capture/worker.h"

#include <string.h>
#include <sys/random.h>
#include <unistd.h>
#include <zmq.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/loop.h"
#include "capture/job.h"
#include "capture/job_watch.h"
#include "wire/curve.h"
#include "wire/frames.h"
#include "wire/handshake.h"
#include "wire/shapes.h"

#define SILENT_TICKS  5
#define RETRY_TICKS   5 /* between tries of an accessor that a retry may help */
#define LINGER_MS     200
#define QUEUE_MSGS    64
#define HEARTBEAT_MAX 60000
#define NEWS_BATCH    32              /* of watches, told before anything else is looked at */
#define BEHIND_NS     (2 * NS_PER_MS) /* until a broker that is behind with reading is told more */

struct worker {
	const struct worker_opts *opts;
	struct bench bench;
	struct loop *loop;
	void *context; /* own one, or NULL */
	void *socket;
	struct handshakes handshakes; /* of the socket, on tcp */
	int timer;                    /* loop source of the heartbeat */
	int watch_source;             /* of news of watches; 0: the broker is behind with reading */
	struct frames answer;         /* to the last job; waits for room in the queue */
	bool waits;                   /* for room: for the answer, or for news */
	unsigned heartbeat_ms;        /* the broker's once welcomed */
	unsigned silent;              /* ticks since the broker was last heard */
	unsigned ticks;               /* with an accessor that a retry may help */
	bool welcomed;
	bool answered; /* by whom is no broker that takes workers, it seems */
	char host[256];
	uint64_t life;        /* random: tells this worker from another one under its name */
	int result;           /* what worker_run returns */
	struct ksnap_err err; /* with a result that is not 0 */
};

static void stop(struct worker *w, int code)
{
	w->result = code;
	loop_stop(w->loop);
}

/* ---- sending --------------------------------------------------------------------------------- */

static int send_message(struct worker *w, const struct wire_shape *shape, const void *msg,
			struct ksnap_blob *blob, struct ksnap_err *err)
{
	_buf_ struct buf b = BUF_INIT;
	_frames_ struct frames f = { 0 };
	int ret;

	if (wire_encode(shape, msg, &b))
		return err_nomem(err);
	ret = frames_push(&f, buf_take_blob(&b));
	if (!ret && blob)
		ret = frames_push(&f, ksnap_blob_ref(blob));
	if (ret)
		return err_nomem(err);
	return frames_send(w->socket, &f, err);
}

/* Joins and beats are repeated anyway: one that finds the queue full is dropped. */
static void send_repeated(struct worker *w, const struct wire_shape *shape, const void *msg)
{
	struct ksnap_err err = { 0 };

	if (send_message(w, shape, msg, NULL, &err))
		log_debug("worker %s: %s was not sent: %s", w->opts->name, shape->name, err.text);
}

static void send_join(struct worker *w)
{
	struct wire_work_join m = {
		.k = wire_slice_of("join"),
		.v = KSNAP_PROTOCOL,
		.name = wire_slice_of(w->opts->name),
		.target = wire_slice_of(w->opts->target),
		.kind = wire_slice_of(w->bench.ops->kind),
		.pid = getpid(),
		.life = w->life,
		.has_life = true,
		.host = wire_slice_of(w->host),
	};

	send_repeated(w, &wire_shape_work_join, &m);
}

static void send_beat(struct worker *w)
{
	const struct accessor *a = &w->bench.accessor;
	struct wire_work_beat m = {
		.k = wire_slice_of("beat"),
		.accessor = a->state,
		.seqno = a->seqno,
		.has_error = a->err.code != 0,
		.error = wire_slice_of(a->err.text),
	};

	send_repeated(w, &wire_shape_work_beat, &m);
}

static bool is_writable(const struct worker *w)
{
	int events = 0;
	size_t len = sizeof(events);

	return !zmq_getsockopt(w->socket, ZMQ_EVENTS, &events, &len) && (events & ZMQ_POLLOUT);
}

static void on_patience(void *arg);

/* Look again soon; the broker is reading. */
static void wait_for_room(struct worker *w)
{
	int ret;

	if (w->waits)
		return;
	ret = loop_add_deadline(w->loop, clock_mono_ns() + BEHIND_NS, on_patience, w, &w->err);
	w->waits = ret > 0;
	if (ret < 0)
		stop(w, ret);
}

/* News of watches may have filled the queue. An answer cannot be dropped: when it does not go out
 * though there is room, the link is broken and the worker leaves. */
static void send_answer(struct worker *w)
{
	int ret;

	if (!w->answer.n)
		return;
	ret = frames_send(w->socket, &w->answer, &w->err);
	if (ret == KSNAP_E_BUSY && !is_writable(w)) {
		wait_for_room(w);
		return;
	}
	if (ret == KSNAP_E_BUSY) /* there is room since it was asked */
		ret = frames_send(w->socket, &w->answer, &w->err);
	if (ret)
		stop(w, err_prefix(&w->err, "cannot hand the broker an answer"));
	frames_clear(&w->answer);
}

/* The broker gives a worker its next job once the last one is answered. */
static void send_done(struct worker *w, const struct wire_work_done *m, struct ksnap_blob *blob)
{
	_buf_ struct buf b = BUF_INIT;

	if (w->answer.n)
		stop(w, err_set(&w->err, KSNAP_E_PROTO,
				"the broker has sent job %llu before the last was answered",
				(unsigned long long)m->job));
	else if (wire_encode(&wire_shape_work_done, m, &b) ||
		 frames_push(&w->answer, buf_take_blob(&b)) ||
		 (blob && frames_push(&w->answer, ksnap_blob_ref(blob))))
		stop(w, err_nomem(&w->err));
	else
		send_answer(w);
}

static void send_failed(struct worker *w, uint64_t number, const struct ksnap_err *e,
			const struct buf *detail)
{
	struct wire_work_done m = {
		.k = wire_slice_of("done"),
		.job = number,
		.has_e = true,
		.e = {
			.code = wire_slice_of(ksnap_err_name(e->code)),
			.class = wire_slice_of(ksnap_err_class(e->code)),
			.msg = wire_slice_of(e->text),
			.retry = ksnap_err_retry(e->code),
		},
	};

	if (detail && detail->len && buf_ok(detail)) {
		m.e.has_detail = true;
		m.e.detail = (struct wire_slice){ (const char *)detail->data, detail->len };
	}
	send_done(w, &m, NULL);
}

/* ---- news of watches ------------------------------------------------------------------------- */

/* News cannot be dropped either. */
static int tell_news(struct worker *w, const struct watch_news *n)
{
	_buf_ struct buf b = BUF_INIT;
	_frames_ struct frames f = { 0 };

	if (job_watch_news(n, &b) || frames_push(&f, buf_take_blob(&b)))
		return err_nomem(&w->err);
	return frames_send(w->socket, &f, &w->err);
}

static bool can_tell(struct worker *w)
{
	return !w->answer.n && is_writable(w);
}

/* False: there are none, or the worker stops. */
static bool tell_next(struct worker *w, struct watch_news *ret)
{
	if (!w->bench.ops->watch_next(w->bench.target, ret))
		return false;
	if (tell_news(w, ret)) {
		stop(w, err_prefix(&w->err, "cannot tell the broker of watch %llu",
				   (unsigned long long)ret->id));
		return false;
	}
	return true;
}

/* What the broker is too busy for waits with the target, where it costs nothing. */
static void on_watches(void *arg)
{
	struct worker *w = arg;
	struct watch_news n;

	for (int i = 0; i < NEWS_BATCH; i++) {
		if (!can_tell(w)) {
			loop_remove(w->loop, w->watch_source);
			w->watch_source = 0;
			wait_for_room(w);
			return;
		}
		if (!tell_next(w, &n))
			return;
	}
}

/* A worker that was busy has not told them yet, and of a watch that has ended it tells no more.
 * News of other watches may stand before them that are of the moment in which they are told. */
static void tell_hits_until_now(struct worker *w)
{
	uint64_t now = clock_mono_ns();
	struct watch_news n;

	for (int late = 0; late < NEWS_BATCH && can_tell(w) && tell_next(w, &n);)
		late += n.mono_ns >= now;
}

/* The source, 0 when the target has none, or a negative code. */
static int add_watches(struct worker *w, struct ksnap_err *err)
{
	const struct target_ops *ops = w->bench.ops;
	int fd = ops->watch_fd ? ops->watch_fd(w->bench.target) : -1;

	return fd < 0 ? 0 : loop_add_fd(w->loop, fd, on_watches, w, err);
}

static void on_patience(void *arg)
{
	struct worker *w = arg;

	w->waits = false;
	send_answer(w);
	if (!w->watch_source)
		w->watch_source = add_watches(w, &w->err);
	if (w->watch_source < 0)
		stop(w, w->watch_source);
}

/* ---- messages of the broker ------------------------------------------------------------------ */

static void renew_accessor(struct worker *w)
{
	accessor_renew(&w->bench.accessor, w->bench.ops, w->bench.target);
	if (w->bench.accessor.err.code)
		log_debug("worker %s: accessor: %s", w->opts->name, w->bench.accessor.err.text);
	send_beat(w);
}

static void on_tick(void *arg);

static void on_welcome(struct worker *w, const void *msg, const struct frames *f)
{
	const struct wire_work_welcome *m = msg;
	bool first = !w->welcomed;

	if (m->v != KSNAP_PROTOCOL) {
		stop(w, err_set(&w->err, KSNAP_E_PROTO,
				"the broker speaks version %llu, this worker %d",
				(unsigned long long)m->v, KSNAP_PROTOCOL));
		return;
	}
	w->welcomed = true;
	w->silent = 0;
	if (m->heartbeat_ms && m->heartbeat_ms <= HEARTBEAT_MAX &&
	    m->heartbeat_ms != w->heartbeat_ms) {
		loop_remove(w->loop, w->timer);
		w->heartbeat_ms = m->heartbeat_ms;
		w->timer = loop_add_timer(w->loop, w->heartbeat_ms, on_tick, w, &w->err);
		if (w->timer < 0)
			stop(w, w->timer);
	}
	send_beat(w);
	if (first)
		renew_accessor(w);
}

static void on_refused(struct worker *w, const void *msg, const struct frames *f)
{
	const struct wire_work_refused *m = msg;

	stop(w, err_set(&w->err, KSNAP_E_STATE, "the broker refused worker %s: %.*s", w->opts->name,
			(int)m->msg.len, m->msg.p));
}

static void on_job(struct worker *w, const void *msg, const struct frames *f)
{
	const struct wire_work_job *m = msg;
	struct job job = {
		.op = m->op,
		.params = m->p,
		.blobs = f->part + 1,
		.nblobs = f->n - 1,
		.deadline_mono_ns = clock_mono_ns() + m->t * NS_PER_MS,
	};
	__attribute__((cleanup(job_result_fini))) struct job_result res = { 0 };
	struct wire_work_done done = { .k = wire_slice_of("done"), .job = m->job, .ok = true };
	struct ksnap_err err = { 0 };
	int ret;

	if (wire_slice_is(m->op, "unwatch") && w->watch_source > 0)
		tell_hits_until_now(w);
	ret = job_run(&w->bench, &job, &res, &err);
	if (res.renew)
		renew_accessor(w);
	if (!ret && !buf_ok(&res.r))
		ret = err_nomem(&err);
	if (ret) {
		send_failed(w, m->job, &err, &res.detail);
		return;
	}
	done.has_r = true;
	done.r = (struct wire_slice){ (const char *)res.r.data, res.r.len };
	send_done(w, &done, res.blob);
}

static void on_broker_beat(struct worker *w, const void *msg, const struct frames *f)
{
}

/* In good order when the broker ends; else it says why. */
static void on_leave(struct worker *w, const void *msg, const struct frames *f)
{
	const struct wire_work_leave *m = msg;

	if (m->has_reason)
		stop(w, err_set(&w->err, KSNAP_E_WORKER_LOST, "the broker let worker %s go: %.*s",
				w->opts->name, (int)m->reason.len, m->reason.p));
	else
		stop(w, 0);
}

/* One row a message; `k` picks it. */
static const struct {
	const char *k;
	const struct wire_shape *shape;
	void (*handle)(struct worker *w, const void *msg, const struct frames *f);
} messages[] = {
	{ "welcome", &wire_shape_work_welcome, on_welcome },
	{ "refused", &wire_shape_work_refused, on_refused },
	{ "job", &wire_shape_work_job, on_job },
	{ "beat", &wire_shape_work_beat_broker, on_broker_beat },
	{ "leave", &wire_shape_work_leave, on_leave },
};

union message {
	struct wire_work_welcome welcome;
	struct wire_work_refused refused;
	struct wire_work_job job;
	struct wire_work_beat_broker beat;
	struct wire_work_leave leave;
};

/* What is read before anything else is known: the kind, and the number in case it is a job. */
struct head {
	struct wire_slice k;
	uint64_t job;
	bool has_k, has_job;
};

static const struct wire_field head_fields[] = {
	{ .name = "k",
	  .kind = WIRE_STR,
	  .required = true,
	  .offset = offsetof(struct head, k),
	  .has_offset = offsetof(struct head, has_k) },
	{ .name = "job",
	  .kind = WIRE_UINT,
	  .offset = offsetof(struct head, job),
	  .has_offset = offsetof(struct head, has_job) },
};

static const struct wire_shape head_shape = {
	.name = "work_head",
	.fields = head_fields,
	.nfields = ARRAY_SIZE(head_fields),
	.size = sizeof(struct head),
};

static int decode(const struct wire_shape *shape, struct ksnap_blob *frame, void *ret,
		  struct ksnap_err *err)
{
	struct wire_arena arena = { 0 };
	int code = wire_decode(shape, ksnap_blob_data(frame), ksnap_blob_size(frame),
			       WIRE_SKIP_UNKNOWN, &arena, ret, err);

	/* These shapes hold no lists, so nothing decoded lives in the arena. */
	wire_arena_fini(&arena);
	return code;
}

/* A job that cannot be read is still answered, when its number can. Before the welcome it is no
 * broker's work socket that answers, perhaps, and each join gets such an answer. */
static void handle_bad(struct worker *w, const struct head *h, const struct ksnap_err *err)
{
	if (h->has_k && h->has_job && wire_slice_is(h->k, "job"))
		send_failed(w, h->job, err, NULL);
	else if (w->welcomed || !w->answered)
		log_warn("worker %s: a message of the broker is dropped: %s", w->opts->name,
			 err->text);
	w->answered = true;
}

static void handle_frames(struct worker *w, const struct frames *f)
{
	struct ksnap_err err = { 0 };
	struct head head = { 0 };
	union message msg;

	if (decode(&head_shape, f->part[0], &head, &err)) {
		handle_bad(w, &(struct head){ 0 }, &err);
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(messages); i++) {
		if (!wire_slice_is(head.k, messages[i].k))
			continue;
		if (decode(messages[i].shape, f->part[0], &msg, &err))
			handle_bad(w, &head, &err);
		else
			messages[i].handle(w, &msg, f);
		return;
	}
	log_debug("worker %s: unknown message '%.*s'", w->opts->name, (int)head.k.len, head.k.p);
}

static void on_readable(void *arg)
{
	struct worker *w = arg;
	_frames_ struct frames f = { 0 };
	int ret = frames_recv(w->socket, &f, &w->err);

	if (!ret)
		return;
	/* Who answers a join with anything else has not taken the worker. */
	if (w->welcomed)
		w->silent = 0;
	if (ret == KSNAP_E_PROTO)
		log_warn("worker %s: a message of the broker is dropped: %s", w->opts->name,
			 w->err.text);
	else if (ret < 0)
		stop(w, ret);
	else if (f.n)
		handle_frames(w, &f);
}

/* A broker that never said a word may not be there at all. */
static int give_up(struct worker *w)
{
	if (w->welcomed)
		return err_set(&w->err, KSNAP_E_UNREACHABLE,
			       "the broker at %s has been silent for %d heartbeats of %u ms",
			       w->opts->connect, SILENT_TICKS, w->heartbeat_ms);
	if (w->answered)
		return err_set(
			&w->err, KSNAP_E_UNREACHABLE,
			"no broker took this worker at %s within %d heartbeats of %u ms, but "
			"something answers there; is it the broker's control socket? Name its "
			"work socket with --connect URL",
			w->opts->connect, SILENT_TICKS, w->heartbeat_ms);
	return err_set(&w->err, KSNAP_E_UNREACHABLE,
		       "no broker took this worker at %s within %d heartbeats of %u ms; start one "
		       "with 'ksnap serve', or name its work socket with --connect URL",
		       w->opts->connect, SILENT_TICKS, w->heartbeat_ms);
}

static void on_tick(void *arg)
{
	struct worker *w = arg;

	if (++w->silent > SILENT_TICKS) {
		stop(w, give_up(w));
		return;
	}
	if (w->welcomed && accessor_may_retry(&w->bench.accessor) && !(++w->ticks % RETRY_TICKS))
		renew_accessor(w);
	else if (w->welcomed)
		send_beat(w);
	else
		send_join(w);
}

static void on_handshake(void *arg)
{
	struct worker *w = arg;
	const struct curve_link *curve = w->opts->curve;
	int ret = handshakes_refused(&w->handshakes, w->opts->connect, curve && curve->server[0],
				     &w->err);

	if (ret)
		stop(w, ret);
}

static void on_stop_fd(void *arg)
{
	stop(arg, 0);
}

/* ---- life ------------------------------------------------------------------------------------ */

static int set_option(void *socket, int option, int value)
{
	return zmq_setsockopt(socket, option, &value, sizeof(value));
}

static bool is_tcp(const char *url)
{
	return !strncmp(url, "tcp://", 6);
}

static bool is_inproc(const char *url)
{
	return !strncmp(url, "inproc://", 9);
}

static int open_socket(struct worker *w, struct ksnap_err *err)
{
	const struct worker_opts *o = w->opts;
	int64_t max = LIMIT_MAX_BLOB;
	char id[96];
	void *s;

	/* libzmq does not survive two peers with one id, and a worker's successor may come early.
	 */
	snprintf(id, sizeof(id), "%s#%016llx", o->name, (unsigned long long)w->life);
	if (!o->zmq_context)
		w->context = zmq_ctx_new();
	s = zmq_socket(o->zmq_context ? o->zmq_context : w->context, ZMQ_DEALER);
	w->socket = s;
	if (!s || zmq_setsockopt(s, ZMQ_ROUTING_ID, id, strlen(id)) ||
	    zmq_setsockopt(s, ZMQ_MAXMSGSIZE, &max, sizeof(max)) ||
	    set_option(s, ZMQ_LINGER, LINGER_MS) || set_option(s, ZMQ_SNDHWM, QUEUE_MSGS) ||
	    set_option(s, ZMQ_RCVHWM, QUEUE_MSGS) ||
	    set_option(s, ZMQ_HEARTBEAT_IVL, LIMIT_HEARTBEAT_MS) ||
	    set_option(s, ZMQ_HEARTBEAT_TIMEOUT, SILENT_TICKS * LIMIT_HEARTBEAT_MS))
		return err_errno(err, KSNAP_E_INTERNAL, zmq_errno(), "cannot make a socket");
	if (curve_connects(s, o->curve, err) ||
	    (is_tcp(o->connect) &&
	     handshakes_watch(&w->handshakes, o->zmq_context ? o->zmq_context : w->context, s,
			      err)))
		return err->code;
	if (zmq_connect(s, o->connect))
		return err_errno(err, KSNAP_E_UNREACHABLE, zmq_errno(), "cannot connect to %s",
				 o->connect);
	return 0;
}

static int open_bench(struct worker *w, struct ksnap_err *err)
{
	struct bench *b = &w->bench;
	const char *options;

	b->ops = target_find(w->opts->target, &options, err);
	if (!b->ops)
		return KSNAP_E_ARG;
	b->target_name = w->opts->target;
	b->allow_writes = w->opts->allow_writes;
	b->target = b->ops->open(options, err);
	if (!b->target)
		return err->code;
	b->rb = report_builder_create(err);
	return b->rb ? 0 : err->code;
}

static int open_loop(struct worker *w, struct ksnap_err *err)
{
	int ret;

	w->loop = loop_create(err);
	if (!w->loop)
		return err->code;
	if (is_inproc(w->opts->connect))
		loop_spins(w->loop);
	ret = loop_add_socket(w->loop, w->socket, on_readable, w, err);
	if (ret >= 0 && w->handshakes.watch)
		ret = loop_add_socket(w->loop, w->handshakes.watch, on_handshake, w, err);
	if (ret >= 0 && w->opts->stop_fd >= 0)
		ret = loop_add_fd(w->loop, w->opts->stop_fd, on_stop_fd, w, err);
	if (ret >= 0)
		ret = w->watch_source = add_watches(w, err);
	if (ret >= 0)
		ret = w->timer = loop_add_timer(w->loop, w->heartbeat_ms, on_tick, w, err);
	return ret < 0 ? ret : 0;
}

static void close_worker(struct worker *w)
{
	loop_destroy(w->loop);
	if (w->answer.n)
		frames_send(w->socket, &w->answer, NULL);
	frames_clear(&w->answer);
	report_builder_destroy(w->bench.rb);
	if (w->bench.ops)
		w->bench.ops->close(w->bench.target);
	/* A join that nobody answered must not reach a broker that comes later. */
	if (w->socket && !w->welcomed)
		set_option(w->socket, ZMQ_LINGER, 0);
	if (w->socket)
		zmq_close(w->socket);
	handshakes_close(&w->handshakes);
	if (w->context)
		zmq_ctx_term(w->context);
}

static int check_opts(const struct worker_opts *o, struct ksnap_err *err)
{
	size_t len = o->name ? strlen(o->name) : 0;

	if (len < 1 || len > 64)
		return err_set(err, KSNAP_E_ARG,
			       "a worker's name has 1 to 64 bytes, this one has %zu", len);
	if (!o->connect || !*o->connect)
		return err_set(err, KSNAP_E_ARG, "a worker needs the broker's work endpoint");
	if (!o->target || !*o->target || strlen(o->target) > 256)
		return err_set(err, KSNAP_E_ARG, "a worker needs a target of 1 to 256 bytes");
	return 0;
}

int worker_run(const struct worker_opts *opts, struct ksnap_err *err)
{
	struct worker w = { .opts = opts, .heartbeat_ms = LIMIT_HEARTBEAT_MS };
	struct ksnap_err local = { 0 };
	int ret = check_opts(opts, &local);

	gethostname(w.host, sizeof(w.host) - 1);
	if (getrandom(&w.life, sizeof(w.life), 0) < 0)
		w.life = clock_mono_ns();
	if (!ret)
		ret = open_bench(&w, &local);
	if (!ret)
		ret = open_socket(&w, &local);
	if (!ret)
		ret = open_loop(&w, &local);
	if (!ret) {
		send_join(&w);
		ret = loop_run(w.loop, &local);
	}
	if (!ret && w.result) {
		ret = w.result;
		local = w.err;
	}
	close_worker(&w);
	return ret ? err_set(err, ret, "%s", local.text) : 0;
}
