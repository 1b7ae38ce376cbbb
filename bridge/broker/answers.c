// SPDX-License-Identifier: MIT
/* answers.c - a ring of answers for each client, searched by id, and the rings of named clients. */
#include "broker/answers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "wire/frames.h"

#define KEPT_MAX   256
#define KEPT_BYTES (1u << 20)
#define KEPT_NS    (60 * NS_PER_S)
#define CHAINS     256

struct answer {
	struct wire_id id;
	unsigned chain;
	uint64_t mono_ns;
	struct ksnap_blob *envelope; /* NULL: not kept */
};

struct answer_log {
	struct answer_log *next;
	struct answer_logs *all; /* NULL: it has no name */
	char name[65];
	char user[FRAMES_USER + 1];
	uint64_t pid;
	unsigned users;
	struct answer_wait *waits;
	uint64_t begin, end;   /* answer n is at n % KEPT_MAX */
	uint64_t last_mono_ns; /* of the newest */
	size_t bytes;
	/* Answers whose ids share a hash, the newest first: places in the ring and one; 0: no more.
	 */
	uint16_t chain[CHAINS], older[KEPT_MAX];
	struct answer *ring[KEPT_MAX];
};

struct answer_logs {
	struct answer_log *first; /* opened last */
	uint64_t max, *forgotten;
};

struct answer_logs *answer_logs_create(uint64_t max, uint64_t *forgotten, struct ksnap_err *err)
{
	struct answer_logs *all = calloc(1, sizeof(*all));

	if (!all) {
		err_nomem(err);
		return NULL;
	}
	all->max = max;
	all->forgotten = forgotten;
	return all;
}

/* The oldest is the last of its chain. Its memory is the caller's. */
static struct answer *take_oldest(struct answer_log *log)
{
	struct answer *a = log->ring[log->begin++ % KEPT_MAX];
	uint16_t *link = &log->chain[a->chain];

	while (log->older[*link - 1])
		link = &log->older[*link - 1];
	*link = 0;
	log->bytes -= a->envelope ? ksnap_blob_size(a->envelope) : 0;
	ksnap_blob_unref(a->envelope);
	return a;
}

static void free_log(struct answer_log *log)
{
	while (log->begin < log->end)
		free(take_oldest(log));
	for (struct answer_wait *w = log->waits; w; w = w->next)
		w->log = NULL;
	free(log);
}

void answer_logs_destroy(struct answer_logs *all)
{
	if (!all)
		return;
	while (all->first) {
		struct answer_log *log = all->first;

		all->first = log->next;
		free_log(log);
	}
	free(all);
}

struct answer_log *answer_log_create(void)
{
	return calloc(1, sizeof(struct answer_log));
}

static bool is_old(const struct answer_log *log, uint64_t n)
{
	return clock_mono_ns() - log->ring[n % KEPT_MAX]->mono_ns > KEPT_NS;
}

/* Nobody uses it and nothing in it counts any more. */
static bool is_stale(const struct answer_log *log)
{
	return !log->users && !log->waits &&
	       (log->begin == log->end || clock_mono_ns() - log->last_mono_ns > KEPT_NS);
}

/* Before there is one more: forget the stale ones; when still too many are of clients that are
 * away, the one that was opened first. */
static void tidy(struct answer_logs *all)
{
	struct answer_log **link = &all->first, **unused = NULL;
	uint64_t away = 0;

	while (*link) {
		struct answer_log *log = *link;

		if (is_stale(log)) {
			*link = log->next;
			free_log(log);
			continue;
		}
		if (!log->users && !log->waits) {
			unused = link;
			away++;
		}
		link = &log->next;
	}
	if (away >= all->max && unused) {
		struct answer_log *log = *unused;

		*unused = log->next;
		free_log(log);
		++*all->forgotten;
	}
}

static struct answer_log *add_named(struct answer_logs *all, const char *user,
				    struct wire_slice name, uint64_t pid)
{
	struct answer_log *log;

