// SPDX-License-Identifier: MIT
/* request.c - replies: encoding, sending, and the end of a request. */
#include "broker/request.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/limits.h"
#include "broker/bridges.h"
#include "broker/router.h"
#include "broker/session.h"
#include "broker/state.h"
#include "broker/unread.h"

/* Bytes of a reply that are not copied, and that no reply keeps for the next. */
#define LARGE 4096

struct request *request_create(struct broker *b, struct frames *f)
{
	struct request *rq = malloc(sizeof(*rq)); /* calloc passes by what was just freed */

	if (!rq)
		return NULL;
	memset(rq, 0, offsetof(struct request, frames));
	rq->broker = b;
	rq->held = rq->few;
	rq->held_cap = REQUEST_FEW;
	frames_move(&rq->frames, f);
	rq->received_mono_ns = clock_mono_ns();
	return rq;
}

static void drop_held(struct request *rq)
{
	for (size_t i = 0; i < rq->nheld; i++)
		ksnap_blob_unref(rq->held[i]);
	rq->nheld = 0;
}

/* One reading of the clock is enough for all that is noted of an answer. */
static uint64_t ready_ns(struct request *rq)
{
	if (!rq->ready_mono_ns)
		rq->ready_mono_ns = clock_mono_ns();
	return rq->ready_mono_ns;
}

uint64_t request_elapsed_us(struct request *rq)
{
	return (ready_ns(rq) - rq->received_mono_ns) / NS_PER_US;
}

static void request_end(struct request *rq)
{
	tally_latency(&rq->broker->tally, request_elapsed_us(rq));
	answer_wait_end(&rq->wait);
	if (rq->session)
		session_request_ended(rq->session, ready_ns(rq));
	frames_clear(&rq->frames);
	drop_held(rq);
	if (rq->held != rq->few)
		free(rq->held);
	wire_arena_fini(&rq->arena);
	if (rq->entry)
		ksnap_entry_clear(rq->entry);
	free(rq->entry);
	if (rq->params != rq->room)
		free(rq->params);
	free(rq);
}

static int hold(struct request *rq, struct ksnap_blob *frame)
{
	size_t cap = 2 * rq->held_cap;
	struct ksnap_blob **list = rq->held;

	if (frame && rq->nheld == rq->held_cap) {
		list = realloc(list == rq->few ? NULL : list, cap * sizeof(*list));
		if (list) {
			if (rq->held == rq->few)
				memcpy(list, rq->few, sizeof(rq->few));
			rq->held = list;
			rq->held_cap = cap;
		}
	}
	if (!frame || !list) {
		ksnap_blob_unref(frame);
		return KSNAP_E_NOMEM;
	}
	rq->held[rq->nheld++] = frame;
	return 0;
}

/* A request counts once: a part that cannot be sent is followed by a refusal. Want of memory is the
 * caller's to count, who may still refuse. */
static int send_held(struct request *rq, bool more, struct ksnap_err *err)
{
	struct router *r = rq->broker->router;
	int rc = more ? router_send(r, rq->held, rq->nheld, err)
		      : router_answer(r, rq->held, rq->nheld, err);

	drop_held(rq);
	return rc;
}

static void note_answer(struct request *rq, struct ksnap_blob *envelope, bool whole)
{
	if (rq->wait.log && !rq->unnoted)
		answer_log_add(rq->wait.log, &rq->wait.id, whole ? envelope : NULL, ready_ns(rq));
}

/* NULL: no memory. */
static struct ksnap_blob *counted(struct request *rq, struct ksnap_blob *blob)
{
	struct unread *unread = rq->session ? session_unread(rq->session) : NULL;

	return unread ? unread_blob(unread, blob) : NULL;
}

/* Takes @envelope over; NULL counts as out of memory. */
static int hold_part(struct request *rq, struct ksnap_blob *envelope,
		     struct ksnap_blob *const *blobs, size_t nblobs, struct ksnap_err *err)
{
	int rc = 0;

	if (!rq->nheld) {
		rc = hold(rq, ksnap_blob_ref(rq->frames.part[0]));
		if (!rc && rq->delimiter)
			rc = hold(rq, ksnap_blob_copy("", 0));
	}
	if (rc)
		ksnap_blob_unref(envelope);
	rc = rc ? rc : hold(rq, envelope);
	for (size_t i = 0; i < nblobs && !rc; i++)
		rc = hold(rq, counted(rq, blobs[i]));
	if (!rc)
		return 0;
	drop_held(rq);
	return err_nomem(err);
}

