/* SPDX-License-Identifier: MIT */
/* scalar.h - integers out of packed bytes: any width to 128 bits, any bit offset, both orders. */
#ifndef KSNAP_REPORT_SCALAR_H
#define KSNAP_REPORT_SCALAR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef unsigned __int128 u128;
typedef __int128 i128;

/* Bytes that @bits bits at @bit_off reach into. */
static inline uint64_t scalar_span(uint64_t bit_off, uint64_t bits)
{
	return (bit_off % 8 + bits + 7) / 8;
}

/* @bits (1 to 128) bits at bit @bit_off (0 to 7) of @p, which has scalar_span() bytes. In little
 * endian data offsets count from the lowest bit, in big endian data from the highest, as in BTF. */
u128 scalar_bits(const uint8_t *p, unsigned bit_off, unsigned bits, bool little_endian);

/* The low @bits (1 to 128) bits of @v as a signed number. */
static inline i128 scalar_sign(u128 v, unsigned bits)
{
	return (i128)(v << (128 - bits)) >> (128 - bits);
}

/* A whole unsigned number of 1, 2, 4 or 8 bytes. */
static inline uint64_t scalar_u64(const uint8_t *p, size_t size, bool little_endian)
{
	uint16_t h;
	uint32_t w;
	uint64_t d;

	if (little_endian != (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__))
		return (uint64_t)scalar_bits(p, 0, 8 * size, little_endian);
	switch (size) {
	case 1:
		return *p;
	case 2:
		memcpy(&h, p, 2);
		return h;
	case 4:
		memcpy(&w, p, 4);
		return w;
	default:
		memcpy(&d, p, 8);
		return d;
	}
}

/* Is it a width scalar_u64() takes? */
static inline bool scalar_is_plain(uint64_t size)
{
	return size == 1 || size == 2 || size == 4 || size == 8;
}

#endif
