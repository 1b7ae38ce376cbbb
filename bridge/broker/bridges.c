// SPDX-License-Identifier: MIT
/* bridges.c - hosted bridges: few, so a list; each event of one goes to the log and the live bus.
 */
#include "broker/bridges.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/limits.h"
#include "base/log.h"
#include "broker/publish.h"
#include "broker/watching.h"
#include "core/bridge.h"

struct bridges {
	struct broker *broker;
	struct hosted *first, *last;
	size_t n;
	uint64_t max;
};

struct bridges *bridges_create(struct broker *b, uint64_t max, struct ksnap_err *err)
{
	struct bridges *bs = calloc(1, sizeof(*bs));

	if (!bs) {
		err_nomem(err);
		return NULL;
	}
	bs->broker = b;
	bs->max = max;
	return bs;
}

static void free_hosted(struct hosted *h)
{
	struct publisher *p = h->broker->publisher;

	ksnap_bridge_unref(h->core); /* which may raise last events */
	publisher_retire(p, h->event);
	publisher_retire(p, h->snapshot);
	publisher_retire(p, h->report);
	publisher_retire(p, h->watch);
	free(h);
}

void bridges_destroy(struct bridges *bs)
{
	if (!bs)
		return;
	for (struct hosted *h = bs->first, *next; h; h = next) {
		next = h->next;
		free_hosted(h);
	}
	free(bs);
}

struct hosted *bridges_find(struct bridges *bs, struct wire_slice name)
{
	for (struct hosted *h = bs->first; h; h = h->next)
		if (wire_slice_is(name, h->name))
			return h;
	return NULL;
}

static void event_raised(void *arg, const struct ksnap_event *ev)
{
	struct hosted *h = arg;

	log_debug("bridge %s: %s", h->name, ksnap_event_name(ev->kind));
	publish_event(h->event, ev);
}

static int make_channels(struct hosted *h, struct ksnap_err *err)
{
	struct publisher *p = h->broker->publisher;

	h->event = publisher_channel(p, "event", h->name, err);
	h->snapshot = h->event ? publisher_channel(p, "snapshot", h->name, err) : NULL;
	h->report = h->snapshot ? publisher_channel(p, "report", h->name, err) : NULL;
	h->watch = h->report ? publisher_channel(p, "watch", h->name, err) : NULL;
	return h->watch ? 0 : KSNAP_E_NOMEM;
}

static struct hosted *make(struct bridges *bs, struct wire_slice name,
			   const struct ksnap_limits *limits, struct ksnap_err *err)
{
	struct hosted *h = calloc(1, sizeof(*h));
	struct ksnap_bridge_opts o = { .size = sizeof(o),
				       .limits = *limits,
				       .event = event_raised,
				       .arg = h,
				       .single_threaded = true };

	if (!h) {
		err_nomem(err);
		return NULL;
	}
	memcpy(h->name, name.p, name.len);
	h->broker = bs->broker;
	o.name = h->name;
	if (make_channels(h, err) || !(h->core = ksnap_bridge_create(&o, err))) {
		free_hosted(h);
		return NULL;
	}
	bridge_share_watch_ids(h->core, watching_ids(bs->broker->watching));
	*(bs->last ? &bs->last->next : &bs->first) = h;
	bs->last = h;
	bs->n++;
	return h;
}

static int check_room(const struct bridges *bs, struct ksnap_err *err)
{
	const struct limit_info *l = &limit_table[LIMIT_ID_MAX_BRIDGES];

	if (bs->n < bs->max)
		return 0;
	return err_set(err, KSNAP_E_LIMIT,
		       "%zu bridges are open (limit %s %lu); close one, or raise it with "
		       "ksnap serve %s",
		       bs->n, l->name, (unsigned long)bs->max, l->change);
}

int bridges_check_kept(const struct bridges *bs, const char *path, size_t n, struct ksnap_err *err)
{
	const struct limit_info *l = &limit_table[LIMIT_ID_MAX_BRIDGES];

	if (n <= bs->max)
		return 0;
	return err_set(err, KSNAP_E_LIMIT,
		       "%.160s keeps %zu bridges, and %lu may be open (limit %s): raise it with "
		       "ksnap serve %s, or begin with another folder",
		       path, n, (unsigned long)bs->max, l->name, l->change);
}