/* The final reply is held; @nblobs of its frames are blobs. */
static int finish(struct request *rq, size_t nblobs, struct ksnap_err *err)
{
	state_settle(rq->broker->state);
	note_answer(rq, rq->held[rq->nheld - 1 - nblobs], !nblobs && !rq->in_parts);
	return send_held(rq, false, err);
}

/* Takes @envelope over. */
static int send_blob(struct request *rq, struct ksnap_blob *envelope, bool more,
		     struct ksnap_blob *const *blobs, size_t nblobs, struct ksnap_err *err)
{
	int rc = hold_part(rq, envelope, blobs, nblobs, err);

	if (rc)
		return rc;
	if (!more)
		return finish(rq, nblobs, err);
	return rq->delimiter ? 0 : send_held(rq, true, err);
}

/* Memory of the broker that is empty now. A large reply took it along, a large result gives it
 * back: what is left for the next is small. */
static struct buf *clean(struct buf *b)
{
	if (b->cap > LARGE)
		buf_fini(b);
	buf_clear(b);
	return b;
}

static int send_envelope(struct request *rq, struct buf *envelope, bool more,
			 struct ksnap_blob *const *blobs, size_t nblobs, struct ksnap_err *err)
{
	struct ksnap_blob *blob = buf_ok(envelope) && envelope->len <= LARGE
					  ? ksnap_blob_copy(envelope->data, envelope->len)
					  : buf_take_blob(envelope);

	return send_blob(rq, blob, more, blobs, nblobs, err);
}

int request_repeat(struct request *rq, struct ksnap_err *err)
{
	struct ksnap_blob *envelope;
	enum answer_found found = session_find_answer(rq->session, &rq->env.id, &envelope);

	if (found == ANSWER_NONE && session_begins_id(rq->session, &rq->env.id, &rq->wait))
		return 0;
	rq->unnoted = true;
	if (found == ANSWER_NONE)
		return err_set(
			err, KSNAP_E_BUSY,
			"a request of this id is being worked on; ask again with this id for "
			"its answer, or with another to have it done once more");
	if (found == ANSWER_GIVEN)
		return err_set(
			err, KSNAP_E_STATE,
			"a request of this id was answered already, and its answer had blobs or "
			"parts, which are not kept; ask again with another id");
	send_blob(rq, ksnap_blob_ref(envelope), false, NULL, 0, NULL);
	request_end(rq);
	return 1;
}

int request_check_key(const struct request *rq, struct ksnap_err *err)
{
	if (!rq->session || !session_is_revoked(rq->session))
		return 0;
	return err_set(err, KSNAP_E_DENIED,
		       "the key of this connection is not authorised any more");
}

/* Who reads gets whatever there is, one report at a time. */
static int check_unread(struct request *rq, struct ksnap_blob *const *blobs, size_t nblobs,
			struct ksnap_err *err)
{
	const struct limit_info *l = &limit_table[LIMIT_ID_MAX_UNREAD_BYTES];
	struct unread *u = rq->session && nblobs ? session_unread(rq->session) : NULL;
	uint64_t unread = unread_bytes(u), more = 0;

	for (size_t i = 0; i < nblobs; i++)
		more += ksnap_blob_size(blobs[i]);
	if (!unread || unread + more <= rq->broker->max_unread)
		return 0;
	rq->broker->tally.drops[DROP_REPLY_UNREAD]++;
	return err_set(err, KSNAP_E_BUSY,
		       "%lu bytes of replies to this session are not read yet, and this has %lu "
		       "(limit %s is %lu; read, or raise it with ksnap serve %s)",
		       (unsigned long)unread, (unsigned long)more, l->name,
		       (unsigned long)rq->broker->max_unread, l->change);
}

static int may_send(struct request *rq, struct ksnap_blob *const *blobs, size_t nblobs,
		    struct ksnap_err *err)
{
	int rc = request_check_key(rq, err);

	return rc ? rc : check_unread(rq, blobs, nblobs, err);
}

static int send_result(struct request *rq, struct wire_slice r, bool more,
		       struct ksnap_blob *const *blobs, size_t nblobs, struct ksnap_err *err)
{
	struct buf *envelope = clean(&rq->broker->reply);
	struct wire_reply rp = {
		.id = rq->env.id, .ok = true, .more = more, .r = r, .blobs = nblobs
	};

	if (reply_encode(&rp, envelope))
		return err_nomem(err);
	return send_envelope(rq, envelope, more, blobs, nblobs, err);
}

