// SPDX-License-Identifier: MIT
/* live.c - reading what the live bus carries, and a queue of what is to be delivered. */
#include "client/live.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "wire/scan.h"
#include "wire/shapes.h"

#define FIRST_CAP 16

int live_from_header(struct ksnap_blob *header, struct ksnap_live_msg *ret, struct ksnap_err *err)
{
	struct ksnap_live_msg m = { .kind = KSNAP_LIVE_MESSAGE };
	struct wire_arena arena = { 0 };
	struct wire_live_header h;
	int rc = wire_decode(&wire_shape_live_header, ksnap_blob_data(header),
			     ksnap_blob_size(header), WIRE_SKIP_UNKNOWN, &arena, &h, err);

	wire_arena_fini(&arena);
	if (rc)
		return rc;
	if (!h.ch.len || h.ch.len >= sizeof(m.channel) || memchr(h.ch.p, '\0', h.ch.len))
		return err_set(err, KSNAP_E_PROTO,
			       "a channel's name has %zu bytes; 1 to %zu are allowed", h.ch.len,
			       sizeof(m.channel) - 1);
	if (h.seq > LIVE_SEQ_MAX)
		return err_set(err, KSNAP_E_PROTO, "the number %" PRIu64 " is too large", h.seq);
	memcpy(m.channel, h.ch.p, h.ch.len);
	m.seq = h.seq;
	m.epoch = h.epoch;
	m.header = ksnap_blob_ref(header);
	*ret = m;
	return 0;
}

static bool names_channel(const struct ksnap_blob *topic, const char *channel)
{
	size_t len = strlen(channel);

	return ksnap_blob_size(topic) == len && !memcmp(ksnap_blob_data(topic), channel, len);
}

int live_from_frames(const struct frames *f, struct ksnap_live_msg *ret, struct ksnap_err *err)
{
	struct ksnap_live_msg m;
	int rc;

	if (f->n < 2 || f->n > 3)
		return err_set(err, KSNAP_E_PROTO,
			       "a live message has %zu frames; 2 or 3 are allowed", f->n);
	if ((rc = live_from_header(f->part[1], &m, err)))
		return rc;
	if (!names_channel(f->part[0], m.channel)) {
		ksnap_live_msg_clear(&m);
		return err_set(err, KSNAP_E_PROTO,
			       "a live message came under a channel that is not its own");
	}
	m.payload = f->n == 3 ? ksnap_blob_ref(f->part[2]) : NULL;
	*ret = m;
	return 0;
}

bool live_is_beat(const struct ksnap_live_msg *m)
{
	return m->kind == KSNAP_LIVE_MESSAGE && !strcmp(m->channel, LIVE_BEAT);
}

static int tell_pair(const msgpack_object_kv *kv, live_last_fn fn, void *arg, struct ksnap_err *err)
{
	if (kv->key.type != MSGPACK_OBJECT_STR || kv->val.type != MSGPACK_OBJECT_POSITIVE_INTEGER ||
	    kv->val.via.u64 > LIVE_SEQ_MAX)
		return err_set(err, KSNAP_E_PROTO,
			       "a beat's last is not a map of names to numbers");
	return fn(arg, kv->key.via.str.ptr, kv->key.via.str.size, kv->val.via.u64, err);
}

static int tell_map(const msgpack_object *map, live_last_fn fn, void *arg, struct ksnap_err *err)
{
	int rc = 0;

	if (map->type != MSGPACK_OBJECT_MAP)
		return err_set(err, KSNAP_E_PROTO, "a beat's last is not a map");
	for (uint32_t i = 0; i < map->via.map.size && !rc; i++)
		rc = tell_pair(&map->via.map.ptr[i], fn, arg, err);
	return rc;
}

int live_beat_each(const struct ksnap_live_msg *beat, live_last_fn fn, void *arg,
		   struct ksnap_err *err)
{
	struct wire_arena arena = { 0 };
	struct wire_live_beat b;
	msgpack_unpacked map;
	int rc;

	/* Decoding scans the whole header, so that msgpack-c meets sound counts only. */
	rc = wire_decode(&wire_shape_live_beat, ksnap_blob_data(beat->header),
			 ksnap_blob_size(beat->header), WIRE_SKIP_UNKNOWN, &arena, &b, err);
	wire_arena_fini(&arena);
	if (rc)
		return rc;
	msgpack_unpacked_init(&map);
	if (msgpack_unpack_next(&map, b.last.p, b.last.len, NULL) == MSGPACK_UNPACK_SUCCESS)
		rc = tell_map(&map.data, fn, arg, err);
	else
		rc = err_nomem(err);
	msgpack_unpacked_destroy(&map);
	return rc;
}

static int make_room(struct live_queue *q)
{
	size_t cap = q->cap ? 2 * q->cap : FIRST_CAP;
	struct ksnap_live_msg *items;

	if (q->head + q->len < q->cap)
		return 0;
	if (q->head) {
		memmove(q->items, q->items + q->head, q->len * sizeof(*q->items));
		q->head = 0;
		return 0;
	}
	items = realloc(q->items, cap * sizeof(*items));
	if (!items)
		return KSNAP_E_NOMEM;
	q->items = items;
	q->cap = cap;
	return 0;
}

int live_queue_push(struct live_queue *q, const struct ksnap_live_msg *m)
{
	if (make_room(q))
		return KSNAP_E_NOMEM;
	q->items[q->head + q->len++] = *m;
	return 0;
}

bool live_queue_pop(struct live_queue *q, struct ksnap_live_msg *ret)
{
	if (!q->len)
		return false;
	*ret = q->items[q->head++];
	if (!--q->len)
		q->head = 0;
	return true;
}

void live_queue_fini(struct live_queue *q)
{
	struct ksnap_live_msg m;

	while (live_queue_pop(q, &m))
		ksnap_live_msg_clear(&m);
	free(q->items);
	*q = (struct live_queue){ 0 };
}

void ksnap_live_msg_clear(struct ksnap_live_msg *m)
{
	int saved = errno;

	if (!m)
		return;
	ksnap_blob_unref(m->header);
	ksnap_blob_unref(m->payload);
	memset(m, 0, sizeof(*m));
	errno = saved;
}
