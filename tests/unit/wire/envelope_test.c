// SPDX-License-Identifier: MIT
/* envelope_test.c - who a refusal is addressed to, and what an error keeps on its way. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/error.h"
#include "wire/envelope.h"
#include "wire/pack.h"

static void pack_foreign(struct buf *b, const char *op, bool extra)
{
	msgpack_packer pk;

	pack_init(&pk, b);
	msgpack_pack_map(&pk, extra ? 4 : 3);
	pack_str(&pk, "id");
	msgpack_pack_uint64(&pk, 77);
	pack_str(&pk, "v");
	msgpack_pack_uint64(&pk, 1);
	if (extra) {
		pack_str(&pk, "extra");
		pack_bool(&pk, false);
	}
	pack_str(&pk, op ? op : "op");
	msgpack_pack_nil(&pk);
}

static void refusal_is_addressed_when_it_can_be(void **state)
{
	struct wire_request rq;
	struct ksnap_err err;

	for (unsigned i = 0; i < 3; i++) {
		_buf_ struct buf b = BUF_INIT;

		pack_foreign(&b, i == 1 ? "po" : NULL, i == 2);
		assert_int_equal(request_decode(b.data, b.len, &rq, &err), KSNAP_E_PROTO);
		assert_int_equal(rq.id.kind, WIRE_ID_UINT);
		assert_int_equal(rq.id.num, 77);
		assert_int_equal(request_decode(b.data, b.len, &rq, NULL), KSNAP_E_PROTO);
	}
}

static void refusal_without_an_id_has_none(void **state)
{
	static const struct wire_slice frames[] = {
		{ "", 0 },
		{ "\xc1", 1 },
		{ "\x81\xa2id", 4 },     /* cut off */
		{ "\x81\xa2id\xc0", 5 }, /* nil */
		{ "\x81\xa2id\xff", 5 }, /* -1 */
		{ "\x81\xa2id\x93\x01\x02\x03", 8 },
		{ "\x81\xc4\x02id\x05", 6 }, /* the key is bin */
		{ "\x92\xa2id\x05", 5 },
	};

	for (size_t i = 0; i < sizeof(frames) / sizeof(frames[0]); i++) {
		struct wire_request rq = { .id = { .kind = WIRE_ID_UINT, .num = 5 } };
		struct ksnap_err err;

		assert_int_equal(request_decode(frames[i].p, frames[i].len, &rq, &err),
				 KSNAP_E_PROTO);
		assert_int_equal(rq.id.kind, WIRE_ID_NONE);
	}
}

static void an_id_before_what_is_unsound_is_read(void **state)
{
	static const struct wire_slice frames[] = {
		{ "\x82\xa2id\x05\xa1p\xdd\xff\xff\xff\xff", 12 }, /* a list that is not there */
		{ "\x82\xa2id\x05\xa1p", 7 },                      /* cut off */
		{ "\x81\xa2id\x05\xc0", 6 },                       /* something follows */
		{ "\xdf\xff\xff\xff\xff\xa2id\x05", 9 },
	};

	for (size_t i = 0; i < sizeof(frames) / sizeof(frames[0]); i++) {
		struct wire_request rq;
		struct wire_id id;

		assert_int_equal(request_decode(frames[i].p, frames[i].len, &rq, NULL),
				 KSNAP_E_PROTO);
		assert_int_equal(rq.id.kind, WIRE_ID_UINT);
		assert_int_equal(rq.id.num, 5);
		request_find_id(frames[i].p, frames[i].len, &id);
		assert_int_equal(id.num, 5);
		request_find_id(frames[i].p, 3, &id);
		assert_int_equal(id.kind, WIRE_ID_NONE);
	}
}

static void newer_version_is_named_before_its_keys(void **state)
{
	static const char frame[] = "\x83\xa1v\x02\xa2id\xa1x\xa3new\xc0";
	struct wire_request rq;
	struct ksnap_err err;

	assert_int_equal(request_decode(frame, sizeof(frame) - 1, &rq, &err), KSNAP_E_PROTO);
	assert_string_equal(err.text, "v: protocol version 2, this side speaks 1");
	assert_int_equal(rq.id.kind, WIRE_ID_STR);
	assert_memory_equal(rq.id.str, "x", 1);
}

