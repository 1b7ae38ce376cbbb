// SPDX-License-Identifier: MIT
/* utf8.c - decoding by the table of well-formed sequences: the second byte's range depends on the
 * first, the others are 80 to BF.
 */
#include "base/utf8.h"

#include <stdbool.h>
#include <string.h>

struct lead {
	uint8_t first, last;  /* range of the first byte */
	uint8_t second, high; /* range of the second one */
	uint8_t size;
};

static const struct lead leads[] = {
	{ 0x00, 0x7f, 0x00, 0x00, 1 }, { 0xc2, 0xdf, 0x80, 0xbf, 2 }, { 0xe0, 0xe0, 0xa0, 0xbf, 3 },
	{ 0xe1, 0xec, 0x80, 0xbf, 3 }, { 0xed, 0xed, 0x80, 0x9f, 3 }, { 0xee, 0xef, 0x80, 0xbf, 3 },
	{ 0xf0, 0xf0, 0x90, 0xbf, 4 }, { 0xf1, 0xf3, 0x80, 0xbf, 4 }, { 0xf4, 0xf4, 0x80, 0x8f, 4 },
};

static const struct lead *find_lead(uint8_t byte)
{
	for (size_t i = 0; i < sizeof(leads) / sizeof(leads[0]); i++)
		if (byte >= leads[i].first && byte <= leads[i].last)
			return &leads[i];
	return NULL;
}

size_t utf8_next(const char *s, size_t len, uint32_t *ret_rune)
{
	static const uint8_t masks[] = { 0, 0x7f, 0x1f, 0x0f, 0x07 };
	const uint8_t *p = (const uint8_t *)s;
	const struct lead *lead = len ? find_lead(p[0]) : NULL;
	uint32_t rune;

	if (!lead || lead->size > len)
		return 0;
	rune = p[0] & masks[lead->size];
	for (size_t i = 1; i < lead->size; i++) {
		uint8_t low = i == 1 ? lead->second : 0x80, high = i == 1 ? lead->high : 0xbf;

		if (p[i] < low || p[i] > high)
			return 0;
		rune = rune << 6 | (p[i] & 0x3f);
	}
	*ret_rune = rune;
	return lead->size;
}

/* Eight at once: is any below 0x20, any 0x7f or above? */
static bool is_plain(uint64_t word)
{
	const uint64_t ones = UINT64_MAX / 255, tops = 0x80 * ones;

	return !((((word - 0x20 * ones) & ~word) | (word + ones) | word) & tops);
}

size_t utf8_plain(const char *s, size_t len)
{
	size_t at = 0;
	uint64_t word;

	for (; len - at >= sizeof(word); at += sizeof(word)) {
		memcpy(&word, s + at, sizeof(word));
		if (!is_plain(word))
			break;
	}
	return at;
}

size_t utf8_sound(const char *s, size_t len)
{
	size_t at = utf8_plain(s, len);

	while (at < len) {
		uint32_t rune = (uint8_t)s[at];
		size_t used = rune < 0x80 ? 1 : utf8_next(s + at, len - at, &rune);

		if (!used || !rune)
			break;
		at += used;
	}
	return at;
}

size_t utf8_cut(const char *s, size_t len)
{
	for (size_t back = 1; back <= 3 && back <= len; back++) {
		uint8_t byte = s[len - back];
		const struct lead *lead = find_lead(byte);

		if (byte >= 0x80 && byte < 0xc0)
			continue;
		return lead && lead->size > back ? len - back : len;
	}
	return len;
}

bool utf8_has_control(const char *s, size_t len)
{
	uint32_t rune;

	for (size_t at = utf8_plain(s, len), used; at < len; at += used ?: 1) {
		used = utf8_next(s + at, len - at, &rune);
		if (used && (rune < 0x20 || (rune >= 0x7f && rune < 0xa0)))
			return true;
	}
	return false;
}

void utf8_make_printable(char *text, size_t len)
{
	uint32_t rune;

	for (size_t at = 0, used; at < len; at += used) {
		used = utf8_next(text + at, len - at, &rune);
		if (!used || (rune < 0x20 && rune != '\n' && rune != '\t') ||
		    (rune >= 0x7f && rune < 0xa0)) {
			used = used ? used : 1;
			memset(text + at, '?', used);
		}
	}
}
