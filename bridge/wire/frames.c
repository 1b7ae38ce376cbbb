// SPDX-License-Identifier: MIT
/* frames.c - multipart messages, moved between ZeroMQ and blobs.
 *
 * Routing ids and other tiny parts are copied, which costs less than to share them. libzmq cuts
 * parts that fit out of an 8 KiB receive buffer, which such a part keeps alive as long as it is.
 */
#include "wire/frames.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

#include "base/error.h"
#include "wire/handover.h"

#ifdef HANDOVER_TSAN
char handover_point;
#endif

#define COPY_RECEIVED 256
#define COPY_SENT     256

static void close_message(void *data, void *arg)
{
	zmq_msg_close(arg);
	free(arg);
}

static struct ksnap_blob *wrap_message(zmq_msg_t *msg)
{
	zmq_msg_t *kept = malloc(sizeof(*kept));
	struct ksnap_blob *blob;

	if (!kept)
		return NULL;
	zmq_msg_init(kept);
	zmq_msg_move(kept, msg);
	blob = ksnap_blob_wrap(zmq_msg_data(kept), zmq_msg_size(kept), close_message, kept);
	if (!blob)
		close_message(NULL, kept);
	return blob;
}

static struct ksnap_blob *blob_of_message(zmq_msg_t *msg)
{
	size_t len = zmq_msg_size(msg);

	return len <= COPY_RECEIVED ? ksnap_blob_copy(zmq_msg_data(msg), len) : wrap_message(msg);
}

static int receive_part(void *socket, zmq_msg_t *msg)
{
	int rc;

	do {
		rc = zmq_msg_recv(msg, socket, ZMQ_DONTWAIT);
	} while (rc < 0 && errno == EINTR);
	return rc;
}

static int refuse_socket(struct ksnap_err *err, const char *what)
{
	if (errno == ETERM)
		return err_set(err, KSNAP_E_STATE, "%s: the ZeroMQ context is closed", what);
	return err_errno(err, KSNAP_E_INTERNAL, errno, "%s", what);
}

/* libzmq does not always put it on the routing id that a ROUTER writes before the message.
 * A user id that does not fit is nobody's: it comes back as one that no table holds. */
static void read_user(zmq_msg_t *msg, char user[FRAMES_USER + 1])
{
	const char *id = zmq_msg_gets(msg, "User-Id");
	size_t len = id ? strlen(id) : 0;

	if (len > FRAMES_USER) {
		id = "?";
		len = 1;
	}
	if (len)
		memcpy(user, id, len);
	user[len] = 0;
}

/* After the first failure the rest is still read off, so that the next message begins clean. */
int frames_recv(void *socket, struct frames *f, struct ksnap_err *err)
{
	size_t parts = 0;
	bool more = true, lost = false;
	zmq_msg_t msg; /* each receipt gives back what it had before */

	f->n = 0;
	f->user[0] = 0;
	f->fd = -1;
	zmq_msg_init(&msg);
	while (more) {
		if (receive_part(socket, &msg) < 0) {
			zmq_msg_close(&msg);
			return !parts && errno == EAGAIN ? 0 : refuse_socket(err, "receiving");
		}
		handover_after_recv();
		more = zmq_msg_more(&msg);
		if (parts < 2 && !f->no_users && !f->user[0])
			read_user(&msg, f->user);
		if (f->wants_fd && f->fd < 0)
			f->fd = zmq_msg_get(&msg, ZMQ_SRCFD);
		if (parts++ < FRAMES_MAX && !lost)
			lost = frames_push(f, blob_of_message(&msg));
	}
	zmq_msg_close(&msg);
	if (lost)
		return err_nomem(err);
	if (parts > FRAMES_MAX)
		return err_set(err, KSNAP_E_PROTO, "%zu frames in one message, at most %d allowed",
			       parts, FRAMES_MAX);
	return 1;
}

int frames_push(struct frames *f, struct ksnap_blob *blob)
{
	if (!blob)
		return KSNAP_E_NOMEM;
	if (f->n == FRAMES_MAX) {
		ksnap_blob_unref(blob);
		return KSNAP_E_PROTO;
	}
	f->part[f->n++] = blob;
	return 0;
}

int frames_push_copy(struct frames *f, const void *data, size_t len)
{
	return frames_push(f, ksnap_blob_copy(data, len));
}

static void release_part(void *data, void *blob)
{
	ksnap_blob_unref(blob);
}

static int make_message(zmq_msg_t *msg, struct ksnap_blob *blob)
{
	void *data = (void *)ksnap_blob_data(blob);
	size_t len = ksnap_blob_size(blob);

	if (len <= COPY_SENT) {
		if (zmq_msg_init_size(msg, len))
			return -1;
		if (len)
			memcpy(zmq_msg_data(msg), data, len);
		return 0;
	}
	if (zmq_msg_init_data(msg, data, len, release_part, blob))
		return -1;
	ksnap_blob_ref(blob);
	return 0;
}

static int send_messages(void *socket, zmq_msg_t *msgs, size_t n, struct ksnap_err *err)
{
	for (size_t i = 0; i < n; i++) {
		int flags = ZMQ_DONTWAIT | (i + 1 < n ? ZMQ_SNDMORE : 0);
		int rc;

		do {
			rc = zmq_msg_send(&msgs[i], socket, flags);
		} while (rc < 0 && errno == EINTR);
		if (rc >= 0)
			continue;
		if (errno == EAGAIN)
			return err_set(err, KSNAP_E_BUSY, "the peer's queue is full");
		if (errno == EHOSTUNREACH)
			return err_set(err, KSNAP_E_UNREACHABLE, "no such peer is connected");
		return refuse_socket(err, "sending");
	}
	return 0;
}

/* All parts are made before the first is sent: a message goes out whole or not at all. */
static int send_made(void *socket, zmq_msg_t *msgs, struct ksnap_blob *const *parts, size_t n,
		     struct ksnap_err *err)
{
	size_t made = 0;
	int rc = 0;

	while (made < n && !rc) {
		if (make_message(&msgs[made], parts[made]))
			rc = err_nomem(err);
		else
			made++;
	}
	handover_before_send();
	if (!rc)
		rc = send_messages(socket, msgs, made, err);
	for (size_t i = 0; i < made; i++)
		zmq_msg_close(&msgs[i]);
	return rc;
}

int frames_send_list(void *socket, struct ksnap_blob *const *parts, size_t n, struct ksnap_err *err)
{
	zmq_msg_t few[FRAMES_MAX], *many = NULL;
	int rc;

	if (!n)
		return err_set(err, KSNAP_E_INTERNAL, "sending: a message of no frames");
	if (n > FRAMES_MAX) {
		many = calloc(n, sizeof(*many));
		if (!many)
			return err_nomem(err);
	}
	rc = send_made(socket, many ? many : few, parts, n, err);
	free(many);
	return rc;
}

int frames_send(void *socket, const struct frames *f, struct ksnap_err *err)
{
	return frames_send_list(socket, f->part, f->n, err);
}

void frames_move(struct frames *to, struct frames *from)
{
	to->n = from->n;
	to->no_users = from->no_users;
	strcpy(to->user, from->user);
	memcpy(to->part, from->part, from->n * sizeof(*to->part));
	from->n = 0;
}

void frames_clear(struct frames *f)
{
	for (size_t i = 0; i < f->n; i++)
		ksnap_blob_unref(f->part[i]);
	f->n = 0;
}
