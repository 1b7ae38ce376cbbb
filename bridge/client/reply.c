// SPDX-License-Identifier: MIT
/* reply.c - received frames as the answer to one request. */
#include "client/reply.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/limits.h"
#include "wire/envelope.h"
#include "wire/pack.h"

static bool is_answer(const struct wire_reply *rp, uint64_t id)
{
	if (rp->id.kind == WIRE_ID_UINT)
		return rp->id.num == id;
	return rp->id.kind == WIRE_ID_NONE && !rp->ok;
}

static int take_blobs(const struct frames *f, struct ksnap_reply *rp)
{
	size_t n = f->n - 1;

	if (!n)
		return 0;
	rp->blobs = calloc(n, sizeof(struct ksnap_blob *));
	if (!rp->blobs)
		return KSNAP_E_NOMEM;
	for (size_t i = 0; i < n; i++)
		rp->blobs[i] = ksnap_blob_ref(f->part[i + 1]);
	rp->nblobs = n;
	return 0;
}

static int fill(const struct frames *f, const struct wire_reply *rp, struct ksnap_reply *ret,
		struct ksnap_err *err)
{
	struct ksnap_reply out = { .r = rp->r.p, .r_len = rp->r.len, .more = rp->more };

	if (rp->blobs > LIMIT_MAX_BLOBS)
		return err_set(err, KSNAP_E_PROTO,
			       "the reply announces %" PRIu64 " blobs, MAX_BLOBS is %d", rp->blobs,
			       LIMIT_MAX_BLOBS);
	if (rp->blobs != f->n - 1)
		return err_set(err, KSNAP_E_PROTO,
			       "the reply announces %" PRIu64 " blobs and carries %zu", rp->blobs,
			       f->n - 1);
	if (take_blobs(f, &out))
		return err_nomem(err);
	out.frame = ksnap_blob_ref(f->part[0]);
	*ret = out;
	return 1;
}

/* Whether the id of a frame that is no sound reply is @id all the same. */
static bool claims_id(struct wire_slice frame, uint64_t id)
{
	_buf_ struct buf ours = BUF_INIT;
	struct wire_slice found;
	msgpack_packer pk;

	pack_init(&pk, &ours);
	msgpack_pack_uint64(&pk, id);
	return wire_map_find(frame, "id", &found) && found.len == ours.len &&
	       !memcmp(found.p, ours.data, ours.len);
}

int reply_read(const struct frames *f, uint64_t id, struct ksnap_reply *ret, struct ksnap_err *err)
{
	struct wire_reply rp = { 0 };
	struct ksnap_err why = { 0 };

	struct wire_slice frame;

	if (!f->n)
		return 0;
	frame = (struct wire_slice){ ksnap_blob_data(f->part[0]), ksnap_blob_size(f->part[0]) };
	if (reply_decode(frame.p, frame.len, &rp, &why))
		return claims_id(frame, id)
			       ? err_set(err, KSNAP_E_PROTO, "a broken reply: %s", why.text)
			       : 0;
	if (!is_answer(&rp, id))
		return 0;
	if (!rp.ok)
		return reply_to_err(&rp, err);
	return fill(f, &rp, ret, err);
}

void ksnap_reply_clear(struct ksnap_reply *r)
{
	int saved = errno;

	if (!r)
		return;
	for (size_t i = 0; i < r->nblobs; i++)
		ksnap_blob_unref(r->blobs[i]);
	free(r->blobs);
	ksnap_blob_unref(r->frame);
	memset(r, 0, sizeof(*r));
	errno = saved;
}
