// SPDX-License-Identifier: MIT
/* kernel_op.c - numbers and the bytes that hold them. */
#include "capture/kernel_op.h"

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
