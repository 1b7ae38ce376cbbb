// SPDX-License-Identifier: MIT
/* client_test.c - hello, calls, refusals, late and broken replies, lost brokers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zmq.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "client/client.h"
#include "fake_broker.h"

#define CONTROL "inproc://control"

struct rig {
	void *context;
	struct fake *fake;
	struct ksnap_client *client;
	struct ksnap_err err;
	char dir[64], url[128];
};

static struct ksnap_client *dial(struct rig *r, const char *url)
{
	KSNAP_OPTS(ksnap_connect_opts, o, .name = "tester", .kind = "tool",
		   .zmq_context = r->context);

	return ksnap_client_connect(url, &o, &r->err);
}

static int empty_rig(void **state)
{
	struct rig *r = calloc(1, sizeof(*r));

	assert_non_null(r);
	r->context = zmq_ctx_new();
	strcpy(r->dir, "/tmp/ksnap-client-XXXXXX");
	assert_non_null(mkdtemp(r->dir));
	snprintf(r->url, sizeof(r->url), "ipc://%s/control", r->dir);
	*state = r;
	return 0;
}

static int full_rig(void **state)
{
	struct rig *r;

	empty_rig(state);
	r = *state;
	r->fake = fake_start(r->context, NULL);
	r->client = dial(r, CONTROL);
	assert_non_null(r->client);
	return 0;
}

static int tear_down(void **state)
{
	struct rig *r = *state;

	ksnap_client_destroy(r->client);
	fake_stop(r->fake);
	zmq_ctx_term(r->context);
	unlink(r->url + strlen("ipc://"));
	rmdir(r->dir);
	free(r);
	return 0;
}

#define ping_within(name, ms) KSNAP_OPTS(ksnap_call, name, .op = "ping", .timeout_ms = ms)

static int ping(struct rig *r)
{
	ping_within(call, 5000);
	struct ksnap_reply reply;
	int rc = ksnap_client_call(r->client, &call, &reply, &r->err);

	if (!rc)
		ksnap_reply_clear(&reply);
	return rc;
}

static void assert_text(const struct rig *r, const char *part)
{
	if (!strstr(r->err.text, part))
		fail_msg("\"%s\" lacks \"%s\"", r->err.text, part);
}

/* ---- misuse ---------------------------------------------------------------------------------- */

static void connect_refuses_what_is_wrong(void **state)
{
	struct rig *r = *state;
	static char longest[400];
	struct ksnap_connect_opts unsized = { .name = "x" };
	KSNAP_OPTS(ksnap_connect_opts, kind, .kind = "boss");
	KSNAP_OPTS(ksnap_connect_opts, name, .name = longest);
	KSNAP_OPTS(ksnap_connect_opts, empty, .name = "");
	KSNAP_OPTS(ksnap_connect_opts, bridge, .bridge = longest);
	const struct {
		const char *url;
		const struct ksnap_connect_opts *opts;
		const char *text;
	} cases[] = {
		{ CONTROL, &unsized, "KSNAP_OPTS" }, { CONTROL, &kind, "executor" },
		{ CONTROL, &name, "MAX_TAG" },       { CONTROL, &empty, "MAX_TAG" },
		{ CONTROL, &bridge, "MAX_TAG" },     { "", NULL, "empty" },
		{ longest, NULL, "longer" },         { "nonsense", NULL, "not an endpoint" },
	};

	memset(longest, 'x', sizeof(longest) - 1);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		r->err.code = 0;
		assert_null(ksnap_client_connect(cases[i].url, cases[i].opts, &r->err));
		assert_int_equal(r->err.code, KSNAP_E_ARG);
		assert_text(r, cases[i].text);
		assert_null(ksnap_client_connect(cases[i].url, cases[i].opts, NULL));
	}
}

static void options_of_a_newer_caller(void **state)
{
	struct rig *r = *state;
	struct {
		struct ksnap_connect_opts o;
		uint64_t newer;
	} big = { .o = { .size = sizeof(big), .timeout_ms = 20 }, .newer = 1 };

	assert_null(ksnap_client_connect(r->url, &big.o, &r->err));
	assert_int_equal(r->err.code, KSNAP_E_ARG);
	assert_text(r, "does not know");
	big.newer = 0;
	assert_null(ksnap_client_connect(r->url, &big.o, &r->err));
	assert_int_equal(r->err.code, KSNAP_E_UNREACHABLE);
}

