// SPDX-License-Identifier: MIT
/* session.c - sessions in a hash by routing id, and in a list by their last message.
 *
 * ROUTER tells nobody when a peer leaves, so silence is the only sign: the list's head is the
 * one silent for longest. */
#include "broker/session.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/utf8.h"
#include "broker/bridges.h"
#include "broker/unread.h"
#include "broker/watching.h"
#include "broker/workers.h"
#include "broker/zap.h"
#include "wire/frames.h"
#include "wire/shapes.h"

#define BUCKETS      1024
#define MISSED_BEATS 5u
#define USED_MAX     64  /* bridges a session is known to have used; it forgets the first then */
#define WORDS_MAX    128 /* bytes of one owned thing where people are told of many */

struct session {
	struct session *chain;       /* within its bucket */
	struct session *prev, *next; /* by last message; head silent for longest */
	struct sessions *all;
	char name[65], kind[16];
	uint64_t pid;
	uint64_t last_mono_ns;  /* when it was heard, or busy, last */
	uint64_t heard_mono_ns; /* when it sent its last message */
	uint64_t hello_mono_ns; /* and its last hello; 0: none */
	unsigned in_flight;
	bool leaving, revoked;
	bool lost; /* what it owned is released; it is listed no more, until it is heard again */
	uint64_t ops, errors;
	struct owned *owned;
	struct answer_log *answers; /* NULL: none yet */
	struct unread *unread;      /* NULL: nothing yet */
	struct used *used;          /* bridges, the one used last first */
	char user[FRAMES_USER + 1];
	size_t id_len;
	uint8_t id[];
};

/* A bridge that a session used. */
struct used {
	struct used *next;
	char name[KSNAP_TAG_MAX + 1];
};

struct sessions {
	struct broker *broker;
	struct session *bucket[BUCKETS];
	struct session *head, *tail;
	struct answer_logs *answers;
	uint64_t n, max;
};

struct sessions *sessions_create(struct broker *b, uint64_t max, struct ksnap_err *err)
{
	struct sessions *s = calloc(1, sizeof(*s));

	if (!s) {
		err_nomem(err);
		return NULL;
	}
	s->answers = answer_logs_create(max, &b->tally.drops[DROP_ANSWERS_FORGOTTEN], err);
	if (!s->answers) {
		free(s);
		return NULL;
	}
	s->broker = b;
	s->max = max;
	return s;
}

static unsigned bucket_of(const void *id, size_t len)
{
	const uint8_t *p = id;
	uint32_t h = 2166136261u;

	for (size_t i = 0; i < len; i++)
		h = (h ^ p[i]) * 16777619u;
	return h % BUCKETS;
}

static void unlink_session(struct sessions *all, struct session *s)
{
	*(s->prev ? &s->prev->next : &all->head) = s->next;
	*(s->next ? &s->next->prev : &all->tail) = s->prev;
}

static void append_session(struct sessions *all, struct session *s)
{
	s->prev = all->tail;
	s->next = NULL;
	*(all->tail ? &all->tail->next : &all->head) = s;
	all->tail = s;
}

/* It was heard, or busy, until now. */
static void touch(struct session *s, uint64_t now)
{
	s->last_mono_ns = now;
	if (s->all->tail == s)
		return;
	unlink_session(s->all, s);
	append_session(s->all, s);
}

static void free_session(struct session *s)
{
	while (s->owned) {
		struct owned *o = s->owned;

		s->owned = o->next;
		free(o);
	}
	while (s->used) {
		struct used *u = s->used;

		s->used = u->next;
		free(u);
	}
	answer_log_close(s->answers);
	unread_close(s->unread);
	free(s);
}

static void forget(struct session *s)
{
	struct sessions *all = s->all;
	struct session **link = &all->bucket[bucket_of(s->id, s->id_len)];

	while (*link != s)
		link = &(*link)->chain;
	*link = s->chain;
	unlink_session(all, s);
	all->n--;
	session_release(s, "bye");
	free_session(s);
}

