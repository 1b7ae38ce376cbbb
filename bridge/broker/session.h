/* SPDX-License-Identifier: MIT */
/* session.h - who talks to the broker: one session a ROUTER peer.
 *
 * A session that owns something and is silent for 5 heartbeats, with no request in flight, is
 * lost: what it owns is released, an event says so, and it is listed no more. It is the same
 * session with the same name and answers when it is heard again, as long as it is not forgotten:
 * one that owns nothing is, the longest silent first, when MAX_SESSIONS are there.
 *
 * What it owns is not released when its client came back on another connection, but is that one's.
 * Two processes may have the same name and pid, on two hosts, or one may have two connections: who
 * is heard on the one behind the hello of the other keeps what is its own. So nothing changes hands
 * at hello, but at the time at which it would be released. */
#ifndef KSNAP_BROKER_SESSION_H
#define KSNAP_BROKER_SESSION_H

#include "broker/answers.h"
#include "broker/parts.h"

struct sessions;
struct session;
struct unread;

enum owned_kind { OWNED_OBJECT, OWNED_FREEZE, OWNED_WATCH };

/* Something that must be undone when its owner is gone. */
struct owned {
	struct owned *next;
	struct session *session; /* the owner */
	enum owned_kind kind;
	const char *name; /* of the object, path of the cgroup, id and symbol; within words */
	char target[257];
	char worker[65]; /* who holds it */
	char words[];    /* what people are told: "object <name>" */
};

struct sessions *sessions_create(struct broker *b, uint64_t max, struct ksnap_err *err);
/* Forgets everything without releasing: the workers are told to leave anyway. */
void sessions_destroy(struct sessions *s);
/* Look for lost sessions; call it every heartbeat. */
void sessions_tick(struct sessions *s);

/* The session of this routing id and this user (of ZAP; "" without), made when new. A routing id
 * that comes back as another user's is another session; the old one ends. E_LIMIT: MAX_SESSIONS and
 * all of them busy; E_BUSY: requests of the old one are in flight. It is heard at @now. */
struct session *sessions_get(struct sessions *s, const struct ksnap_blob *routing_id,
			     const char *user, uint64_t now, struct ksnap_err *err);
/* Keys changed: those of users who have no right any more are lost. */
void sessions_check_keys(struct sessions *s);
/* Its user has no right any more: what is still in flight is refused. */
bool session_is_revoked(const struct session *s);
/* Name it: hello. Takes a bye back. The answers that it got without a name are the client's. */
void session_introduce(struct session *s, struct wire_slice client, struct wire_slice kind,
		       uint64_t pid);
/* What it calls itself, or "anonymous". */
const char *session_name(const struct session *s);
/* Its process, as it said in hello; 0: it did not. */
uint64_t session_pid(const struct session *s);
/* It is the client of @before, which came back on another connection: it said the same name, kind
 * and pid, has the same key, and was not heard on that one since. Without a pid nobody is. */
bool session_succeeds(const struct session *s, const struct session *before);
/* One more request in flight; E_BUSY at MAX_IN_FLIGHT. */
int session_request_begins(struct session *s, struct ksnap_err *err);
void session_request_ended(struct session *s, uint64_t now);
/* The answer that request @id got before. */
enum answer_found session_find_answer(const struct session *s, const struct wire_id *id,
				      struct ksnap_blob **ret);
/* Request @id is being worked on. False: one of that id is already. */
bool session_begins_id(struct session *s, const struct wire_id *id, struct answer_wait *w);
/* Its count of bytes that it has not read, made when new; NULL: no memory. */
struct unread *session_unread(struct session *s);
void session_count_error(struct session *s);
/* It used this bridge: when it is lost the bridge is told. */
void session_uses(struct session *s, struct wire_slice bridge);

/* Note that the session owns @name, which @worker of @target holds. */
int session_own(struct session *s, enum owned_kind kind, struct wire_slice name, const char *target,
		const char *worker, struct ksnap_err *err);
/* What is owned under that name; NULL: nothing is. */
struct owned *sessions_find_owned(struct sessions *s, enum owned_kind kind, struct wire_slice name);
void sessions_disown(struct sessions *s, struct owned *o);
/* The worker died and what it held is gone with it: forget, return how many there were. */
unsigned sessions_forget_worker(struct sessions *s, const char *worker);
/* In words, what the worker holds for sessions that used the bridge; "" nothing. */
void sessions_held(const struct sessions *s, const char *worker, const char *bridge,
		   char ret[KSNAP_ERR_TEXT]);
/* Release all it owns; how many there were. @why in a word: "bye", "session_lost". */
unsigned session_release(struct session *s, const char *why);
/* What it owns, in words that are the session's: a list of wire slices, whose items the caller
 * frees; NULL: no memory. */
struct wire_list session_owned(const struct session *s);
/* Forget it once its last request has ended: bye. */
void session_leaves(struct session *s);

/* One row of the status reply for each session; free it with sessions_status_free. */
int sessions_status(struct sessions *s, struct wire_list *ret);
void sessions_status_free(struct wire_list *rows);

#endif
