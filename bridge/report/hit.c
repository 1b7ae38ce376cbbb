// SPDX-License-Identifier: MIT
/* hit.c - read a hit out of msgpack that may hold anything. */
#include "report/hit.h"

#include <string.h>

#include "base/error.h"
#include "base/utf8.h"
#include "report/snapshot.h"

static bool read_uint(const msgpack_object *o, const char *key, uint64_t max, uint64_t *ret)
{
	const msgpack_object *v = object_get(o, key);

	if (!v || v->type != MSGPACK_OBJECT_POSITIVE_INTEGER || v->via.u64 > max)
		return false;
	*ret = v->via.u64;
	return true;
}

static bool read_u32(const msgpack_object *o, const char *key, uint32_t *ret)
{
	uint64_t v = 0;
	bool ok = read_uint(o, key, UINT32_MAX, &v);

	*ret = v;
	return ok;
}

static bool copy_text(const msgpack_object *v, char *to, size_t cap)
{
	size_t len;

	if (!v || v->type != MSGPACK_OBJECT_STR)
		return false;
	len = utf8_sound(v->via.str.ptr, v->via.str.size);
	len = utf8_cut(v->via.str.ptr, len < cap ? len : cap - 1);
	memcpy(to, v->via.str.ptr, len);
	to[len] = 0;
	return true;
}

static bool read_flag(const msgpack_object *o, const char *key)
{
	const msgpack_object *v = object_get(o, key);

	return v && v->type == MSGPACK_OBJECT_BOOLEAN && v->via.boolean;
}

/* As many bytes as were watched, the lowest first. */
static bool read_bytes(const msgpack_object *o, const char *key, unsigned len, uint64_t *ret)
{
	const msgpack_object *v = object_get(o, key);

	*ret = 0;
	if (!len)
		return true;
	if (!v || v->type != MSGPACK_OBJECT_BIN || v->via.bin.size != len)
		return false;
	for (unsigned i = 0; i < len; i++)
		*ret |= (uint64_t)(uint8_t)v->via.bin.ptr[i] << (8 * i);
	return true;
}

int hit_read(const msgpack_object *o, struct ksnap_hit *ret, struct ksnap_err *err)
{
	const msgpack_object *stack = object_get(o, "stack");
	struct ksnap_hit h = { 0 };
	uint64_t len = 0;
	bool ok =
		read_uint(o, "n", UINT64_MAX, &h.n) && read_uint(o, "addr", UINT64_MAX, &h.addr) &&
		read_uint(o, "len", sizeof(h.old_value), &len) && read_u32(o, "pid", &h.pid) &&
		read_u32(o, "tid", &h.tid) && read_u32(o, "cpu", &h.cpu) &&
		copy_text(object_get(o, "comm"), h.comm, sizeof(h.comm)) &&
		read_uint(o, "cgroup", UINT64_MAX, &h.cgroup) &&
		read_uint(o, "mono", UINT64_MAX, &h.mono_ns) &&
		read_uint(o, "suppressed", UINT64_MAX, &h.suppressed) &&
		(!object_get(o, "unseen") || read_uint(o, "unseen", UINT64_MAX, &h.unseen)) &&
		read_bytes(o, "old", len, &h.old_value) && read_bytes(o, "new", len, &h.new_value);

	if (!ok || !stack || stack->type != MSGPACK_OBJECT_ARRAY)
		return err_set(err, KSNAP_E_PROTO, "what should be the hit of a watch is none");
	h.len = len;
	h.is_signed = read_flag(o, "is_signed");
	h.nframes = stack->via.array.size;
	*ret = h;
	return 0;
}

bool hit_frame(const msgpack_object *o, size_t i, struct ksnap_frame *ret)
{
	const msgpack_object *stack = object_get(o, "stack"), *frame;

	if (!stack || stack->type != MSGPACK_OBJECT_ARRAY || i >= stack->via.array.size)
		return false;
	frame = &stack->via.array.ptr[i];
	*ret = (struct ksnap_frame){ 0 };
	copy_text(object_get(frame, "sym"), ret->sym, sizeof(ret->sym));
	return read_uint(frame, "addr", UINT64_MAX, &ret->addr);
}

int ksnap_snapshot_hit(const struct ksnap_snapshot *s, struct ksnap_hit *ret, struct ksnap_err *err)
{
	const msgpack_object *o = object_get(&s->root, "hit");

	if (!o)
		return err_set(err, KSNAP_E_NOTFOUND,
			       "snapshot '%s' follows no hit of a watch on its target", s->tag);
	return hit_read(o, ret, err);
}

bool ksnap_snapshot_hit_frame(const struct ksnap_snapshot *s, size_t i, struct ksnap_frame *ret)
{
	return hit_frame(object_get(&s->root, "hit"), i, ret);
}
