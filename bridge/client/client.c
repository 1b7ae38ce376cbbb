// SPDX-License-Identifier: MIT
/* client.c - one connection to a broker: hello, calls with deadlines, bye.
 *
 * libzmq is told not to reconnect by itself: a lost peer then shows as a socket that takes nothing
 * more, the call under way fails at once, and the next call links anew and says hello again. */
#include "client/client.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>
#include <zmq.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/limits.h"
#include "client/endpoint.h"
#include "client/options.h"
#include "client/reply.h"
#include "client/wait.h"
#include "wire/envelope.h"
#include "wire/frames.h"
#include "wire/handshake.h"
#include "wire/scan.h"
#include "wire/shapes.h"

#define HELLO_TIMEOUT_MS 5000
/* A connection that is not up after this long is tried again; doubled at each try. */
#define FIRST_TRY_MS 250
#define LOCAL_TRY_MS 400
/* What is unsent at the end, in effect the bye, has this long to get out. */
#define BYE_LINGER_MS 250
/* A whole replay fits in our queue. */
#define QUEUE_HWM (LIMIT_MAX_RETAINED_HEADERS + 64)

struct ksnap_client {
	void *context;
	bool owns_context;
	void *socket;                 /* DEALER, or NULL */
	bool greeted;                 /* the broker at the other end of @socket has had our hello */
	struct curve_link curve;      /* not encrypted but on tcp */
	struct handshakes handshakes; /* of @socket, on tcp */
	struct spin spin;             /* of waits for a broker in this process */
	char endpoint[ENDPOINT_MAX];
	char live[ENDPOINT_MAX]; /* "" when the broker told none */
	char name[KSNAP_TAG_MAX + 1], bridge[KSNAP_TAG_MAX + 1];
	const char *kind;    /* static */
	unsigned timeout_ms; /* for a hello */
	uint64_t epoch, heartbeat_ms;
	uint64_t max_frame, max_blob; /* the broker's limits, in bytes */
	uint64_t last_id;             /* of the newest request */
	uint64_t open_id;             /* request whose reply has further parts, or 0 */
	unsigned open_timeout_ms;     /* what each further part is given */
	uint64_t skipped;
	bool (*stop)(void *arg); /* NULL: nobody breaks off what awaits an answer */
	void *stop_arg;
};

static const char *const kinds[] = { "executor", "monitor", "tool" };

static int copy_name(char *buf, const char *given, const char *what, struct ksnap_err *err)
{
	size_t len = strlen(given);

	if (!len || len > KSNAP_TAG_MAX)
		return err_set(err, KSNAP_E_ARG, "%s has %zu bytes; 1 to %d (MAX_TAG) are allowed",
			       what, len, KSNAP_TAG_MAX);
	memcpy(buf, given, len + 1);
	return 0;
}

static int settle_kind(struct ksnap_client *c, const char *given, struct ksnap_err *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds) && !c->kind; i++)
		if (!given || !strcmp(given, kinds[i]))
			c->kind = kinds[i];
	if (c->kind)
		return 0;
	return err_set(err, KSNAP_E_ARG, "kind is \"%s\"; executor, monitor and tool are known",
		       given);
}

static int settle_endpoint(struct ksnap_client *c, const char *url, struct ksnap_err *err)
{
	int rc = url ? endpoint_pick(url, false, NULL, c->endpoint, sizeof(c->endpoint))
		     : endpoint_default(c->endpoint, sizeof(c->endpoint));

	if (rc == KSNAP_E_LIMIT)
		return err_set(err, KSNAP_E_ARG, "the endpoint is longer than %d bytes",
			       ENDPOINT_MAX - 1);
	if (rc == KSNAP_E_NOTFOUND && url)
		return err_set(err, KSNAP_E_ARG, "the endpoint is empty");
	if (rc)
		return err_set(err, KSNAP_E_UNREACHABLE,
			       "no endpoint is known: name one, set KSNAP_ENDPOINT, or set "
			       "XDG_RUNTIME_DIR");
	return 0;
}

