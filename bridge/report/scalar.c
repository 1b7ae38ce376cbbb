// SPDX-License-Identifier: MIT
/* scalar.c - bits out of bytes, byte by byte so that no alignment or word size matters. */
#include "report/scalar.h"

static u128 bits_little(const uint8_t *p, unsigned off, unsigned bits)
{
	unsigned n = scalar_span(off, bits);
	u128 v = p[0] >> off;

	for (unsigned i = 1; i < n; i++)
		v |= (u128)p[i] << (8 * i - off);
	return v;
}

static u128 bits_big(const uint8_t *p, unsigned off, unsigned bits)
{
	unsigned n = scalar_span(off, bits), tail = 8 * n - off - bits;
	u128 v = p[0] & (0xff >> off);

	if (n == 1)
		return v >> tail;
	for (unsigned i = 1; i < n - 1; i++)
		v = v << 8 | p[i];
	return v << (8 - tail) | p[n - 1] >> tail;
}

u128 scalar_bits(const uint8_t *p, unsigned bit_off, unsigned bits, bool little_endian)
{
	u128 v = little_endian ? bits_little(p, bit_off, bits) : bits_big(p, bit_off, bits);

	return bits < 128 ? v & (((u128)1 << bits) - 1) : v;
}