void sessions_destroy(struct sessions *s)
{
	if (!s)
		return;
	for (struct session *e = s->head, *next; e; e = next) {
		next = e->next;
		free_session(e);
	}
	answer_logs_destroy(s->answers);
	free(s);
}

/* Make room for one more: forget the one silent for longest that nothing depends on. */
static int make_room(struct sessions *all, struct ksnap_err *err)
{
	if (all->n < all->max)
		return 0;
	for (struct session *s = all->head; s; s = s->next) {
		if (!s->in_flight && !s->owned) {
			forget(s);
			all->broker->tally.drops[DROP_SESSION_FORGOTTEN]++;
			return 0;
		}
	}
	return err_set(err, KSNAP_E_LIMIT,
		       "%lu sessions are busy (limit %s; raise it with ksnap serve %s)",
		       (unsigned long)all->n, limit_table[LIMIT_ID_MAX_SESSIONS].name,
		       limit_table[LIMIT_ID_MAX_SESSIONS].change);
}

static struct session *add_session(struct sessions *all, const void *id, size_t len,
				   const char *user, struct ksnap_err *err)
{
	unsigned bucket = bucket_of(id, len);
	struct session *s;

	if (make_room(all, err))
		return NULL;
	s = calloc(1, sizeof(*s) + len);
	if (!s) {
		err_nomem(err);
		return NULL;
	}
	s->all = all;
	snprintf(s->user, sizeof(s->user), "%s", user);
	s->id_len = len;
	memcpy(s->id, id, len);
	s->chain = all->bucket[bucket];
	all->bucket[bucket] = s;
	append_session(all, s);
	all->n++;
	return s;
}

/* On every bridge it used that is still open. */
static void raise_lost(const struct session *s, const char *released, const char *why)
{
	const struct ksnap_event_field fields[] = { { .name = "client", .str = s->name },
						    { .name = "released", .str = released },
						    { .name = "reason", .str = why } };

	for (const struct used *u = s->used; u; u = u->next) {
		struct hosted *h = bridges_find(s->all->broker->bridges, wire_slice_of(u->name));

		if (h)
			hosted_raise(h, KSNAP_EV_SESSION_LOST, fields, ARRAY_SIZE(fields));
	}
}

/* "object a, watch 7 (x)": as many as fit, each not too long, and how many do not fit. */
struct listing {
	char *text; /* KSNAP_ERR_TEXT */
	size_t len;
	unsigned left;
};

/* @worker: only what it holds; NULL: all. */
static void list_owned(const struct session *s, const char *worker, struct listing *l)
{
	const size_t room = KSNAP_ERR_TEXT - sizeof(", and 4294967295 more");

	for (const struct owned *o = s->owned; o; o = o->next) {
		size_t whole = strlen(o->words);
		size_t cut = utf8_cut(o->words, whole < WORDS_MAX ? whole : WORDS_MAX);

		if (worker && strcmp(o->worker, worker))
			continue;
		if (l->left || l->len + cut + sizeof(", ...") > room)
			l->left++;
		else
			l->len += (size_t)sprintf(l->text + l->len, "%s%.*s%s", l->len ? ", " : "",
						  (int)cut, o->words, cut < whole ? "..." : "");
	}
}

static void end_listing(struct listing *l)
{
	if (l->left)
		sprintf(l->text + l->len, ", and %u more", l->left);
}

static void release_lost(struct session *s, const char *why)
{
	char released[KSNAP_ERR_TEXT] = "";
	struct listing l = { .text = released };

	list_owned(s, NULL, &l);
	end_listing(&l);
	log_warn("session %s is lost: %s; released: %s", session_name(s), why,
		 released[0] ? released : "nothing");
	raise_lost(s, released, why);
	session_release(s, "session_lost");
}

/* Nothing of it is left for whoever has its routing id next. */
static void end(struct session *s, const char *why)
{
	release_lost(s, why);
	if (s->in_flight)
		session_leaves(s);
	else
		forget(s);
}

static struct session *find_successor(const struct session *before)
{
	for (struct session *s = before->all->head; s; s = s->next)
		if (!s->lost && !s->leaving && !s->revoked && session_succeeds(s, before))
			return s;
	return NULL;
}