static const char *given_or_env(const char *given, const char *name)
{
	return given ? given : getenv(name);
}

static int settle_keys(struct ksnap_client *c, const struct ksnap_connect_opts *o,
		       struct ksnap_err *err)
{
	if (!endpoint_is_tcp(c->endpoint))
		return 0;
	return curve_link_make(given_or_env(o->server_key, "KSNAP_SERVER_KEY"),
			       given_or_env(o->key_file, "KSNAP_KEY"), &c->curve, err);
}

static int settle(struct ksnap_client *c, const char *url, const struct ksnap_connect_opts *given,
		  struct ksnap_err *err)
{
	struct ksnap_connect_opts o = { 0 };
	int rc = given ? options_copy(&o, sizeof(o), given, "ksnap_connect_opts", err) : 0;

	if (rc)
		return rc;
	if ((rc = settle_endpoint(c, url, err)) || (rc = settle_keys(c, &o, err)) ||
	    (rc = settle_kind(c, o.kind, err)) ||
	    (rc = copy_name(c->bridge, o.bridge ? o.bridge : "default", "the bridge's name", err)))
		return rc;
	if (o.name && (rc = copy_name(c->name, o.name, "the client's name", err)))
		return rc;
	if (!o.name)
		strncpy(c->name,
			*program_invocation_short_name ? program_invocation_short_name : "ksnap",
			KSNAP_TAG_MAX);
	c->timeout_ms = o.timeout_ms ? o.timeout_ms : HELLO_TIMEOUT_MS;
	c->context = o.zmq_context;
	return 0;
}

/* A random begin: the reply cache may key by name and id, and two programs may share a name. */
static void begin_ids(struct ksnap_client *c)
{
	if (getrandom(&c->last_id, sizeof(c->last_id), GRND_NONBLOCK) !=
	    (ssize_t)sizeof(c->last_id))
		c->last_id = clock_mono_ns() ^ (uint64_t)getpid() << 40;
	c->last_id >>= 2;
}

static void unlink_socket(struct ksnap_client *c, int linger_ms)
{
	if (!c->socket)
		return;
	zmq_setsockopt(c->socket, ZMQ_LINGER, &linger_ms, sizeof(linger_ms));
	zmq_close(c->socket);
	handshakes_close(&c->handshakes);
	c->socket = NULL;
	c->greeted = false;
	c->open_id = 0;
}

static int set_options(void *socket)
{
	const int off = 0, on = 1, never = -1, hwm = QUEUE_HWM;
	const int64_t max = LIMIT_MAX_BLOB;

	return zmq_setsockopt(socket, ZMQ_LINGER, &off, sizeof(off)) ||
	       zmq_setsockopt(socket, ZMQ_IMMEDIATE, &on, sizeof(on)) ||
	       zmq_setsockopt(socket, ZMQ_RECONNECT_IVL, &never, sizeof(never)) ||
	       zmq_setsockopt(socket, ZMQ_RCVHWM, &hwm, sizeof(hwm)) ||
	       zmq_setsockopt(socket, ZMQ_MAXMSGSIZE, &max, sizeof(max));
}

static int open_socket(struct ksnap_client *c, struct ksnap_err *err)
{
	int rc;

	unlink_socket(c, 0);
	c->socket = zmq_socket(c->context, ZMQ_DEALER);
	if (!c->socket || set_options(c->socket))
		return err_errno(err, KSNAP_E_INTERNAL, zmq_errno(), "no ZeroMQ socket");
	if ((rc = curve_connects(c->socket, &c->curve, err)))
		return rc;
	if (endpoint_is_tcp(c->endpoint) &&
	    (rc = handshakes_watch(&c->handshakes, c->context, c->socket, err)))
		return rc;
	if (zmq_connect(c->socket, c->endpoint))
		return err_errno(err, KSNAP_E_ARG, zmq_errno(),
				 "\"%s\" is not an endpoint to connect to", c->endpoint);
	return 0;
}

