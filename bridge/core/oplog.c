// SPDX-License-Identifier: MIT
/* oplog.c - bounded log of kernel reads and writes. */
#include "core/oplog.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"

void oplog_init(struct oplog *log, uint64_t cap, uint64_t cap_bytes)
{
	*log = (struct oplog){ .cap = cap, .cap_bytes = cap_bytes };
}

void oplog_nodes_destroy(struct oplog_node *first)
{
	while (first) {
		struct oplog_node *next = first->next;

		oplog_node_destroy(first);
		first = next;
	}
}

void oplog_fini(struct oplog *log)
{
	oplog_nodes_destroy(log->head);
	log->head = log->tail = NULL;
}

int oplog_check(const char *tag, const struct ksnap_blob *request, struct ksnap_err *err)
{
	struct ksnap_err why;

	if (!request)
		return err_set(err, KSNAP_E_ARG, "request: none was given");
	if (!tag || !*tag || ksnap_tag_check(tag, strlen(tag), &why) == 0)
		return 0;
	return err_set(err, why.code, "tag: %.*s", KSNAP_ERR_TEXT - 8, why.text);
}

struct oplog_node *oplog_node_create(const char *tag, struct ksnap_blob *request)
{
	struct oplog_node *node = calloc(1, sizeof(*node));

	if (!node)
		return NULL;
	if (tag)
		strcpy(node->op.tag, tag);
	node->op.request = ksnap_blob_ref(request);
	return node;
}

static void clear_op(struct ksnap_kernel_op *op)
{
	ksnap_blob_unref(op->request);
	ksnap_blob_unref(op->reply);
}

void oplog_node_destroy(struct oplog_node *node)
{
	int saved = errno;

	if (!node)
		return;
	clear_op(&node->op);
	free(node);
	errno = saved;
}

static uint64_t bytes_of(const struct oplog_node *node)
{
	return (node->op.request ? ksnap_blob_size(node->op.request) : 0) +
	       (node->op.reply ? ksnap_blob_size(node->op.reply) : 0);
}

static struct oplog_node *pop(struct oplog *log)
{
	struct oplog_node *node = log->head;

	if (!node)
		return NULL;
	log->head = node->next;
	if (!log->head)
		log->tail = NULL;
	log->kept--;
	log->bytes -= bytes_of(node);
	node->next = NULL;
	return node;
}

struct oplog_node *oplog_append(struct oplog *log, struct oplog_node *node)
{
	struct oplog_node *left = NULL, **last = &left;
	uint64_t bytes = bytes_of(node);

	while (log->kept && (log->kept == log->cap || bytes > log->cap_bytes ||
			     log->bytes > log->cap_bytes - bytes)) {
		*last = pop(log);
		last = &(*last)->next;
		log->dropped++;
		log->untold++;
	}
	node->next = NULL;
	if (log->tail)
		log->tail->next = node;
	else
		log->head = node;
	log->tail = node;
	log->kept++;
	log->bytes += bytes;
	return left;
}

int oplog_drain(struct oplog *log, struct ksnap_kernel_op **ret, size_t *ret_n,
		uint64_t *ret_dropped, struct ksnap_err *err)
{
	struct oplog_node *node;
	struct ksnap_kernel_op *all;
	size_t n = 0;

	if (!log->kept) {
		*ret = NULL;
		*ret_n = 0;
		*ret_dropped = 0;
		return 0;
	}
	all = malloc(log->kept * sizeof(*all));
	if (!all)
		return err_nomem(err);
	while ((node = pop(log))) {
		all[n++] = node->op;
		free(node);
	}
	*ret = all;
	*ret_n = n;
	*ret_dropped = log->untold;
	log->untold = 0;
	return 0;
}

const struct ksnap_kernel_op *oplog_first_value(const struct oplog *log, const char *tag)
{
	for (const struct oplog_node *node = log->head; node; node = node->next) {
		if (node->op.success && node->op.has_value && strcmp(node->op.tag, tag) == 0)
			return &node->op;
	}
	return NULL;
}

void ksnap_kernel_ops_free(struct ksnap_kernel_op *ops, size_t n)
{
	int saved = errno;

	if (!ops)
		return;
	for (size_t i = 0; i < n; i++)
		clear_op(&ops[i]);
	free(ops);
	errno = saved;
}
