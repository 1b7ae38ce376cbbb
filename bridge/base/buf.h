/* SPDX-License-Identifier: MIT */
/* buf.h - a growing byte buffer.
 *
 * The first allocation failure is remembered: later appends do nothing and buf_ok() is false, so
 * a writer checks once at its end. */
#ifndef KSNAP_BASE_BUF_H
#define KSNAP_BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "ksnap.h"

struct buf {
	uint8_t *data;
	size_t len;  /* bytes written */
	size_t cap;  /* bytes allocated */
	bool failed; /* memory ran out at some append */
};

#define BUF_INIT ((struct buf){ 0 })

void buf_init(struct buf *b);
void buf_fini(struct buf *b);
/* Empty, memory kept, failure forgotten. */
void buf_clear(struct buf *b);
static inline bool buf_ok(const struct buf *b)
{
	return !b->failed;
}
/* Room for @len bytes at the end, not yet counted in len; NULL when memory is out. The pointer is
 * good until the next append. */
void *buf_reserve(struct buf *b, size_t len);
/* Count @len bytes written to reserved room. */
static inline void buf_commit(struct buf *b, size_t len)
{
	b->len += len;
}
/* 0, or -1 when memory is out (also remembered). */
static inline int buf_append(struct buf *b, const void *data, size_t len)
{
	void *room = b->data ? b->data + b->len : NULL;

	if (!room || b->failed || len > b->cap - b->len)
		room = buf_reserve(b, len);
	if (!room)
		return -1;
	if (len)
		memcpy(room, data, len);
	b->len += len;
	return 0;
}
int buf_printf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Move the contents into a blob without copying; @b is empty afterwards. NULL when memory is out
 * or an append had failed; @b is then unchanged. */
struct ksnap_blob *buf_take_blob(struct buf *b);

#define _buf_ __attribute__((cleanup(buf_fini)))

#endif
