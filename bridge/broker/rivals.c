// SPDX-License-Identifier: MIT
/* rivals.c - who joins under the name of a worker that may be dead.
 *
 * A worker that was restarted comes before the broker has seen the end of its last life; but two
 * that are alive must not throw each other out in turn. The one that is there stays when it is
 * heard. A busy one need not say anything: it stays when it is connected for about as long as it
 * takes libzmq to notice a dead connection. An idle one that says nothing is lost for that. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "broker/pool.h"

#define ALIVE_BEATS 5

static void copy_slice(char *to, size_t cap, struct wire_slice s)
{
	snprintf(to, cap, "%.*s", (int)s.len, s.p);
}

void rival_free(struct rival *r)
{
	if (r)
		free(r->becomes);
	free(r);
}

struct rival *rival_make(struct workers *ws, const char *peer, const struct wire_work_join *m)
{
	struct rival *r = calloc(1, sizeof(*r));
	struct worker *w = calloc(1, sizeof(*w));

	if (!r || !w) {
		free(r);
		free(w);
		return NULL;
	}
	copy_slice(w->name, sizeof(w->name), m->name);
	strcpy(w->peer, peer);
	strcpy(w->user, ws->user);
	copy_slice(w->kind, sizeof(w->kind), m->kind);
	copy_slice(w->host, sizeof(w->host), m->host);
	w->pid = m->pid;
	w->life = m->life;
	copy_slice(r->target, sizeof(r->target), m->target);
	r->becomes = w;
	return r;
}

void rival_refuse(struct workers *ws, struct rival *r, const char *why)
{
	const char *peer = r->becomes->peer;

	worker_refuse(ws, r->becomes->name, ksnap_blob_copy(peer, strlen(peer)), why);
	rival_free(r);
}

/* Its process, when it is another one, may still be there: whoever began that is told. */
static void lose_to(struct workers *ws, struct worker *w, const struct rival *r)
{
	uint64_t pid = w->pid, other = r->becomes->pid;
	char name[sizeof(w->name)];

	memcpy(name, w->name, sizeof(name));
	worker_lose(ws, w, "another worker joined under its name");
	if (ws->silent && pid != other)
		ws->silent(ws->silent_arg, name, pid);
}

void rival_contend(struct workers *ws, struct worker *w, struct rival *r)
{
	struct rival *last = w->rival;

	w->rival = r;
	if (last && strcmp(last->becomes->peer, r->becomes->peer))
		rival_refuse(ws, last, "another worker asks for its name");
	else
		rival_free(last);
	if (!strcmp(w->peer, r->becomes->peer) || !worker_beat(w))
		lose_to(ws, w, r);
}

static void stays(struct workers *ws, struct worker *w)
{
	rival_refuse(ws, take_ptr(w->rival),
		     "a worker that is alive has its name; give it another one (--name)");
}

/* It was heard. What a dead one said last may be read late. */
void rivals_heard(struct workers *ws, struct worker *w)
{
	if (w->rival && worker_beat(w))
		stays(ws, w);
}

bool rival_is(const struct rival *r, const struct workers *ws, const char *peer)
{
	return r && !strcmp(r->becomes->peer, peer) && !strcmp(r->becomes->user, ws->user);
}

bool rivals_find(const struct workers *ws, const char *peer)
{
	const struct worker *w = ws->first;

	while (w && !rival_is(w->rival, ws, peer))
		w = w->next;
	return w;
}

/* From the first each time: losing one may lose others. */
void rivals_tick(struct workers *ws)
{
	struct worker *w;

	do {
		w = ws->first;
		while (w && (!w->rival || !w->unreached))
			w = w->next;
		if (w)
			lose_to(ws, w, w->rival);
	} while (w);
	for (w = ws->first; w; w = w->next)
		if (w->rival && ++w->rival->beats >= ALIVE_BEATS && w->job)
			stays(ws, w);
}