static int fail_unreachable(const struct ksnap_client *c, struct ksnap_err *err)
{
	return err_set(
		err, KSNAP_E_UNREACHABLE,
		"no broker answers at %s: start one with `ksnap serve`, or name another endpoint "
		"(KSNAP_ENDPOINT)",
		c->endpoint);
}

/* Whether there is a peer that takes a request. */
static bool is_linked(const struct ksnap_client *c)
{
	int events = c->socket ? wait_events(c->socket) : 0;

	return events > 0 && (events & ZMQ_POLLOUT);
}

static bool is_stopped(const struct ksnap_client *c)
{
	return c->stop && c->stop(c->stop_arg);
}

/* A moment from now, when somebody may break off the wait. */
static uint64_t next_look(const struct ksnap_client *c, uint64_t until_ns)
{
	uint64_t look_ns = c->stop ? wait_until(CLIENT_LOOK_MS) : WAIT_FOR_EVER;

	return look_ns < until_ns ? look_ns : until_ns;
}

/* Until the socket has a peer, or a refusal. WAIT_DEADLINE: neither. */
static int await_peer(struct ksnap_client *c, uint64_t until_ns, struct ksnap_err *err)
{
	for (;;) {
		uint64_t look_ns = next_look(c, until_ns);
		int rc = wait_either(c->socket, ZMQ_POLLOUT, 0, c->handshakes.watch, look_ns, err);
		int refused =
			handshakes_refused(&c->handshakes, c->endpoint, c->curve.server[0], err);

		if (!refused && !is_stopped(c) &&
		    (rc == WAIT_SIGNAL || (rc == WAIT_DEADLINE && look_ns < until_ns)))
			continue;
		if (rc < 0 || refused)
			return rc < 0 ? rc : refused;
		return rc == WAIT_READY && is_linked(c) ? WAIT_READY : WAIT_DEADLINE;
	}
}

/* A far peer may need longer than it was given. A local one that did not take this connection had
 * too many waiting: it is asked again soon, however long it was busy. */
static uint64_t next_try(const struct ksnap_client *c, uint64_t try_ms)
{
	return endpoint_is_tcp(c->endpoint) || 2 * try_ms < LOCAL_TRY_MS ? 2 * try_ms
									 : LOCAL_TRY_MS;
}

/* Open sockets until one finds a peer. */
static int link_up(struct ksnap_client *c, uint64_t deadline_ns, struct ksnap_err *err)
{
	for (uint64_t try_ms = FIRST_TRY_MS;; try_ms = next_try(c, try_ms)) {
		enum endpoint_state state = endpoint_look(c->endpoint);
		uint64_t until = wait_until(try_ms);
		int rc;

		if (state == ENDPOINT_BARRED)
			return err_set(err, KSNAP_E_DENIED,
				       "%s is closed to this user: run as its owner, or let it be "
				       "served with --group",
				       c->endpoint);
		if (state == ENDPOINT_ABSENT)
			return fail_unreachable(c, err);
		if ((rc = open_socket(c, err)))
			return rc;
		rc = await_peer(c, until < deadline_ns ? until : deadline_ns, err);
		if (rc < 0 || rc == WAIT_READY)
			return rc < 0 ? rc : 0;
		if (clock_mono_ns() >= deadline_ns || is_stopped(c))
			return fail_unreachable(c, err);
	}
}

/* Look at what waits. 1: the answer, negative: a refusal, 0: nothing of ours. */
static int take_answer(struct ksnap_client *c, uint64_t id, struct ksnap_reply *ret,
		       struct ksnap_err *err)
{
	for (;;) {
		_frames_ struct frames f = { 0 };
		struct ksnap_err why = { 0 };
		int got = frames_recv(c->socket, &f, &why);
		int rc = got > 0 ? reply_read(&f, id, ret, err) : 0;

		if (!got || rc)
			return rc;
		if (got < 0 && got != KSNAP_E_PROTO)
			return err_set(err, got, "%s", why.text);
		c->skipped++;
	}
}

