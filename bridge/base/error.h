/* SPDX-License-Identifier: MIT */
/* error.h - filling a struct ksnap_err, in one line.
 *
 * A function either returns an error or logs it, never both. */
#ifndef KSNAP_BASE_ERROR_H
#define KSNAP_BASE_ERROR_H

#include "ksnap.h"

/* Fill @err (may be NULL) and return @code, so that failing is one line. Control characters and
 * bytes that are not UTF-8 become "?": texts may quote what a peer sent. */
int err_set(struct ksnap_err *err, int code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* The same with ": " and the text of errno value @errnum behind it. */
int err_errno(struct ksnap_err *err, int code, int errnum, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
/* Put "<text>: " before what @err holds; returns its code. A NULL @err gives KSNAP_E_INTERNAL:
 * keep the callee's code where @err may be NULL. */
int err_prefix(struct ksnap_err *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Out of memory, KSNAP_E_NOMEM. */
int err_nomem(struct ksnap_err *err);

#endif
