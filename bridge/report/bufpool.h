/* SPDX-License-Identifier: MIT */
/* bufpool.h - big buffers that come back when the blob made of them is let go.
 *
 * Fresh memory costs a page fault every 4 KiB, more than copying into it; so the buffer of a
 * finished report is used again once nobody reads it. At most POOL_KEEP buffers of at most
 * POOL_BYTES each wait; a blob may outlive the pool's owner and may be let go on any thread. */
#ifndef KSNAP_REPORT_BUFPOOL_H
#define KSNAP_REPORT_BUFPOOL_H

#include "base/buf.h"
#include "ksnap.h"

#define POOL_KEEP  2
#define POOL_BYTES (64u << 20)

struct bufpool;

/* NULL when memory is out. */
struct bufpool *bufpool_create(void);
/* The owner leaves; NULL is accepted. */
void bufpool_destroy(struct bufpool *p);
/* Give @b, which is empty and without memory, the largest buffer that waits, if any does. */
void bufpool_take(struct bufpool *p, struct buf *b);
/* Move @b into a blob whose memory comes back to @p. NULL when memory is out; @b is unchanged. */
struct ksnap_blob *bufpool_blob(struct bufpool *p, struct buf *b);

#endif
