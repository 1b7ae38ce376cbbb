// SPDX-License-Identifier: MIT
/* mutate_test.c - a report with bytes changed at random either does not open, or all of it renders:
 * as valid JSON, as sound msgpack, as a table. KSNAP_TEST_SEED repeats a run. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/utf8.h"
#include "sample.h"
#include "wire/report_head.h"
#include "wire/scan.h"

#define ROUNDS 200000

static uint64_t seed;

static uint64_t next_random(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

/* ---- is it JSON? --------------------------------------------------------------------------- */

/* Each takes a place in a NUL-terminated text and gives the place behind, or NULL. */
static const char *json_value(const char *s, unsigned depth);

static const char *json_string(const char *s)
{
	uint32_t rune;
	size_t n;

	if (*s++ != '"')
		return NULL;
	for (; *s != '"'; s += n) {
		if ((unsigned char)*s < 0x20)
			return NULL;
		n = *s == '\\' ? 2 : utf8_next(s, strnlen(s, 4), &rune);
		if (!n)
			return NULL;
		if (n == 2 && *s == '\\' && !strchr("\"\\/bfnrtu", s[1]))
			return NULL;
		if (*s == '\\' && s[1] == 'u') {
			for (unsigned i = 2; i < 6; i++)
				if (!isxdigit((unsigned char)s[i]))
					return NULL;
			n = 6;
		}
	}
	return s + 1;
}

static const char *json_number(const char *s)
{
	const char *digits;

	s += *s == '-';
	digits = s;
	s += strspn(s, "0123456789");
	if (s == digits || (*digits == '0' && s > digits + 1))
		return NULL;
	if (*s == '.' && !isdigit((unsigned char)*++s))
		return NULL;
	s += strspn(s, "0123456789");
	if (*s == 'e') {
		s += 1 + (s[1] == '+' || s[1] == '-');
		if (!isdigit((unsigned char)*s))
			return NULL;
		s += strspn(s, "0123456789");
	}
	return s;
}

static const char *json_container(const char *s, char end, unsigned depth)
{
	if (*++s == end)
		return s + 1;
	for (;; s++) {
		if (end == '}') {
			s = json_string(s);
			if (!s || *s++ != ':')
				return NULL;
		}
		s = json_value(s, depth + 1);
		if (!s || *s == end)
			return s ? s + 1 : NULL;
		if (*s != ',')
			return NULL;
	}
}

static const char *json_value(const char *s, unsigned depth)
{
	static const char *const words[] = { "true", "false", "null" };

	if (depth > 64)
		return NULL;
	if (*s == '{' || *s == '[')
		return json_container(s, *s + 2, depth);
	if (*s == '"')
		return json_string(s);
	for (unsigned i = 0; i < 3; i++)
		if (!strncmp(s, words[i], strlen(words[i])))
			return s + strlen(words[i]);
	return json_number(s);
}

static void knows_json(void **state)
{
	static const char *const good[] = { "{}", "[]", "[1,-2.5e+10,\"a\\u00ff\\n\"]",
					    "{\"a\":{\"b\":[true,null]}}" };
	static const char *const bad[] = { "",         "{",        "[1,]",        "{\"a\"}",
					   "01",       "\"\\x\"",  "[1 2]",       "\"\x01\"",
					   "\"\xff\"", "{\"a\":}", "\"\\u12g4\"", "-" };

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		const char *end = json_value(good[i], 0);

		assert_true(end && !*end);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		const char *end = json_value(bad[i], 0);

		assert_false(end && !*end);
	}
}

/* ---- every output of whatever opens -------------------------------------------------------- */

static void check_json(const struct ksnap_snapshot *s, struct buf *out)
{
	struct render_opts o = { .raw = next_random() & 1 };
	const char *end;

	buf_clear(out);
	assert_int_equal(render_report_json(s, &o, out), 0);
	buf_append(out, "", 1);
	end = json_value((char *)out->data, 0);
	if (!end || *end)
		fail_msg("not JSON: %s", (char *)out->data);
}

