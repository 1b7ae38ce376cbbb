// SPDX-License-Identifier: MIT
/* envelope.c - the maps around every message, and what they have to say beyond their shape. */
#include "wire/envelope.h"

#include <inttypes.h>
#include <string.h>

#include "base/error.h"
#include "base/limits.h"
#include "wire/emit.h"
#include "wire/scan.h"
#include "wire/shapes.h"

#define ID_ROOM  (EMIT_HEAD + sizeof(((struct wire_id *)0)->str))
#define CODE_MAX 64 /* bytes of an error code's name, with its end */

/* Encoded into @room, which holds any id. */
static struct wire_slice write_id(const struct wire_id *id, uint8_t room[ID_ROOM])
{
	struct buf out = { .data = room, .cap = ID_ROOM };

	if (id->kind == WIRE_ID_UINT)
		emit_uint(&out, id->num);
	else if (id->kind == WIRE_ID_STR)
		emit_strn(&out, id->str, id->len);
	else
		emit_nil(&out);
	return (struct wire_slice){ (const char *)room, out.len };
}

static int read_id_string(struct wire_slice s, struct wire_id *ret, struct ksnap_err *err)
{
	if (s.len > sizeof(ret->str))
		return err_set(err, KSNAP_E_PROTO, "id: %zu bytes, at most %zu allowed", s.len,
			       sizeof(ret->str));
	ret->kind = WIRE_ID_STR;
	ret->len = s.len;
	memcpy(ret->str, s.p, s.len);
	return 0;
}

static int read_id_number(struct wire_slice object, const struct scan_head *h, struct wire_id *ret,
			  struct ksnap_err *err)
{
	int64_t v = h->type == SCAN_INT ? scan_int(object.p, h) : 0;

	if (v < 0)
		return err_set(err, KSNAP_E_PROTO, "id: a negative integer, at least 0 wanted");
	ret->kind = WIRE_ID_UINT;
	ret->num = h->type == SCAN_INT ? (uint64_t)v : scan_uint(object.p, h);
	return 0;
}

/* @object is one sound object. */
static int read_id(struct wire_slice object, struct wire_id *ret, struct ksnap_err *err)
{
	struct scan_head h;

	scan_head(object.p, object.len, &h);
	if (h.type == SCAN_STR)
		return read_id_string((struct wire_slice){ object.p + h.size, h.body }, ret, err);
	if (h.type == SCAN_UINT || h.type == SCAN_INT)
		return read_id_number(object, &h, ret, err);
	return err_set(err, KSNAP_E_PROTO, "id: expected an unsigned integer or a string, got %s",
		       scan_type_name(h.type));
}

static int check_version(uint64_t version, struct ksnap_err *err)
{
	if (version == KSNAP_PROTOCOL)
		return 0;
	return err_set(err, KSNAP_E_PROTO, "v: protocol version %" PRIu64 ", this side speaks %d",
		       version, KSNAP_PROTOCOL);
}

static bool is_map(struct wire_slice object)
{
	struct scan_head h;

	return !scan_head(object.p, object.len, &h) && h.type == SCAN_MAP;
}

/* Like wire_map_find, but the frame may be unsound behind what is looked for. */
static bool find_early(struct wire_slice frame, const char *key, struct wire_slice *ret)
{
	struct scan_head h, k;
	size_t at, name_len, value_len;

	if (scan_head(frame.p, frame.len, &h) || h.type != SCAN_MAP)
		return false;
	at = h.size;
	for (uint64_t i = 0; i < h.items / 2; i++) {
		const char *name = frame.p + at;

		if (scan_object(name, frame.len - at, &name_len, NULL))
			return false;
		at += name_len;
		if (scan_object(frame.p + at, frame.len - at, &value_len, NULL))
			return false;
		*ret = (struct wire_slice){ frame.p + at, value_len };
		at += value_len;
		scan_head(name, name_len, &k);
		if (k.type == SCAN_STR &&
		    wire_slice_is((struct wire_slice){ name + k.size, k.body }, key))
			return true;
	}
	return false;
}

void request_find_id(const void *data, size_t len, struct wire_id *ret)
{
	struct wire_slice found;

	*ret = (struct wire_id){ 0 };
	if (find_early((struct wire_slice){ data, len }, "id", &found))
		read_id(found, ret, NULL);
}

/* A frame that is no request of ours may still say whose it is, and which version it speaks. */
static int explain(struct wire_slice frame, struct wire_id *id, int rc, struct ksnap_err *err)
{
	struct wire_slice found;
	uint8_t byte;

	request_find_id(frame.p, frame.len, id);
	if (!wire_map_find(frame, "v", &found))
		return rc;
	byte = (uint8_t)found.p[0];
	return byte < 0x80 && check_version(byte, err) ? KSNAP_E_PROTO : rc;
}

static int take_request(const struct wire_request_envelope *env, struct wire_request *ret,
			struct ksnap_err *err)
{
	int rc = read_id(env->id, &ret->id, err);

