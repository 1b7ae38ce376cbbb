// SPDX-License-Identifier: MIT
/* packet.c - wrap, unwrap, and two kinds of answer. */
#include "capture/guest/packet.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

static uint8_t sum_of(const uint8_t *p, size_t len)
{
	uint8_t sum = 0;

	while (len--)
		sum += *p++;
	return sum;
}

void packet_wrap(const char *text, struct buf *out)
{
	buf_printf(out, "++$%s#%02x", text, sum_of((const uint8_t *)text, strlen(text)));
}

static int digit(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Two digits, or -1. */
static int octet(const uint8_t *p)
{
	int high = digit(p[0]), low = high < 0 ? -1 : digit(p[1]);

	return low < 0 ? -1 : high << 4 | low;
}

/* ---- unwrapping ------------------------------------------------------------------------------ */

/* "0* " stands for four zeros, "}]" for '}' ^ 0x20... */
static bool unpack(const uint8_t *in, size_t len, char text[PACKET_MAX])
{
	size_t n = 0;

	for (size_t i = 0; i < len; i++) {
		size_t times = 1;
		uint8_t c = in[i];

		if (c == '}' || c == '*') {
			if (++i == len || (c == '*' && (!n || in[i] < ' ')))
				return false;
			times = c == '*' ? in[i] - 29u : 1;
			c = c == '*' ? (uint8_t)text[n - 1] : in[i] ^ 0x20;
		}
		if (n + times >= PACKET_MAX)
			return false;
		memset(text + n, c, times);
		n += times;
	}
	text[n] = 0;
	return true;
}

enum packet_state packet_unwrap(const uint8_t *in, size_t len, char text[PACKET_MAX],
				size_t *ret_taken)
{
	const uint8_t *begin = len ? memchr(in, '$', len) : NULL, *end;
	size_t left;

	*ret_taken = begin ? (size_t)(begin - in) : len;
	if (!begin)
		return PACKET_PART;
	left = len - *ret_taken;
	end = memchr(begin, '#', left);
	if (!end || end + 3 > in + len)
		return left > PACKET_MAX ? PACKET_BROKEN : PACKET_PART;
	*ret_taken = end + 3 - in;
	if (octet(end + 1) != sum_of(begin + 1, end - begin - 1) ||
	    !unpack(begin + 1, end - begin - 1, text))
		return PACKET_BROKEN;
	return PACKET_WHOLE;
}

/* ---- stops ----------------------------------------------------------------------------------- */

static bool take_pair(const char *key, size_t len, const char *value, struct packet_stop *ret)
{
	const char *dot = strchr(value, '.'), *semicolon = strchr(value, ';');

	if (len == 6 && !strncmp(key, "thread", len)) {
		if (dot && (!semicolon || dot < semicolon))
			value = dot + 1; /* "p1.2": of the first machine, the second CPU */
		ret->thread = strtoull(value, NULL, 16);
	} else if ((len == 5 && !strncmp(key, "watch", len)) ||
		   (len == 6 && !strncmp(key, "awatch", len))) {
		ret->is_watch = true;
		ret->addr = strtoull(value, NULL, 16);
	}
	return semicolon;
}

bool packet_stop(const char *text, struct packet_stop *ret)
{
	int signal = *text == 'T' || *text == 'S' ? octet((const uint8_t *)text + 1) : -1;
	const char *at = text + 3;

	if (signal < 0)
		return false;
	*ret = (struct packet_stop){ .signal = signal };
	for (const char *colon; *text == 'T' && (colon = strchr(at, ':'));) {
		if (!take_pair(at, colon - at, colon + 1, ret))
			break;
		at = strchr(colon, ';') + 1;
	}
	return true;
}

/* ---- registers ------------------------------------------------------------------------------- */

/* Bytes each, in the order of the packet; what is behind them is not looked at. */
static const struct {
	int reg;
	unsigned len;
} order[] = {
	{ REG_RAX, 8 }, { REG_RBX, 8 }, { REG_RCX, 8 },    { REG_RDX, 8 }, { REG_RSI, 8 },
	{ REG_RDI, 8 }, { REG_RBP, 8 }, { REG_RSP, 8 },    { REG_R8, 8 },  { REG_R9, 8 },
	{ REG_R10, 8 }, { REG_R11, 8 }, { REG_R12, 8 },    { REG_R13, 8 }, { REG_R14, 8 },
	{ REG_R15, 8 }, { REG_RIP, 8 }, { REG_RFLAGS, 4 },
};

/* 1 with a number of @len bytes, the lowest first; 0: it is not known; -1: it is no hex. */
static int take_number(const uint8_t *p, unsigned len, uint64_t *ret)
{
	*ret = 0;
	if (*p == 'x')
		return 0;
	for (unsigned i = 0; i < len; i++) {
		int o = octet(p + 2 * i);

		if (o < 0)
			return -1;
		*ret |= (uint64_t)o << (8 * i);
	}
	return 1;
}

bool packet_registers(const char *text, struct registers *ret)
{
	const uint8_t *p = (const uint8_t *)text, *end = p + strlen(text);

	*ret = (struct registers){ 0 };
	for (size_t i = 0; i < ARRAY_SIZE(order); i++) {
		int got = (size_t)(end - p) < 2 * order[i].len
				  ? -1
				  : take_number(p, order[i].len, &ret->v[order[i].reg]);

		if (got < 0)
			return false;
		ret->has |= (uint32_t)got << order[i].reg;
		p += 2 * order[i].len;
	}
	return true;
}
