// SPDX-License-Identifier: MIT
/* fake_client.c - answers ops from a table and keeps a log of what was asked. */
#include "fake_client.h"

#include <msgpack.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "client/client.h"
#include "wire/pack.h"

struct ksnap_client {
	char tags[16][KSNAP_TAG_MAX + 1]; /* captured */
	size_t ntags;
	bool events_taken;
	unsigned parts_left;
};

struct fake fake;

void fake_reset(void)
{
	fake = (struct fake){ 0 };
}

struct ksnap_client *ksnap_client_connect(const char *url, const struct ksnap_connect_opts *opts,
					  struct ksnap_err *err)
{
	struct ksnap_client *c;

	if (fake.unreachable) {
		err_set(err, KSNAP_E_UNREACHABLE, "nobody answers at %s",
			url ? url : "the default");
		return NULL;
	}
	c = calloc(1, sizeof(*c));
	fake.open += c != NULL;
	return c;
}

void ksnap_client_destroy(struct ksnap_client *c)
{
	fake.open -= c != NULL;
	free(c);
}

const char *ksnap_client_endpoint(const struct ksnap_client *c)
{
	return "inproc://fake";
}

void client_set_stop(struct ksnap_client *c, bool (*stop)(void *arg), void *arg)
{
}

uint64_t client_heartbeat_ms(const struct ksnap_client *c)
{
	return 2; // so that a short sleep is long enough to need pings
}

void ksnap_reply_clear(struct ksnap_reply *r)
{
	for (size_t i = 0; i < r->nblobs; i++)
		ksnap_blob_unref(r->blobs[i]);
	free(r->blobs);
	ksnap_blob_unref(r->frame);
	*r = (struct ksnap_reply){ 0 };
}

static void log_call(const struct ksnap_call *call, const msgpack_object *params)
{
	size_t used = strlen(fake.log);

	used += (size_t)snprintf(fake.log + used, sizeof(fake.log) - used, "%s ", call->op);
	if (params && used < sizeof(fake.log))
		msgpack_object_print_buffer(fake.log + used, sizeof(fake.log) - used, *params);
	used = strlen(fake.log);
	if (call->nblobs && used < sizeof(fake.log))
		used += (size_t)snprintf(fake.log + used, sizeof(fake.log) - used, " +%zu bytes",
					 ksnap_blob_size(call->blobs[0]));
	if (used < sizeof(fake.log))
		snprintf(fake.log + used, sizeof(fake.log) - used, "\n");
}

static void read_tag(const msgpack_object *params, char *tag, size_t cap)
{
	snprintf(tag, cap, "%s", "");
	for (uint32_t i = 0; params && i < params->via.map.size; i++) {
		const msgpack_object_kv *kv = &params->via.map.ptr[i];

		if (kv->key.via.str.size == 3 && !memcmp(kv->key.via.str.ptr, "tag", 3))
			snprintf(tag, cap, "%.*s", (int)kv->val.via.str.size, kv->val.via.str.ptr);
	}
}

static void give_blob(struct ksnap_reply *ret, struct ksnap_blob *blob)
{
	ret->blobs = calloc(1, sizeof(*ret->blobs));
	ret->blobs[0] = blob;
	ret->nblobs = 1;
}

static void finish(struct ksnap_reply *ret, struct buf *b)
{
	ret->frame = buf_take_blob(b);
	ret->r = ksnap_blob_data(ret->frame);
	ret->r_len = ksnap_blob_size(ret->frame);
}

static int answer_capture(struct ksnap_client *c, const char *tag, msgpack_packer *pk)
{
	if (c->ntags < ARRAY_SIZE(c->tags))
		snprintf(c->tags[c->ntags++], sizeof(c->tags[0]), "%s", tag);
	msgpack_pack_map(pk, 3);
	pack_str(pk, "tag");
	pack_str(pk, tag);
	pack_str(pk, "maps");
	msgpack_pack_uint64(pk, 3);
	pack_str(pk, "reasons");
	msgpack_pack_array(pk, 0);
	return 0;
}

