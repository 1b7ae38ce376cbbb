// SPDX-License-Identifier: MIT
/* options.c - reading structs that may be older or newer than this library. */
#include "client/options.h"

#include <stdint.h>
#include <string.h>

#include "base/error.h"

static size_t smaller(size_t a, size_t b)
{
	return a < b ? a : b;
}

int options_copy(void *dst, size_t size, const void *src, const char *what, struct ksnap_err *err)
{
	const uint8_t *bytes = src;
	size_t have;

	memcpy(&have, src, sizeof(have));
	if (have < sizeof(have))
		return err_set(err, KSNAP_E_ARG,
			       "%s.size is %zu: make the struct with KSNAP_OPTS()", what, have);
	for (size_t i = size; i < have; i++)
		if (bytes[i])
			return err_set(
				err, KSNAP_E_ARG,
				"%s sets a field at byte %zu that this libksnap (%s) does not know",
				what, i, ksnap_version());
	memset(dst, 0, size);
	memcpy(dst, src, smaller(have, size));
	return 0;
}
