// SPDX-License-Identifier: MIT
/* kernel_op.c - numbers and the bytes that hold them. */
#include "capture/kernel_op.h"

#include <string.h>

#include "base/error.h"

uint64_t kernel_number_cut(uint64_t raw, unsigned bits, bool is_signed)
{
	unsigned up = 64 - bits;

	return is_signed ? (uint64_t)((int64_t)(raw << up) >> up) : raw << up >> up;
}

int kernel_number_fits(const struct kernel_value *v, uint32_t len, struct ksnap_err *err)
{
	unsigned bits = 8 * len;

	if (bits >= 64 || !(v->number >> bits))
		return 0;
	if (v->kind == KERNEL_INT && kernel_number_cut(v->number, bits, true) == v->number)
		return 0;
	return err_set(err, KSNAP_E_ARG, "the value does not fit %u byte%s", len,
		       len == 1 ? "" : "s");
}

static bool is_width(uint64_t n)
{
	return n == 1 || n == 2 || n == 4 || n == 8;
}

int kernel_width_settle(struct kernel_width *w, const struct btf_spot *at, const char *name,
			struct ksnap_err *err)
{
	if (w->len && at->is_bitfield)
		return err_set(err, KSNAP_E_ARG, "%s is a bit field: leave the width out", name);
	if (w->len)
		return 0;
	if (!at->size)
		return err_set(err, KSNAP_E_ARG,
			       "nothing says how wide %s is: give a width, 1, 2, 4, 8 or "
			       "{bytes} (--width, --bytes)",
			       name);
	if (at->size > KERNEL_OP_MAX)
		return err_set(err, KSNAP_E_LIMIT,
			       "%s has %llu bytes, MAX_KERNEL_OP is %u: name a part of it", name,
			       (unsigned long long)at->size, KERNEL_OP_MAX);
	*w = (struct kernel_width){ at->size, !at->is_bitfield && is_width(at->size) };
	return 0;
}

int kernel_write_fits(const struct btf_spot *at, const char *name, uint32_t len,
		      struct ksnap_err *err)
{
	if (!at->type || len <= at->size)
		return 0;
	return err_set(err, KSNAP_E_ARG, "%s has %llu bytes, %u are too many", name,
		       (unsigned long long)at->size, len);
}

void kernel_value_number(struct kernel_value *ret, const struct btf_spot *at, const uint8_t *bytes,
			 uint32_t len, bool typed)
{
	unsigned bits = at->is_bitfield ? at->bit_size : 8 * len;
	bool is_signed = typed && at->is_signed;
	unsigned __int128 raw = 0; /* a bit field of 64 bits may be in 9 bytes */

	memcpy(&raw, bytes, len < sizeof(raw) ? len : sizeof(raw));
	raw >>= at->is_bitfield ? at->bit_off : 0;
	ret->kind = is_signed ? KERNEL_INT : KERNEL_UINT;
	ret->number = kernel_number_cut(raw, bits ?: 64, is_signed);
}
