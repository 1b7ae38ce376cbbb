// SPDX-License-Identifier: MIT
/* endpoint.c - bind. A stale ipc socket of a dead broker is taken over; a live one is an error,
 * which libzmq alone would not notice: it unlinks whatever is there. */
#include "broker/endpoint.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <zmq.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "broker/arrivals.h"
#include "wire/curve.h"

#define IPC_PREFIX "ipc://"

#define TCP_PREFIX "tcp://"
#define LINGER_MS  200
/* Connections that wait to be accepted. One above is told to come again, and clients come seldom.
 */
#define BACKLOG 1024

struct bound {
	void *socket;
	struct zap *zap;
	struct arrivals *arrivals;
	const char *domain;
	const struct curve_pair *curve;
	size_t mended;    /* endpoints before this one are bound */
	char **endpoints; /* NULL-terminated */
	size_t n;
};

static const char *ipc_path(const char *url)
{
	size_t n = strlen(IPC_PREFIX);

	return !strncmp(url, IPC_PREFIX, n) && url[n] != '@' && url[n] != '*' ? url + n : NULL;
}

/* The process that listens is dead: a child of its that has not become a worker yet keeps the
 * socket for a moment. */
static bool is_left_behind(int fd)
{
	struct ucred who = { 0 };
	socklen_t len = sizeof(who);

	return !getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &len) && who.pid > 0 &&
	       kill(who.pid, 0) && errno == ESRCH;
}

/* Does anything accept connections at @path, and serve them? */
static bool is_live(const char *path)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || strlen(path) >= sizeof(sa.sun_path))
		return false;
	strcpy(sa.sun_path, path);
	return !connect(fd, (struct sockaddr *)&sa, sizeof(sa)) && !is_left_behind(fd);
}

static int check_ipc(const char *url, const char *path, struct ksnap_err *err)
{
	struct stat st;

	if (strlen(path) >= sizeof(((struct sockaddr_un *)0)->sun_path))
		return err_set(err, KSNAP_E_ARG, "%s: a socket's path has at most %zu bytes", url,
			       sizeof(((struct sockaddr_un *)0)->sun_path) - 1);
	if (lstat(path, &st))
		return 0;
	if (!S_ISSOCK(st.st_mode))
		return err_set(err, KSNAP_E_STATE, "%s: a file that is no socket is in the way",
			       url);
	if (is_live(path))
		return err_set(err, KSNAP_E_STATE,
			       "%s: a broker already serves here; stop it, or choose "
			       "another endpoint with --bind",
			       url);
	return 0;
}

static bool is_tcp(const char *url)
{
	return !strncmp(url, TCP_PREFIX, strlen(TCP_PREFIX));
}

/* What is bound from here on asks who may connect. */
static int guard(struct bound *b, const char *url, struct ksnap_err *err)
{
	if (!b->zap)
		return 0;
	return curve_serves(b->socket, is_tcp(url) ? b->curve : NULL, b->domain, err);
}

static int remember(struct bound *b, struct ksnap_err *err)
{
	char last[512];
	size_t len = sizeof(last);
	char **list = realloc(b->endpoints, (b->n + 2) * sizeof(*list));

	if (!list)
		return err_nomem(err);
	b->endpoints = list;
	b->endpoints[b->n] = NULL;
	if (zmq_getsockopt(b->socket, ZMQ_LAST_ENDPOINT, last, &len))
		return err_errno(err, KSNAP_E_INTERNAL, zmq_errno(), "last endpoint");
	b->endpoints[b->n] = strdup(last);
	if (!b->endpoints[b->n])
		return err_nomem(err);
	b->endpoints[++b->n] = NULL;
	return 0;
}

static int bind_one(struct bound *b, const char *url, unsigned mode, struct ksnap_err *err)
{
	const char *path = ipc_path(url);
	mode_t saved;
	int rc;

	if ((path && (rc = check_ipc(url, path, err))) || (rc = guard(b, url, err)))
		return rc;
	/* The socket must never be there with wider permissions, not even for an instant. */
	saved = umask(0777 & ~(mode_t)mode);
	rc = zmq_bind(b->socket, url);
	umask(saved);
	if (rc)
		return err_errno(err, zmq_errno() == EADDRINUSE ? KSNAP_E_STATE : KSNAP_E_ARG,
				 zmq_errno(), "cannot listen at %s", url);
	rc = remember(b, err);
	if (rc && path)
		unlink(path); // bound_destroy does not know of it
	return rc;
}

static void set_int(void *socket, int option, int value)
{
	zmq_setsockopt(socket, option, &value, sizeof(value));
}

