// SPDX-License-Identifier: MIT
/* packet_test.c - broken packets first, then such as qemu sends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "capture/guest/packet.h"

static char text[PACKET_MAX];

static enum packet_state unwrap(const char *in, size_t *ret_taken)
{
	return packet_unwrap((const uint8_t *)in, strlen(in), text, ret_taken);
}

static void assert_broken(const char *in)
{
	size_t taken;

	assert_int_equal(unwrap(in, &taken), PACKET_BROKEN);
	assert_true(taken <= strlen(in));
}

static void refuses_what_is_broken(void **state)
{
	assert_broken("$OK#9b");
	assert_broken("$OK#zz");
	assert_broken("$}#7d");  /* nothing behind the escape */
	assert_broken("$*!#4b"); /* nothing to repeat */
	assert_broken("$a*#8b");
	assert_broken("$a*\037#aa"); /* fewer than three more */
}

static void refuses_what_has_no_end(void **state)
{
	static char in[PACKET_MAX + 100];
	size_t taken;

	memset(in, 'x', sizeof(in) - 1);
	in[0] = '$';
	assert_int_equal(unwrap(in, &taken), PACKET_BROKEN);
}

/* 97 bytes for 4: what fits as it comes does not unpacked. */
static void refuses_what_grows_too_long(void **state)
{
	static char in[2 * PACKET_MAX];
	size_t len = 1, taken;
	uint8_t sum = 0;

	in[0] = '$';
	for (int i = 0; i < PACKET_MAX / 96; i++)
		len += sprintf(in + len, "a*~");
	for (size_t i = 1; i < len; i++)
		sum += in[i];
	sprintf(in + len, "#%02x", sum);
	assert_int_equal(unwrap(in, &taken), PACKET_BROKEN);
}

static void waits_for_the_end(void **state)
{
	static const char whole[] = "++$OK#9a";
	size_t taken;

	for (size_t len = 0; len < strlen(whole); len++) {
		assert_int_equal(packet_unwrap((const uint8_t *)whole, len, text, &taken),
				 PACKET_PART);
		assert_int_equal(taken, len < 2 ? len : 2);
	}
	assert_int_equal(unwrap(whole, &taken), PACKET_WHOLE);
	assert_int_equal(taken, strlen(whole));
	assert_string_equal(text, "OK");
}

static void unpacks(void **state)
{
	size_t taken;

	assert_int_equal(unwrap("$0* #7a", &taken), PACKET_WHOLE);
	assert_string_equal(text, "0000");
	assert_int_equal(unwrap("$a}\003b#43", &taken), PACKET_WHOLE);
	assert_string_equal(text, "a#b");
	assert_int_equal(unwrap("$#00$OK#9a", &taken), PACKET_WHOLE);
	assert_string_equal(text, "");
	assert_int_equal(taken, 4);
}

static void wraps(void **state)
{
	_buf_ struct buf out = BUF_INIT;

	packet_wrap("Z2,ffffffff82a03f00,8", &out);
	packet_wrap("", &out);
	assert_int_equal(out.len, 27 + 6);
	assert_memory_equal(out.data, "++$Z2,ffffffff82a03f00,8#40++$#00", out.len);
}

static void reads_why_it_stands_still(void **state)
{
	struct packet_stop s;

	assert_false(packet_stop("", &s));
	assert_false(packet_stop("T", &s));
	assert_false(packet_stop("Tx5", &s));
	assert_false(packet_stop("OK", &s));
	assert_true(packet_stop("S05", &s));
	assert_true(s.signal == PACKET_TRAP && !s.is_watch && !s.thread);
	assert_true(packet_stop("T05thread:02;watch:ffffffff82a03f00;", &s));
	assert_true(s.is_watch && s.thread == 2 && s.addr == 0xffffffff82a03f00);
	assert_true(packet_stop("T05thread:p01.0a;", &s));
	assert_true(!s.is_watch && s.thread == 10);
	assert_true(packet_stop("T02thread:01", &s));
	assert_true(s.signal == 2 && s.thread == 1);
	assert_true(packet_stop("T05watch:;;::x.:", &s));
	assert_true(packet_stop("T05rwatch:10;", &s)); /* of a read: none of ours */
	assert_false(s.is_watch);
}

static void reads_registers(void **state)
{
	char in[2 * (17 * 8 + 4) + 20] = "";
	struct registers r;

	for (int i = 0; i < 17; i++)
		sprintf(in + strlen(in), "%02x000000000000ff", i);
	assert_false(packet_registers(in, &r)); /* no flags */
	strcat(in, "46020000");
	assert_true(packet_registers(in, &r));
	assert_int_equal(r.v[REG_RAX], 0xff00000000000000);
	assert_int_equal(r.v[REG_RBX], 0xff00000000000001);
	assert_int_equal(r.v[REG_RIP], 0xff00000000000010);
	assert_int_equal(r.v[REG_RFLAGS], 0x246);
	assert_int_equal(r.has, (1u << REG_CR3) - 1);
	memset(in, 'x', 16);
	strcat(in, "more");
	assert_true(packet_registers(in, &r));
	assert_int_equal(r.has, ((1u << REG_CR3) - 1) & ~(1u << REG_RAX));
	in[20] = 'g';
	assert_false(packet_registers(in, &r));
	assert_false(packet_registers("", &r));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_what_is_broken),
		cmocka_unit_test(refuses_what_has_no_end),
		cmocka_unit_test(refuses_what_grows_too_long),
		cmocka_unit_test(waits_for_the_end),
		cmocka_unit_test(unpacks),
		cmocka_unit_test(wraps),
		cmocka_unit_test(reads_why_it_stands_still),
		cmocka_unit_test(reads_registers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
