// SPDX-License-Identifier: MIT
/* zap.c - the ZAP handler: one answer a question, a bounded number of them a turn.
 *
 * Peers of unencrypted endpoints are asked about too, and all get the user id "local": libzmq would
 * else take for a user id what the peer itself wrote into its handshake. */
#include "broker/zap.h"

#include <stdlib.h>
#include <string.h>
#include <zmq.h>

#include "base/error.h"
#include "base/log.h"
#include "broker/endpoint.h"
#include "wire/frames.h"

#define READ_BATCH   64
#define LINES_A_BEAT 8
#define LOCAL_USER   "local"

/* Frames of a question: version, request id, domain, address, identity, mechanism, credentials. */
enum question { VERSION, REQUEST_ID, DOMAIN, ADDRESS, IDENTITY, MECHANISM, KEY };

struct zap {
	struct broker *broker;
	void *context;
	void *socket; /* REP */
	int source;
	const char *path; /* the owner's */
	struct keys *keys;
	uint64_t refused;
	unsigned lines; /* logged since the last beat */
	uint64_t untold;
};

static bool may_log(struct zap *z)
{
	if (z->lines < LINES_A_BEAT)
		return ++z->lines;
	z->untold++;
	return false;
}

static bool says(const struct frames *f, enum question i, const char *word)
{
	size_t len = strlen(word);

	return ksnap_blob_size(f->part[i]) == len &&
	       !memcmp(ksnap_blob_data(f->part[i]), word, len);
}

static bool opens(const struct key_row *row, const struct frames *f)
{
	return says(f, DOMAIN, ZAP_WORK) ? row->worker : row->right >= 0;
}

/* Text of a frame for the log: an address of libzmq's, a domain of ours. */
static int text_len(const struct frames *f, enum question i)
{
	size_t len = ksnap_blob_size(f->part[i]);

	return len < 64 ? (int)len : 64;
}

/* The user id to give to the peer; NULL: not let in. */
static const char *judge(struct zap *z, const struct frames *f, char key[CURVE_KEY + 1])
{
	const struct key_row *row;

	if (says(f, MECHANISM, "NULL"))
		return LOCAL_USER;
	if (!says(f, MECHANISM, "CURVE") || f->n <= KEY || ksnap_blob_size(f->part[KEY]) != 32 ||
	    !zmq_z85_encode(key, ksnap_blob_data(f->part[KEY]), 32))
		return NULL;
	row = keys_find(z->keys, key);
	if (row && opens(row, f))
		return key;
	if (may_log(z))
		log_warn("%.*s: the key of %s (%s) has no right to the %.*s socket",
			 text_len(f, ADDRESS), (const char *)ksnap_blob_data(f->part[ADDRESS]),
			 row ? row->name : "somebody unknown", key, text_len(f, DOMAIN),
			 (const char *)ksnap_blob_data(f->part[DOMAIN]));
	return NULL;
}

static void answer(struct zap *z, const struct frames *f)
{
	char key[CURVE_KEY + 1];
	bool whole = f->n > MECHANISM && says(f, VERSION, "1.0");
	const char *user = whole ? judge(z, f, key) : NULL;
	struct frames reply = { 0 };

	frames_push_copy(&reply, "1.0", 3);
	frames_push(&reply, whole ? ksnap_blob_ref(f->part[REQUEST_ID]) : ksnap_blob_copy("", 0));
	frames_push_copy(&reply, user ? "200" : "400", 3);
	frames_push_copy(&reply, user ? "OK" : "no", 2);
	frames_push_copy(&reply, user ? user : "", user ? strlen(user) : 0);
	frames_push_copy(&reply, "", 0);
	/* Without memory libzmq gets too few frames, and lets nobody in. */
	if (frames_send(z->socket, &reply, NULL))
		log_error("a question about a key could not be answered");
	frames_clear(&reply);
}

static void receive(void *arg)
{
	struct zap *z = arg;

	for (int i = 0; i < READ_BATCH; i++) {
		_frames_ struct frames f = { 0 };

		if (frames_recv(z->socket, &f, NULL) == 0)
			return;
		answer(z, &f);
	}
}

static int open_handler(struct zap *z, struct ksnap_err *err)
{
	const int none = 0;

	z->socket = zmq_socket(z->context, ZMQ_REP);
	if (!z->socket || zmq_setsockopt(z->socket, ZMQ_LINGER, &none, sizeof(none)) ||
	    zmq_bind(z->socket, "inproc://zeromq.zap.01"))
		return err_errno(err, KSNAP_E_STATE, zmq_errno(), "no handler of keys");
	z->source = loop_add_socket(z->broker->loop, z->socket, receive, z, err);
	return z->source < 0 ? z->source : 0;
}

struct zap *zap_create(struct broker *b, const struct broker_opts *opts, struct ksnap_err *err)
{
	struct zap *z = calloc(1, sizeof(*z));

	if (!z) {
		err_nomem(err);
		return NULL;
	}
	z->broker = b;
	z->context = opts->zmq_context;
	z->path = opts->authorised;
	z->keys = keys_load(z->path, err);
	if (z->keys && !open_handler(z, err))
		return z;
	zap_destroy(z);
	return NULL;
}

void zap_destroy(struct zap *z)
{
	if (!z)
		return;
	if (z->source > 0)
		loop_remove(z->broker->loop, z->source);
	if (z->socket)
		zmq_close(z->socket);
	keys_free(z->keys);
	free(z);
}

int zap_reload(struct zap *z, bool *ret_lost, struct ksnap_err *err)
{
	struct keys *now = keys_load(z->path, err), *before = z->keys;

	if (!now)
		return KSNAP_E_ARG;
	*ret_lost = keys_lost_rights(before, now);
	z->keys = now;
	keys_free(before);
	log_info("%zu keys are authorised", keys_count(now));
	return 0;
}

const struct key_row *zap_find(const struct zap *z, const char *user)
{
	return z ? keys_find(z->keys, user) : NULL;
}

void zap_name(const struct zap *z, const struct bound *from, char user[FRAMES_USER + 1])
{
	if (!z)
		user[0] = 0;
	else if (!user[0] && bound_is_inproc(from))
		strcpy(user, LOCAL_USER);
}

bool zap_is_local(const struct zap *z, const char *user)
{
	return !z || !strcmp(user, LOCAL_USER);
}

/* Who sees first that the two do not fit breaks off, so this does too when it was the peer. */
void zap_failed(struct zap *z, enum handshake_event e, const char *address)
{
	z->refused++;
	if (e == HANDSHAKE_MISMATCH && may_log(z))
		log_warn("%s: a peer is refused that does not speak CURVE, or takes another server "
			 "key for this broker's, or sends a PING or claims an id that no peer may",
			 address);
}

void zap_tick(struct zap *z)
{
	if (!z)
		return;
	if (z->untold)
		log_warn("and %lu more refused within a heartbeat", (unsigned long)z->untold);
	z->lines = 0;
	z->untold = 0;
}

uint64_t zap_refused(const struct zap *z)
{
	return z ? z->refused : 0;
}