static void set_options(void *socket, const struct bound_opts *o)
{
	int64_t max = (int64_t)o->max_message;

	zmq_setsockopt(socket, ZMQ_MAXMSGSIZE, &max, sizeof(max));
	set_int(socket, ZMQ_LINGER, LINGER_MS);
	set_int(socket, ZMQ_BACKLOG, BACKLOG);
	set_int(socket, ZMQ_HEARTBEAT_IVL, 1000);
	set_int(socket, ZMQ_HEARTBEAT_TIMEOUT, 5000);
	if (o->send_hwm)
		set_int(socket, ZMQ_SNDHWM, o->send_hwm);
	if (o->recv_hwm)
		set_int(socket, ZMQ_RCVHWM, o->recv_hwm);
	if (o->mandatory)
		set_int(socket, ZMQ_ROUTER_MANDATORY, 1);
	if (o->handover)
		set_int(socket, ZMQ_ROUTER_HANDOVER, 1);
	if (o->verbose)
		set_int(socket, ZMQ_XPUB_VERBOSE, 1);
}

static bool is_inproc(const char *url)
{
	return !strncmp(url, "inproc://", 9);
}

/* Threads of this process come without a connection. */
static bool has_connections(const char *const *urls)
{
	while (urls && *urls && is_inproc(*urls))
		urls++;
	return urls && *urls;
}

static struct arrivals *look_for_arrivals(struct bound *b, const struct bound_opts *o,
					  struct ksnap_err *err)
{
	struct arrivals_opts opts = { .loop = o->loop,
				      .context = o->context,
				      .socket = b->socket,
				      .zap = o->zap,
				      .ends_unheard = o->ends_unheard,
				      .read = o->read,
				      .arg = o->arg };

	return arrivals_create(&opts, err);
}

/* A peer without a routing id gets one of libzmq: a zero and a number, the next after that of the
 * one before, from a number of rand() on. Should another peer have claimed that id, libzmq ends the
 * process by an assertion. So nobody is to know where the numbers begin. */
static void hide_first_id(void)
{
	unsigned seed;

	if (getrandom(&seed, sizeof(seed), 0) == sizeof(seed))
		srand(seed);
}

struct bound *bound_create(const struct bound_opts *o, struct ksnap_err *err)
{
	struct bound *b = calloc(1, sizeof(*b));
	unsigned mode = o->ipc_mode ? o->ipc_mode : 0600;

	if (!b) {
		err_nomem(err);
		return NULL;
	}
	if (has_connections(o->urls))
		hide_first_id();
	b->socket = zmq_socket(o->context, o->type);
	if (!b->socket) {
		err_errno(err, KSNAP_E_INTERNAL, zmq_errno(), "zmq_socket");
		goto fail;
	}
	set_options(b->socket, o);
	b->zap = o->zap;
	b->domain = o->domain;
	b->curve = o->curve;
	if ((o->zap || o->ends_unheard) && has_connections(o->urls) &&
	    !(b->arrivals = look_for_arrivals(b, o, err)))
		goto fail;
	for (size_t i = 0; o->urls && o->urls[i]; i++)
		if (bind_one(b, o->urls[i], mode, err))
			goto fail;
	if (!b->n) {
		err_set(err, KSNAP_E_ARG, "no endpoint to bind");
		goto fail;
	}
	return b;
fail:
	bound_destroy(b);
	return NULL;
}

void bound_destroy(struct bound *b)
{
	int saved = errno;

	if (!b)
		return;
	arrivals_destroy(b->arrivals);
	if (b->socket)
		zmq_close(b->socket);
	for (size_t i = 0; i < b->n; i++) {
		const char *path = ipc_path(b->endpoints[i]);

		if (path)
			unlink(path);
		free(b->endpoints[i]);
	}
	free(b->endpoints);
	free(b);
	errno = saved;
}

/* What waits for them is not theirs any more: nothing lingers. */
void bound_cut(struct bound *b)
{
	set_int(b->socket, ZMQ_LINGER, 0);
	for (size_t i = b->mended = 0; i < b->n; i++)
		if (is_tcp(b->endpoints[i]))
			zmq_unbind(b->socket, b->endpoints[i]);
	set_int(b->socket, ZMQ_LINGER, LINGER_MS);
}

int bound_mend(struct bound *b, struct ksnap_err *err)
{
	for (; b->mended < b->n; b->mended++) {
		const char *url = b->endpoints[b->mended];
		int rc = is_tcp(url) ? guard(b, url, err) : 0;

		if (rc)
			return rc;
		if (is_tcp(url) && zmq_bind(b->socket, url))
			return err_errno(err, KSNAP_E_BUSY, zmq_errno(), "cannot listen at %s",
					 url);
	}
	return 0;
}

bool bound_is_inproc(const struct bound *b)
{
	for (size_t i = 0; i < b->n; i++)
		if (is_inproc(b->endpoints[i]))
			return true;
	return false;
}

struct arrivals *bound_arrivals(const struct bound *b)
{
	return b->arrivals;
}

void *bound_socket(const struct bound *b)
{
	return b->socket;
}

const char *const *bound_endpoints(const struct bound *b)
{
	return (const char *const *)b->endpoints;
}
