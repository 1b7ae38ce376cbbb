// SPDX-License-Identifier: MIT
/* digits.c - numbers and text as characters, without printf in the common cases. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "report/sink.h"

static const char pairs[] = "00010203040506070809101112131415161718192021222324"
			    "25262728293031323334353637383940414243444546474849"
			    "50515253545556575859606162636465666768697071727374"
			    "75767778798081828384858687888990919293949596979899";

static const char hex_digits[] = "0123456789abcdef";

static unsigned count_digits(uint64_t v)
{
	// clang-format off
	static const uint64_t power[] = {
		1ull, 10ull, 100ull, 1000ull, 10000ull, 100000ull, 1000000ull, 10000000ull,
		100000000ull, 1000000000ull, 10000000000ull, 100000000000ull, 1000000000000ull,
		10000000000000ull, 100000000000000ull, 1000000000000000ull, 10000000000000000ull,
		100000000000000000ull, 1000000000000000000ull, 10000000000000000000ull,
	};
	// clang-format on
	/* 1233 / 4096 is just above the logarithm of 2. */
	unsigned n = (64 - __builtin_clzll(v | 1)) * 1233 >> 12;

	return n + (v >= power[n] || !v);
}

size_t digits_u64(uint8_t *p, uint64_t v)
{
	unsigned n = count_digits(v);
	uint8_t *at = p + n;

	for (; v >= 100; v /= 100)
		memcpy(at -= 2, pairs + 2 * (v % 100), 2);
	if (v >= 10)
		memcpy(at - 2, pairs + 2 * v, 2);
	else
		at[-1] = '0' + v;
	return n;
}

size_t digits_wide(uint8_t *p, u128 v, bool is_negative)
{
	const uint64_t chunk = 10000000000000000000ull; /* 10^19 */
	u128 mag = is_negative ? -v : v;
	size_t n = 0;

	if (is_negative)
		p[n++] = '-';
	if (mag > UINT64_MAX) {
		uint8_t low[DIGITS_MAX];
		size_t len = digits_u64(low, mag % chunk);

		n += digits_wide(p + n, mag / chunk, false);
		memset(p + n, '0', 19 - len);
		memcpy(p + n + 19 - len, low, len);
		return n + 19;
	}
	return n + digits_u64(p + n, mag);
}

size_t digits_hex(uint8_t *p, uint64_t v)
{
	unsigned n = v ? (67 - __builtin_clzll(v)) / 4 : 1;

	p[0] = '0';
	p[1] = 'x';
	for (unsigned i = 0; i < n; i++)
		p[2 + i] = hex_digits[v >> (4 * (n - 1 - i)) & 15];
	return n + 2;
}

size_t digits_real(char *p, double v, bool is_single)
{
	int first = is_single ? 6 : 15, last = is_single ? 9 : 17, n = 0;

	if (isnan(v))
		return snprintf(p, DIGITS_MAX, "nan");
	for (int digits = first; digits <= last; digits++) {
		n = snprintf(p, DIGITS_MAX, "%.*g", digits, v);
		if (is_single ? strtof(p, NULL) == (float)v : strtod(p, NULL) == v)
			break;
	}
	return n;
}

void sink_hex(struct sink *k, const uint8_t *p, size_t len)
{
	uint8_t *to = len < SIZE_MAX / 2 ? sink_room(k, 2 * len) : NULL;

	if (!to)
		return;
	for (size_t i = 0; i < len; i++) {
		*to++ = hex_digits[p[i] >> 4];
		*to++ = hex_digits[p[i] & 15];
	}
	k->out->len += 2 * len;
}

static void put_control(struct sink *k, uint32_t c)
{
	static const char *const shorts[32] = {
		['\b'] = "\\b", ['\t'] = "\\t", ['\n'] = "\\n", ['\f'] = "\\f", ['\r'] = "\\r",
	};
	char text[8];

	if (c < 32 && shorts[c]) {
		sink_put(k, shorts[c], 2);
		return;
	}
	snprintf(text, sizeof(text), "\\u%04x", c);
	sink_put(k, text, 6);
}

/* One character that cannot be copied as it is; returns its length. */
static size_t put_special(struct sink *k, const char *s, size_t len)
{
	unsigned char c = *s;
	uint32_t rune;
	size_t n;

	if (c == '"' || c == '\\') {
		sink_char(k, '\\');
		sink_char(k, c);
		return 1;
	}
	if (c < 0x80) {
		put_control(k, c);
		return 1;
	}
	n = utf8_next(s, len, &rune);
	if (n && rune < 0xa0) { /* terminals obey these */
		put_control(k, rune);
		return n;
	}
	sink_put(k, n ? s : "\xef\xbf\xbd", n ? n : 3);
	return n ? n : 1;
}

static bool is_plain(unsigned char c)
{
	return c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
}

void sink_escaped(struct sink *k, const char *s, size_t len)
{
	size_t run = 0;

	if (!len)
		return; /* @s may be NULL */
	for (size_t i = 0; i < len;) {
		if (is_plain(s[i])) {
			i++;
			continue;
		}
		sink_put(k, s + run, i - run);
		i += put_special(k, s + i, len - i);
		run = i;
	}
	sink_put(k, s + run, len - run);
}

void sink_utf8(struct sink *k, const char *s, size_t len)
{
	uint32_t rune;
	size_t run = 0, n;

	for (size_t i = 0; i < len; i += n ? n : 1) {
		n = utf8_next(s + i, len - i, &rune);
		if (n)
			continue;
		sink_put(k, s + run, i - run);
		sink_put(k, "\xef\xbf\xbd", 3);
		run = i + 1;
	}
	sink_put(k, s + run, len - run);
}
