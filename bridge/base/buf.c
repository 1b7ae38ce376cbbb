// SPDX-License-Identifier: MIT
/* buf.c - a growing byte buffer that remembers its first failure. */
#include "base/buf.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define BUF_FIRST  128
#define LARGE_FROM (2u << 20) /* bytes for which the kernel is asked for large pages */

void buf_init(struct buf *b)
{
	*b = BUF_INIT;
}

void buf_fini(struct buf *b)
{
	int saved = errno;

	free(b->data);
	*b = BUF_INIT;
	errno = saved;
}

void buf_clear(struct buf *b)
{
	b->len = 0;
	b->failed = false;
}

/* Memory comes from the kernel page by page; of large pages there are fewer to wait for. All of the
 * mapping, or else it could not grow in place any more. */
static void prefer_large_pages(void *data, size_t len)
{
	uintptr_t page = sysconf(_SC_PAGESIZE), at = (uintptr_t)data & -page;
	int saved = errno;

	if (len >= LARGE_FROM)
		madvise((void *)at, ((uintptr_t)data + len - at + page - 1) & -page, MADV_HUGEPAGE);
	errno = saved;
}

static int grow_to(struct buf *b, size_t need)
{
	size_t cap = b->cap < BUF_FIRST ? BUF_FIRST : b->cap;
	uint8_t *data;

	while (cap < need)
		cap = cap > SIZE_MAX / 2 ? need : cap * 2;
	data = realloc(b->data, cap);
	if (!data)
		return -1;
	b->data = data;
	b->cap = cap;
	prefer_large_pages(data, cap);
	return 0;
}

void *buf_reserve(struct buf *b, size_t len)
{
	if (b->failed)
		return NULL;
	if (b->data && len <= b->cap - b->len)
		return b->data + b->len;
	if (len > SIZE_MAX - b->len || grow_to(b, b->len + len)) {
		b->failed = true;
		return NULL;
	}
	return b->data + b->len;
}

int buf_printf(struct buf *b, const char *fmt, ...)
{
	va_list args;
	char *room;
	int len;

	va_start(args, fmt);
	len = vsnprintf(NULL, 0, fmt, args);
	va_end(args);
	room = len < 0 ? NULL : buf_reserve(b, (size_t)len + 1);
	if (!room) {
		b->failed = true;
		return -1;
	}
	va_start(args, fmt);
	vsnprintf(room, (size_t)len + 1, fmt, args);
	va_end(args);
	buf_commit(b, len);
	return 0;
}

static void release_data(void *data, void *arg)
{
	free(data);
}

/* A blob may live long: give back what doubling reserved and nobody used. */
static void trim_room(struct buf *b)
{
	size_t cap = b->len ? b->len : 1;
	uint8_t *data;

	if (b->data && b->cap - b->len <= b->len / 8)
		return;
	data = realloc(b->data, cap);
	if (!data)
		return;
	b->data = data;
	b->cap = cap;
}

struct ksnap_blob *buf_take_blob(struct buf *b)
{
	struct ksnap_blob *blob;

	if (b->failed)
		return NULL;
	trim_room(b);
	blob = b->data ? ksnap_blob_wrap(b->data, b->len, release_data, NULL) : NULL;
	if (blob)
		*b = BUF_INIT;
	return blob;
}
