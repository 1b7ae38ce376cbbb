// SPDX-License-Identifier: MIT
/* blob.c - immutable bytes that many owners share without copying. */
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "ksnap.h"

struct ksnap_blob {
	atomic_size_t refs;
	void *data; /* never NULL; points to bytes[] when the blob was copied */
	size_t len;
	void (*release)(void *data, void *arg); /* NULL: data goes with the blob */
	void *arg;
	max_align_t bytes[];
};

static struct ksnap_blob *alloc_blob(size_t extra)
{
	struct ksnap_blob *blob;

	if (extra > SIZE_MAX - sizeof(*blob))
		return NULL;
	blob = malloc(sizeof(*blob) + extra);
	if (blob)
		atomic_init(&blob->refs, 1);
	return blob;
}

struct ksnap_blob *ksnap_blob_copy(const void *data, size_t len)
{
	struct ksnap_blob *blob = alloc_blob(len);

	if (!blob)
		return NULL;
	blob->data = blob->bytes;
	blob->len = len;
	blob->release = NULL;
	blob->arg = NULL;
	if (len)
		memcpy(blob->data, data, len);
	return blob;
}

struct ksnap_blob *ksnap_blob_wrap(void *data, size_t len, void (*release)(void *data, void *arg),
				   void *arg)
{
	struct ksnap_blob *blob = alloc_blob(0);

	if (!blob)
		return NULL;
	blob->data = data;
	blob->len = len;
	blob->release = release;
	blob->arg = arg;
	return blob;
}

struct ksnap_blob *ksnap_blob_ref(struct ksnap_blob *blob)
{
	if (blob)
		atomic_fetch_add_explicit(&blob->refs, 1, memory_order_relaxed);
	return blob;
}

void ksnap_blob_unref(struct ksnap_blob *blob)
{
	int saved = errno;

	if (!blob || atomic_fetch_sub_explicit(&blob->refs, 1, memory_order_acq_rel) > 1)
		return;
	if (blob->release)
		blob->release(blob->data, blob->arg);
	free(blob);
	errno = saved;
}

const void *ksnap_blob_data(const struct ksnap_blob *blob)
{
	return blob->data;
}

size_t ksnap_blob_size(const struct ksnap_blob *blob)
{
	return blob->len;
}