static void call_refuses_what_is_wrong(void **state)
{
	struct rig *r = *state;
	static char longest[KSNAP_TAG_MAX + 2];
	struct ksnap_call unsized = { .op = "ping" };
	KSNAP_OPTS(ksnap_call, no_op, .bridge = "b");
	KSNAP_OPTS(ksnap_call, bridge, .op = "ping", .bridge = longest);
	KSNAP_OPTS(ksnap_call, blobs, .op = "ping", .nblobs = 5);
	KSNAP_OPTS(ksnap_call, null_blob, .op = "ping", .nblobs = 1);
	KSNAP_OPTS(ksnap_call, list, .op = "ping", .params = "\x90", .params_len = 1);
	KSNAP_OPTS(ksnap_call, cut, .op = "ping", .params = "\x81", .params_len = 1);
	KSNAP_OPTS(ksnap_call, two, .op = "ping", .params = "\x80\x80", .params_len = 2);
	KSNAP_OPTS(ksnap_call, no_len, .op = "ping", .params = "\x80");
	KSNAP_OPTS(ksnap_call, late, .op = "ping", .timeout_ms = 3600001);
	const struct {
		const struct ksnap_call *call;
		const char *text;
	} cases[] = {
		{ &unsized, "KSNAP_OPTS" },   { &no_op, "no op" },       { &bridge, "MAX_TAG" },
		{ &blobs, "at most 4" },      { &null_blob, "is NULL" }, { &list, "not a map" },
		{ &cut, "one msgpack" },      { &two, "one msgpack" },   { &no_len, "params_len" },
		{ &late, "MAX_DEADLINE_MS" },
	};

	memset(longest, 'x', sizeof(longest) - 1);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct ksnap_reply reply = { .nblobs = 77 };

		assert_int_equal(ksnap_client_call(r->client, cases[i].call, &reply, &r->err),
				 KSNAP_E_ARG);
		assert_text(r, cases[i].text);
		assert_int_equal(reply.nblobs, 77);
	}
	assert_int_equal(fake_count(r->fake, "ping"), 0);
}

static void next_without_a_reply(void **state)
{
	struct rig *r = *state;
	struct ksnap_reply reply;

	assert_int_equal(ksnap_client_next(r->client, &reply, &r->err), KSNAP_E_STATE);
	assert_int_equal(ping(r), 0);
	assert_int_equal(ksnap_client_next(r->client, &reply, &r->err), KSNAP_E_STATE);
	ksnap_client_destroy(NULL);
	ksnap_reply_clear(NULL);
}

/* ---- nobody there ---------------------------------------------------------------------------- */

static void nobody_on_ipc(void **state)
{
	struct rig *r = *state;

	assert_null(dial(r, r->url));
	assert_int_equal(r->err.code, KSNAP_E_UNREACHABLE);
	assert_text(r, r->url);
	assert_text(r, "ksnap serve");
}

static void nobody_on_inproc(void **state)
{
	struct rig *r = *state;
	KSNAP_OPTS(ksnap_connect_opts, o, .timeout_ms = 20, .zmq_context = r->context);

	assert_null(ksnap_client_connect("inproc://nobody", &o, &r->err));
	assert_int_equal(r->err.code, KSNAP_E_UNREACHABLE);
	assert_text(r, "inproc://nobody");
}

static void nobody_on_tcp(void **state)
{
	struct rig *r = *state;
	KSNAP_OPTS(ksnap_connect_opts, o, .timeout_ms = 20);

	assert_null(ksnap_client_connect("tcp://127.0.0.1:1", &o, &r->err));
	assert_int_equal(r->err.code, KSNAP_E_UNREACHABLE);
}

static void ignore(struct fake *f, const struct fake_request *rq, void *arg)
{
}