/* 0 in @asked becomes the broker's limit; more than that is refused. */
static int settle(uint64_t *asked, uint64_t own, enum limit_id id, struct ksnap_err *err)
{
	const struct limit_info *l = &limit_table[id];

	if (!*asked)
		*asked = own;
	if (*asked <= own)
		return 0;
	return err_set(err, KSNAP_E_LIMIT,
		       "limits.%s: %lu is above this broker's %s of %lu; raise it with "
		       "ksnap serve %s",
		       l->key, (unsigned long)*asked, l->name, (unsigned long)own, l->change);
}

static int settle_all(const struct ksnap_limits *own, struct ksnap_limits *l, struct ksnap_err *err)
{
	int rc = settle(&l->snapshots, own->snapshots, LIMIT_ID_MAX_STORED_SNAPSHOTS, err);

	rc = rc ? rc : settle(&l->bytes, own->bytes, LIMIT_ID_MAX_STORED_BYTES, err);
	rc = rc ? rc : settle(&l->events, own->events, LIMIT_ID_MAX_STORED_EVENTS, err);
	return rc ? rc : settle(&l->watches, own->watches, LIMIT_ID_MAX_WATCH_SNAPSHOTS, err);
}

struct hosted *bridges_open_with(struct bridges *bs, struct wire_slice name,
				 const struct ksnap_limits *limits, struct ksnap_err *err)
{
	struct hosted *h = bridges_find(bs, name);
	struct ksnap_limits want = *limits, have;

	if (settle_all(&bs->broker->limits, &want, err))
		return NULL;
	if (!h) {
		h = check_room(bs, err) ? NULL : make(bs, name, &want, err);
		if (h)
			h->asked = *limits;
		return h;
	}
	ksnap_bridge_limits(h->core, &have);
	if (!memcmp(&have, &want, sizeof(have)))
		return h;
	err_set(err, KSNAP_E_STATE,
		"bridge '%s' is open with other limits (snapshots %lu, bytes %lu, events %lu, "
		"watches %lu); close it first",
		h->name, (unsigned long)have.snapshots, (unsigned long)have.bytes,
		(unsigned long)have.events, (unsigned long)have.watches);
	return NULL;
}

struct hosted *bridges_open(struct bridges *bs, struct wire_slice name, struct ksnap_err *err)
{
	struct hosted *h = bridges_find(bs, name);

	if (h)
		return h;
	return check_room(bs, err) ? NULL : make(bs, name, &bs->broker->limits, err);
}

static uint64_t within(uint64_t asked, uint64_t own)
{
	return asked && asked < own ? asked : own;
}

struct hosted *bridges_revive(struct bridges *bs, struct wire_slice name,
			      const struct ksnap_limits *asked, struct ksnap_err *err)
{
	const struct ksnap_limits *own = &bs->broker->limits;
	struct ksnap_limits limits = {
		.snapshots = within(asked->snapshots, own->snapshots),
		.bytes = within(asked->bytes, own->bytes),
		.events = within(asked->events, own->events),
		.watches = within(asked->watches, own->watches),
	};
	struct hosted *h = check_room(bs, err) ? NULL : make(bs, name, &limits, err);

	if (h)
		h->asked = *asked;
	return h;
}

void bridges_close(struct bridges *bs, struct hosted *h)
{
	struct hosted **link = &bs->first, *prev = NULL;

	while (*link != h) {
		prev = *link;
		link = &prev->next;
	}
	*link = h->next;
	if (bs->last == h)
		bs->last = prev;
	bs->n--;
	free_hosted(h);
}

struct hosted *bridges_first(struct bridges *bs)
{
	return bs->first;
}

size_t bridges_count(const struct bridges *bs)
{
	return bs->n;
}

void hosted_raise(struct hosted *h, enum ksnap_event_kind kind,
		  const struct ksnap_event_field *fields, unsigned n)
{
	bridge_raise(h->core, kind, fields, n);
}
