// SPDX-License-Identifier: MIT
/* handshake.c - what libzmq tells of handshakes and connections. */
#include "wire/handshake.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <zmq.h>

#include "base/error.h"

#define FAILURES                                                                 \
	(ZMQ_EVENT_HANDSHAKE_FAILED_AUTH | ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL | \
	 ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL)
#define CONNECTIONS (ZMQ_EVENT_ACCEPTED | ZMQ_EVENT_DISCONNECTED)

#define BROKEN_MAX 3

/* Without a bound of its own: libzmq's thread would wait for a reader that is late. */
static int watch(struct handshakes *h, void *context, void *socket, int events,
		 struct ksnap_err *err)
{
	static atomic_uint number;
	char name[48];
	const int none = 0;

	handshakes_close(h);
	h->watch = zmq_socket(context, ZMQ_PAIR);
	snprintf(name, sizeof(name), "inproc://handshakes-%u", atomic_fetch_add(&number, 1));
	if (h->watch && !zmq_setsockopt(h->watch, ZMQ_LINGER, &none, sizeof(none)) &&
	    !zmq_setsockopt(h->watch, ZMQ_RCVHWM, &none, sizeof(none)) &&
	    !zmq_socket_monitor(socket, name, events) && !zmq_connect(h->watch, name))
		return 0;
	return err_errno(err, KSNAP_E_INTERNAL, zmq_errno(), "handshakes cannot be watched");
}

int handshakes_watch(struct handshakes *h, void *context, void *socket, struct ksnap_err *err)
{
	return watch(h, context, socket, FAILURES, err);
}

int handshakes_watch_bound(struct handshakes *h, void *context, void *socket, struct ksnap_err *err)
{
	return watch(h, context, socket, FAILURES | CONNECTIONS, err);
}

void handshakes_close(struct handshakes *h)
{
	if (h->watch)
		zmq_close(h->watch);
	h->watch = NULL;
}

/* A number and a value, which is the descriptor where connections are told of. */
static uint16_t read_event(zmq_msg_t *msg, int *ret_fd)
{
	const char *data = zmq_msg_data(msg);
	uint16_t event = 0;
	int32_t value = -1;

	if (zmq_msg_size(msg) >= sizeof(event) + sizeof(value)) {
		memcpy(&event, data, sizeof(event));
		memcpy(&value, data + sizeof(event), sizeof(value));
	}
	*ret_fd = value;
	return event;
}

static void copy_address(zmq_msg_t *msg, char *address, size_t cap)
{
	size_t len = zmq_msg_size(msg);

	if (!cap)
		return;
	len = len < cap ? len : cap - 1;
	memcpy(address, zmq_msg_data(msg), len);
	address[len] = 0;
}

static enum handshake_event kind_of(uint16_t event)
{
	if (event & CONNECTIONS)
		return event == ZMQ_EVENT_ACCEPTED ? HANDSHAKE_CAME : HANDSHAKE_LEFT;
	if (event == ZMQ_EVENT_HANDSHAKE_FAILED_AUTH)
		return HANDSHAKE_DENIED;
	return event == ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL ? HANDSHAKE_MISMATCH : HANDSHAKE_BROKEN;
}

static int receive(void *socket, zmq_msg_t *msg)
{
	int rc;

	do {
		rc = zmq_msg_recv(msg, socket, ZMQ_DONTWAIT);
	} while (rc < 0 && zmq_errno() == EINTR);
	return rc;
}

/* Two frames: number and value of the event, the address. */
enum handshake_event handshakes_next(struct handshakes *h, char *address, size_t cap)
{
	uint16_t event = 0;
	zmq_msg_t msg;
	int more = 1;

	for (int i = 0; more; i++) {
		zmq_msg_init(&msg);
		if (!h->watch || receive(h->watch, &msg) < 0) {
			zmq_msg_close(&msg);
			return HANDSHAKE_NONE;
		}
		if (i == 0)
			event = read_event(&msg, &h->fd);
		else
			copy_address(&msg, address, cap);
		more = zmq_msg_more(&msg);
		zmq_msg_close(&msg);
	}
	return kind_of(event);
}

static int refuse(enum handshake_event e, const char *url, bool has_key, struct ksnap_err *err)
{
	if (e == HANDSHAKE_DENIED)
		return err_set(err, KSNAP_E_DENIED,
			       "%s refuses this key: it is not in the broker's file of authorised "
			       "keys, or not with the role that this takes",
			       url);
	if (e == HANDSHAKE_BROKEN && has_key)
		return err_set(err, KSNAP_E_DENIED,
			       "no encrypted connection to %s: the broker has another server key",
			       url);
	if (has_key)
		return err_set(err, KSNAP_E_DENIED,
			       "%s is not encrypted: leave --server-key and --key away if that is "
			       "meant to be so (KSNAP_SERVER_KEY, KSNAP_KEY)",
			       url);
	return err_set(err, KSNAP_E_DENIED,
		       "%s is encrypted: name the broker's public key with --server-key and your "
		       "key file with --key (KSNAP_SERVER_KEY, KSNAP_KEY)",
		       url);
}

/* A peer that ends a handshake may just be going away; one that always does sees that the two do
 * not fit before we see it. */
int handshakes_refused(struct handshakes *h, const char *url, bool has_key, struct ksnap_err *err)
{
	enum handshake_event e;

	while ((e = handshakes_next(h, NULL, 0))) {
		if (e != HANDSHAKE_BROKEN || ++h->broken == BROKEN_MAX)
			return refuse(e, url, has_key, err);
	}
	return 0;
}
