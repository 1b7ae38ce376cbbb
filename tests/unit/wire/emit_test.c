// SPDX-License-Identifier: MIT
/* emit_test.c - each value is written as msgpack-c writes it, and read as msgpack-c reads it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "wire/emit.h"
#include "wire/pack.h"
#include "wire/scan.h"

static void assert_same(const struct buf *ours, const struct buf *library)
{
	assert_true(buf_ok(ours));
	assert_int_equal(ours->len, library->len);
	assert_memory_equal(ours->data, library->data, library->len);
}

/* Around each power of two, and 0. */
#define NUMBERS 195

static uint64_t number(unsigned i)
{
	unsigned bit = i / 3;

	return (bit < 64 ? 1ull << bit : 0) + i % 3 - 1;
}

static void numbers_are_written_as_the_library_does(void **state)
{
	_buf_ struct buf ours = BUF_INIT, library = BUF_INIT;
	msgpack_packer pk;

	pack_init(&pk, &library);
	for (unsigned i = 0; i < NUMBERS; i++) {
		uint64_t v = number(i);

		emit_uint(&ours, v);
		msgpack_pack_uint64(&pk, v);
		emit_int(&ours, (int64_t)v);
		msgpack_pack_int64(&pk, (int64_t)v);
		emit_int(&ours, -(int64_t)(v >> 1));
		msgpack_pack_int64(&pk, -(int64_t)(v >> 1));
		emit_f64(&ours, (double)v / 3);
		msgpack_pack_double(&pk, (double)v / 3);
	}
	emit_bool(&ours, true);
	emit_bool(&ours, false);
	emit_nil(&ours);
	msgpack_pack_true(&pk);
	msgpack_pack_false(&pk);
	msgpack_pack_nil(&pk);
	assert_same(&ours, &library);
}

static const size_t lengths[] = { 0, 1, 15, 16, 31, 32, 255, 256, 65535, 65536, 70000 };

static void lengths_are_written_as_the_library_does(void **state)
{
	_buf_ struct buf ours = BUF_INIT, library = BUF_INIT;
	char *bytes = calloc(1, 70000);
	msgpack_packer pk;

	pack_init(&pk, &library);
	for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
		emit_strn(&ours, bytes, lengths[i]);
		pack_strn(&pk, bytes, lengths[i]);
		emit_bin(&ours, bytes, lengths[i]);
		pack_bin(&pk, bytes, lengths[i]);
		emit_map(&ours, lengths[i]);
		msgpack_pack_map(&pk, lengths[i]);
		emit_list(&ours, lengths[i]);
		msgpack_pack_array(&pk, lengths[i]);
	}
	emit_str(&ours, "word");
	pack_str(&pk, "word");
	free(bytes);
	assert_same(&ours, &library);
}

/* Of every format, also those that another writer would not choose for the value. */
static void numbers_are_read_as_the_library_does(void **state)
{
	static const uint8_t firsts[] = { 0x05, 0x7f, 0xe0, 0xff, 0xcc, 0xcd, 0xce,
					  0xcf, 0xd0, 0xd1, 0xd2, 0xd3, 0xca, 0xcb };
	static const uint8_t bodies[][8] = { { 0 },
					     { 0x7f, 0xff, 1, 2, 3, 4, 5, 6 },
					     { 0x80, 0, 1, 2, 3, 4, 5, 6 },
					     { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfe } };

	for (size_t i = 0; i < ARRAY_SIZE(firsts) * ARRAY_SIZE(bodies); i++) {
		char object[9] = { (char)firsts[i / ARRAY_SIZE(bodies)] };
		struct scan_head h;
		msgpack_unpacked u;
		size_t used = 0;

		memcpy(object + 1, bodies[i % ARRAY_SIZE(bodies)], 8);
		assert_int_equal(scan_head(object, sizeof(object), &h), 0);
		msgpack_unpacked_init(&u);
		msgpack_unpack_next(&u, object, sizeof(object), &used);
		assert_int_equal(h.size + h.body, used);
		if (h.type == SCAN_UINT)
			assert_true(scan_uint(object, &h) == u.data.via.u64);
		else if (h.type == SCAN_INT)
			assert_true(scan_int(object, &h) == u.data.via.i64);
		else
			assert_true(scan_float(object, &h) == u.data.via.f64 ||
				    u.data.via.f64 != u.data.via.f64);
		msgpack_unpacked_destroy(&u);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_are_written_as_the_library_does),
		cmocka_unit_test(lengths_are_written_as_the_library_does),
		cmocka_unit_test(numbers_are_read_as_the_library_does),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
