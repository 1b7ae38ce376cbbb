// SPDX-License-Identifier: MIT
/* unread.c - a count that libzmq's threads take from, so it outlives its session. */
#include "broker/unread.h"

#include <stdatomic.h>
#include <stdlib.h>

struct unread {
	atomic_uint refs;
	atomic_uint_fast64_t bytes;
};

struct counted {
	struct unread *unread;
	struct ksnap_blob *blob;
};

struct unread *unread_create(void)
{
	struct unread *u = calloc(1, sizeof(*u));

	if (u)
		atomic_init(&u->refs, 1);
	return u;
}

void unread_close(struct unread *u)
{
	if (u && atomic_fetch_sub(&u->refs, 1) == 1)
		free(u);
}

uint64_t unread_bytes(const struct unread *u)
{
	return u ? atomic_load(&u->bytes) : 0;
}

static void was_read(void *data, void *arg)
{
	struct counted *c = arg;

	atomic_fetch_sub(&c->unread->bytes, ksnap_blob_size(c->blob));
	ksnap_blob_unref(c->blob);
	unread_close(c->unread);
	free(c);
}

struct ksnap_blob *unread_blob(struct unread *u, struct ksnap_blob *blob)
{
	size_t len = ksnap_blob_size(blob);
	struct counted *c = malloc(sizeof(*c));
	struct ksnap_blob *outer;

	if (!c)
		return NULL;
	*c = (struct counted){ u, blob };
	outer = ksnap_blob_wrap((void *)ksnap_blob_data(blob), len, was_read, c);
	if (!outer) {
		free(c);
		return NULL;
	}
	ksnap_blob_ref(blob);
	atomic_fetch_add(&u->refs, 1);
	atomic_fetch_add(&u->bytes, len);
	return outer;
}