static bool has_tag(const struct ksnap_client *c, const char *tag)
{
	for (size_t i = 0; i < c->ntags; i++)
		if (!strcmp(c->tags[i], tag))
			return true;
	return false;
}

static void answer_tag(const char *tag, msgpack_packer *pk)
{
	msgpack_pack_map(pk, 1);
	pack_str(pk, "tag");
	pack_str(pk, tag);
}

static void answer_events(struct ksnap_client *c, msgpack_packer *pk)
{
	msgpack_pack_array(pk, c->events_taken ? 0 : 1);
	if (!c->events_taken) {
		msgpack_pack_map(pk, 1);
		pack_str(pk, "k");
		pack_str(pk, "eviction");
	}
	c->events_taken = true;
}

static void answer_part(struct ksnap_client *c, struct ksnap_reply *ret, msgpack_packer *pk)
{
	ret->more = c->parts_left > 0;
	if (ret->more) {
		answer_tag(c->tags[--c->parts_left], pk);
		give_blob(ret, fake_report(c->tags[c->parts_left]));
		return;
	}
	msgpack_pack_map(pk, 1);
	pack_str(pk, "count");
	msgpack_pack_uint64(pk, c->ntags);
}

static int answer(struct ksnap_client *c, const char *op, const char *tag, struct ksnap_reply *ret,
		  msgpack_packer *pk, struct ksnap_err *err)
{
	if (fake.fail_op && !strcmp(op, fake.fail_op))
		return err_set(err, KSNAP_E_TARGET, "it broke");
	if (!strcmp(op, "capture_snapshot"))
		return answer_capture(c, tag, pk);
	if (!strcmp(op, "has")) {
		pack_bool(pk, has_tag(c, tag));
	} else if (!strcmp(op, "get")) {
		if (!has_tag(c, tag))
			return err_set(err, KSNAP_E_NOTFOUND, "no snapshot \"%s\"", tag);
		answer_tag(tag, pk);
		give_blob(ret, strcmp(tag, "empty") ? fake_report(tag) : fake_placeholder(tag));
	} else if (!strcmp(op, "drain_events")) {
		answer_events(c, pk);
	} else if (!strcmp(op, "drain")) {
		c->parts_left = (unsigned)c->ntags;
		answer_part(c, ret, pk);
	} else {
		msgpack_pack_map(pk, 0);
	}
	return 0;
}

int ksnap_client_call(struct ksnap_client *c, const struct ksnap_call *call,
		      struct ksnap_reply *ret, struct ksnap_err *err)
{
	struct ksnap_reply out = { 0 };
	char tag[KSNAP_TAG_MAX + 1];
	msgpack_unpacked u;
	_buf_ struct buf b = BUF_INIT;
	msgpack_packer pk;
	int rc;

	msgpack_unpacked_init(&u);
	if (call->params &&
	    msgpack_unpack_next(&u, call->params, call->params_len, NULL) != MSGPACK_UNPACK_SUCCESS)
		abort();
	log_call(call, call->params ? &u.data : NULL);
	read_tag(call->params ? &u.data : NULL, tag, sizeof(tag));
	msgpack_unpacked_destroy(&u);
	pack_init(&pk, &b);
	rc = answer(c, call->op, tag, &out, &pk, err);
	if (rc)
		return rc;
	finish(&out, &b);
	*ret = out;
	return 0;
}

int ksnap_client_next(struct ksnap_client *c, struct ksnap_reply *ret, struct ksnap_err *err)
{
	struct ksnap_reply out = { 0 };
	_buf_ struct buf b = BUF_INIT;
	msgpack_packer pk;

	pack_init(&pk, &b);
	answer_part(c, &out, &pk);
	finish(&out, &b);
	*ret = out;
	return 0;
}
