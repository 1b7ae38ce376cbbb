// SPDX-License-Identifier: MIT
/* procs.c - bounded log of cgroup.procs contents. */
#include "core/procs.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/near.h"

void procs_log_init(struct procs_log *log, uint64_t cap)
{
	*log = (struct procs_log){ .cap = cap };
}

static struct procs_node *pop(struct procs_log *log)
{
	struct procs_node *node = log->head;

	if (!node)
		return NULL;
	log->head = node->next;
	if (!log->head)
		log->tail = NULL;
	log->kept--;
	return node;
}

void procs_log_fini(struct procs_log *log)
{
	struct procs_node *node;

	while ((node = pop(log)))
		procs_node_destroy(node);
}

int procs_check(const char *tag, const char *cgroup, const uint32_t *pids, size_t npids,
		struct ksnap_err *err)
{
	struct ksnap_err why;

	if (ksnap_tag_check(tag ? tag : "", tag ? strlen(tag) : 0, &why) < 0)
		return err_set(err, why.code, "tag: %.*s", KSNAP_ERR_TEXT - 8, why.text);
	if (!cgroup || !*cgroup)
		return err_set(err, KSNAP_E_ARG, "cgroup: is empty, name one");
	if (npids && !pids)
		return err_set(err, KSNAP_E_ARG, "pids: none given, %zu announced", npids);
	return 0;
}

static int fill(struct ksnap_procs *to, const char *tag, const char *cgroup, const uint32_t *pids,
		size_t npids)
{
	*to = (struct ksnap_procs){ .npids = npids };
	strcpy(to->tag, tag);
	to->cgroup = strdup(cgroup);
	if (npids)
		to->pids = calloc(npids, sizeof(*pids));
	if (!to->cgroup || (npids && !to->pids)) {
		ksnap_procs_clear(to);
		return KSNAP_E_NOMEM;
	}
	if (npids)
		memcpy(to->pids, pids, npids * sizeof(*pids));
	return 0;
}

struct procs_node *procs_node_create(const char *tag, const char *cgroup, const uint32_t *pids,
				     size_t npids)
{
	struct procs_node *node = calloc(1, sizeof(*node));

	if (node && fill(&node->procs, tag, cgroup, pids, npids) < 0) {
		free(node);
		return NULL;
	}
	return node;
}

void procs_node_destroy(struct procs_node *node)
{
	int saved = errno;

	if (!node)
		return;
	ksnap_procs_clear(&node->procs);
	free(node);
	errno = saved;
}

void procs_append(struct procs_log *log, struct procs_node *node)
{
	if (log->kept == log->cap) {
		procs_node_destroy(pop(log));
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
}

int procs_drain(struct procs_log *log, struct ksnap_procs **ret, size_t *ret_n,
		uint64_t *ret_dropped, struct ksnap_err *err)
{
	struct procs_node *node;
	struct ksnap_procs *all;
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
		all[n++] = node->procs;
		free(node);
	}
	*ret = all;
	*ret_n = n;
	*ret_dropped = log->untold;
	log->untold = 0;
	return 0;
}

static const struct ksnap_procs *find_first(const struct procs_log *log, const char *tag)
{
	for (const struct procs_node *node = log->head; node; node = node->next) {
		if (strcmp(node->procs.tag, tag) == 0)
			return &node->procs;
	}
	return NULL;
}

static int miss(const struct procs_log *log, const char *tag, struct ksnap_err *err)
{
	struct near near = { .want = tag };
	char there[NEAR_TEXT];

	for (const struct procs_node *node = log->head; node; node = node->next)
		near_add(&near, node->procs.tag);
	near_text(&near, there, sizeof(there));
	return err_set(err, KSNAP_E_NOTFOUND, "no cgroup.procs record \"%.*s\"; recorded: %s",
		       KSNAP_TAG_MAX, tag, there);
}

int procs_copy_first(const struct procs_log *log, const char *tag, struct ksnap_procs *ret,
		     struct ksnap_err *err)
{
	const struct ksnap_procs *first = find_first(log, tag);
	struct ksnap_procs copy;

	if (!first)
		return miss(log, tag, err);
	if (fill(&copy, first->tag, first->cgroup, first->pids, first->npids) < 0)
		return err_nomem(err);
	*ret = copy;
	return 0;
}

void ksnap_procs_clear(struct ksnap_procs *p)
{
	int saved = errno;

	if (!p)
		return;
	free(p->cgroup);
	free(p->pids);
	*p = (struct ksnap_procs){ 0 };
	errno = saved;
}

void ksnap_procs_free(struct ksnap_procs *procs, size_t n)
{
	int saved = errno;

	if (!procs)
		return;
	for (size_t i = 0; i < n; i++)
		ksnap_procs_clear(&procs[i]);
	free(procs);
	errno = saved;
}