static void somebody_who_does_not_answer(void **state)
{
	struct rig *r = *state;
	KSNAP_OPTS(ksnap_connect_opts, o, .timeout_ms = 20, .zmq_context = r->context);

	r->fake = fake_start(r->context, NULL);
	fake_on(r->fake, "hello", ignore, NULL);
	assert_null(ksnap_client_connect(CONTROL, &o, &r->err));
	assert_int_equal(r->err.code, KSNAP_E_UNREACHABLE);
}

/* ---- hello ----------------------------------------------------------------------------------- */

struct seen {
	bool has_bridge, has_params, has_client, has_kind, has_pid;
	uint64_t deadline_ms, id;
	char bridge[80];
	size_t nframes;
	char blob[32];
};

static void note(struct fake *f, const struct fake_request *rq, void *arg)
{
	struct seen *s = arg;
	struct wire_slice found;

	s->has_bridge = rq->rq.bridge.len;
	snprintf(s->bridge, sizeof(s->bridge), "%.*s", (int)rq->rq.bridge.len, rq->rq.bridge.p);
	s->has_params = rq->rq.params.len;
	s->has_client = wire_map_find(rq->rq.params, "client", &found) &&
			wire_slice_is(found, "\xa6tester");
	s->has_kind =
		wire_map_find(rq->rq.params, "kind", &found) && wire_slice_is(found, "\xa4tool");
	s->has_pid = wire_map_find(rq->rq.params, "pid", &found);
	s->deadline_ms = rq->rq.deadline_ms;
	s->id = rq->rq.id.num;
	s->nframes = rq->frames->n;
	if (s->nframes > 2)
		snprintf(s->blob, sizeof(s->blob), "%.*s",
			 (int)ksnap_blob_size(rq->frames->part[2]),
			 (const char *)ksnap_blob_data(rq->frames->part[2]));
	fake_answer(f, rq,
		    &(struct fake_answer){ .r = "\x07", .r_len = 1, .blobs = 2, .nparts = 2 });
}

static void hello_names_us(void **state)
{
	struct rig *r = *state;
	struct seen s = { 0 };

	r->fake = fake_start(r->context, NULL);
	fake_on(r->fake, "hello", note, &s);
	assert_null(dial(r, CONTROL));
	assert_int_equal(r->err.code, KSNAP_E_PROTO); /* 7 is no answer to a hello */
	assert_text(r, "hello");
	assert_true(s.has_client);
	assert_true(s.has_kind);
	assert_true(s.has_pid);
	assert_false(s.has_bridge);
}

static void hello_tells(void **state)
{
	struct rig *r = *state;

	assert_int_equal(ksnap_client_epoch(r->client), 7);
	assert_int_equal(client_heartbeat_ms(r->client), 1000);
	assert_string_equal(ksnap_client_endpoint(r->client), CONTROL);
	assert_string_equal(ksnap_client_live_endpoint(r->client), "inproc://live");
	assert_ptr_equal(client_context(r->client), r->context);
}

static void no_live_endpoint(void **state)
{
	struct rig *r = *state;
	struct fake_opts o = { .told_live = "" };

	r->fake = fake_start(r->context, &o);
	r->client = dial(r, CONTROL);
	assert_non_null(r->client);
	assert_string_equal(ksnap_client_live_endpoint(r->client), "");
	assert_null(ksnap_subscriber_create(r->client, NULL, &r->err));
	assert_int_equal(r->err.code, KSNAP_E_UNSUPPORTED);
}

static void refuse(struct fake *f, const struct fake_request *rq, void *arg)
{
	fake_answer(f, rq, arg);
}

static void hello_is_refused(void **state)
{
	struct rig *r = *state;
	struct fake_answer no = { .code = KSNAP_E_LIMIT, .text = "MAX_SESSIONS is 1" };

	r->fake = fake_start(r->context, NULL);
	fake_on(r->fake, "hello", refuse, &no);
	assert_null(dial(r, CONTROL));
	assert_int_equal(r->err.code, KSNAP_E_LIMIT);
	assert_string_equal(r->err.text, "MAX_SESSIONS is 1");
}