/* All that one owned is another's now, who was on the same bridges with it. */
static void bequeath(struct session *from, struct session *to)
{
	struct owned **link = &to->owned;

	log_info("session %s owns on another connection what it owned before", session_name(to));
	while (*link)
		link = &(*link)->next;
	*link = from->owned;
	from->owned = NULL;
	for (struct owned *o = *link; o; o = o->next)
		o->session = to;
	for (const struct used *u = from->used; u; u = u->next)
		session_uses(to, wire_slice_of(u->name));
}

/* It may only have lost its way: its name and its answers stay until there must be room. */
static void lose_silent(struct session *s)
{
	char why[64];

	snprintf(why, sizeof(why), "silent for %u heartbeats", MISSED_BEATS);
	release_lost(s, why);
	s->lost = true;
}

struct session *sessions_get(struct sessions *all, const struct ksnap_blob *routing_id,
			     const char *user, uint64_t now, struct ksnap_err *err)
{
	const void *id = ksnap_blob_data(routing_id);
	size_t len = ksnap_blob_size(routing_id);
	struct session *s = all->bucket[bucket_of(id, len)];

	while (s && (s->id_len != len || memcmp(s->id, id, len)))
		s = s->chain;
	if (s && (s->revoked || strcmp(s->user, user))) {
		if (s->in_flight) {
			err_set(err, KSNAP_E_BUSY,
				"requests of another user of this routing id are in flight");
			return NULL;
		}
		end(s, "its routing id belongs to another user now");
		s = NULL;
	}
	if (!s)
		s = add_session(all, id, len, user, err);
	if (!s)
		return NULL;
	s->lost = false;
	s->heard_mono_ns = now;
	touch(s, now);
	return s;
}

static void copy_slice(char *to, size_t cap, struct wire_slice s)
{
	size_t n = s.len < cap ? s.len : cap - 1;

	memcpy(to, s.p, n);
	to[n] = 0;
}

void session_introduce(struct session *s, struct wire_slice client, struct wire_slice kind,
		       uint64_t pid)
{
	struct answer_log *before = s->answers;
	struct answer_log *log = answer_log_open(s->all->answers, s->user, client, pid);

	if (before && log && !s->name[0])
		answer_log_take(log, before);
	s->answers = log;
	answer_log_close(before);
	copy_slice(s->name, sizeof(s->name), client);
	copy_slice(s->kind, sizeof(s->kind), kind);
	s->pid = pid;
	s->hello_mono_ns = s->heard_mono_ns;
	s->leaving = false;
}

const char *session_name(const struct session *s)
{
	return s->name[0] ? s->name : "anonymous";
}

uint64_t session_pid(const struct session *s)
{
	return s->pid;
}

bool session_succeeds(const struct session *s, const struct session *before)
{
	return s->pid && s->pid == before->pid && !strcmp(s->name, before->name) &&
	       !strcmp(s->kind, before->kind) && !strcmp(s->user, before->user) &&
	       s->hello_mono_ns > before->heard_mono_ns;
}

int session_request_begins(struct session *s, struct ksnap_err *err)
{
	if (s->in_flight >= LIMIT_MAX_IN_FLIGHT)
		return err_set(err, KSNAP_E_BUSY,
			       "%u requests of this session are not answered yet (limit "
			       "MAX_IN_FLIGHT); wait for replies before sending more",
			       s->in_flight);
	s->in_flight++;
	s->ops++;
	return 0;
}

void session_request_ended(struct session *s, uint64_t now)
{
	s->in_flight--;
	touch(s, now);
	if (s->leaving && !s->in_flight)
		forget(s);
}

enum answer_found session_find_answer(const struct session *s, const struct wire_id *id,
				      struct ksnap_blob **ret)
{
	return s->answers ? answer_log_find(s->answers, id, ret) : ANSWER_NONE;
}

bool session_begins_id(struct session *s, const struct wire_id *id, struct answer_wait *w)
{
	if (!s->answers)
		s->answers = answer_log_create();
	return !s->answers || answer_wait_begin(s->answers, id, w);
}

