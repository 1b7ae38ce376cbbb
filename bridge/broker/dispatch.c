// SPDX-License-Identifier: MIT
/* dispatch.c - the one way every request goes: envelope, session, op, right, params, handler.
 * Rights are a column of the op's row and are checked before the params are looked at. */
#include "broker/dispatch.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/limits.h"
#include "broker/request.h"
#include "broker/session.h"
#include "broker/zap.h"

#define OP(name, number, since, right, blobs, summary) extern const struct op op_##name;
#include "schemas/ops.inc"
#undef OP

static const struct op *const ops[OP_COUNT] = {
#define OP(name, number, since, right, blobs, summary) [OP_##name] = &op_##name,
#include "schemas/ops.inc"
#undef OP
};

/* Split the frames: routing id, perhaps an empty delimiter, envelope, blobs. */
static int split(struct request *rq, struct ksnap_blob **ret_envelope, struct ksnap_err *err)
{
	struct frames *f = &rq->frames;
	size_t at = 1;

	rq->delimiter = f->n > 1 && ksnap_blob_size(f->part[1]) == 0;
	at += rq->delimiter;
	if (at >= f->n)
		return err_set(err, KSNAP_E_PROTO,
			       "no envelope: a request is [envelope] [blob ...]");
	*ret_envelope = rq->envelope = f->part[at];
	rq->blobs = &f->part[at + 1];
	rq->nblobs = f->n - at - 1;
	return 0;
}

static int decode(struct request *rq, struct ksnap_blob *envelope, struct ksnap_err *err)
{
	const struct limit_info *l = &limit_table[LIMIT_ID_MAX_CONTROL_FRAME];
	size_t len = ksnap_blob_size(envelope);
	int rc;

	if (len > rq->broker->max_frame) {
		request_find_id(ksnap_blob_data(envelope), rq->broker->max_frame, &rq->env.id);
		return err_set(err, KSNAP_E_PROTO,
			       "an envelope of %zu bytes, at most %lu allowed (limit %s; "
			       "raise it with ksnap serve %s, or send bulk data as a blob)",
			       len, (unsigned long)rq->broker->max_frame, l->name, l->change);
	}
	rc = request_decode(ksnap_blob_data(envelope), len, &rq->env, err);
	if (rc)
		return rc;
	rq->deadline_mono_ns = rq->received_mono_ns + rq->env.deadline_ms * NS_PER_MS;
	return 0;
}

/* What the peer may do now: its key may have lost its rights since it connected. */
static int admit(struct request *rq, struct ksnap_err *err)
{
	struct broker *b = rq->broker;
	const struct key_row *key = zap_find(b->zap, rq->frames.user);

	rq->right = b->role;
	if (zap_is_local(b->zap, rq->frames.user))
		return 0;
	if (!key || key->right < 0)
		return err_set(err, KSNAP_E_DENIED,
			       "the key of this connection is not authorised any more");
	if (key->right < (int)b->role)
		rq->right = (enum wire_right)key->right;
	return 0;
}

static int deny(const struct request *rq, struct ksnap_err *err)
{
	const struct key_row *key = zap_find(rq->broker->zap, rq->frames.user);

	if (key && rq->right < rq->broker->role)
		return err_set(err, KSNAP_E_DENIED,
			       "%s needs the right '%s', the key of %s has '%s'; its line in the "
			       "file of ksnap serve --authorised sets it",
			       rq->row->name, wire_right_name(rq->row->right), key->name,
			       wire_right_name(rq->right));
	return err_set(err, KSNAP_E_DENIED,
		       "%s needs the right '%s', this session has '%s'; ksnap serve --role sets it",
		       rq->row->name, wire_right_name(rq->row->right), wire_right_name(rq->right));
}

static int check_blobs(const struct request *rq, struct ksnap_err *err)
{
	const struct limit_info *l = &limit_table[LIMIT_ID_MAX_BLOB];

	if (rq->nblobs != rq->row->blobs)
		return err_set(err, KSNAP_E_PROTO, "%s takes %u blob frames, got %zu",
			       rq->row->name, rq->row->blobs, rq->nblobs);
	for (size_t i = 0; i < rq->nblobs; i++)
		if (ksnap_blob_size(rq->blobs[i]) > rq->broker->max_blob)
			return err_set(err, KSNAP_E_PROTO,
				       "a blob of %zu bytes, at most %lu allowed (limit %s; raise "
				       "it with ksnap serve %s)",
				       ksnap_blob_size(rq->blobs[i]),
				       (unsigned long)rq->broker->max_blob, l->name, l->change);
	return 0;
}

/* Mostly the same is asked for again. */
static const struct wire_op *find_row(struct broker *b, struct wire_slice name)
{
	if (!b->last_op || !wire_slice_is(name, b->last_op->name))
		b->last_op = wire_op_find(name);
	return b->last_op;
}

static int find_op(struct request *rq, struct ksnap_err *err)
{
	rq->row = find_row(rq->broker, rq->env.op);
	if (!rq->row) {
		rq->broker->tally.unknown_ops++;
		return err_set(err, KSNAP_E_OP,
			       "no operation is called '%.*s'; the op describe lists all %d",
			       (int)rq->env.op.len, rq->env.op.p, OP_COUNT);
	}
	rq->op = ops[rq->row - wire_ops];
	rq->broker->tally.ops[rq->row - wire_ops]++;
	if (rq->row->right > rq->right)
		return deny(rq, err);
	return check_blobs(rq, err);
}

static int decode_params(struct request *rq, struct ksnap_err *err)
{
	static const char empty_map[] = "\x80";
	const struct wire_shape *shape = rq->row->params;
	struct wire_slice p = rq->env.params;

	if (!p.len)
		p = (struct wire_slice){ empty_map, 1 };
	rq->params = shape->size <= sizeof(rq->room) ? rq->room : malloc(shape->size);
	if (!rq->params)
		return err_nomem(err);
	memset(rq->params, 0, shape->size);
	return wire_decode_sound(shape, p.p, p.len, WIRE_REFUSE_UNKNOWN, &rq->arena, rq->params,
				 err);
}

static int begin(struct request *rq, struct ksnap_err *err)
{
	struct session *s = sessions_get(rq->broker->sessions, rq->frames.part[0], rq->frames.user,
					 rq->received_mono_ns, err);
	int rc;

	if (!s)
		return err ? err->code : KSNAP_E_NOMEM;
	rc = session_request_begins(s, err);
	if (!rc)
		rq->session = s;
	return rc;
}

static int go(struct request *rq, const struct ksnap_err *bad, struct ksnap_err *err)
{
	struct ksnap_blob *envelope = NULL;
	int rc = split(rq, &envelope, err);

	rc = rc ? rc : decode(rq, envelope, err);
	if (!rc && bad) {
		*err = *bad;
		rc = bad->code;
	}
	rc = rc ? rc : admit(rq, err);
	rc = rc ? rc : begin(rq, err);
	rc = rc ? rc : request_repeat(rq, err);
	if (rc > 0)
		return 0;
	rc = rc ? rc : find_op(rq, err);
	rc = rc ? rc : decode_params(rq, err);
	return rc ? rc : rq->op->run(rq, err);
}

void dispatch(struct broker *b, struct frames *f, const struct ksnap_err *bad)
{
	struct request *rq = request_create(b, f);
	struct ksnap_err err;

	if (!rq) {
		b->tally.drops[DROP_REQUEST_MEMORY]++;
		return;
	}
	if (go(rq, bad, &err))
		request_refuse(rq, &err);
}
