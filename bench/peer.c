// SPDX-License-Identifier: MIT
/* peer.c - fork, bind, tell the parent where, serve until the parent closes its end. */
#include "bench/peer.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zmq.h>

#include "base/loop.h"
#include "bench/bench.h"
#include "broker/broker.h"

static char folder[64];
static pid_t owner;

static void remove_folder(void)
{
	static const char *const names[] = { "control", "live", "work", "echo", "relay", "pub" };
	char path[128];

	for (size_t i = 0; i < sizeof(names) / sizeof(*names) && owner == getpid(); i++) {
		snprintf(path, sizeof(path), "%s/%s", folder, names[i]);
		unlink(path);
	}
	if (owner == getpid())
		rmdir(folder);
}

const char *peer_folder(void)
{
	if (folder[0])
		return folder;
	snprintf(folder, sizeof(folder), "/tmp/ksnap-bench.XXXXXX");
	owner = getpid();
	if (!mkdtemp(folder)) {
		perror("mkdtemp");
		folder[0] = 0;
		return NULL;
	}
	atexit(remove_folder);
	return folder;
}

static void tell(int fd, const char *endpoint)
{
	char text[256] = { 0 };

	snprintf(text, sizeof(text), "%s", endpoint);
	if (write(fd, text, sizeof(text)) != sizeof(text))
		_exit(1);
}

static void serve_broker(const char *const *urls, int fd)
{
	const char *const control[] = { urls[0], NULL }, *const live[] = { urls[1], NULL },
			  *const work[] = { urls[2], NULL }, *const targets[] = { "live", NULL };
	struct broker_opts o = { .size = sizeof(o),
				 .zmq_context = zmq_ctx_new(),
				 .control = control,
				 .live = live,
				 .work = work,
				 .targets = targets };
	struct ksnap_err err = { 0 };
	struct loop *loop = loop_create(&err);
	struct broker *b = loop ? broker_create(loop, &o, &err) : NULL;

	if (!b) {
		bench_wrong("no broker: %s", err.text);
		_exit(1);
	}
	tell(fd, broker_control_endpoint(b));
	loop_run(loop, &err);
	_exit(0);
}

/* Peer, then any number of parts, all sent back as they are. */
static void echo_one(void *socket)
{
	int more;

	do {
		zmq_msg_t m;

		zmq_msg_init(&m);
		if (zmq_msg_recv(&m, socket, 0) < 0)
			return;
		more = zmq_msg_more(&m);
		if (zmq_msg_send(&m, socket, more ? ZMQ_SNDMORE : 0) < 0)
			zmq_msg_close(&m);
	} while (more);
}

static void serve_echo(const char *const *urls, int fd)
{
	void *socket = zmq_socket(zmq_ctx_new(), ZMQ_ROUTER);
	char bound[256];
	size_t len = sizeof(bound);

	if (zmq_bind(socket, urls[0]) || zmq_getsockopt(socket, ZMQ_LAST_ENDPOINT, bound, &len)) {
		bench_wrong("echo at %s: %s", urls[0], zmq_strerror(zmq_errno()));
		_exit(1);
	}
	tell(fd, bound);
	for (;;)
		echo_one(socket);
}

/* Peer, request, report: the report goes out without a copy. */
static void relay_one(void *router, void *pub, const char *topic)
{
	zmq_msg_t peer, request, report, copy;

	zmq_msg_init(&peer);
	zmq_msg_init(&request);
	zmq_msg_init(&report);
	zmq_msg_init(&copy);
	zmq_msg_recv(&peer, router, 0);
	zmq_msg_recv(&request, router, 0);
	zmq_msg_recv(&report, router, 0);
	zmq_msg_copy(&copy, &request);
	zmq_send(pub, topic, strlen(topic), ZMQ_SNDMORE);
	zmq_msg_send(&copy, pub, ZMQ_SNDMORE);
	zmq_msg_send(&report, pub, 0);
	zmq_msg_send(&peer, router, ZMQ_SNDMORE);
	zmq_msg_send(&request, router, 0);
}

/* @urls: where requests come in, where reports go out, and their topic. */
static void serve_relay(const char *const *urls, int fd)
{
	void *context = zmq_ctx_new(), *router = zmq_socket(context, ZMQ_ROUTER),
	     *pub = zmq_socket(context, ZMQ_PUB);

	if (zmq_bind(router, urls[0]) || zmq_bind(pub, urls[1])) {
		bench_wrong("relay at %s: %s", urls[0], zmq_strerror(zmq_errno()));
		_exit(1);
	}
	tell(fd, urls[0]);
	for (;;)
		relay_one(router, pub, urls[2]);
}

static int start(struct peer *p, void (*serve)(const char *const *urls, int fd),
		 const char *const *urls)
{
	int fds[2];
	ssize_t n;

	fflush(stdout);
	if (pipe(fds))
		return bench_wrong("no pipe");
	p->pid = fork();
	if (p->pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(fds[0]);
		serve(urls, fds[1]);
	}
	close(fds[1]);
	n = p->pid < 0 ? -1 : read(fds[0], p->endpoint, sizeof(p->endpoint));
	close(fds[0]);
	return n == sizeof(p->endpoint) ? 0 : bench_wrong("the other process did not start");
}

int peer_broker(struct peer *p, const char *endpoint, const char *live, const char *work)
{
	const char *const urls[] = { endpoint, live, work };

	return start(p, serve_broker, urls);
}

int peer_echo(struct peer *p, const char *endpoint)
{
	const char *const urls[] = { endpoint };

	return start(p, serve_echo, urls);
}

int peer_relay(struct peer *p, const char *endpoint, const char *live, const char *topic)
{
	const char *const urls[] = { endpoint, live, topic };

	return start(p, serve_relay, urls);
}

void peer_stop(struct peer *p)
{
	if (p->pid <= 0)
		return;
	kill(p->pid, SIGTERM);
	waitpid(p->pid, NULL, 0);
	p->pid = 0;
}