	tidy(all);
	log = answer_log_create();
	if (!log)
		return NULL;
	log->all = all;
	log->pid = pid;
	snprintf(log->user, sizeof(log->user), "%s", user);
	memcpy(log->name, name.p, name.len < sizeof(log->name) ? name.len : sizeof(log->name) - 1);
	log->next = all->first;
	all->first = log;
	return log;
}

struct answer_log *answer_log_open(struct answer_logs *all, const char *user,
				   struct wire_slice name, uint64_t pid)
{
	struct answer_log *log = all->first;

	while (log &&
	       (log->pid != pid || !wire_slice_is(name, log->name) || strcmp(log->user, user)))
		log = log->next;
	if (!log)
		log = add_named(all, user, name, pid);
	if (log)
		log->users++;
	return log;
}

void answer_log_close(struct answer_log *log)
{
	if (log && log->all)
		log->users--;
	else if (log)
		free_log(log);
}

static bool is_same(const struct wire_id *a, const struct wire_id *b)
{
	if (a->kind != b->kind || a->num != b->num || a->len != b->len)
		return false;
	return !a->len || !memcmp(a->str, b->str, a->len);
}

/* Ids that count up are spread evenly. */
static unsigned chain_of(const struct wire_id *id)
{
	uint64_t h = id->num;

	for (size_t i = 0; i < id->len; i++)
		h = (h ^ (uint8_t)id->str[i]) * 0x100000001b3;
	return (h ^ h >> 8 ^ h >> 32) % CHAINS;
}

bool answer_wait_begin(struct answer_log *log, const struct wire_id *id, struct answer_wait *w)
{
	for (const struct answer_wait *other = log->waits; other; other = other->next)
		if (is_same(&other->id, id))
			return false;
	*w = (struct answer_wait){ .next = log->waits, .log = log, .id = *id };
	log->waits = w;
	return true;
}

void answer_wait_end(struct answer_wait *w)
{
	struct answer_wait **link = w->log ? &w->log->waits : NULL;

	if (!link)
		return;
	while (*link != w)
		link = &(*link)->next;
	*link = w->next;
	w->log = NULL;
}

enum answer_found answer_log_find(const struct answer_log *log, const struct wire_id *id,
				  struct ksnap_blob **ret)
{
	for (unsigned at = log->chain[chain_of(id)]; at; at = log->older[at - 1]) {
		const struct answer *a = log->ring[at - 1];

		if (!is_same(&a->id, id))
			continue;
		if (is_old(log, at - 1))
			return ANSWER_NONE;
		*ret = a->envelope;
		return a->envelope ? ANSWER_KEPT : ANSWER_GIVEN;
	}
	return ANSWER_NONE;
}

void answer_log_add(struct answer_log *log, const struct wire_id *id, struct ksnap_blob *envelope,
		    uint64_t now)
{
	size_t len = envelope ? ksnap_blob_size(envelope) : 0, at = log->end % KEPT_MAX;
	struct answer *a = NULL;

	if (len > KEPT_BYTES) {
		envelope = NULL;
		len = 0;
	}
	while (log->begin < log->end &&
	       (log->end - log->begin == KEPT_MAX || log->bytes + len > KEPT_BYTES)) {
		free(a);
		a = take_oldest(log);
	}
	if (!a && !(a = malloc(sizeof(*a))))
		return;
	*a = (struct answer){ *id, chain_of(id), now, ksnap_blob_ref(envelope) };
	log->ring[at] = a;
	log->older[at] = log->chain[a->chain];
	log->chain[a->chain] = (uint16_t)(at + 1);
	log->end++;
	log->bytes += len;
	if (now > log->last_mono_ns)
		log->last_mono_ns = now;
}

void answer_log_take(struct answer_log *to, struct answer_log *from)
{
	struct answer_wait **link = &to->waits;

	for (uint64_t n = from->begin; n < from->end; n++) {
		const struct answer *a = from->ring[n % KEPT_MAX];

		answer_log_add(to, &a->id, a->envelope, a->mono_ns);
	}
	for (struct answer_wait *w = from->waits; w; w = w->next)
		w->log = to;
	while (*link)
		link = &(*link)->next;
	*link = from->waits;
	from->waits = NULL;
}