static void bye_is_said(void **state)
{
	struct rig *r = *state;

	for (int i = 0; i < 2; i++) {
		ksnap_client_destroy(r->client);
		r->client = dial(r, CONTROL);
	}
	/* Messages of two peers are not in order; the hello of a third comes behind both. */
	assert_int_equal(ping(r), 0);
	assert_int_equal(fake_count(r->fake, "hello"), 3);
	assert_int_equal(fake_count(r->fake, "bye"), 2);
}

/* ---- calls ----------------------------------------------------------------------------------- */

static void call_carries_everything(void **state)
{
	struct rig *r = *state;
	struct seen s = { 0 };
	_blob_ struct ksnap_blob *blob = ksnap_blob_copy("payload", 7);
	KSNAP_OPTS(ksnap_call, call, .op = "echo", .bridge = "other", .params = "\x80",
		   .params_len = 1, .blobs = { blob }, .nblobs = 1, .timeout_ms = 1234);
	struct ksnap_reply reply;
	uint64_t id;

	fake_on(r->fake, "echo", note, &s);
	assert_int_equal(ksnap_client_call(r->client, &call, &reply, &r->err), 0);
	assert_string_equal(s.bridge, "other");
	assert_true(s.has_params);
	assert_int_equal(s.deadline_ms, 1234);
	assert_int_equal(s.nframes, 3);
	assert_string_equal(s.blob, "payload");
	assert_int_equal(reply.r_len, 1);
	assert_memory_equal(reply.r, "\x07", 1);
	assert_false(reply.more);
	assert_int_equal(reply.nblobs, 2);
	assert_int_equal(ksnap_blob_size(reply.blobs[1]), 5);
	assert_memory_equal(ksnap_blob_data(reply.blobs[1]), "blob1", 5);
	ksnap_reply_clear(&reply);
	assert_null(reply.frame);
	id = s.id;
	call.bridge = NULL;
	call.timeout_ms = 0;
	assert_int_equal(ksnap_client_call(r->client, &call, &reply, &r->err), 0);
	ksnap_reply_clear(&reply);
	assert_string_equal(s.bridge, "default");
	assert_int_equal(s.deadline_ms, 30000);
	assert_int_equal(s.id, id + 1);
	assert_int_equal(client_skipped(r->client), 0);
}

static void two_clients_of_one_name_share_no_ids(void **state)
{
	struct rig *r = *state;
	struct ksnap_client *other = dial(r, CONTROL), *first = r->client;
	struct seen a = { 0 }, b = { 0 };
	KSNAP_OPTS(ksnap_call, call, .op = "echo");
	struct ksnap_reply reply;

	assert_non_null(other);
	fake_on(r->fake, "echo", note, &a);
	assert_int_equal(ksnap_client_call(first, &call, &reply, &r->err), 0);
	ksnap_reply_clear(&reply);
	fake_on(r->fake, "echo", note, &b);
	assert_int_equal(ksnap_client_call(other, &call, &reply, &r->err), 0);
	ksnap_reply_clear(&reply);
	assert_true(a.id != b.id);
	ksnap_client_destroy(other);
}

static void limits_of_the_broker_are_kept(void **state)
{
	struct rig *r = *state;
	struct fake_opts o = { .max_blob = 6, .max_frame = 200 };
	_blob_ struct ksnap_blob *blob = ksnap_blob_copy("payload", 7);
	KSNAP_OPTS(ksnap_call, call, .op = "ping", .blobs = { blob }, .nblobs = 1);
	char params[300] = "\x81\xa1k\xc5\x01\x20";
	struct ksnap_reply reply;

	r->fake = fake_start(r->context, &o);
	r->client = dial(r, CONTROL);
	assert_non_null(r->client);
	assert_int_equal(ksnap_client_call(r->client, &call, &reply, &r->err), KSNAP_E_LIMIT);
	assert_text(r, "MAX_BLOB is 6");
	call.nblobs = 0;
	call.params = params;
	call.params_len = 6 + 0x120;
	assert_int_equal(ksnap_client_call(r->client, &call, &reply, &r->err), KSNAP_E_LIMIT);
	assert_text(r, "MAX_CONTROL_FRAME is 200");
	assert_int_equal(fake_count(r->fake, "ping"), 0);
	assert_int_equal(ping(r), 0);
}

