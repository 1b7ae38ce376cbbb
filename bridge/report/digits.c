// SPDX-License-Identifier: MIT
/* digits.c - numbers and text as characters, without printf in the common cases. */
#include <endian.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "report/sink.h"

static const char hex_digits[] = "0123456789abcdef";

#define EIGHT   100000000u           /* 10^8 */
#define SIXTEEN 10000000000000000ull /* 10^16 */
#define ZEROES  0x3030303030303030ull

/* The eight digits of @v, which is below 10^8, one a byte, the first one lowest. Both halves, then
 * all quarters, then all digits are worked out at once: the products stand for divisions by 100 and
 * by 10 that are exact for numbers so small. */
static inline uint64_t split(uint32_t v)
{
	uint64_t halves = v / 10000 | (uint64_t)(v % 10000) << 32;
	uint64_t upper = (halves * 10486 >> 20) & 0x0000007f0000007full;
	uint64_t quarters = upper | (halves - 100 * upper) << 16;
	uint64_t tens = (quarters * 103 >> 10) & 0x000f000f000f000full;

	return tens | (quarters - 10 * tens) << 8;
}

static void put_eight(uint8_t *p, uint64_t digits)
{
	digits = htole64(digits);
	memcpy(p, &digits, sizeof(digits));
}

/* @v, not 0 and below 10^8, without zeroes in front; writes eight bytes in any case. */
static inline size_t put_first(uint8_t *p, uint32_t v)
{
	uint64_t digits = split(v);
	unsigned zeroes = __builtin_ctzll(digits) / 8;

	put_eight(p, (digits | ZEROES) >> 8 * zeroes);
	return 8 - zeroes;
}

size_t digits_u64(uint8_t *p, uint64_t v)
{
	size_t n;

	if (v < 10) {
		*p = '0' + v;
		return 1;
	}
	if (v < EIGHT)
		return put_first(p, v);
	if (v < SIXTEEN) {
		n = put_first(p, v / EIGHT);
	} else {
		n = put_first(p, v / SIXTEEN);
		put_eight(p + n, split(v / EIGHT % EIGHT) | ZEROES);
		n += 8;
	}
	put_eight(p + n, split(v % EIGHT) | ZEROES);
	return n + 8;
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

#define WORD       sizeof(uint64_t)
#define EACH(byte) (0x0101010101010101ull * (byte))

/* The highest bit of the first byte that is zero, and perhaps of some behind it. */
static inline uint64_t zero_in(uint64_t x)
{
	return (x - EACH(1)) & ~x;
}

/* The highest bit of the first of eight bytes that is not plain, and perhaps of some behind it. */
static inline uint64_t odd_in(const char *s)
{
	uint64_t x;

	memcpy(&x, s, sizeof(x));
	x = le64toh(x);
	return (x | ((x - EACH(0x20)) & ~x) | zero_in(x ^ EACH('"')) | zero_in(x ^ EACH('\\')) |
		zero_in(x ^ EACH(0x7f))) &
	       EACH(0x80);
}

size_t sink_plain(const char *s, size_t len)
{
	size_t i = 0;
	uint64_t odd = 0;

	for (; !odd && len - i >= WORD; i += WORD)
		odd = odd_in(s + i);
	if (!odd && i && i < len) { /* the last eight, of which some were seen */
		odd = odd_in(s + len - WORD);
		i = len;
	}
	if (odd)
		return i - WORD + __builtin_ctzll(odd) / 8;
	while (i < len && s[i] >= 0x20 && s[i] < 0x7f && s[i] != '"' && s[i] != '\\')
		i++;
	return i;
}

void sink_escaped(struct sink *k, const char *s, size_t len)
{
	for (size_t i = 0, run; i < len;) {
		run = sink_plain(s + i, len - i);
		sink_put(k, s + i, run);
		i += run;
		if (i < len)
			i += put_special(k, s + i, len - i);
	}
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
