/* SPDX-License-Identifier: MIT */
/* records.h - what a scenario's process tells the one that keeps the books: msgpack maps on a pipe,
 * each behind its length. */
#ifndef KSNAP_LUA_RECORDS_H
#define KSNAP_LUA_RECORDS_H

#include "base/buf.h"
#include "ksnap.h"

#define RECORD_MAX (16u << 20)

/* Write one record; a reader that is gone is no error, a record above RECORD_MAX is. */
int records_send(int fd, const void *data, size_t len);
/* The result of one who could not tell it by itself. */
void records_send_failure(int fd, const char *name, const char *text, int code);
/* Call @fn for each whole record in @in, and take it out. E_PROTO for a length that cannot be. */
int records_take(struct buf *in, void (*fn)(void *arg, const void *data, size_t len), void *arg,
		 struct ksnap_err *err);

#endif
