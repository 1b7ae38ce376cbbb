// SPDX-License-Identifier: MIT
/* bufpool.c - keep the memory of finished reports for the next ones. */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "report/bufpool.h"

#define SLACK_MIN 4096 /* bytes beyond an eighth that a blob may carry unused */

struct bufpool {
	pthread_mutex_t lock;
	unsigned refs;  /* the owner, and every blob that is out */
	bool is_closed; /* the owner left: keep nothing any more */
	struct kept {
		uint8_t *data;
		size_t cap;
	} kept[POOL_KEEP];
};

/* What a blob needs to give its memory back. */
struct lease {
	struct bufpool *pool;
	size_t cap;
};

struct bufpool *bufpool_create(void)
{
	struct bufpool *p = calloc(1, sizeof(*p));

	if (!p)
		return NULL;
	pthread_mutex_init(&p->lock, NULL);
	p->refs = 1;
	return p;
}

/* Called locked; unlocks. */
static void drop_ref(struct bufpool *p)
{
	bool is_last = --p->refs == 0;

	pthread_mutex_unlock(&p->lock);
	if (!is_last)
		return;
	pthread_mutex_destroy(&p->lock);
	free(p);
}

void bufpool_destroy(struct bufpool *p)
{
	int saved = errno;

	if (!p)
		return;
	pthread_mutex_lock(&p->lock);
	p->is_closed = true;
	for (unsigned i = 0; i < POOL_KEEP; i++)
		free(p->kept[i].data);
	drop_ref(p);
	errno = saved;
}

void bufpool_take(struct bufpool *p, struct buf *b)
{
	struct kept *best = &p->kept[0];

	pthread_mutex_lock(&p->lock);
	for (unsigned i = 1; i < POOL_KEEP; i++)
		if (p->kept[i].cap > best->cap)
			best = &p->kept[i];
	b->data = best->data;
	b->cap = best->cap;
	*best = (struct kept){ 0 };
	pthread_mutex_unlock(&p->lock);
}

/* Swap @back for the smallest buffer that waits, when that is smaller; @back is then to be freed.
 */
static void keep_larger(struct bufpool *p, struct kept *back)
{
	struct kept *least = &p->kept[0], other;

	for (unsigned i = 1; i < POOL_KEEP; i++)
		if (p->kept[i].cap < least->cap)
			least = &p->kept[i];
	if (back->cap <= least->cap || back->cap > POOL_BYTES)
		return;
	other = *least;
	*least = *back;
	*back = other;
}

static void give_back(void *data, void *arg)
{
	struct lease *lease = arg;
	struct bufpool *p = lease->pool;
	struct kept back = { data, lease->cap };
	int saved = errno;

	pthread_mutex_lock(&p->lock);
	if (!p->is_closed)
		keep_larger(p, &back);
	drop_ref(p);
	free(back.data);
	free(lease);
	errno = saved;
}

static void trim(struct buf *b)
{
	uint8_t *data;

	if (b->cap - b->len <= b->len / 8 + SLACK_MIN)
		return;
	data = realloc(b->data, b->len);
	if (!data)
		return;
	b->data = data;
	b->cap = b->len;
}

struct ksnap_blob *bufpool_blob(struct bufpool *p, struct buf *b)
{
	struct lease *lease;
	struct ksnap_blob *blob;

	if (!buf_ok(b) || !b->len)
		return NULL;
	lease = malloc(sizeof(*lease));
	if (!lease)
		return NULL;
	trim(b);
	*lease = (struct lease){ p, b->cap };
	blob = ksnap_blob_wrap(b->data, b->len, give_back, lease);
	if (!blob) {
		free(lease);
		return NULL;
	}
	pthread_mutex_lock(&p->lock);
	p->refs++;
	pthread_mutex_unlock(&p->lock);
	buf_init(b);
	return blob;
}
