/* SPDX-License-Identifier: MIT */
/* answers.h - answers that were given, so that a request that is sent twice is done once.
 *
 * A log holds a client's last answers by id: at most 256, 1 MiB, for 60 s. A client that gave a
 * name finds its log again over another connection; any other loses it when its session is
 * forgotten. */
#ifndef KSNAP_BROKER_ANSWERS_H
#define KSNAP_BROKER_ANSWERS_H

#include "wire/envelope.h"

struct answer_log;
struct answer_logs; /* those that have names */

/* @max: logs kept of clients that are away; *@forgotten counts those that are not, although
 * something in them is not a minute old. */
struct answer_logs *answer_logs_create(uint64_t max, uint64_t *forgotten, struct ksnap_err *err);
/* Sessions close theirs before. */
void answer_logs_destroy(struct answer_logs *all);

/* A log without a name; NULL: no memory. */
struct answer_log *answer_log_create(void);
/* The log of client @name and @pid with @user's key, made when new; NULL: no memory. */
struct answer_log *answer_log_open(struct answer_logs *all, const char *user,
				   struct wire_slice name, uint64_t pid);
/* @to has the answers of @from, which has no name, from now on, and those that it waits for. */
void answer_log_take(struct answer_log *to, struct answer_log *from);
/* The session ends or changes its name. NULL is allowed. */
void answer_log_close(struct answer_log *log);

/* A request that has no answer yet. Belongs to the request; zero before it begins. */
struct answer_wait {
	struct answer_wait *next;
	struct answer_log *log; /* where its answer will be noted; NULL: nowhere */
	struct wire_id id;
};
/* Note that request @id is being worked on. False: one of that id is already. */
bool answer_wait_begin(struct answer_log *log, const struct wire_id *id, struct answer_wait *w);
void answer_wait_end(struct answer_wait *w);

enum answer_found {
	ANSWER_NONE,
	ANSWER_KEPT,
	ANSWER_GIVEN, /* but not kept: it had blobs, parts or too many bytes */
};
/* *ret: the reply's envelope, borrowed. */
enum answer_found answer_log_find(const struct answer_log *log, const struct wire_id *id,
				  struct ksnap_blob **ret);
/* Given @now. @envelope: NULL when it cannot be kept. Without memory nothing is noted. */
void answer_log_add(struct answer_log *log, const struct wire_id *id, struct ksnap_blob *envelope,
		    uint64_t now);

#endif
