/* SPDX-License-Identifier: MIT */
/* raw.h - sockets and requests without libksnap, so that what is measured is the broker. */
#ifndef KSNAP_BENCH_RAW_H
#define KSNAP_BENCH_RAW_H

#include "base/buf.h"
#include "ksnap.h"

#define RAW_PATIENCE_MS 60000 /* to send, and to receive */

/* A socket of this type, connected; a SUB is subscribed to @topic. NULL and told. zmq_close it. */
void *raw_connect(void *context, int type, const char *url, const char *topic);
/* A report of just so many bytes, at least 64, with a head that the broker reads. NULL and told. */
struct ksnap_blob *raw_report(size_t bytes);

/* A store_snapshot; a zeroed one is empty. */
struct raw_store {
	struct buf params, request;
};

/* Its first frame, in @s->request; the report is the second one. @bridge NULL: the default. 0, or
 * -1 and told. */
int raw_store_encode(struct raw_store *s, const char *bridge, const char *tag, uint64_t id);
void raw_store_fini(struct raw_store *s);

#endif