static void request_goes_there_and_back(void **state)
{
	_buf_ struct buf b = BUF_INIT;
	struct wire_request rq = { .op = wire_slice_of("ping"),
				   .id = { .kind = WIRE_ID_STR, .len = 3 } },
			    got;

	memcpy(rq.id.str, "a\0b", 3);
	assert_int_equal(request_encode(&rq, &b), 0);
	assert_int_equal(request_decode(b.data, b.len, &got, NULL), 0);
	assert_int_equal(got.id.kind, WIRE_ID_STR);
	assert_int_equal(got.id.len, 3);
	assert_memory_equal(got.id.str, "a\0b", 3);
	assert_true(wire_slice_is(got.op, "ping"));
	assert_int_equal(got.bridge.len, 0);
	assert_int_equal(got.params.len, 0);
	assert_int_equal(got.deadline_ms, 30000);
	rq.bridge = wire_slice_of("other");
	rq.params = (struct wire_slice){ "\x81\xa1x\x05", 4 };
	rq.deadline_ms = 250;
	buf_clear(&b);
	assert_int_equal(request_encode(&rq, &b), 0);
	assert_int_equal(request_decode(b.data, b.len, &got, NULL), 0);
	assert_true(wire_slice_is(got.bridge, "other"));
	assert_int_equal(got.params.len, 4);
	assert_memory_equal(got.params.p, "\x81\xa1x\x05", 4);
	assert_true(got.params.p > (char *)b.data &&
		    got.params.p < (char *)b.data + b.len); /* in place */
	assert_int_equal(got.deadline_ms, 250);
}

static void error_keeps_code_text_and_detail(void **state)
{
	_buf_ struct buf b = BUF_INIT;
	const struct wire_id id = { .kind = WIRE_ID_UINT, .num = UINT64_MAX };
	struct ksnap_err err, got = { 0 };
	struct wire_reply rp;

	err_set(&err, KSNAP_E_BUSY, "all %d seats taken", 3);
	assert_int_equal(reply_encode_error(&id, &err, (struct wire_slice){ "\x80", 1 }, &b), 0);
	assert_int_equal(reply_decode(b.data, b.len, &rp, NULL), 0);
	assert_false(rp.ok);
	assert_true(rp.id.num == UINT64_MAX);
	assert_true(wire_slice_is(rp.e.code, "E_BUSY"));
	assert_int_equal(rp.e.detail.len, 1);
	assert_int_equal(reply_to_err(&rp, &got), KSNAP_E_BUSY);
	assert_int_equal(got.code, KSNAP_E_BUSY);
	assert_string_equal(got.text, "all 3 seats taken");
	assert_int_equal(reply_to_err(&rp, NULL), KSNAP_E_BUSY);
}

static void error_of_a_newer_broker_is_not_lost(void **state)
{
	struct wire_reply rp = { .e = { .code = wire_slice_of("E_FUTURE"),
					.msg = wire_slice_of("hm") } };
	char longer[300];
	struct ksnap_err err;

	assert_int_equal(reply_to_err(&rp, &err), KSNAP_E_INTERNAL);
	assert_string_equal(err.text, "E_FUTURE: hm");
	memset(longer, 'E', sizeof(longer));
	rp.e.code = (struct wire_slice){ longer, sizeof(longer) };
	assert_int_equal(reply_to_err(&rp, &err), KSNAP_E_INTERNAL);
	rp.e.code = (struct wire_slice){ NULL, 0 };
	assert_int_equal(reply_to_err(&rp, &err), KSNAP_E_INTERNAL);
}

static void refused_reply_leaves_the_result_alone(void **state)
{
	struct wire_reply rp = { .blobs = 5 };

	assert_int_equal(reply_decode("\x80", 1, &rp, NULL), KSNAP_E_PROTO);
	assert_int_equal(rp.blobs, 5);
}

static void reply_of_a_newer_broker_may_say_more(void **state)
{
	static const char frame[] = "\x85\xa1v\x01\xa2id\x05\xa2ok\xc3\xa1r\x90\xa3new\xc0";
	struct wire_reply rp;

	assert_int_equal(reply_decode(frame, sizeof(frame) - 1, &rp, NULL), 0);
	assert_true(rp.ok);
	assert_false(rp.more);
	assert_int_equal(rp.blobs, 0);
	assert_int_equal(rp.r.len, 1);
	assert_ptr_equal(rp.r.p, frame + 14);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refusal_is_addressed_when_it_can_be),
		cmocka_unit_test(refusal_without_an_id_has_none),
		cmocka_unit_test(an_id_before_what_is_unsound_is_read),
		cmocka_unit_test(newer_version_is_named_before_its_keys),
		cmocka_unit_test(refused_reply_leaves_the_result_alone),
		cmocka_unit_test(error_of_a_newer_broker_is_not_lost),
		cmocka_unit_test(request_goes_there_and_back),
		cmocka_unit_test(error_keeps_code_text_and_detail),
		cmocka_unit_test(reply_of_a_newer_broker_may_say_more),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