int request_part(struct request *rq, const void *reply, struct ksnap_blob *const *blobs,
		 size_t nblobs, struct ksnap_err *err)
{
	struct buf *r = clean(&rq->broker->result);
	int rc;

	rc = may_send(rq, blobs, nblobs, err);
	if (rc)
		return rc;
	if (wire_encode(rq->row->reply, reply, r))
		return err_nomem(err);
	rq->in_parts = true;
	return send_result(rq, (struct wire_slice){ (char *)r->data, r->len }, true, blobs, nblobs,
			   err);
}

int request_prepare_raw(struct request *rq, struct wire_slice r, struct ksnap_err *err)
{
	_buf_ struct buf envelope = BUF_INIT;
	struct wire_reply rp = { .id = rq->env.id, .ok = true, .r = r };
	int rc = may_send(rq, NULL, 0, err);

	if (rc)
		return rc;
	if (reply_encode(&rp, &envelope))
		return err_nomem(err);
	return hold_part(rq, buf_take_blob(&envelope), NULL, 0, err);
}

int request_prepare(struct request *rq, const void *reply, struct ksnap_err *err)
{
	_buf_ struct buf r = BUF_INIT;

	if (wire_encode(rq->row->reply, reply, &r))
		return err_nomem(err);
	return request_prepare_raw(rq, (struct wire_slice){ (char *)r.data, r.len }, err);
}

void request_send(struct request *rq)
{
	if (finish(rq, 0, NULL) == KSNAP_E_NOMEM)
		rq->broker->tally.drops[DROP_REPLY_MEMORY]++;
	request_end(rq);
}

void request_answer_raw(struct request *rq, struct wire_slice r, struct ksnap_blob *const *blobs,
			size_t nblobs)
{
	struct ksnap_err err;
	int rc = may_send(rq, blobs, nblobs, &err);

	if (rc || (rc = send_result(rq, r, false, blobs, nblobs, &err)) == KSNAP_E_NOMEM) {
		request_refuse(rq, &err);
		return;
	}
	request_end(rq);
}

void request_answer(struct request *rq, const void *reply, struct ksnap_blob *const *blobs,
		    size_t nblobs)
{
	struct buf *r = clean(&rq->broker->result);
	struct ksnap_err err;

	if (wire_encode(rq->row->reply, reply, r)) {
		err_nomem(&err);
		request_refuse(rq, &err);
		return;
	}
	request_answer_raw(rq, (struct wire_slice){ (char *)r->data, r->len }, blobs, nblobs);
}

void request_refuse(struct request *rq, const struct ksnap_err *err)
{
	struct buf *envelope = clean(&rq->broker->reply);
	struct tally *tally = &rq->broker->tally;

	tally_error(tally, err->code);
	rq->unnoted |= ksnap_err_retry(err->code);
	if (rq->row)
		tally->failed[rq->row - wire_ops]++;
	if (rq->session)
		session_count_error(rq->session);
	drop_held(rq);
	if (reply_encode_error(&rq->env.id, err, rq->detail, envelope) ||
	    send_envelope(rq, envelope, false, NULL, 0, NULL) == KSNAP_E_NOMEM)
		tally->drops[DROP_REPLY_MEMORY]++;
	request_end(rq);
}

int request_result(struct request *rq, const struct wire_shape *shape, struct wire_slice result,
		   void *ret, struct ksnap_err *err)
{
	struct ksnap_err why;
	int rc = wire_decode(shape, result.p, result.len, WIRE_SKIP_UNKNOWN, &rq->arena, ret, &why);

	if (!rc || rc == KSNAP_E_NOMEM)
		return rc ? err_nomem(err) : 0;
	return err_set(err, KSNAP_E_TARGET, "the worker's result: %.*s", KSNAP_ERR_TEXT - 32,
		       why.text);
}

struct wire_slice request_bridge_name(const struct request *rq)
{
	return rq->env.bridge.len ? rq->env.bridge : wire_slice_of("default");
}

struct hosted *request_bridge(struct request *rq, struct ksnap_err *err)
{
	struct wire_slice name = request_bridge_name(rq);

	if (rq->session)
		session_uses(rq->session, name);
	return bridges_open(rq->broker->bridges, name, err);
}

struct hosted *request_bridge_if_open(struct request *rq, struct ksnap_err *err)
{
	struct wire_slice name = request_bridge_name(rq);
	struct hosted *h = bridges_find(rq->broker->bridges, name);

	if (!h)
		err_set(err, KSNAP_E_NOTFOUND, "no bridge is called '%.*s'", (int)name.len, name.p);
	return h;
}