static void check_tree(const struct ksnap_snapshot *s, struct buf *out)
{
	struct ksnap_err err = { 0 };

	buf_clear(out);
	assert_int_equal(render_report_tree(s, NULL, out), 0);
	if (scan_whole(out->data, out->len, &err))
		fail_msg("not msgpack: %s", err.text);
}

static void use(const struct ksnap_snapshot *s, struct buf *out)
{
	static const char *const paths[] = { "tasks[7].comm",     "tasks[1234].state",
					     "stats[0][cpu=2].n", "nr_switches",
					     "other.bss:shared",  "plain[hex:01ff]" };
	struct ksnap_err err;
	struct ksnap_value v;
	char text[32];
	uint64_t u;
	double d;

	check_json(s, out);
	check_tree(s, out);
	buf_clear(out);
	assert_int_equal(render_report_table(s, NULL, 3, out), 0);
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		if (ksnap_snapshot_get(s, paths[i], &v, &err))
			continue;
		buf_clear(out);
		assert_int_equal(render_value_text(&v, NULL, out), 0);
		ksnap_value_u64(&v, &u, &err);
		ksnap_value_f64(&v, &d, &err);
		ksnap_value_str(&v, text, sizeof(text), &err);
	}
}

static void change(uint8_t *bytes, size_t len)
{
	static const uint8_t likely[] = { 0x00, 0x01, 0x7f, 0x80, 0x90, 0xc0, 0xc4, 0xcf, 0xff };
	unsigned n = 1 + next_random() % 4;

	while (n--) {
		uint64_t r = next_random();
		uint8_t *at = &bytes[(r >> 8) % len];

		if (r & 1)
			*at ^= 1u << (r >> 1) % 8;
		else
			*at = likely[(r >> 1) % 64 % sizeof(likely)];
	}
}

static void survives_any_change(void **state)
{
	struct ksnap_blob *good = sample_report();
	size_t len = ksnap_blob_size(good);
	struct buf out = BUF_INIT;
	unsigned opened = 0;

	for (unsigned i = 0; i < ROUNDS; i++) {
		struct ksnap_blob *bad = ksnap_blob_copy(ksnap_blob_data(good), len);
		struct report_head head;
		struct ksnap_snapshot *s;

		assert_non_null(bad);
		change((uint8_t *)ksnap_blob_data(bad), len);
		report_head_read(ksnap_blob_data(bad), len, &head, NULL);
		s = ksnap_snapshot_open(bad, NULL);
		if (s) {
			opened++;
			use(s, &out);
		}
		ksnap_snapshot_close(s);
		ksnap_blob_unref(bad);
	}
	print_message("# %u of %u changed reports opened\n", opened, ROUNDS);
	assert_true(opened > ROUNDS / 100);
	assert_true(opened < ROUNDS);
	buf_fini(&out);
	ksnap_blob_unref(good);
}

static void refuses_every_cut(void **state)
{
	struct ksnap_blob *good = sample_report();
	size_t len = ksnap_blob_size(good);

	for (size_t i = 0; i < len; i++) {
		struct ksnap_blob *cut = ksnap_blob_copy(ksnap_blob_data(good), i);

		assert_null(ksnap_snapshot_open(cut, NULL));
		ksnap_blob_unref(cut);
	}
	ksnap_blob_unref(good);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(knows_json),
		cmocka_unit_test(refuses_every_cut),
		cmocka_unit_test(survives_any_change),
	};
	const char *given = getenv("KSNAP_TEST_SEED");

	seed = given ? strtoull(given, NULL, 0) : (uint64_t)time(NULL) * 2654435761u;
	seed = seed ? seed : 1;
	print_message("# KSNAP_TEST_SEED=%llu\n", (unsigned long long)seed);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
