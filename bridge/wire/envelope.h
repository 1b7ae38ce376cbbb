/* SPDX-License-Identifier: MIT */
/* envelope.h - requests, replies and bus headers, on top of the codec.
 *
 * The envelope shapes are in schemas/envelope.lua. */
#ifndef KSNAP_WIRE_ENVELOPE_H
#define KSNAP_WIRE_ENVELOPE_H

#include "base/buf.h"
#include "ksnap.h"
#include "wire/codec.h"

/* A request's id: an unsigned number or a string of at most 64 bytes, echoed as it came. */
struct wire_id {
	enum { WIRE_ID_NONE, WIRE_ID_UINT, WIRE_ID_STR } kind;
	uint64_t num;
	char str[64];
	size_t len;
};

struct wire_request {
	struct wire_id id;
	struct wire_slice op;
	struct wire_slice bridge; /* len 0: none named */
	struct wire_slice params; /* one encoded map; len 0: none */
	uint64_t deadline_ms;     /* DEFAULT_DEADLINE_MS when none was named */
};

/* Decode a request. On failure the id is still filled in when one could be read, so that the
 * refusal can be addressed. E_PROTO: not an envelope, wrong version; E_ARG: a bad key within. */
int request_decode(const void *data, size_t len, struct wire_request *ret, struct ksnap_err *err);
/* Only the id, of a frame that need not be sound behind it; none when it cannot be read. */
void request_find_id(const void *data, size_t len, struct wire_id *ret);
int request_encode(const struct wire_request *rq, struct buf *out);

struct wire_reply {
	struct wire_id id;
	bool ok, more;
	struct wire_slice r; /* when ok: one encoded object */
	struct {             /* when not */
		struct wire_slice code, msg, detail;
	} e;
	uint64_t blobs;
};

int reply_decode(const void *data, size_t len, struct wire_reply *ret, struct ksnap_err *err);
int reply_encode(const struct wire_reply *rp, struct buf *out);
/* Encode the refusal of request @id with @err's code, class, text, retry. @detail: one encoded map,
 * or len 0. */
int reply_encode_error(const struct wire_id *id, const struct ksnap_err *err,
		       struct wire_slice detail, struct buf *out);
/* Turn a decoded error reply into @err; returns its code. */
int reply_to_err(const struct wire_reply *rp, struct ksnap_err *err);

#endif