static int fail_late(const struct ksnap_client *c, const char *op, uint64_t skipped,
		     struct ksnap_err *err)
{
	return err_set(err, KSNAP_E_TIMEOUT,
		       "%s did not answer %s within its deadline and %d ms more (%" PRIu64
		       " messages that answer something else came)",
		       c->endpoint, op, CLIENT_GRACE_MS, c->skipped - skipped);
}

/* Wait for a change, until @deadline_ns. WAIT_SIGNAL: look again. */
static int await_change(struct ksnap_client *c, const char *op, uint64_t deadline_ns,
			struct ksnap_err *err)
{
	uint64_t look_ns = next_look(c, deadline_ns);
	int rc = wait_change(c->socket, ZMQ_POLLIN, ZMQ_POLLOUT,
			     endpoint_is_inproc(c->endpoint) ? &c->spin : NULL, look_ns, err);

	if (rc < 0 || rc == WAIT_READY)
		return rc;
	if (is_stopped(c))
		return err_set(err, KSNAP_E_STATE, "%s was broken off before its answer came", op);
	return rc == WAIT_DEADLINE && look_ns < deadline_ns ? WAIT_SIGNAL : rc;
}

static int await_answer(struct ksnap_client *c, const char *op, uint64_t deadline_ns,
			struct ksnap_reply *ret, struct ksnap_err *err)
{
	uint64_t id = c->last_id, skipped = c->skipped;
	int rc;

	for (;;) {
		rc = await_change(c, op, deadline_ns, err);
		if (rc < 0)
			return rc;
		if (rc == WAIT_DEADLINE)
			return fail_late(c, op, skipped, err);
		if (rc == WAIT_SIGNAL)
			continue;
		if ((rc = take_answer(c, id, ret, err)))
			return rc;
		if (!is_linked(c))
			break;
	}
	/* What came just before the end counts. */
	rc = take_answer(c, id, ret, err);
	return rc ? rc
		  : err_set(err, KSNAP_E_UNREACHABLE,
			    "the connection to %s broke before the answer to %s came", c->endpoint,
			    op);
}

/* ---- requests ------------------------------------------------------------------------------ */

static int check_sizes(const struct ksnap_client *c, const struct ksnap_call *call, size_t envelope,
		       struct ksnap_err *err)
{
	if (envelope > c->max_frame)
		return err_set(err, KSNAP_E_LIMIT,
			       "the request to %s is %zu bytes; MAX_CONTROL_FRAME is %" PRIu64
			       " (ksnap serve --max-frame N)",
			       call->op, envelope, c->max_frame);
	for (size_t i = 0; i < call->nblobs; i++)
		if (ksnap_blob_size(call->blobs[i]) > c->max_blob)
			return err_set(err, KSNAP_E_LIMIT,
				       "blob %zu of %s is %zu bytes; MAX_BLOB is %" PRIu64
				       " (ksnap serve --max-blob N)",
				       i, call->op, ksnap_blob_size(call->blobs[i]), c->max_blob);
	return 0;
}

static int build(struct ksnap_client *c, const struct ksnap_call *call, struct frames *f,
		 struct ksnap_err *err)
{
	struct wire_request rq = {
		.id = { .kind = WIRE_ID_UINT, .num = c->last_id },
		.op = wire_slice_of(call->op),
		.bridge = wire_slice_of(call->bridge ? call->bridge : c->bridge),
		.params = { call->params, call->params_len },
		.deadline_ms = call->timeout_ms,
	};
	_buf_ struct buf b = BUF_INIT;
	int rc;

	if (request_encode(&rq, &b))
		return err_nomem(err);
	if ((rc = check_sizes(c, call, b.len, err)))
		return rc;
	rc = frames_push(f, buf_take_blob(&b));
	for (size_t i = 0; i < call->nblobs && !rc; i++)
		rc = frames_push(f, ksnap_blob_ref(call->blobs[i]));
	return rc ? err_nomem(err) : 0;
}