struct unread *session_unread(struct session *s)
{
	if (!s->unread)
		s->unread = unread_create();
	return s->unread;
}

void session_count_error(struct session *s)
{
	s->errors++;
}

static int encode_detach(const char *name, struct buf *params)
{
	struct wire_detach_object_params p = { .name = wire_slice_of(name) };

	return wire_encode(&wire_shape_detach_object_params, &p, params);
}

static int encode_thaw(const char *name, struct buf *params)
{
	struct wire_thaw_params p = { .cgroup = wire_slice_of(name) };

	return wire_encode(&wire_shape_thaw_params, &p, params);
}

/* What people call each kind, and how it is undone: by a job, or by who knows more of it. */
static const struct {
	const char *word, *job;
	int (*encode)(const char *name, struct buf *params);
	void (*disowned)(struct broker *b, const char *name, const char *why);
} kinds[] = {
	[OWNED_OBJECT] = { .word = "object", .job = "detach_object", .encode = encode_detach },
	[OWNED_FREEZE] = { .word = "frozen cgroup", .job = "thaw", .encode = encode_thaw },
	[OWNED_WATCH] = { .word = "watch", .disowned = watching_disowned },
};

int session_own(struct session *s, enum owned_kind kind, struct wire_slice name, const char *target,
		const char *worker, struct ksnap_err *err)
{
	size_t word = strlen(kinds[kind].word), len = word + 1 + name.len + 1;
	struct owned *o = calloc(1, sizeof(*o) + len);

	if (!o)
		return err_nomem(err);
	snprintf(o->words, len, "%s %.*s", kinds[kind].word, (int)name.len, name.p);
	o->name = o->words + word + 1;
	o->kind = kind;
	snprintf(o->target, sizeof(o->target), "%s", target);
	snprintf(o->worker, sizeof(o->worker), "%s", worker);
	o->session = s;
	o->next = s->owned;
	s->owned = o;
	return 0;
}

struct owned *sessions_find_owned(struct sessions *all, enum owned_kind kind,
				  struct wire_slice name)
{
	for (struct session *s = all->head; s; s = s->next)
		for (struct owned *o = s->owned; o; o = o->next)
			if (o->kind == kind && wire_slice_is(name, o->name))
				return o;
	return NULL;
}

void sessions_disown(struct sessions *all, struct owned *o)
{
	struct owned **link = &o->session->owned;

	while (*link != o)
		link = &(*link)->next;
	*link = o->next;
	free(o);
}

static bool has_used(const struct session *s, const char *bridge)
{
	const struct used *u = s->used;

	while (u && strcmp(u->name, bridge))
		u = u->next;
	return u;
}

void sessions_held(const struct sessions *all, const char *worker, const char *bridge,
		   char ret[KSNAP_ERR_TEXT])
{
	struct listing l = { .text = ret };

	ret[0] = 0;
	for (const struct session *s = all->head; s; s = s->next)
		if (s->owned && has_used(s, bridge))
			list_owned(s, worker, &l);
	end_listing(&l);
}

unsigned sessions_forget_worker(struct sessions *all, const char *worker)
{
	unsigned n = 0;

	for (struct session *s = all->head; s; s = s->next) {
		for (struct owned *o = s->owned, *next; o; o = next) {
			next = o->next;
			if (strcmp(o->worker, worker))
				continue;
			sessions_disown(all, o);
			n++;
		}
	}
	return n;
}

static void undo(struct broker *b, const struct owned *o, const char *why)
{
	_buf_ struct buf params = BUF_INIT;

	if (kinds[o->kind].disowned) {
		kinds[o->kind].disowned(b, o->name, why);
		return;
	}
	kinds[o->kind].encode(o->name, &params);
	workers_undo(b->workers, o->worker, kinds[o->kind].job, &params, NULL, NULL);
}

