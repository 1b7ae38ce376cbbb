/* SPDX-License-Identifier: MIT */
/* options.h - reading structs that may be older or newer than this library. */
#ifndef KSNAP_CLIENT_OPTIONS_H
#define KSNAP_CLIENT_OPTIONS_H

#include <stddef.h>

#include "ksnap.h"

/* Copy @src, whose first member is its own size, to @dst of @size bytes: what @src lacks reads as
 * zero. E_ARG when the size is missing, or when @src is newer and sets what is unknown here. */
int options_copy(void *dst, size_t size, const void *src, const char *what, struct ksnap_err *err);

#endif