static void an_error_has_its_code_and_text(void **state)
{
	struct rig *r = *state;
	struct fake_answer no = { .code = KSNAP_E_TARGET, .text = "the target is gone" };

	assert_int_equal(ping(r), 0);
	fake_on(r->fake, "ping", refuse, &no);
	assert_int_equal(ping(r), KSNAP_E_TARGET);
	assert_int_equal(r->err.code, KSNAP_E_TARGET);
	assert_string_equal(r->err.text, "the target is gone");
	no.nil_id = true;
	no.code = KSNAP_E_PROTO;
	assert_int_equal(ping(r), KSNAP_E_PROTO);
}

/* ---- what is not ours, or broken ---------------------------------------------------------------
 */

static void answer_late_first(struct fake *f, const struct fake_request *rq, void *arg)
{
	fake_answer(f, rq, &(struct fake_answer){ .id_off = -1, .r = "\x01", .r_len = 1 });
	fake_answer(f, rq, &(struct fake_answer){ .nil_id = true, .r = "\x02", .r_len = 1 });
	fake_send(f, rq, "\xc1 rubbish", 9);
	fake_send(f, rq, "", 0);
	fake_answer(f, rq, &(struct fake_answer){ .r = "\x03", .r_len = 1 });
}

static void what_is_not_ours_is_skipped(void **state)
{
	struct rig *r = *state;
	ping_within(call, 5000);
	struct ksnap_reply reply;

	fake_on(r->fake, "ping", answer_late_first, NULL);
	assert_int_equal(ksnap_client_call(r->client, &call, &reply, &r->err), 0);
	assert_memory_equal(reply.r, "\x03", 1);
	assert_int_equal(client_skipped(r->client), 4);
	ksnap_reply_clear(&reply);
}

