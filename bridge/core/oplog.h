/* SPDX-License-Identifier: MIT */
/* oplog.h - the kernel ops of one bridge, good and bad, in the order they ended.
 *
 * Bounded by MAX_KERNEL_OPS and MAX_KERNEL_OP_BYTES: the oldest leaves first and is counted; the
 * next drain tells how many. A record is made before the op runs, so that no reply is lost for want
 * of memory. The bridge's lock protects the log; records that leave are freed by the caller after
 * unlocking, because releasing a blob runs foreign code. */
#ifndef KSNAP_CORE_OPLOG_H
#define KSNAP_CORE_OPLOG_H

#include <stddef.h>
#include <stdint.h>

#include "ksnap.h"

struct oplog_node {
	struct oplog_node *next;
	struct ksnap_kernel_op op;
};

struct oplog {
	uint64_t cap, cap_bytes;
	struct oplog_node *head, *tail; /* oldest, newest */
	uint64_t kept, bytes;
	uint64_t dropped; /* since creation */
	uint64_t untold;  /* dropped since the last drain */
};

void oplog_init(struct oplog *log, uint64_t cap, uint64_t cap_bytes);
void oplog_fini(struct oplog *log);

/* E_ARG: a tag that is neither empty (a write names none) nor a good tag, or no request. */
int oplog_check(const char *tag, const struct ksnap_blob *request, struct ksnap_err *err);
/* With a reference to @request of its own. NULL when memory is out. */
struct oplog_node *oplog_node_create(const char *tag, struct ksnap_blob *request);
void oplog_node_destroy(struct oplog_node *node);
/* All that are linked. */
void oplog_nodes_destroy(struct oplog_node *first);

/* Takes @node. Returns the records that had to leave, linked, for the caller to destroy, or NULL.
 */
struct oplog_node *oplog_append(struct oplog *log, struct oplog_node *node);
/* Move all out. *ret_dropped: how many had been dropped since the drain before. E_NOMEM: nothing
 * was taken and the count stays. */
int oplog_drain(struct oplog *log, struct ksnap_kernel_op **ret, size_t *ret_n,
		uint64_t *ret_dropped, struct ksnap_err *err);
/* The first record under @tag that succeeded with a value; NULL: none. */
const struct ksnap_kernel_op *oplog_first_value(const struct oplog *log, const char *tag);

#endif
