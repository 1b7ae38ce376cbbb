// SPDX-License-Identifier: MIT
/* boxes_test.c - only a PING that is too short, and an id as libzmq gives them, stay in their box.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "cli/boxes.h"

#define VOUCH 128

/* Nothing behind the bytes is readable to a sanitizer. */
static bool may_have(const char *prefix, const char *text, size_t n)
{
	uint8_t nonce[24] = { 0 }, *plain = malloc(n ? n : 1);
	bool ret;

	assert_non_null(plain);
	memcpy(nonce, prefix, 16);
	memcpy(plain, text, n);
	ret = boxes_may_have(nonce, plain, n);
	free(plain);
	return ret;
}

#define MAY(prefix, text)     assert_true(may_have(prefix, text, sizeof(text) - 1))
#define MAY_NOT(prefix, text) assert_false(may_have(prefix, text, sizeof(text) - 1))

static const char *const messages[] = { "CurveZMQMESSAGEC", "CurveZMQMESSAGES" };
static const char *const others[] = { "CurveZMQHELLO---", "WELCOME-01234567", "CurveZMQREADY---",
				      "VOUCH---01234567", "CurveZMQMESSAGEX" };

static void a_short_ping_stays_in_its_box(void **state)
{
	for (size_t i = 0; i < 2; i++) {
		MAY_NOT(messages[i], "\2\4PING");
		MAY_NOT(messages[i], "\2\4PING1");
		MAY_NOT(messages[i], "\3\4PING\0");
		MAY_NOT(messages[i], "\376\4PING"); /* of which libzmq takes two bits */
		MAY_NOT(messages[i],
			"\0\4PING"); /* the frame around it may say that it is a command */
		MAY(messages[i], "\2\4PING\0\0");
		MAY(messages[i], "\2\4PING\0\0abcdefghijklmnop");
		MAY(messages[i], "\2\4PONG");
		MAY(messages[i], "\2\4PIN");
		MAY(messages[i], "\2\3PING");
		MAY(messages[i], "\2\4ping");
		MAY(messages[i], "\2\11SUBSCRIBE");
		MAY(messages[i], "\0PING1");
		MAY(messages[i], "\0\4PING12");
		MAY(messages[i], "\0x\4PING");
		MAY(messages[i], "\4PING"); /* \4 is its flags */
		MAY(messages[i], "\2");
		MAY(messages[i], "");
	}
	for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++)
		MAY(others[i], "\2\4PING");
	MAY("CurveZMQINITIATE", "\2\4PING");
}

#define ID "\10Identity"

static bool may_claim(const char *prefix, const char *properties, size_t n)
{
	char plain[512];

	memset(plain, 'v', VOUCH);
	memcpy(plain + VOUCH, properties, n);
	return may_have(prefix, plain, VOUCH + n);
}

#define CLAIM(properties) may_claim("CurveZMQINITIATE", properties, sizeof(properties) - 1)

static void an_id_that_begins_with_zero_stays_in_its_box(void **state)
{
	assert_false(CLAIM(ID "\0\0\0\5\0abcd"));
	assert_false(CLAIM(ID "\0\0\0\1\0"));
	assert_false(CLAIM("\13Socket-Type\0\0\0\6DEALER" ID "\0\0\0\5\0abcd"));
	assert_false(CLAIM(ID "\0\0\0\5\0abcd\13Socket-Type\0\0\0\6DEALER"));
	assert_false(CLAIM(ID "\0\0\0\1a" ID "\0\0\0\0" ID "\0\0\0\1\0"));
	assert_false(CLAIM("\0\0\0\0\1x" ID "\0\0\0\1\0"));
	assert_false(CLAIM(ID "\0\0\0\1\0\7cut")); /* libzmq has seen it before it sees that */
	for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++)
		assert_true(may_claim(others[i], ID "\0\0\0\1\0", sizeof(ID) + 4));
}

static void any_other_property_passes(void **state)
{
	assert_true(CLAIM(""));
	assert_true(CLAIM(ID "\0\0\0\0"));
	assert_true(CLAIM(ID "\0\0\0\0\13Socket-Type\0\0\0\6DEALER"));
	assert_true(CLAIM(ID "\0\0\0\2a\0"));
	assert_true(CLAIM("\10identity\0\0\0\2\0\0\11Identity2\0\0\0\1\0"));
	assert_true(CLAIM("\7Identit\0\0\0\1\0"));
	assert_true(CLAIM("\13Socket-Type\0\0\0\1\0"));
	assert_true(CLAIM("\3abc\0\0\0\16" ID "\0\0\0\1\0")); /* a value that looks so */
}

static void what_is_cut_short_is_not_read_beyond_its_end(void **state)
{
	static const char whole[] = "\13Socket-Type\0\0\0\6DEALER" ID "\0\0\0\5\0abcd";

	for (size_t n = 0; n < sizeof(whole) - 1; n++)
		assert_true(may_claim("CurveZMQINITIATE", whole, n));
	assert_true(CLAIM(ID "\377\377\377\377\0"));
	assert_true(CLAIM(ID "\377\377\377\360\0" ID "\0\0\0\1\0"));
	assert_true(CLAIM("\377" ID "\0\0\0\1\0"));
	for (size_t n = 0; n < VOUCH; n++)
		assert_true(may_have("CurveZMQINITIATE", (char[VOUCH]){ 8, 'I' }, n));
}

typedef int open_fn(uint8_t *m, const uint8_t *c, unsigned long long n, const uint8_t *nonce,
		    const uint8_t *pk, const uint8_t *sk);
typedef int open_afternm_fn(uint8_t *m, const uint8_t *c, unsigned long long n,
			    const uint8_t *nonce, const uint8_t *k);

extern open_fn crypto_box_open;
extern open_afternm_fn crypto_box_open_afternm, crypto_box_open_easy_afternm;

/* Whether or not there is a libsodium: this program needs none. */
static void what_is_no_box_does_not_open(void **state)
{
	uint8_t m[64], c[64] = { 0 }, key[32] = { 1 };
	uint8_t nonce[25] = "CurveZMQMESSAGEC";

	for (size_t n = 0; n <= sizeof(c); n += 8) {
		assert_int_equal(crypto_box_open(m, c, n, nonce, key, key), -1);
		assert_int_equal(crypto_box_open_afternm(m, c, n, nonce, key), -1);
		assert_int_equal(crypto_box_open_easy_afternm(m, c, n, nonce, key), -1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_short_ping_stays_in_its_box),
		cmocka_unit_test(an_id_that_begins_with_zero_stays_in_its_box),
		cmocka_unit_test(any_other_property_passes),
		cmocka_unit_test(what_is_cut_short_is_not_read_beyond_its_end),
		cmocka_unit_test(what_is_no_box_does_not_open),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