	if (!rc)
		rc = check_version(env->v, err);
	if (!rc && env->has_p && !is_map(env->p)) {
		struct scan_head h;

		scan_head(env->p.p, env->p.len, &h);
		rc = err_set(err, KSNAP_E_PROTO, "p: expected a map, got %s",
			     scan_type_name(h.type));
	}
	if (rc)
		return rc;
	ret->op = env->op;
	ret->bridge = env->b;
	ret->params = env->p;
	ret->deadline_ms = env->has_t ? env->t : LIMIT_DEFAULT_DEADLINE_MS;
	return 0;
}

int request_decode(const void *data, size_t len, struct wire_request *ret, struct ksnap_err *err)
{
	struct wire_request_envelope env;
	int rc = wire_decode(&wire_shape_request_envelope, data, len, WIRE_ENVELOPE, NULL, &env,
			     err);

	*ret = (struct wire_request){ 0 };
	if (rc)
		return explain((struct wire_slice){ data, len }, &ret->id, rc, err);
	return take_request(&env, ret, err);
}

int request_encode(const struct wire_request *rq, struct buf *out)
{
	uint8_t id[ID_ROOM];
	struct wire_request_envelope env = {
		.v = KSNAP_PROTOCOL,
		.op = rq->op,
		.b = rq->bridge,
		.has_b = rq->bridge.len,
		.p = rq->params,
		.has_p = rq->params.len,
		.t = rq->deadline_ms,
		.has_t = rq->deadline_ms,
	};

	env.id = write_id(&rq->id, id);
	return wire_encode(&wire_shape_request_envelope, &env, out);
}

static int take_reply(const struct wire_reply_envelope *env, struct wire_reply *ret,
		      struct ksnap_err *err)
{
	int rc = check_version(env->v, err);
	bool nil = env->id.len == 1 && (uint8_t)env->id.p[0] == 0xc0;

	if (!rc && !nil)
		rc = read_id(env->id, &ret->id, err);
	if (rc)
		return rc;
	if (env->ok ? !env->has_r : !env->has_e)
		return err_set(err, KSNAP_E_PROTO, "%s: is missing", env->ok ? "r" : "e");
	ret->ok = env->ok;
	ret->more = env->more;
	ret->r = env->ok ? env->r : (struct wire_slice){ 0 };
	ret->blobs = env->blobs;
	if (env->ok)
		return 0;
	ret->e.code = env->e.code;
	ret->e.msg = env->e.msg;
	ret->e.detail = env->e.detail;
	return 0;
}

int reply_decode(const void *data, size_t len, struct wire_reply *ret, struct ksnap_err *err)
{
	struct wire_reply_envelope env;
	struct wire_reply reply = { 0 };
	int rc = wire_decode(&wire_shape_reply_envelope, data, len, WIRE_SKIP_UNKNOWN, NULL, &env,
			     err);

	if (rc) {
		explain((struct wire_slice){ data, len }, &reply.id, rc, err);
		if (err)
			err->code = KSNAP_E_PROTO;
		return KSNAP_E_PROTO;
	}
	rc = take_reply(&env, &reply, err);
	if (!rc)
		*ret = reply;
	return rc;
}

static int code_of(struct wire_slice name)
{
	char text[CODE_MAX];

	if (name.len >= sizeof(text))
		return KSNAP_E_INTERNAL;
	if (name.len)
		memcpy(text, name.p, name.len);
	text[name.len] = '\0';
	return ksnap_err_code(text);
}

int reply_encode(const struct wire_reply *rp, struct buf *out)
{
	uint8_t id[ID_ROOM];
	struct wire_reply_envelope env = {
		.v = KSNAP_PROTOCOL,
		.ok = rp->ok,
		.r = rp->r,
		.has_r = rp->ok,
		.has_e = !rp->ok,
		.more = rp->more,
		.has_more = rp->more,
		.blobs = rp->blobs,
		.has_blobs = rp->blobs,
	};
	int code;

	env.id = write_id(&rp->id, id);
	if (!rp->ok) {
		code = code_of(rp->e.code);
		env.e.code = rp->e.code;
		env.e.class = wire_slice_of(ksnap_err_class(code));
		env.e.msg = rp->e.msg;
		env.e.retry = ksnap_err_retry(code);
		env.e.detail = rp->e.detail;
		env.e.has_detail = rp->e.detail.len;
	}
	return wire_encode(&wire_shape_reply_envelope, &env, out);
}

int reply_encode_error(const struct wire_id *id, const struct ksnap_err *err,
		       struct wire_slice detail, struct buf *out)
{
	struct wire_reply rp = { .id = *id };

	rp.e.code = wire_slice_of(ksnap_err_name(err->code));
	rp.e.msg = wire_slice_of(err->text);
	rp.e.detail = detail;
	return reply_encode(&rp, out);
}

int reply_to_err(const struct wire_reply *rp, struct ksnap_err *err)
{
	int code = code_of(rp->e.code);

	if (wire_slice_is(rp->e.code, ksnap_err_name(code)))
		return err_set(err, code, "%.*s", (int)rp->e.msg.len, rp->e.msg.p);
	return err_set(err, code, "%.*s: %.*s", (int)rp->e.code.len, rp->e.code.p,
		       (int)rp->e.msg.len, rp->e.msg.p);
}