static void broken_answers_fail_the_call(void **state)
{
	struct rig *r = *state;
	struct fake_answer wrong[] = {
		{ .blobs = 2, .nparts = 1 },
		{ .blobs = 0, .nparts = 1 },
		{ .blobs = 17, .nparts = 17 },
		{ .blobs = 30, .nparts = 30 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		fake_on(r->fake, "ping", refuse, &wrong[i]);
		assert_int_equal(ping(r), KSNAP_E_PROTO);
		assert_text(r, "blobs");
	}
	fake_on(r->fake, "ping", refuse, &(struct fake_answer){ 0 });
	assert_int_equal(ping(r), 0);
}

static void answer_without_ok(struct fake *f, const struct fake_request *rq, void *arg)
{
	_buf_ struct buf b = BUF_INIT;
	msgpack_packer pk;

	pack_init(&pk, &b);
	msgpack_pack_map(&pk, 2);
	pack_str(&pk, "v");
	msgpack_pack_uint64(&pk, 1);
	pack_str(&pk, "id");
	msgpack_pack_uint64(&pk, rq->rq.id.num);
	fake_send(f, rq, b.data, b.len);
}

static void a_broken_envelope_with_our_id_fails_the_call(void **state)
{
	struct rig *r = *state;

	fake_on(r->fake, "ping", answer_without_ok, NULL);
	assert_int_equal(ping(r), KSNAP_E_PROTO);
	assert_text(r, "broken");
}

static void nobody_answers_in_time(void **state)
{
	struct rig *r = *state;
	ping_within(call, 1);
	struct ksnap_reply reply;

	fake_on(r->fake, "ping", ignore, NULL);
	assert_int_equal(ksnap_client_call(r->client, &call, &reply, &r->err), KSNAP_E_TIMEOUT);
	assert_text(r, "ping");
	/* What comes after all is not taken for the answer to the next call. */
	fake_on(r->fake, "ping", answer_late_first, NULL);
	assert_int_equal(ping(r), 0);
	assert_int_equal(client_skipped(r->client), 4);
}

static bool at_the_third_look(void *looks)
{
	return ++*(unsigned *)looks >= 3;
}

static void a_wait_is_broken_off(void **state)
{
	struct rig *r = *state;
	ping_within(call, 3600000);
	struct ksnap_reply reply;
	unsigned looks = 0;

	client_set_stop(r->client, at_the_third_look, &looks);
	fake_on(r->fake, "ping", ignore, NULL);
	assert_int_equal(ksnap_client_call(r->client, &call, &reply, &r->err), KSNAP_E_STATE);
	assert_text(r, "broken off");
	assert_int_equal(looks, 3);
	/* The session goes on. */
	fake_on(r->fake, "ping", answer_late_first, NULL);
	client_set_stop(r->client, NULL, NULL);
	assert_int_equal(ping(r), 0);
	assert_int_equal(client_skipped(r->client), 4);
}

/* ---- more than one part ------------------------------------------------------------------------
 */

static void answer_in_parts(struct fake *f, const struct fake_request *rq, void *arg)
{
	const struct fake_answer *last = arg;

	fake_answer(f, rq, &(struct fake_answer){ .r = "\x01", .r_len = 1, .more = true });
	fake_answer(f, rq,
		    &(struct fake_answer){
			    .r = "\x02", .r_len = 1, .more = true, .blobs = 1, .nparts = 1 });
	fake_answer(f, rq, last);
}

static void parts_come_in_order(void **state)
{
	struct rig *r = *state;
	struct fake_answer last = { .r = "\x03", .r_len = 1 };
	ping_within(call, 5000);
	struct ksnap_reply reply;

	fake_on(r->fake, "ping", answer_in_parts, &last);
	assert_int_equal(ksnap_client_call(r->client, &call, &reply, &r->err), 0);
	for (char i = 1; i <= 3; i++) {
		assert_memory_equal(reply.r, &i, 1);
		assert_int_equal(reply.more, i < 3);
		assert_int_equal(reply.nblobs, i == 2);
		ksnap_reply_clear(&reply);
		assert_int_equal(ksnap_client_next(r->client, &reply, &r->err),
				 i < 3 ? 0 : KSNAP_E_STATE);
	}
}

static void a_part_may_fail(void **state)
{
	struct rig *r = *state;
	struct fake_answer last = { .code = KSNAP_E_NOMEM, .text = "out of it" };
	ping_within(call, 5000);
	struct ksnap_reply reply;

	fake_on(r->fake, "ping", answer_in_parts, &last);
	assert_int_equal(ksnap_client_call(r->client, &call, &reply, &r->err), 0);
	ksnap_reply_clear(&reply);
	assert_int_equal(ksnap_client_next(r->client, &reply, &r->err), 0);
	ksnap_reply_clear(&reply);
	assert_int_equal(ksnap_client_next(r->client, &reply, &r->err), KSNAP_E_NOMEM);
	assert_int_equal(ksnap_client_next(r->client, &reply, &r->err), KSNAP_E_STATE);
}

static void another_call_ends_the_parts(void **state)
{
	struct rig *r = *state;
	struct fake_answer last = { .r = "\x03", .r_len = 1 };
	KSNAP_OPTS(ksnap_call, call, .op = "drain");
	struct ksnap_reply reply;

	fake_on(r->fake, "drain", answer_in_parts, &last);
	assert_int_equal(ksnap_client_call(r->client, &call, &reply, &r->err), 0);
	ksnap_reply_clear(&reply);
	assert_int_equal(ping(r), 0);
	assert_int_equal(client_skipped(r->client), 2);
	assert_int_equal(ksnap_client_next(r->client, &reply, &r->err), KSNAP_E_STATE);
}

/* ---- brokers go away ------------------------------------------------------------------------- */

static void hang_up(struct fake *f, const struct fake_request *rq, void *arg)
{
	fake_hang_up(f);
}

static void answer_and_hang_up(struct fake *f, const struct fake_request *rq, void *arg)
{
	fake_answer(f, rq, &(struct fake_answer){ .code = KSNAP_E_TARGET, .text = "last words" });
	fake_hang_up(f);
}

static void a_lost_broker_ends_the_call(void **state)
{
	struct rig *r = *state;

	fake_on(r->fake, "ping", hang_up, NULL);
	assert_int_equal(ping(r), KSNAP_E_UNREACHABLE);
	assert_text(r, "broke");
}

static void a_lost_broker_ends_the_call_over_ipc(void **state)
{
	struct rig *r = *state;
	struct fake_opts o = { .control = r->url };

	r->fake = fake_start(r->context, &o);
	r->client = dial(r, r->url);
	assert_non_null(r->client);
	fake_on(r->fake, "ping", hang_up, NULL);
	assert_int_equal(ping(r), KSNAP_E_UNREACHABLE);
	assert_int_equal(ping(r), KSNAP_E_UNREACHABLE);
	assert_text(r, "ksnap serve");
}

static void a_new_broker_is_greeted(void **state)
{
	struct rig *r = *state;
	struct fake_opts o = { .control = r->url };
	/* Ending a context waits until its sockets are closed and their files gone. */
	void *theirs = zmq_ctx_new();

	r->fake = fake_start(theirs, &o);
	r->client = dial(r, r->url);
	assert_non_null(r->client);
	assert_int_equal(ping(r), 0);
	fake_stop(r->fake);
	zmq_ctx_term(theirs);
	o.epoch = 8;
	r->fake = fake_start(r->context, &o);
	/* The loss may be seen only when the request is on its way: then the call says so. */
	if (ping(r))
		assert_int_equal(r->err.code, KSNAP_E_UNREACHABLE);
	assert_int_equal(ping(r), 0);
	assert_int_equal(ksnap_client_epoch(r->client), 8);
	assert_int_equal(fake_count(r->fake, "hello"), 1);
}

static void an_answer_before_the_end_counts(void **state)
{
	struct rig *r = *state;

	fake_on(r->fake, "ping", answer_and_hang_up, NULL);
	assert_int_equal(ping(r), KSNAP_E_TARGET);
	assert_string_equal(r->err.text, "last words");
}

static void an_own_context(void **state)
{
	struct rig *r = *state;
	struct fake_opts o = { .control = r->url };

	r->fake = fake_start(r->context, &o);
	r->client = ksnap_client_connect(r->url, NULL, &r->err);
	assert_non_null(r->client);
	assert_int_equal(ping(r), 0);
}

#define with(name, rig) cmocka_unit_test_setup_teardown(name, rig, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		with(connect_refuses_what_is_wrong, empty_rig),
		with(options_of_a_newer_caller, empty_rig),
		with(call_refuses_what_is_wrong, full_rig),
		with(next_without_a_reply, full_rig),
		with(nobody_on_ipc, empty_rig),
		with(nobody_on_inproc, empty_rig),
		with(nobody_on_tcp, empty_rig),
		with(somebody_who_does_not_answer, empty_rig),
		with(hello_names_us, empty_rig),
		with(hello_tells, full_rig),
		with(no_live_endpoint, empty_rig),
		with(hello_is_refused, empty_rig),
		with(bye_is_said, full_rig),
		with(call_carries_everything, full_rig),
		with(two_clients_of_one_name_share_no_ids, full_rig),
		with(limits_of_the_broker_are_kept, empty_rig),
		with(an_error_has_its_code_and_text, full_rig),
		with(what_is_not_ours_is_skipped, full_rig),
		with(a_wait_is_broken_off, full_rig),
		with(broken_answers_fail_the_call, full_rig),
		with(a_broken_envelope_with_our_id_fails_the_call, full_rig),
		with(nobody_answers_in_time, full_rig),
		with(parts_come_in_order, full_rig),
		with(a_part_may_fail, full_rig),
		with(another_call_ends_the_parts, full_rig),
		with(a_lost_broker_ends_the_call, full_rig),
		with(a_lost_broker_ends_the_call_over_ipc, empty_rig),
		with(a_new_broker_is_greeted, empty_rig),
		with(an_answer_before_the_end_counts, full_rig),
		with(an_own_context, empty_rig),
	};

	return cmocka_run_group_tests_name("client/client", tests, NULL, NULL);
}