static int send_request(struct ksnap_client *c, const struct ksnap_call *call,
			struct ksnap_err *err)
{
	_frames_ struct frames f = { 0 };
	struct ksnap_err why = { 0 };
	int rc;

	c->last_id++;
	if ((rc = build(c, call, &f, err)))
		return rc;
	rc = frames_send(c->socket, &f, &why);
	if (rc == KSNAP_E_BUSY)
		return err_set(err, KSNAP_E_UNREACHABLE, "the connection to %s broke", c->endpoint);
	return rc ? err_set(err, rc, "%s", why.text) : 0;
}

/* Await the first part of what was sent last. */
static int await_first(struct ksnap_client *c, const struct ksnap_call *call, uint64_t deadline_ns,
		       struct ksnap_reply *ret, struct ksnap_err *err)
{
	struct ksnap_reply got;
	int rc = await_answer(c, call->op, deadline_ns, &got, err);

	if (rc < 0)
		return rc;
	c->open_id = got.more ? c->last_id : 0;
	c->open_timeout_ms = call->timeout_ms;
	*ret = got;
	return 0;
}

/* ---- hello --------------------------------------------------------------------------------- */

struct known_limits {
	uint64_t max_frame, max_blob;
	bool has_max_frame, has_max_blob;
};

#define LIMIT_FIELD(key, member)                                                                 \
	{                                                                                        \
		.name = key, .kind = WIRE_UINT, .offset = offsetof(struct known_limits, member), \
		.has_offset = offsetof(struct known_limits, has_##member),                       \
	}

static const struct wire_field limit_fields[] = {
	LIMIT_FIELD("MAX_CONTROL_FRAME", max_frame),
	LIMIT_FIELD("MAX_BLOB", max_blob),
};

static const struct wire_shape limits_shape = {
	.name = "limits",
	.fields = limit_fields,
	.nfields = ARRAY_SIZE(limit_fields),
	.size = sizeof(struct known_limits),
};

static void learn_limits(struct ksnap_client *c, struct wire_slice limits)
{
	struct wire_arena arena = { 0 };
	struct known_limits known = { 0 };

	c->max_frame = LIMIT_MAX_CONTROL_FRAME;
	c->max_blob = LIMIT_MAX_BLOB;
	if (!wire_decode(&limits_shape, limits.p, limits.len, WIRE_SKIP_UNKNOWN, &arena, &known,
			 NULL)) {
		c->max_frame = known.has_max_frame ? known.max_frame : c->max_frame;
		c->max_blob = known.has_max_blob ? known.max_blob : c->max_blob;
	}
	wire_arena_fini(&arena);
}

/* The first live endpoint over the transport in use, or simply the first. */
static int choose_live(struct ksnap_client *c, struct wire_list live, struct ksnap_err *err)
{
	const struct wire_slice *urls = live.items;
	size_t best = 0;

	c->live[0] = '\0';
	if (!live.n)
		return 0;
	for (size_t i = live.n; i-- > 0;)
		if (endpoint_same_scheme(c->endpoint, urls[i].p, urls[i].len))
			best = i;
	if (endpoint_reach(c->endpoint, urls[best].p, urls[best].len, c->live, sizeof(c->live)))
		return err_set(err, KSNAP_E_PROTO,
			       "the broker's live endpoint is longer than %d bytes",
			       ENDPOINT_MAX - 1);
	return 0;
}

static int learn(struct ksnap_client *c, const struct ksnap_reply *reply, struct ksnap_err *err)
{
	struct wire_hello_reply hello = { 0 };
	struct wire_arena arena = { 0 };
	struct ksnap_err why = { 0 };
	int rc = wire_decode(&wire_shape_hello_reply, reply->r, reply->r_len, WIRE_SKIP_UNKNOWN,
			     &arena, &hello, &why);

	if (!rc)
		rc = choose_live(c, hello.live, &why);
	if (!rc) {
		c->epoch = hello.epoch;
		c->heartbeat_ms = hello.heartbeat_ms;
		learn_limits(c, hello.limits);
	}
	wire_arena_fini(&arena);
	if (rc)
		return err_set(err, rc == KSNAP_E_NOMEM ? rc : KSNAP_E_PROTO, "the hello of %s: %s",
			       c->endpoint, why.text);
	return 0;
}

static int greet(struct ksnap_client *c, uint64_t deadline_ns, struct ksnap_err *err)
{
	struct wire_hello_params hello = {
		.client = wire_slice_of(c->name),
		.kind = wire_slice_of(c->kind),
		.pid = getpid(),
		.has_pid = true,
	};
	_buf_ struct buf b = BUF_INIT;
	struct ksnap_call call = { .op = "hello", .bridge = "", .timeout_ms = c->timeout_ms };
	struct ksnap_reply reply;
	int rc;

	if (wire_encode(&wire_shape_hello_params, &hello, &b))
		return err_nomem(err);
	call.params = b.data;
	call.params_len = b.len;
	c->open_id = 0;
	rc = send_request(c, &call, err);
	rc = rc ? rc : await_first(c, &call, deadline_ns, &reply, err);
	if (rc == KSNAP_E_TIMEOUT || rc == KSNAP_E_UNREACHABLE)
		return fail_unreachable(c, err);
	if (rc)
		return rc;
	rc = learn(c, &reply, err);
	ksnap_reply_clear(&reply);
	c->greeted = !rc;
	return rc;
}

/* Have a peer that knows us. */
static int ensure_greeted(struct ksnap_client *c, struct ksnap_err *err)
{
	uint64_t deadline_ns = wait_until(c->timeout_ms);
	int rc;

	if (c->greeted && is_linked(c))
		return 0;
	if ((rc = link_up(c, deadline_ns, err)))
		return rc;
	return greet(c, deadline_ns, err);
}

/* ---- the public face ----------------------------------------------------------------------- */

struct ksnap_client *ksnap_client_connect(const char *url, const struct ksnap_connect_opts *opts,
					  struct ksnap_err *err)
{
	struct ksnap_client *c = calloc(1, sizeof(*c));

	if (!c) {
		err_nomem(err);
		return NULL;
	}
	begin_ids(c);
	learn_limits(c, (struct wire_slice){ 0 });
	if (settle(c, url, opts, err))
		goto fail;
	if (!c->context) {
		c->context = zmq_ctx_new();
		c->owns_context = c->context;
	}
	if (!c->context) {
		err_nomem(err);
		goto fail;
	}
	if (ensure_greeted(c, err))
		goto fail;
	return c;
fail:
	ksnap_client_destroy(c);
	return NULL;
}

void ksnap_client_destroy(struct ksnap_client *c)
{
	const struct ksnap_call bye = { .op = "bye", .bridge = "", .timeout_ms = BYE_LINGER_MS };
	int saved = errno;

	if (!c)
		return;
	if (c->greeted && is_linked(c))
		send_request(c, &bye, NULL);
	unlink_socket(c, c->greeted ? BYE_LINGER_MS : 0);
	if (c->owns_context)
		zmq_ctx_term(c->context);
	curve_pair_clear(&c->curve.own);
	free(c);
	errno = saved;
}

static int check_params(const struct ksnap_call *call, struct ksnap_err *err)
{
	const uint8_t *p = call->params;
	struct ksnap_err why = { 0 };

	if (!p || !call->params_len)
		return p || call->params_len
			       ? err_set(err, KSNAP_E_ARG, "params and params_len: one is not set")
			       : 0;
	if (scan_whole(p, call->params_len, &why))
		return err_set(err, KSNAP_E_ARG, "params is not one msgpack object: %s", why.text);
	if ((p[0] & 0xf0) != 0x80 && p[0] != 0xde && p[0] != 0xdf)
		return err_set(err, KSNAP_E_ARG, "params is not a map: it begins with byte 0x%02x",
			       p[0]);
	return 0;
}

static int check_call(const struct ksnap_call *call, struct ksnap_err *err)
{
	if (!call->op || !*call->op)
		return err_set(err, KSNAP_E_ARG, "the call names no op");
	if (call->bridge && (!*call->bridge || strlen(call->bridge) > KSNAP_TAG_MAX))
		return err_set(err, KSNAP_E_ARG,
			       "bridge has %zu bytes; 1 to %d (MAX_TAG) are allowed",
			       strlen(call->bridge), KSNAP_TAG_MAX);
	if (call->nblobs > ARRAY_SIZE(call->blobs))
		return err_set(err, KSNAP_E_ARG, "nblobs is %zu; a call carries at most %zu",
			       call->nblobs, ARRAY_SIZE(call->blobs));
	for (size_t i = 0; i < call->nblobs; i++)
		if (!call->blobs[i])
			return err_set(err, KSNAP_E_ARG, "nblobs is %zu and blob %zu is NULL",
				       call->nblobs, i);
	if (call->timeout_ms > LIMIT_MAX_DEADLINE_MS)
		return err_set(err, KSNAP_E_ARG, "timeout_ms is %u; MAX_DEADLINE_MS is %d",
			       call->timeout_ms, LIMIT_MAX_DEADLINE_MS);
	return check_params(call, err);
}

/* A lost peer shows when it takes nothing any more: who looked before would look each time. */
static int send_greeted(struct ksnap_client *c, const struct ksnap_call *call,
			struct ksnap_err *err)
{
	int rc;

	c->open_id = 0;
	rc = c->greeted ? send_request(c, call, err) : KSNAP_E_UNREACHABLE;
	if (rc != KSNAP_E_UNREACHABLE)
		return rc;
	rc = ensure_greeted(c, err);
	return rc ? rc : send_request(c, call, err);
}

int ksnap_client_call(struct ksnap_client *c, const struct ksnap_call *call,
		      struct ksnap_reply *ret, struct ksnap_err *err)
{
	struct ksnap_call o;
	int rc;

	if ((rc = options_copy(&o, sizeof(o), call, "ksnap_call", err)) ||
	    (rc = check_call(&o, err)))
		return rc;
	if (!o.timeout_ms)
		o.timeout_ms = LIMIT_DEFAULT_DEADLINE_MS;
	rc = send_greeted(c, &o, err);
	return rc ? rc
		  : await_first(c, &o, wait_until((uint64_t)o.timeout_ms + CLIENT_GRACE_MS), ret,
				err);
}

int ksnap_client_next(struct ksnap_client *c, struct ksnap_reply *ret, struct ksnap_err *err)
{
	uint64_t deadline_ns = wait_until((uint64_t)c->open_timeout_ms + CLIENT_GRACE_MS);
	struct ksnap_reply got;
	int rc;

	if (!c->open_id)
		return err_set(err, KSNAP_E_STATE,
			       "no reply is open: its last part was read, it failed, or another "
			       "call came between");
	rc = await_answer(c, "a further part", deadline_ns, &got, err);
	if (rc < 0 || !got.more)
		c->open_id = 0;
	if (rc < 0)
		return rc;
	*ret = got;
	return 0;
}

uint64_t ksnap_client_epoch(const struct ksnap_client *c)
{
	return c->epoch;
}

const char *ksnap_client_endpoint(const struct ksnap_client *c)
{
	return c->endpoint;
}

const char *ksnap_client_live_endpoint(const struct ksnap_client *c)
{
	return c->live;
}

void *client_context(const struct ksnap_client *c)
{
	return c->context;
}

const struct curve_link *client_curve(const struct ksnap_client *c)
{
	return &c->curve;
}

void client_set_stop(struct ksnap_client *c, bool (*stop)(void *arg), void *arg)
{
	c->stop = stop;
	c->stop_arg = arg;
}

uint64_t client_heartbeat_ms(const struct ksnap_client *c)
{
	return c->heartbeat_ms;
}

uint64_t client_skipped(const struct ksnap_client *c)
{
	return c->skipped;
}