unsigned session_release(struct session *s, const char *why)
{
	unsigned n = 0;

	s->in_flight++; /* a request that ends with a lost worker must not forget it meanwhile */
	while (s->owned) {
		struct owned *o = s->owned;

		/* Unlinked first: a worker that cannot be told is lost, with all that is listed as
		 * held by it. */
		s->owned = o->next;
		undo(s->all->broker, o, why);
		free(o);
		n++;
	}
	s->in_flight--;
	return n;
}

struct wire_list session_owned(const struct session *s)
{
	struct wire_slice *words;
	size_t n = 0;

	for (const struct owned *o = s->owned; o; o = o->next)
		n++;
	words = calloc(n ? n : 1, sizeof(*words));
	n = 0;
	for (const struct owned *o = s->owned; o && words; o = o->next)
		words[n++] = wire_slice_of(o->words);
	return (struct wire_list){ words, n };
}

void session_leaves(struct session *s)
{
	s->leaving = true;
}

void session_uses(struct session *s, struct wire_slice bridge)
{
	struct used **link = &s->used, *u;
	unsigned n = 0;

	while (*link && !wire_slice_is(bridge, (*link)->name) && n++ < USED_MAX)
		link = &(*link)->next;
	u = *link ? *link : calloc(1, sizeof(*u));
	if (!u)
		return;
	*link = u->next;
	copy_slice(u->name, sizeof(u->name), bridge);
	u->next = s->used;
	s->used = u;
}

static struct session *find_silent(struct sessions *all, uint64_t now)
{
	uint64_t limit = (uint64_t)MISSED_BEATS * LIMIT_HEARTBEAT_MS * NS_PER_MS;

	if (now - all->broker->awake_ns < limit)
		return NULL;
	for (struct session *s = all->head; s && now - s->last_mono_ns >= limit; s = s->next)
		if (s->owned && !s->in_flight)
			return s;
	return NULL;
}

/* From the head each time: losing one may lose a worker, and that may end other sessions. */
void sessions_tick(struct sessions *all)
{
	uint64_t now = clock_mono_ns();
	struct session *s, *successor;

	while ((s = find_silent(all, now))) {
		successor = find_successor(s);
		if (successor)
			bequeath(s, successor);
		else
			lose_silent(s);
	}
}

static struct session *find_revoked(struct sessions *all)
{
	for (struct session *s = all->head; s; s = s->next) {
		const struct zap *zap = all->broker->zap;
		const struct key_row *key = zap_find(zap, s->user);

		if (!s->revoked && !zap_is_local(zap, s->user) && (!key || key->right < 0))
			return s;
	}
	return NULL;
}

void sessions_check_keys(struct sessions *all)
{
	struct session *s;

	while ((s = find_revoked(all))) {
		s->revoked = true;
		end(s, "its key is not authorised any more");
	}
}

bool session_is_revoked(const struct session *s)
{
	return s->revoked;
}

static struct wire_session_row session_row(const struct session *s, uint64_t now)
{
	const struct key_row *key = zap_find(s->all->broker->zap, s->user);

	return (struct wire_session_row){
		.name = wire_slice_of(s->name),
		.kind = wire_slice_of(s->kind),
		.pid = s->pid,
		.has_pid = s->pid != 0,
		.key = wire_slice_of(key ? key->name : ""),
		.has_key = key != NULL,
		.in_flight = s->in_flight,
		.ops = s->ops,
		.errors = s->errors,
		.idle_ms = (now - s->last_mono_ns) / NS_PER_MS,
		.owns = session_owned(s),
	};
}

int sessions_status(struct sessions *all, struct wire_list *ret)
{
	struct wire_session_row *rows = calloc(all->n + 1, sizeof(*rows));
	uint64_t now = clock_mono_ns();
	size_t n = 0;

	if (!rows)
		return KSNAP_E_NOMEM;
	for (struct session *s = all->head; s; s = s->next)
		if (!s->lost)
			rows[n++] = session_row(s, now);
	*ret = (struct wire_list){ rows, n };
	return 0;
}

void sessions_status_free(struct wire_list *rows)
{
	struct wire_session_row *r = rows->items;

	for (size_t i = 0; i < rows->n; i++)
		free(r[i].owns.items);
	free(r);
}
